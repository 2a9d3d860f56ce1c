//! Which build of this program is measured.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use aomidori_cli::BoxError;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

/// A build profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// Cargo's `dev`.
    Dev,
    /// Cargo's `release`.
    Release,
}

impl Profile {
    /// The one that this program was built with.
    const OWN: Profile = if cfg!(debug_assertions) { Profile::Dev } else { Profile::Release };

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Profile::Dev => "dev",
            Profile::Release => "release",
        }
    }
}

/// The program to measure: this one, or one that is built now.
pub(crate) fn program(asked: Option<Profile>, say: &mut dyn FnMut(&str)) -> Result<(PathBuf, Profile), BoxError> {
    let profile = asked.unwrap_or(Profile::OWN);
    if profile == Profile::OWN {
        return Ok((std::env::current_exe()?, profile));
    }
    say(&format!("building with the profile {}: the AWS SDK takes minutes the first time", profile.name()));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--package", "xtask", "--bin", "xtask", "--message-format", "json-render-diagnostics"])
        .args(["--profile", profile.name()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("the build with the profile {} failed", profile.name()).into());
    }
    let built = executable(&String::from_utf8_lossy(&output.stdout)).ok_or("cargo does not say what it has built")?;
    Ok((built.into(), profile))
}

/// The executable that cargo's messages name.
fn executable(messages: &str) -> Option<String> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut built = messages.filter_map(|message| message.get("executable")?.as_str().map(str::to_owned));
    built.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_names_what_it_has_built() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/xtask\"}\n\
                        {\"reason\":\"build-finished\",\"success\":true}";
        assert_eq!(executable(messages).as_deref(), Some("/t/release/xtask"));
    }
}
