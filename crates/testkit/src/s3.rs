//! S3 by hand: what tests put into buckets of a cloud that looks at no signature.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// Sends one request to an endpoint, such as `PUT` of `/BUCKET/KEY`, for a region.
///
/// # Errors
/// It cannot be sent, or is refused: with the answer.
pub fn send(endpoint: &str, region: &str, method: &str, path: &str, body: &str) -> io::Result<String> {
    let host = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\
         x-amz-content-sha256: UNSIGNED-PAYLOAD\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential=test/20260101/{region}/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
        true => Ok(body.to_owned()),
        false => Err(io::Error::other(answer)),
    }
}

/// Makes a bucket in a region.
///
/// # Errors
/// As [`send`].
pub fn make_bucket(endpoint: &str, region: &str, bucket: &str) -> io::Result<()> {
    let body = format!(
        "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
    );
    send(endpoint, region, "PUT", &format!("/{bucket}"), &body).map(drop)
}
