//! Bodies on their way to S3: out of chunks (`aws-chunked`), and what the client promised about them, checked.

use std::str::FromStr;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::Digest as _;

use crate::error::{ApiError, Result, fail};

/// How a checksum is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Algorithm; 5] =
        [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme, Algorithm::Sha1, Algorithm::Sha256];

    /// As in `ChecksumAlgorithm`, and in lower case in headers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
        }
    }

    /// `x-amz-checksum-crc32`
    pub(crate) fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }

    /// In base64, as it travels.
    pub(crate) fn of(self, body: &[u8]) -> String {
        let crc32 = |kind| {
            let value = u32::try_from(crc_fast::checksum(kind, body)).unwrap_or_default();
            STANDARD.encode(value.to_be_bytes())
        };
        match self {
            Algorithm::Crc32 => crc32(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => crc32(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Crc64Nvme => STANDARD.encode(crc_fast::checksum(CrcAlgorithm::Crc64Nvme, body).to_be_bytes()),
            Algorithm::Sha1 => STANDARD.encode(sha1::Sha1::digest(body)),
            Algorithm::Sha256 => STANDARD.encode(<sha2::Sha256 as sha2::Digest>::digest(body)),
        }
    }
}

impl FromStr for Algorithm {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        Algorithm::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(text)).ok_or(())
    }
}

/// A checksum of a body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    pub(crate) value: String,
}

/// The body itself, and the checksum that it came with. In `whole` bodies that is the body's own; what ends an upload in
/// parts carries the object's.
pub(super) fn check(headers: &HeaderMap, body: &[u8], whole: bool) -> Result<(Vec<u8>, Option<Checksum>)> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let promised = header("x-amz-content-sha256");
    let (body, trailers) = match promised {
        Some(promised) if promised.starts_with("STREAMING-") => {
            let (body, trailers) = unchunk(body).ok_or_else(|| {
                ApiError::new("InvalidChunkSizeError", "The body is not in chunks as aws-chunked has them.")
            })?;
            if header("x-amz-decoded-content-length").and_then(|text| text.parse().ok()) != Some(body.len()) {
                let message =
                    "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header";
                return Err(ApiError::new("IncompleteBody", message));
            }
            let announced = header("x-amz-trailer").unwrap_or_default().split(',').map(str::trim);
            for name in announced.filter(|name| !name.is_empty()) {
                if !trailers.iter().any(|(found, _)| found.eq_ignore_ascii_case(name)) {
                    let message = "The request contained trailing data that was not well-formed or did not conform to our published schema.";
                    return Err(ApiError::new("MalformedTrailerError", message));
                }
            }
            (body, trailers)
        }
        promised => {
            signed(promised, header("authorization").is_some(), body)?;
            (body.to_vec(), Vec::new())
        }
    };
    if let Some(promised) = header("content-md5") {
        let promised = STANDARD.decode(promised).ok().filter(|bytes| bytes.len() == 16);
        match promised {
            None => return fail!("InvalidDigest", "The Content-MD5 you specified is not valid."),
            Some(promised) if promised[..] != md5::Md5::digest(&body)[..] => {
                return fail!("BadDigest", "The Content-MD5 you specified did not match what we received.");
            }
            Some(_) => {}
        }
    }
    if !whole {
        return Ok((body, None));
    }
    let trailer = |name: &str| trailers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, v)| &**v);
    let mut found = Algorithm::ALL.into_iter().filter_map(|algorithm| {
        let name = algorithm.header();
        let value = header(&name).or_else(|| trailer(&name))?.to_owned();
        Some(Checksum { algorithm, value })
    });
    let checksum = found.next();
    if found.next().is_some() {
        let message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
        return fail!("InvalidRequest", "{message}");
    }
    if let Some(Checksum { algorithm, value }) = &checksum
        && *value != algorithm.of(&body)
    {
        let name = algorithm.name();
        return fail!("BadDigest", "The {name} you specified did not match the calculated checksum.");
    }
    Ok((body, checksum))
}

