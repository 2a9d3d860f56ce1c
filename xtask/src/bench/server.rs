//! The server under both tools: a local cloud in a process of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aomidori_cli::BoxError;
use serde_json::Value;

/// How long a start may take.
const START: Duration = Duration::from_secs(20);

/// Kinds that stay without being left behind: AWS makes a service's own role by itself and keeps it.
const STAY: [&str; 1] = ["iam:role"];

/// A local cloud that answers.
pub(crate) struct Server {
    process: Child,
    endpoint: String,
    region: String,
}

/// Takes this machine's settings of AWS and of this program away from a command.
pub(crate) fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if ["AWS_", "AOMIDORI_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
}

impl Server {
    /// Starts one that has nothing in it, in `folder`: at this speed (a factor, or `instant`), with answers that take this
    /// long, and with account limits that nothing runs into.
    pub(crate) fn start(program: &Path, folder: &Path, speed: &str, latency: Duration) -> Result<Server, BoxError> {
        fs::create_dir_all(folder)?;
        let mut command = Command::new(program);
        clean(&mut command);
        command.args(["local", "serve", "--local-generous", "--local-speed", speed, "--local-latency"]);
        command.arg((latency.as_secs_f64() * 1000.0).to_string()).arg("--local-dir").arg(folder);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut server = Server { process, endpoint: String::new(), region: String::new() };
        let begin = Instant::now();
        while begin.elapsed() < START {
            // It writes the file once it answers.
            let record = fs::read(folder.join("endpoint.json")).ok();
            let record: Option<Value> = record.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            if let Some(endpoint) = record.and_then(|record| Some(record.get("endpoint")?.as_str()?.to_owned())) {
                server.endpoint = endpoint;
                let health = server.ask("GET", "health")?;
                health.get("region").and_then(Value::as_str).unwrap_or_default().clone_into(&mut server.region);
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(format!("the local cloud does not answer after {} s", START.as_secs()).into())
    }

    /// The region that it is in by default: the practice environment's.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// The variables with which AWS's tools talk to it.
    pub(crate) fn environment(&self) -> [(&'static str, String); 6] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", "AKIALOCALCLOUD000000".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_REGION", self.region.clone()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Removes everything from it.
    pub(crate) fn reset(&self) -> Result<(), BoxError> {
        self.ask("POST", "reset").map(|_| ())
    }

    /// Counts calls from zero.
    pub(crate) fn forget_calls(&self) -> Result<(), BoxError> {
        self.ask("DELETE", "calls").map(|_| ())
    }

    /// The calls that it has counted, by `service:Operation`.
    pub(crate) fn calls(&self) -> Result<BTreeMap<String, u64>, BoxError> {
        Ok(serde_json::from_value(self.ask("GET", "calls")?)?)
    }

    /// What is in it.
    pub(crate) fn census(&self) -> Result<Value, BoxError> {
        self.ask("GET", "status")
    }

    /// Fails if there is more in it than there was.
    pub(crate) fn is_as(&self, before: &Value) -> Result<(), String> {
        let left = left(before, &self.census().map_err(|error| error.to_string())?);
        if left.is_empty() { Ok(()) } else { Err(format!("left behind: {}", left.join(", "))) }
    }

    /// Stops it and forgets what was in it.
    pub(crate) fn stop(mut self, folder: &Path) -> Result<(), BoxError> {
        self.ask("POST", "shutdown")?;
        self.process.wait()?;
        Ok(fs::remove_dir_all(folder)?)
    }

    /// Makes an S3 bucket.
    pub(crate) fn create_bucket(&self, name: &str) -> Result<(), BoxError> {
        // S3 wants to know who asks, the local cloud does not check it.
        let scope = format!("AKIALOCALCLOUD000000/20260101/{}/s3/aws4_request", self.region);
        let headers = format!(
            "authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00\r\n\
             x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n"
        );
        let body = format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
            self.region
        );
        self.request("PUT", name, &headers, &body).map(|_| ())
    }

    /// Calls `/_aomidori/{path}`: one request, one JSON answer.
    fn ask(&self, method: &str, path: &str) -> Result<Value, BoxError> {
        Ok(serde_json::from_str(&self.request(method, &format!("_aomidori/{path}"), "", "")?)?)
    }

    /// One request; the answer's body.
    fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Result<String, BoxError> {
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let head = format!("host: {address}\r\nconnection: close\r\n{headers}content-length: {}", body.len());
        stream.write_all(format!("{method} /{path} HTTP/1.1\r\n{head}\r\n\r\n{body}").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the local cloud's answer is not HTTP")?;
        if head.split(' ').nth(1) != Some("200") {
            return Err(format!("the local cloud answers to {method} /{path}: {body}").into());
        }
        Ok(body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill, and without it nothing worth keeping.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What there is more of than there was, as `N of KIND`.
fn left(before: &Value, after: &Value) -> Vec<String> {
    let count = |census: &Value, region: &str, kind: &str| {
        let found = census.get("resources").and_then(|regions| regions.get(region)?.get(kind)?.as_u64());
        found.unwrap_or_default()
    };
    let regions = after.get("resources").and_then(Value::as_object).into_iter().flatten();
    let kinds = regions.flat_map(|(region, kinds)| {
        kinds.as_object().into_iter().flat_map(|kinds| kinds.keys()).map(move |kind| (region, kind))
    });
    let more = kinds.filter(|(_, kind)| !STAY.contains(&kind.as_str())).filter_map(|(region, kind)| {
        let more = count(after, region, kind).saturating_sub(count(before, region, kind));
        (more > 0).then(|| format!("{more} of {kind}"))
    });
    more.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_named() {
        let census = |clusters: u64, vpcs: u64| serde_json::json!({"resources": {"ap-northeast-1": {"ecs:cluster": clusters, "ec2:vpc": vpcs, STAY[0]: vpcs}}});
        assert_eq!(left(&census(0, 1), &census(1, 1)), ["1 of ecs:cluster"]);
        assert_eq!(left(&census(0, 1), &census(0, 1)), [""; 0]);
        assert_eq!(left(&census(0, 1), &census(0, 2)), ["1 of ec2:vpc"]);
    }
}
