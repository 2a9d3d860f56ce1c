//! The HTTP server, and what every request goes through.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::serve::ListenerExt;
use serde_json::Value;
use tokio::sync::Notify;

use crate::admin;
use crate::calls::Calls;
use crate::clock::{Clock, Source, real_now};
use crate::error::ApiError;
use crate::filters::wildcard;
use crate::options::{Options, Pace};
use crate::persist::Store;
use crate::protocol::{self, Call, Request, Response};
use crate::services::{self, sts};
use crate::throttle::Buckets;
use crate::traffic::{self, Traffic, TrafficPort};
use crate::world::{Cx, World};

/// A running local cloud. Dropping it stops it.
pub struct LocalCloud {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the server, the clock and the owner have in common.
pub(crate) struct Shared {
    core: Mutex<Core>,
    pub(crate) source: Source,
    pub(crate) options: Options,
    pub(crate) calls: Calls,
    /// Something was scheduled, or the clock changed its pace.
    pub(crate) changed: Notify,
    stop: Notify,
    requests: AtomicU64,
    /// The listeners' ports.
    pub(crate) traffic: Traffic,
    pub(crate) address: SocketAddr,
}

pub(crate) struct Core {
    pub(crate) world: World,
    buckets: Buckets,
    store: Option<Store>,
    unsaved: bool,
    /// Why the last save failed.
    pub(crate) save_error: Option<io::Error>,
}

const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
const LARGEST_REQUEST: usize = 16 << 20;

impl LocalCloud {
    /// Starts a local cloud on 127.0.0.1, on a thread of its own. It is ready when this returns.
    ///
    /// # Errors
    /// If the port is taken, or the state directory is in use, unreadable or of another version.
    pub fn start(options: Options) -> io::Result<LocalCloud> {
        let (store, world) = match &options.state_dir {
            None => (None, None),
            Some(dir) => {
                let (store, world) = Store::open(dir)?;
                (Some(store), world)
            }
        };
        let world = world.unwrap_or_else(|| World::new(&options, options.start.unwrap_or_else(real_now)));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            source: Source::new(world.now, options.pace),
            core: Mutex::new(Core { world, buckets: Buckets::default(), store, unsaved: false, save_error: None }),
            options,
            calls: Calls::default(),
            changed: Notify::new(),
            stop: Notify::new(),
            requests: AtomicU64::new(0),
            traffic: Traffic::default(),
            address,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (ready, started) = mpsc::channel();
        let on_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("aomidori-local".to_owned()).spawn(move || {
            runtime.block_on(run(on_thread, listener, ready));
        })?;
        started.recv().map_err(io::Error::other)??;
        Ok(LocalCloud { shared, thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.shared.address.port()
    }

    /// The clock, which can be stepped.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock { shared: Arc::clone(&self.shared) }
    }

    /// How often each `service:Action` was called since the start or the last [`reset_calls`](Self::reset_calls).
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.shared.calls.snapshot()
    }

    /// Sets the call counters to zero.
    pub fn reset_calls(&self) {
        self.shared.calls.reset();
    }

    /// How many resources there are, by region and kind (`ec2:vpc`).
    #[must_use]
    pub fn census(&self) -> BTreeMap<String, BTreeMap<String, usize>> {
        self.shared.census()
    }

    /// The listeners of all load balancers, and where their traffic is answered on this machine.
    #[must_use]
    pub fn traffic(&self) -> Vec<TrafficPort> {
        self.shared.traffic.ports()
    }

    /// The environment variables with which AWS's SDKs and tools talk to this cloud.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", "AKIALOCALCLOUD000000".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_REGION", self.shared.options.region.clone()),
            ("AWS_DEFAULT_REGION", self.shared.options.region.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Forgets everything that was made.
    pub fn reset(&self) {
        self.shared.reset();
        traffic::sync(&self.shared);
    }

    /// Stops, and saves the state if there is a directory for it.
    ///
    /// # Errors
    /// If the state could not be saved.
    pub fn shutdown(mut self) -> io::Result<()> {
        self.stop();
        let mut core = self.shared.lock();
        core.unsaved = true;
        core.save();
        // Another may use the directory now, even while somebody still holds a clock of this one.
        core.store = None;
        core.save_error.take().map_or(Ok(()), Err)
    }

    /// Waits until somebody else stops it (`POST /_aomidori/shutdown`).
    fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the thread itself.
            let _ = thread.join();
        }
    }

    fn stop(&mut self) {
        self.shared.stop.notify_one();
        self.wait();
    }
}

