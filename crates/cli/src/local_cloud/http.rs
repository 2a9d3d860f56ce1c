//! Just enough HTTP to talk to the local cloud's own paths: one request, one JSON answer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

const CONNECT: Duration = Duration::from_millis(500);
const ANSWER: Duration = Duration::from_secs(5);

/// Calls `/_aomidori/{path}` of an endpoint such as `http://127.0.0.1:4577`.
///
/// # Errors
/// Nobody answers there, or not in JSON, or with an error.
pub(super) fn call(endpoint: &str, method: &str, path: &str, body: Option<&Value>) -> io::Result<Value> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let address: SocketAddr = endpoint
        .strip_prefix("http://")
        .and_then(|address| address.trim_end_matches('/').parse().ok())
        .ok_or_else(|| wrong("its endpoint is no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, CONNECT)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} /_aomidori/{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // A process that is told to stop may close the connection the hard way after its answer.
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset || answer.is_empty() => return Err(error),
        _ => {}
    }
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| wrong("its answer is not HTTP"))?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    let json: Value = serde_json::from_str(body.trim()).map_err(io::Error::from)?;
    if status == "200" {
        return Ok(json);
    }
    Err(wrong(json.get("error").and_then(Value::as_str).unwrap_or("its answer is an error")))
}
