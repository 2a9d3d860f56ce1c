//! Real traffic: each listener of a load balancer is a port on 127.0.0.1.
//!
//! A browser cannot have port 80 of an ALB, so that a listener gets a local port: the one that the same port of a load
//! balancer of that name had before if it is free, else 20000 more than its own (80 is 20080, 8080 is 28080), else any.
//! [`route`] finds the task for a request by the listener's rules and weights as they are at that moment, and [`page`] is
//! what the task's container answers.
//!
//! What differs from AWS: an HTTPS listener speaks plain HTTP, since no certificate exists here; a target group without a
//! healthy target is answered with 503 even where AWS would ask unhealthy ones rather than nobody; authentication lets
//! everybody pass; stickiness is not kept, and security groups do not filter.

mod page;
mod route;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::protocol::query;
use crate::server::Shared;

pub(crate) use page::colours;

/// A listener of a load balancer, and where its traffic is answered on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TrafficPort {
    /// The region of the load balancer.
    pub region: String,
    /// The load balancer's name.
    pub load_balancer: String,
    /// The listener's ARN.
    pub listener_arn: String,
    /// The listener's port, such as 80.
    pub port: u16,
    /// The listener's protocol, `HTTP` or `HTTPS`. Locally both are plain HTTP.
    pub protocol: String,
    /// The port on 127.0.0.1.
    pub local_port: u16,
    /// `http://127.0.0.1:PORT`
    pub url: String,
}

/// The ports that are open.
#[derive(Default)]
pub(crate) struct Traffic {
    open: Mutex<BTreeMap<String, Open>>,
    /// How many requests a listener or a target group has had.
    turns: Mutex<BTreeMap<String, u64>>,
    /// Listeners may have come or gone.
    changed: AtomicBool,
    runtime: OnceLock<Handle>,
}

/// An open port; dropping it closes it.
struct Open {
    told: TrafficPort,
    _stop: oneshot::Sender<()>,
}

const ABOVE: u16 = 20_000;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Traffic {
    /// Says that listeners may have come or gone.
    pub(crate) fn touch(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Which ports are open, by load balancer and port.
    pub(crate) fn ports(&self) -> Vec<TrafficPort> {
        let mut all: Vec<TrafficPort> = lock(&self.open).values().map(|open| open.told.clone()).collect();
        all.sort_by(|a, b| (&a.region, &a.load_balancer, a.port).cmp(&(&b.region, &b.load_balancer, b.port)));
        all
    }

    /// The local port of a load balancer's port.
    fn local_port(&self, region: &str, load_balancer: &str, port: u16) -> Option<u16> {
        let open = lock(&self.open);
        let own = |t: &&TrafficPort| t.region == region && t.load_balancer == load_balancer && t.port == port;
        open.values().map(|o| &o.told).find(own).map(|t| t.local_port)
    }

    /// The number of this turn of a listener or a target group, from 0.
    fn turn(&self, of: &str) -> u64 {
        let mut turns = lock(&self.turns);
        let next = turns.entry(of.to_owned()).or_default();
        *next += 1;
        *next - 1
    }
}

/// Opens ports from the thread that runs the server. To be called once.
pub(crate) fn start(shared: &Arc<Shared>) {
    // A second call would find the same runtime.
    let _ = shared.traffic.runtime.set(Handle::current());
    shared.traffic.touch();
    sync(shared);
}

/// Opens and closes ports, so that there is one for each listener.
pub(crate) fn sync(shared: &Arc<Shared>) {
    let Some(runtime) = shared.traffic.runtime.get() else { return };
    if !shared.traffic.changed.swap(false, Ordering::Relaxed) {
        return;
    }
    let mut core = shared.lock();
    let mut open = lock(&shared.traffic.open);
    let mut wanted = BTreeMap::new();
    for (region, state) in &core.world.regions {
        for (arn, listener) in &state.elbv2.listeners {
            let Some(balancer) = state.elbv2.load_balancers.get(&listener.load_balancer_arn) else { continue };
            let told = TrafficPort {
                region: region.clone(),
                load_balancer: balancer.name.clone(),
                listener_arn: arn.clone(),
                port: listener.port,
                protocol: listener.protocol.clone(),
                local_port: state.elbv2.traffic_ports.get(&place(&balancer.name, listener.port)).copied().unwrap_or(0),
                url: String::new(),
            };
            wanted.insert(arn.clone(), told);
        }
    }
    open.retain(|arn, port| {
        wanted.get(arn).is_some_and(|w| w.port == port.told.port && w.protocol == port.told.protocol)
    });
    for (arn, mut told) in wanted {
        if open.contains_key(&arn) {
            continue;
        }
        // Without a free port there is no traffic to this listener; everything else works.
        let Some((socket, port)) = bind(&told) else { continue };
        (told.local_port, told.url) = (port, format!("http://127.0.0.1:{port}"));
        let (state, place) = (core.world.regions.get_mut(&told.region), place(&told.load_balancer, told.port));
        if state.is_some_and(|state| state.elbv2.traffic_ports.insert(place, port) != Some(port)) {
            core.changed();
        }
        let (stop, stopped) = oneshot::channel();
        let at = At { shared: Arc::clone(shared), region: told.region.clone(), listener: arn.clone() };
        runtime.spawn(serve(socket, at, stopped));
        open.insert(arn, Open { told, _stop: stop });
    }
}

/// By what a local port is remembered: a listener that is made anew, after its load balancer or by itself, has it again.
fn place(load_balancer: &str, port: u16) -> String {
    format!("{load_balancer}:{port}")
}

fn bind(told: &TrafficPort) -> Option<(TcpListener, u16)> {
    let above = told.port.checked_add(ABOVE).unwrap_or(0);
    let last = Some(told.local_port).filter(|port| *port > 0);
    let socket =
        last.into_iter().chain([above, 0]).find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())?;
    socket.set_nonblocking(true).ok()?;
    let port = socket.local_addr().ok()?.port();
    Some((socket, port))
}

/// A listener that is being served.
#[derive(Clone)]
struct At {
    shared: Arc<Shared>,
    region: String,
    listener: String,
}

async fn serve(socket: TcpListener, at: At, stopped: oneshot::Receiver<()>) {
    let Ok(socket) = tokio::net::TcpListener::from_std(socket) else { return };
    let app = Router::new().fallback(receive).with_state(at);
    tokio::select! {
        _ = axum::serve(socket, app) => {}
        // Its sender is dropped when the listener is gone.
        _ = stopped => {}
    }
}

async fn receive(State(at): State<At>, method: Method, uri: Uri, headers: HeaderMap) -> axum::response::Response {
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> =
        headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let host = headers.iter().find(|(name, _)| name == "host").map(|(_, value)| value.clone()).unwrap_or_default();
    let asked = route::Asked {
        method: method.as_str(),
        host: &host,
        path: uri.path(),
        raw_query: uri.query().unwrap_or_default(),
        query: &query::pairs(uri.query().unwrap_or_default()),
        headers: &headers,
    };
    let reply = at.shared.look(&at.region, |cx| route::answer(cx, &at.shared.traffic, &at.listener, &asked));
    let mut builder = axum::http::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(reply.body)).unwrap_or_else(|_| {
        // Something in a redirect that HTTP cannot carry.
        let mut plain = axum::response::Response::new(Body::empty());
        *plain.status_mut() = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
        plain
    })
}