impl Drop for LocalCloud {
    fn drop(&mut self) {
        self.stop();
        let mut core = self.shared.lock();
        core.save();
        core.store = None;
    }
}

/// Runs a local cloud until the process is interrupted or terminated, or told to stop over HTTP. `started` is called
/// with it once it is ready.
///
/// # Errors
/// As [`LocalCloud::start`], and if the state could not be saved at the end.
pub fn serve(options: Options, started: impl FnOnce(&LocalCloud)) -> io::Result<()> {
    let mut cloud = LocalCloud::start(options)?;
    started(&cloud);
    let shared = Arc::clone(&cloud.shared);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            terminated().await;
            shared.stop.notify_one();
        });
    })?;
    cloud.wait();
    cloud.shutdown()
}

/// Returns when the process is asked to end.
async fn terminated() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

async fn run(shared: Arc<Shared>, listener: TcpListener, ready: mpsc::Sender<io::Result<()>>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener.tap_io(|io| {
            // Answers are small: waiting to fill a packet only delays them. It works without.
            let _ = io.set_nodelay(true);
        }),
        Err(e) => {
            let _ = ready.send(Err(e));
            return;
        }
    };
    let app =
        Router::new().fallback(receive).layer(DefaultBodyLimit::max(LARGEST_REQUEST)).with_state(Arc::clone(&shared));
    traffic::start(&shared);
    let _ = ready.send(Ok(()));
    tokio::select! {
        _ = axum::serve(listener, app) => {}
        () = background(&shared) => {}
        () = shared.stop.notified() => {}
    }
}

/// Lets things happen that fall due without a request, and saves what is not saved yet.
async fn background(shared: &Shared) {
    let mut save_at: Option<Instant> = None;
    loop {
        let due = {
            let mut core = shared.lock();
            let now = Instant::now();
            if save_at.is_some_and(|at| at <= now) {
                core.save();
            }
            let delay = core.store.as_ref().filter(|_| core.unsaved).map(Store::delay);
            // An earlier change keeps its time; a failed save is tried again after another delay.
            save_at = delay.map(|delay| save_at.filter(|at| *at > now).unwrap_or(now + delay));
            core.world.next_due()
        };
        let until_due = match (due, shared.source.pace()) {
            (Some(due), Pace::Rate(rate)) if rate > 0.0 => {
                let seconds = due.since(shared.source.now()).as_secs_f64() / rate;
                Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_PAUSE)
            }
            _ => LONGEST_PAUSE,
        };
        let until_save = save_at.map_or(LONGEST_PAUSE, |at| at.saturating_duration_since(Instant::now()));
        // Two events a simulated second apart are not worth two wake-ups.
        let pause = until_due.min(until_save).clamp(Duration::from_millis(2), LONGEST_PAUSE);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.changed.notified() => {}
        }
        shared.advance();
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let response = match uri.path().strip_prefix("/_aomidori/") {
        Some(path) => admin::answer(&shared, &method, path, &body),
        None => {
            // Before the work, and outside any lock: requests wait side by side.
            if !shared.options.latency.is_zero() {
                tokio::time::sleep(shared.options.latency).await;
            }
            let request = Request {
                method,
                path: uri.path().to_owned(),
                query: uri.query().unwrap_or_default().to_owned(),
                headers,
                body,
            };
            shared.answer(&request)
        }
    };
    // A listener is open before its creation is answered.
    traffic::sync(&shared);
    let mut builder =
        axum::http::Response::builder().status(response.status).header("content-type", response.content_type.as_ref());
    for (name, value) in response.headers {
        builder = builder.header(name.as_ref(), value);
    }
    builder.body(Body::from(response.body)).unwrap_or_else(|_| {
        // A header that HTTP cannot carry: the body is what matters.
        let mut plain = axum::response::Response::new(Body::from("the answer cannot be written as HTTP"));
        *plain.status_mut() = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        plain
    })
}

impl Core {
    fn save(&mut self) {
        if !self.unsaved {
            return;
        }
        if let Some(store) = &mut self.store {
            match store.save(&self.world) {
                Ok(()) => {
                    self.unsaved = false;
                    self.save_error = None;
                }
                Err(e) => self.save_error = Some(e),
            }
        }
    }

