//! What the commands over a cloud share: the stack, the cloud, the header, and running something with its progress shown.

use std::future::Future;
use std::path::Path;
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aomidori_engine::event::Interruption;
use aomidori_engine::{ApplyOptions, Cloud, CloudError, Record, RunError, RunOptions};
use aomidori_plan::Obstacle;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::args::{self, Target};
use crate::error::{Error, Whom};
use crate::settings::{self, Environment, Source};
use crate::view::Printer;
use crate::view::plan::Header;
use crate::view::progress::REDRAW;
use crate::view::screen::Screen;

/// A stack and the cloud that it is for.
pub(crate) struct Session<C> {
    pub(crate) source: Source,
    pub(crate) settings: settings::Cloud,
    pub(crate) cloud: C,
    pub(crate) whom: Whom,
    /// How many times faster than AWS the cloud is; infinite if nothing takes time.
    pub(crate) speed: f64,
}

/// The stack and the settings of a command, before any cloud is talked to.
pub(crate) fn prepare(
    app: &App,
    args: &args::Cloud,
    environment: &Environment,
    printer: &mut Printer,
    load: settings::Load<'_>,
) -> Result<(Source, settings::Cloud, Environment), Error> {
    let environment = settings::environment(app, environment, &args.stack.env)?;
    printer.configure(&settings::Output::new(&args.output, &environment)?);
    let region = args.region.clone().or_else(|| environment.get("AOMIDORI_REGION").map(str::to_owned));
    let source = settings::load(app, &args.stack, region.as_deref(), &environment, load)?;
    let declared = |key: &str| app.inputs.iter().any(|input| input.key == key);
    let input = |key: &str| Some(source.inputs.get(key)).filter(|value| declared(key) && !value.is_empty());
    settings::in_region(&source.stack, args, &environment)?;
    let own = input("region").map(str::to_owned).or_else(|| source.stack.region());
    let mut settings = settings::Cloud::new(args, &environment, own.as_deref())?;
    if settings.account.is_none()
        && let (Some(account), Some(origin)) = (input("account_id"), source.inputs.origin("account_id"))
    {
        settings.account = Some((account.to_owned(), origin.clone()));
    }
    Ok((source, settings, environment))
}

impl<C> Session<C> {
    /// The same with another cloud.
    pub(crate) fn map<D>(self, cloud: impl FnOnce(C) -> D) -> Session<D> {
        let Session { source, settings, cloud: inner, whom, speed } = self;
        Session { source, settings, cloud: cloud(inner), whom, speed }
    }
}

impl<C: Cloud> Session<C> {
    /// How runs of this session work.
    pub(crate) fn options(&self, break_lock: bool) -> RunOptions {
        let mut apply = ApplyOptions::new(run_id());
        apply.parallelism = self.settings.parallelism;
        if self.speed > 1.0 {
            let speed = self.speed.min(10_000.0);
            apply = apply.at_speed(speed);
            // Patience is about AWS's time too; what is left of it here is about this machine's.
            let less = |patience: Duration, least: u64| patience.div_f64(speed).max(Duration::from_secs(least));
            apply.retry.in_use = less(apply.retry.in_use, 10);
            apply.retry.not_yet = less(apply.retry.not_yet, 10);
            apply.retry.wait = less(apply.retry.wait, 60);
        }
        RunOptions {
            account: self.settings.account.as_ref().map(|(account, _)| account.clone()),
            host: host(),
            break_lock,
            ..RunOptions::new(apply)
        }
    }

    /// What a plan is for and against what.
    pub(crate) fn header(&self, account: &str, region: &str) -> Header {
        Header {
            stack: self.source.stack.name().to_string(),
            target: Some(self.settings.target),
            account: account.to_owned(),
            region: region.to_owned(),
            endpoint: self.whom.endpoint.clone(),
            speed: self.speed,
        }
    }

