//! One process: how long it takes, what it uses.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use aomidori_cli::BoxError;
use serde::Serialize;
use wait4::Wait4;

/// What a process and the processes that it has started used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Usage {
    /// From its start to its end, in seconds.
    pub(crate) wall: f64,
    /// Of the processor, by programs and kernel, in seconds.
    pub(crate) cpu: f64,
    /// The most memory that one of them had at once, in bytes.
    pub(crate) memory: u64,
}

/// Where the last command's output is.
pub(crate) fn output(folder: &Path) -> PathBuf {
    folder.join("stdout")
}

/// How much is read of what a command said before it failed, in bytes: its end.
const SAID: u64 = 64 * 1024;

/// Runs a command that must end with this exit code. `folder` is for what it prints.
///
/// None of it is kept in memory: to Linux, what a process has had at once includes what the one that started it had until
/// then, and megabytes of Terraform's words would be counted as everybody's.
///
/// # Errors
/// It cannot be started, or ends otherwise: with the last of what it said.
pub(crate) fn measured(mut command: Command, code: i32, folder: &Path) -> Result<Usage, BoxError> {
    // Files, not pipes: nobody has to read while it runs.
    let (out, err) = (output(folder), folder.join("stderr"));
    command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?);
    let begin = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    let used = child.wait4()?;
    let wall = begin.elapsed().as_secs_f64();
    if used.status.code() != Some(code) {
        let said = format!("{}{}", end_of(&out)?, end_of(&err)?);
        let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = last.get(last.len().saturating_sub(20)..).unwrap_or_default().join("\n");
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
        return Err(format!("`{}` ended with {}:\n{last}", arguments.join(" "), used.status).into());
    }
    let cpu = (used.rusage.utime + used.rusage.stime).as_secs_f64();
    Ok(Usage { wall, cpu, memory: used.rusage.maxrss })
}

fn end_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(SAID)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
