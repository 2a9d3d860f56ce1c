//! A bad line between a client and a server on this machine.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to a request, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server never sees it: the client gets a 503.
    Refuse(usize),
    /// The server carries it out, and the connection breaks before the answer.
    LoseAnswer(usize),
    /// The server carries it out, and neither it nor anything later is answered: what a server sees of `kill -9`.
    Die(usize),
    /// Neither it nor anything later reaches the server: `kill -9` a moment sooner.
    DieBefore(usize),
}

/// A proxy on 127.0.0.1 that forwards every request to one server, until its [`Fault`] says otherwise.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    line: Arc<Line>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Line {
    upstream: SocketAddr,
    state: Mutex<State>,
    struck: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    requests: Vec<String>,
}

impl FaultProxy {
    /// Starts one in front of `upstream`, on a free port.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(upstream: SocketAddr) -> io::Result<FaultProxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let line = Arc::new(Line { upstream, state: Mutex::default(), struck: watch::Sender::new(false) });
        let task = tokio::spawn(accept(listener, Arc::clone(&line)));
        Ok(FaultProxy { address, line, task })
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts counting anew, with this fault.
    pub fn set(&self, fault: Option<Fault>) {
        *self.line.state() = State { fault, requests: Vec::new() };
        self.line.struck.send_replace(false);
    }

    /// Waits until the fault has struck.
    pub async fn struck(&self) {
        // The sender lives as long as this proxy.
        let _ = self.line.struck.subscribe().wait_for(|struck| *struck).await;
    }

    /// The requests since the last [`FaultProxy::set`], as `Operation`, or method and path where a protocol has none.
    pub fn requests(&self) -> Vec<String> {
        self.line.state().requests.clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, line: Arc<Line>) {
    while let Ok((stream, _)) = listener.accept().await {
        let line = Arc::clone(&line);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&line, request));
            // A service error closes the connection without an answer: that is the point.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(line: &Line, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, io::Error> {
    let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let (number, fault) = {
        let mut state = line.state();
        state.requests.push(operation(&parts, &body));
        (state.requests.len() - 1, state.fault)
    };
    match fault {
        Some(Fault::Refuse(at)) if number == at => {
            let mut refusal = Response::new(Full::from("the line is bad"));
            *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            line.struck.send_replace(true);
            return Ok(refusal);
        }
        Some(Fault::DieBefore(at)) if number >= at => {
            line.struck.send_replace(true);
            return Err(broken());
        }
        Some(Fault::Die(at)) if number > at => return Err(broken()),
        _ => {}
    }
    let answer = forward(line.upstream, Request::from_parts(parts, Full::new(body))).await?;
    match fault {
        Some(Fault::LoseAnswer(at) | Fault::Die(at)) if number == at => {
            line.struck.send_replace(true);
            Err(broken())
        }
        _ => Ok(answer),
    }
}

async fn forward(upstream: SocketAddr, request: Request<Full<Bytes>>) -> io::Result<Response<Full<Bytes>>> {
    let stream = TcpStream::connect(upstream).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Response::from_parts(parts, Full::new(body)))
}

/// What a request asks for, in AWS's protocols.
fn operation(parts: &hyper::http::request::Parts, body: &Bytes) -> String {
    if let Some(target) = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()) {
        return target.rsplit('.').next().unwrap_or(target).to_owned();
    }
    let text = String::from_utf8_lossy(body);
    let action = text.split('&').find_map(|pair| pair.strip_prefix("Action="));
    action.map_or_else(|| format!("{} {}", parts.method, parts.uri.path()), str::to_owned)
}
