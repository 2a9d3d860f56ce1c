//! Python programs as judges.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A virtual environment with some packages.
#[derive(Clone, Debug)]
pub struct Venv {
    python: PathBuf,
}

impl Venv {
    /// The virtual environment with these packages (`boto3`, `moto[server]==5.2.5`), made below `target/python` at the
    /// first call. `None`, after saying so aloud, where there is no Python or no PyPI; the test then has nothing to ask.
    pub fn with(packages: &[&str]) -> Option<Venv> {
        match Venv::make(packages) {
            Ok(venv) => Some(venv),
            Err(why) => {
                // Straight to the terminal: cargo keeps what passing tests print to itself.
                let _ = writeln!(std::io::stderr(), "\nSKIPPED, no judge: {} ({why})\n", packages.join(", "));
                None
            }
        }
    }

    fn make(packages: &[&str]) -> Result<Venv, String> {
        let name: String =
            packages.join("_").chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let home = target().join("python");
        let place = home.join(&name);
        let venv = Venv { python: place.join("bin/python") };
        if place.join("complete").exists() {
            return Ok(venv);
        }
        std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
        // One test makes it, the others wait.
        let lock = std::fs::File::create(home.join(format!("{name}.lock"))).map_err(|error| error.to_string())?;
        lock.lock().map_err(|error| error.to_string())?;
        if place.join("complete").exists() {
            return Ok(venv);
        }
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
        run(venv.command(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages))?;
        std::fs::write(place.join("complete"), "").map_err(|error| error.to_string())?;
        Ok(venv)
    }

    /// A command of its Python.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.python);
        command.args(arguments);
        command
    }

    /// A command of a program that a package brings.
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.python.with_file_name(name))
    }

    /// Runs a script against an AWS endpoint, with test credentials, and returns what it printed.
    ///
    /// # Errors
    /// What it printed, if it failed.
    pub fn script(&self, script: &Path, endpoint: &str, arguments: &[&str]) -> Result<String, String> {
        let mut command = self.command([script.as_os_str()]);
        command.args(arguments).envs(credentials(endpoint));
        let output = command.output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(format!("{}{}", text(&output.stdout), text(&output.stderr))),
        }
    }
}

/// The environment in which AWS's clients talk to an endpoint on this machine, and to nothing else.
pub fn credentials(endpoint: &str) -> [(&'static str, String); 7] {
    [
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "ap-northeast-1".to_owned()),
        ("AWS_DEFAULT_REGION", "ap-northeast-1".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
    ]
}

/// The workspace's build folder.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from)
}

fn run(command: &mut Command) -> Result<(), String> {
    let Output { status, stdout: _, stderr } = command.output().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&stderr).trim().to_owned()) }
}
