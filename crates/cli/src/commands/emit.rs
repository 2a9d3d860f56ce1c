//! `emit`: the stack in another tool's language.

mod ecspresso;
mod folder;
mod pipeline;
mod terraform;

use std::path::Path;

use aomidori_aws::Aws;
use aomidori_hcl::{Change, File, MANIFEST, compare, manifest, manifest_meanwhile};
use aomidori_plan::{Mode, Observation};

use super::session::Session;
use super::{done, plan};
use crate::app::App;
use crate::connect;
use crate::error::{Error, count};
use crate::exit::Exit;
use crate::settings::{self, Source};
use crate::view::Printer;
use crate::view::json::EmitResult;

pub(super) use ecspresso::ecspresso;
pub(super) use pipeline::pipeline;
pub(super) use terraform::terraform;

/// What is live, as `plan` sees it, and a word about what differs from the stack.
async fn observed(
    app: &App,
    source: Source,
    settings: settings::Cloud,
    tool: &str,
    printer: &mut Printer,
) -> Result<(Session<Aws>, Observation), Error> {
    let session = connect::open(app, source, settings, printer).await?;
    let planned = match plan::planned(&session, Mode::Converge, printer).await {
        Ok(planned) => planned,
        Err(error) => return Err(connect::name_caller(&session.cloud, error).await),
    };
    if !planned.plan.is_empty() {
        printer.note(&format!(
            "note: the environment differs from the stack (`plan` shows how), and {tool} will want to change that\n"
        ));
    }
    Ok((session, planned.observation))
}

/// Writes what differs from what is there, unless somebody's work would be lost.
fn save(command: &'static str, out: &Path, files: &[File], force: bool, printer: &mut Printer) -> Result<Exit, Error> {
    // Other tools' files may stand in the same folder: only Terraform's are remembered, and removed.
    let remembered = command == "emit terraform";
    let there = folder::there(out, files, remembered)?;
    let changes = compare(files, &there);
    let lost: Vec<&Change> = changes.iter().filter(|change| change.needs_force()).collect();
    if !lost.is_empty() && !force {
        return Err(Error::Overwrite { path: out.to_owned(), why: lost.into_iter().map(words).collect() });
    }
    let gone = changes.iter().filter(|change| matches!(change, Change::Gone { .. })).map(Change::path);
    let gone: Vec<&str> = gone.collect();
    folder::passable(out, files.iter().map(|file| file.path.as_str()).chain(gone.iter().copied()).chain([MANIFEST]))?;
    if remembered && !changes.is_empty() {
        let before = there.get(MANIFEST).map(String::as_str).unwrap_or_default();
        folder::write(out, &manifest_meanwhile(before, files))?;
    }
    for file in files.iter().filter(|file| changes.iter().any(|change| change.path() == file.path)) {
        folder::write(out, file)?;
    }
    for path in gone {
        folder::remove(out, path)?;
    }
    if remembered {
        folder::write(out, &manifest(files))?;
    }
    let lines = files.iter().map(|file| file.text.lines().count()).sum();
    let number = |of: fn(&Change) -> bool| changes.iter().filter(|change| of(change)).count();
    let new = number(|change| matches!(change, Change::New { .. }));
    let changed = number(|change| matches!(change, Change::Changed { .. } | Change::Updated { .. }));
    let gone = match number(|change| matches!(change, Change::Gone { .. })) {
        0 => String::new(),
        gone => format!(", {gone} removed"),
    };
    printer.result(&format!(
        "{} with {lines} lines in {}: {new} new, {changed} changed{gone}.\n",
        count(files.len(), "file"),
        out.display()
    ));
    let result = EmitResult {
        folder: out.display().to_string(),
        files: files.iter().map(|file| file.path.clone()).collect(),
        lines,
        changed: changes.iter().map(|change| change.path().to_owned()).collect(),
    };
    Ok(done(printer, command, Exit::Done, result))
}

fn setting(origin: &str, value: &str, takes: &str) -> Error {
    Error::Setting { origin: origin.to_owned(), value: value.to_owned(), takes: takes.to_owned() }
}

fn words(change: &Change) -> String {
    match change {
        Change::New { path } => format!("{path} would be new"),
        Change::Changed { path, line, have, want } => {
            format!("{path} would change, first in line {line}: `{}` to `{}`", have.trim(), want.trim())
        }
        Change::Updated { path } => format!("{path} would be replaced"),
        Change::Gone { path } => format!("{path} would be removed"),
        Change::Stray { path } => format!("{path} is not emitted, and would be applied with the rest"),
    }
}
