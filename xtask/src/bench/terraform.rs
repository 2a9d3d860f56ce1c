//! Terraform, if it is there.

use std::num::NonZeroU16;
use std::path::Path;
use std::process::Command;

use aomidori_cli::BoxError;
use serde_json::Value;

use super::Operation;
use super::measure::measured;
use super::server::Server;

/// The bucket that its state is kept in.
const BUCKET: &str = "aomidori-bench-state";

/// Where `emit terraform` is told that the state is. Not in a file beside the configuration: Terraform writes all of that
/// anew for each resource, which is most of its work where there are thousands, and few who have thousands keep it there.
pub(crate) fn backend() -> String {
    format!("s3://{BUCKET}/terraform.tfstate")
}

/// Terraform on the path.
pub(crate) struct Terraform {
    /// Its version.
    pub(crate) version: String,
    /// How many resources it works on at once, if not as many as it chooses.
    parallelism: Option<NonZeroU16>,
}

impl Terraform {
    /// Looks for it.
    pub(crate) fn find(parallelism: Option<NonZeroU16>) -> Result<Terraform, String> {
        let output = Command::new("terraform").args(["version", "-json"]).output();
        let output = output.map_err(|error| format!("`terraform` cannot be run: {error}"))?;
        let version = serde_json::from_slice::<Value>(&output.stdout).ok();
        let version = version.and_then(|version| Some(version.get("terraform_version")?.as_str()?.to_owned()));
        let version = version.ok_or("`terraform version -json` says no version")?;
        Ok(Terraform { version, parallelism })
    }

    /// Readies a configuration, on a server that has nothing in it but the bucket for the state from then on. Where the
    /// provider comes from is Terraform's own configuration's business.
    pub(crate) fn init(&self, configuration: &Path, server: &Server, folder: &Path) -> Result<(), BoxError> {
        server.create_bucket(BUCKET)?;
        let mut command = self.plain(configuration, server);
        command.args(["init", "-input=false", "-no-color"]);
        measured(command, 0, folder).map(|_| ())
    }

    /// One operation over a configuration.
    pub(crate) fn command(&self, operation: Operation, configuration: &Path, server: &Server) -> Command {
        let mut command = self.plain(configuration, server);
        let (_, name) = operation.names();
        let how = match operation {
            // Changes would be an exit code of 2, and a failure.
            Operation::Plan => "-detailed-exitcode",
            Operation::Up | Operation::Down => "-auto-approve",
        };
        command.args([name, "-input=false", "-no-color", how]);
        command.args(self.parallelism.map(|parallelism| format!("-parallelism={parallelism}")));
        command
    }

    fn plain(&self, configuration: &Path, server: &Server) -> Command {
        let mut command = Command::new("terraform");
        super::server::clean(&mut command);
        command.envs(server.environment());
        command.current_dir(configuration).env("TF_IN_AUTOMATION", "1").env("CHECKPOINT_DISABLE", "1");
        command
    }
}