    /// An engine's error in this program's words.
    pub(crate) fn explain(&self, error: RunError, file: Option<&Path>) -> Error {
        match error {
            RunError::Invalid(problems) => Error::InvalidStack(problems),
            RunError::Plan(error) => {
                let mut help: Vec<String> = error.obstacles.iter().map(Obstacle::help).collect();
                help.dedup();
                Error::Plan {
                    why: error.obstacles.iter().map(ToString::to_string).collect(),
                    help,
                    foreign: error.obstacles.iter().any(|one| matches!(one, Obstacle::Foreign { .. })),
                }
            }
            RunError::WrongAccount { expected, found } => Error::WrongAccount {
                found,
                wanted: expected,
                origin: self.settings.account.as_ref().map_or_else(String::new, |(_, origin)| origin.words()),
            },
            RunError::Locked(lease) => {
                Error::Locked { stack: self.source.stack.name().to_string(), lease: Some(lease) }
            }
            RunError::Protected(on) => Error::Protected(on),
            RunError::NotApproved => Error::Unconfirmed { action: "up", nobody: false },
            RunError::Stale(stale) => {
                Error::StalePlan { path: file.map(Path::to_owned).unwrap_or_default(), why: super::stale(&stale) }
            }
            RunError::Interrupted(Interruption::Asked) => {
                Error::Interrupted { why: vec!["nothing was changed".to_owned()], help: Vec::new() }
            }
            RunError::Interrupted(Interruption::LeaseLost) => {
                Error::LockLost { why: vec!["nothing was changed".to_owned()] }
            }
            RunError::Cloud { doing: _, error } => self.cloud_error(error),
        }
    }

    /// A cloud's error with whom it came from.
    pub(crate) fn cloud_error(&self, error: CloudError) -> Error {
        Error::Cloud { error, whom: Box::new(self.whom.clone()) }
    }
}

/// A name for this run: unique, at most 24 characters of `[a-z0-9-]`.
pub(crate) fn run_id() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let nanos = u64::try_from(nanos).unwrap_or_default();
    format!("{nanos:x}-{:x}", std::process::id() & 0xff_ffff)
}

/// This host and process, for whoever finds the stack locked.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .unwrap_or_default();
    let name = if name.trim().is_empty() { "an unnamed host" } else { name.trim() };
    format!("{name}, process {}", std::process::id())
}

/// Interrupted for the second time: at once, wherever it was.
pub(crate) struct AtOnce;

/// Runs something to its end while its events are shown. The first interrupt asks it to stop; the second drops it.
pub(crate) async fn drive<T>(
    screen: &Screen<'_>,
    mut records: UnboundedReceiver<Record>,
    cancel: &CancellationToken,
    run: impl Future<Output = T>,
) -> Result<T, AtOnce> {
    tokio::pin!(run);
    let mut redraw = tokio::time::interval(REDRAW);
    let mut signals = Signals::new();
    let result = loop {
        tokio::select! {
            biased;
            Some(record) = records.recv() => screen.see(&record),
            () = signals.next() => {
                if cancel.is_cancelled() {
                    return Err(AtOnce);
                }
                cancel.cancel();
            }
            result = &mut run => break result,
            _ = redraw.tick() => screen.tick(),
        }
    };
    while let Ok(record) = records.try_recv() {
        screen.see(&record);
    }
    Ok(result)
}

/// Ctrl-C, and being terminated. The listeners live as long as this, so that no signal falls between two waits.
pub(crate) struct Signals {
    #[cfg(unix)]
    listeners: Vec<tokio::signal::unix::Signal>,
    #[cfg(windows)]
    listeners: Vec<tokio::signal::windows::CtrlC>,
}

impl Signals {
    /// Listens to what can be listened to; to the rest nobody listens.
    pub(crate) fn new() -> Signals {
        #[cfg(unix)]
        let listeners = {
            use tokio::signal::unix::{SignalKind, signal};
            [SignalKind::interrupt(), SignalKind::terminate()].into_iter().filter_map(|kind| signal(kind).ok())
        };
        #[cfg(windows)]
        let listeners = tokio::signal::windows::ctrl_c().into_iter();
        Signals { listeners: listeners.collect() }
    }

    /// Returns when one has come. May be dropped and called again.
    pub(crate) async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let came =
                self.listeners.iter_mut().any(|listener| matches!(listener.poll_recv(context), Poll::Ready(Some(()))));
            if came { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Whom {
    /// Who is talked to, as far as it is known before the first call.
    pub(crate) fn new(settings: &settings::Cloud, endpoint: Option<String>) -> Whom {
        Whom {
            target: Some(settings.target),
            profile: settings.profile.clone().filter(|_| settings.target == Target::Aws),
            region: settings.region.clone(),
            endpoint,
            caller: None,
        }
    }
}
