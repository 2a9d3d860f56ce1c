//! Judges that we did not write: boto3, against a local cloud in this process.
//!
//! Each script in `boto3/` is one test. boto3 comes from PyPI once, into the target directory. Where Python or PyPI is
//! missing the tests say so and pass; with `AOMIDORI_REQUIRE_BOTO3=1` they fail instead.

#![expect(clippy::expect_used, reason = "in a test, what goes wrong fails it")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use aomidori_local::{LocalCloud, Options};

const PACKAGE: &str = "boto3==1.43.11";

/// One test for each script, on a clock that the script steps.
macro_rules! scripts {
    ($($name:ident)*) => {
        $(#[test] fn $name() { run(concat!(stringify!($name), ".py"), Options::manual()); })*
    };
}

scripts! {
    sts
    ec2
    balancing
    ssm
    logs
    ecs
    deploy
    s3
    refusals
    around
}

fn run(script: &str, options: Options) {
    let Some(packages) = packages() else { return };
    let cloud = LocalCloud::start(options).expect("the local cloud starts");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boto3");
    let output = Command::new("python3")
        .arg("-B")
        .arg(folder.join(script))
        .env("PYTHONPATH", &packages)
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .envs(cloud.environment())
        .stdin(Stdio::null())
        .output()
        .expect("python3 runs");
    assert!(
        output.status.success(),
        "{script}: {}\n{}{}\ncalls: {:#?}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        cloud.calls(),
    );
    assert!(!cloud.calls().is_empty(), "{script} has called nothing");
}

/// The folder with boto3 in it; `None`, and a word about it, if there can be none.
fn packages() -> Option<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOUND.get_or_init(install) {
        Ok(folder) => Some(folder.clone()),
        Err(why) => {
            assert!(std::env::var_os("AOMIDORI_REQUIRE_BOTO3").is_none(), "{why}");
            // Past the test harness, which would swallow it.
            let _ = writeln!(std::io::stderr(), "\nSKIPPED, NOT TESTED: boto3 against the local cloud: {why}\n");
            None
        }
    }
}

fn install() -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = root.join(PACKAGE.replace("==", "-"));
    if folder.is_dir() {
        return Ok(folder);
    }
    let scratch = tempfile::tempdir_in(root).map_err(|e| e.to_string())?;
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
        .arg(scratch.path().join("packages"))
        .arg(PACKAGE)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("python3 cannot be run: {e}"))?;
    if !output.status.success() {
        return Err(format!("pip cannot install {PACKAGE}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    match std::fs::rename(scratch.path().join("packages"), &folder) {
        Ok(()) => Ok(folder),
        // Another test process was faster.
        Err(_) if folder.is_dir() => Ok(folder),
        Err(e) => Err(e.to_string()),
    }
}