/// What the signature covers of the body.
fn signed(promised: Option<&str>, in_header: bool, body: &[u8]) -> Result<()> {
    match promised {
        None if in_header => {
            fail!("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
        }
        None | Some("UNSIGNED-PAYLOAD") => Ok(()),
        Some(hash) if hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            let found = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(body));
            if found == hash.to_ascii_lowercase() {
                return Ok(());
            }
            let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
            let error = ApiError::new("XAmzContentSHA256Mismatch", message);
            Err(error.detail("ClientComputedContentSHA256", hash).detail("S3ComputedContentSHA256", found))
        }
        Some(_) => fail!(
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
             STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
        ),
    }
}

/// Names and values behind a body.
type Trailers = Vec<(String, String)>;

/// A body out of its chunks (`1f;chunk-signature=…`, the bytes, and so on to a chunk of nothing), and the trailers behind
/// them.
fn unchunk(mut rest: &[u8]) -> Option<(Vec<u8>, Trailers)> {
    let mut body = Vec::new();
    loop {
        let (head, after) = line(rest)?;
        let size = head.split(';').next().and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())?;
        rest = after;
        if size == 0 {
            break;
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    let mut trailers = Vec::new();
    while let Some((head, after)) = line(rest).filter(|(head, _)| !head.is_empty()) {
        let (name, value) = head.split_once(':')?;
        trailers.push((name.trim().to_owned(), value.trim().to_owned()));
        rest = after;
    }
    Some((body, trailers))
}

fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((std::str::from_utf8(bytes.get(..end)?).ok()?, bytes.get(end + 2..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_a_known_text() {
        // The check values of their catalogues, for `123456789`.
        let known: [(Algorithm, &[u8]); 3] = [
            (Algorithm::Crc32, &[0xcb, 0xf4, 0x39, 0x26]),
            (Algorithm::Crc32c, &[0xe3, 0x06, 0x92, 0x83]),
            (Algorithm::Crc64Nvme, &[0xae, 0x8b, 0x14, 0x86, 0x0a, 0x79, 0x98, 0x88]),
        ];
        for (algorithm, value) in known {
            assert_eq!(algorithm.of(b"123456789"), STANDARD.encode(value), "{algorithm:?}");
        }
    }

    fn checked(headers: &[(&'static str, &str)], body: &[u8]) -> std::result::Result<Vec<u8>, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        check(&map, body, true).map(|(body, _)| body).map_err(|error| error.code)
    }

    #[test]
    fn chunks_and_promises() {
        let stream = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        let crc = format!(
            "4\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32:{}\r\n\r\n",
            Algorithm::Crc32.of(b"123456789")
        );
        let length = ("x-amz-decoded-content-length", "9");
        let trailer = ("x-amz-trailer", "x-amz-checksum-crc32");
        assert_eq!(checked(&[stream, length, trailer], crc.as_bytes()), Ok(b"123456789".to_vec()));
        let wrong = crc.replace("56789", "56780");
        let plain = ("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        for (headers, body, code) in [
            (vec![stream, length, trailer], wrong.as_str(), "BadDigest"),
            (vec![stream, ("x-amz-decoded-content-length", "8")], crc.as_str(), "IncompleteBody"),
            (vec![stream, length], "9\r\n1234", "InvalidChunkSizeError"),
            (vec![stream, length, trailer], "9\r\n123456789\r\n0\r\n\r\n", "MalformedTrailerError"),
            (vec![plain, ("content-md5", "x")], "a", "InvalidDigest"),
            (vec![plain, ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], "a", "BadDigest"),
            (vec![plain, ("x-amz-checksum-sha1", "x")], "a", "BadDigest"),
            (vec![plain, ("x-amz-checksum-sha1", "x"), ("x-amz-checksum-crc32", "x")], "a", "InvalidRequest"),
            (vec![("x-amz-content-sha256", "abc")], "a", "InvalidArgument"),
            (vec![("authorization", "x")], "a", "InvalidRequest"),
        ] {
            assert_eq!(checked(&headers, body.as_bytes()), Err(code.to_owned()), "{headers:?}");
        }
        assert_eq!(checked(&[plain, ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], b""), Ok(Vec::new()));
        // Signed chunks carry their signatures in their heads.
        let signed = ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
        let text = "9;chunk-signature=ab\r\n123456789\r\n0;chunk-signature=cd\r\n\r\n";
        assert_eq!(checked(&[signed, length], text.as_bytes()), Ok(b"123456789".to_vec()));
    }
}