    /// Saves now if that is quick, else soon.
    pub(crate) fn changed(&mut self) {
        self.unsaved = true;
        if self.store.as_ref().is_some_and(Store::is_cheap) {
            self.save();
        }
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets everything happen that is due.
    pub(crate) fn advance(&self) {
        let mut core = self.lock();
        // The time is read under the lock, so that it does not run back for the world.
        let now = self.source.now();
        if core.world.advance(&self.options, now) {
            core.changed();
        }
    }

    pub(crate) fn reset(&self) {
        let mut core = self.lock();
        core.world = World::new(&self.options, self.source.now());
        core.buckets.reset();
        self.traffic.touch();
        core.changed();
    }

    /// Works on the world as it is now, without an AWS request.
    pub(crate) fn look<T>(&self, region: &str, work: impl FnOnce(&mut Cx<'_>) -> T) -> T {
        let mut core = self.lock();
        let now = self.source.now();
        if core.world.advance(&self.options, now) {
            core.changed();
            self.changed.notify_one();
        }
        work(&mut Cx::new(&mut core.world, &self.options, &services::elbv2::SERVICE, region.to_owned()))
    }

    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }

    pub(crate) fn census(&self) -> BTreeMap<String, BTreeMap<String, usize>> {
        let mut core = self.lock();
        let mut census: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        // Global services answer in this region.
        let mut regions: Vec<String> = core.world.regions.keys().cloned().collect();
        if !regions.iter().any(|r| r == "us-east-1") {
            regions.push("us-east-1".to_owned());
        }
        for region in regions {
            for service in services::all() {
                let cx = Cx::new(&mut core.world, &self.options, service, region.clone());
                for resource in (service.resources)(&cx) {
                    *census.entry(region.clone()).or_default().entry(resource.kind.to_owned()).or_default() += 1;
                }
            }
        }
        census
    }

    fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-0000-4000-a000-{number:012x}", self.address.port())
    }

    /// Decodes, performs, encodes.
    fn answer(&self, request: &Request) -> Response {
        let id = self.request_id();
        let call = match protocol::decode(request, &id) {
            Ok(call) => call,
            Err(response) => return *response,
        };
        let (service, operation) = (call.service, call.operation.clone());
        match self.perform(call) {
            Ok(output) => protocol::encode(service, &operation, output, &id),
            Err(error) => protocol::encode_error(service, &error, &id),
        }
    }

    fn perform(&self, call: Call) -> Result<Value, ApiError> {
        let Call { service, operation, mut input, credentials } = call;
        self.calls.count(service.prefix, &operation);
        if credentials.access_key.contains("EXPIRED") {
            return Err(protocol::expired(service));
        }
        let Some(handler) = (service.handler)(&operation) else {
            return Err(protocol::no_such_operation(service, &operation));
        };
        let region = credentials.region.unwrap_or_else(|| self.options.region.clone());
        // By the call's name, or by the permission's where they differ.
        let names = [&operation, protocol::permission(service, &operation)];
        let names = names.map(|name| format!("{}:{name}", service.prefix));
        if self.options.deny.iter().any(|pattern| names.iter().any(|name| wildcard(pattern, name))) {
            let account = &self.options.account;
            let resource = match service.protocol {
                protocol::Protocol::S3 { .. } => services::s3::resource_of(&input),
                _ => format!("arn:aws:{}:{region}:{account}:*", service.prefix),
            };
            return Err(protocol::denied(service, &operation, &sts::caller_arn(account), &resource));
        }

        let mut core = self.lock();
        let now = self.source.now();
        let core = &mut *core;
        let mut happened = core.world.advance(&self.options, now);
        if self.options.throttle
            && let Some(bucket) = (service.bucket)(&operation)
            && !core.buckets.take(&region, service.name, &operation, bucket, now)
        {
            return Err(protocol::throttled(service));
        }
        if matches!(service.protocol, protocol::Protocol::Ec2)
            && let Some(dry) = input.as_object_mut().and_then(|members| members.remove("DryRun"))
            && dry == "true"
        {
            let message = "Request would have succeeded, but DryRun flag is set.";
            return Err(ApiError::new("DryRunOperation", message).status(412));
        }
        let mut cx = Cx::new(&mut core.world, &self.options, service, region);
        cx.operation.clone_from(&operation);
        cx.access_key = credentials.access_key;
        let output = handler(&mut cx, input);
        // What takes no time has happened before the answer is read.
        happened |= core.world.advance(&self.options, now);
        let reads = services::only_reads(&operation);
        if happened || (!reads && output.is_ok()) {
            core.changed();
            self.changed.notify_one();
        }
        if service.name == "elasticloadbalancing" && !reads {
            self.traffic.touch();
        }
        output
    }
}
