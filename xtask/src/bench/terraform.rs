//! Terraform, if it is there.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use aomidori_cli::BoxError;
use serde_json::Value;

use super::Operation;
use super::measure::measured;

/// Terraform on the path.
pub(crate) struct Terraform {
    /// Its version.
    pub(crate) version: String,
}

impl Terraform {
    /// Looks for it.
    pub(crate) fn find() -> Result<Terraform, String> {
        let output = Command::new("terraform").args(["version", "-json"]).output();
        let output = output.map_err(|error| format!("`terraform` cannot be run: {error}"))?;
        let version = serde_json::from_slice::<Value>(&output.stdout).ok();
        let version = version.and_then(|version| Some(version.get("terraform_version")?.as_str()?.to_owned()));
        Ok(Terraform { version: version.ok_or("`terraform version -json` says no version")? })
    }

    /// Readies a configuration. Where the provider comes from is Terraform's own configuration's business.
    pub(crate) fn init(&self, configuration: &Path, folder: &Path) -> Result<(), BoxError> {
        let mut command = self.plain(configuration);
        command.args(["init", "-input=false", "-no-color"]);
        measured(command, 0, folder).map(|_| ())
    }

    /// One operation over a configuration.
    pub(crate) fn command(&self, operation: Operation, configuration: &Path) -> Command {
        let mut command = self.plain(configuration);
        let (_, name) = operation.names();
        let how = match operation {
            // Changes would be an exit code of 2, and a failure.
            Operation::Plan => "-detailed-exitcode",
            Operation::Up | Operation::Down => "-auto-approve",
        };
        command.args([name, "-input=false", "-no-color", how]);
        command
    }

    fn plain(&self, configuration: &Path) -> Command {
        let mut command = Command::new("terraform");
        super::server::clean(&mut command);
        command.current_dir(configuration).env("TF_IN_AUTOMATION", "1").env("CHECKPOINT_DISABLE", "1");
        command
    }
}

/// Removes the state of a configuration: what it describes is gone.
pub(crate) fn forget(configuration: &Path) -> io::Result<()> {
    for file in ["terraform.tfstate", "terraform.tfstate.backup"] {
        match fs::remove_file(configuration.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
