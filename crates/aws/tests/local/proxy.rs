//! A proxy between a client and the cloud that loses an answer (the cloud has done it, and nobody hears of it) or refuses
//! requests that the cloud would take.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A running proxy.
pub(crate) struct Proxy {
    /// Its URL.
    pub(crate) endpoint: String,
    left: Arc<AtomicI64>,
}

/// What it does to the requests that are chosen.
#[derive(Clone, Copy)]
enum Fault {
    /// Loses the answer to one of them.
    Swallow,
    /// Answers all of them itself.
    Refuse,
}

impl Proxy {
    /// Forwards to `endpoint`, and swallows the answer to the n-th (from 0) of the requests that pass `chosen`.
    pub(crate) async fn swallowing(endpoint: &str, nth: i64, chosen: fn(&str) -> bool) -> Proxy {
        Proxy::start(endpoint, Fault::Swallow, nth, chosen).await
    }

    /// Forwards to `endpoint`, and refuses the requests that pass `chosen`, in JSON.
    pub(crate) async fn refusing(endpoint: &str, chosen: fn(&str) -> bool) -> Proxy {
        Proxy::start(endpoint, Fault::Refuse, 0, chosen).await
    }

    async fn start(endpoint: &str, fault: Fault, nth: i64, chosen: fn(&str) -> bool) -> Proxy {
        let upstream = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let left = Arc::new(AtomicI64::new(nth));
        let counter = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, counter) = (upstream.clone(), Arc::clone(&counter));
                tokio::spawn(async move { serve(client, &upstream, fault, &counter, chosen).await });
            }
        });
        Proxy { endpoint, left }
    }

    /// True once an answer was swallowed.
    pub(crate) fn has_swallowed(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    /// How many requests were refused.
    pub(crate) fn refused(&self) -> i64 {
        -self.left.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut client: TcpStream,
    upstream: &str,
    fault: Fault,
    left: &AtomicI64,
    chosen: fn(&str) -> bool,
) -> Option<()> {
    let mut server = TcpStream::connect(upstream).await.ok()?;
    loop {
        let request = message(&mut client).await?;
        let chosen = chosen(&String::from_utf8_lossy(&request));
        if let (true, Fault::Refuse) = (chosen, fault) {
            left.fetch_sub(1, Ordering::SeqCst);
            client.write_all(REFUSAL.as_bytes()).await.ok()?;
            continue;
        }
        server.write_all(&request).await.ok()?;
        let answer = message(&mut server).await?;
        if chosen && left.fetch_sub(1, Ordering::SeqCst) == 0 {
            return None;
        }
        client.write_all(&answer).await.ok()?;
    }
}

/// As AWS refuses a parameter in its JSON protocols.
const REFUSAL: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: 72\r\n\r\n\
                       {\"__type\":\"InvalidParameterException\",\"Message\":\"The proxy refuses it.\"}";

/// One HTTP/1.1 message with a Content-Length (or no body).
async fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
            if bytes.len() >= head + length {
                return Some(bytes);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}
