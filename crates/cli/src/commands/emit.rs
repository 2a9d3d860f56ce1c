//! `emit`: the stack in another tool's language.

use std::collections::BTreeMap;
use std::path::Path;

use aomidori_hcl::{Backend, Change, File, Layout, Live, Options, compare, emit};
use aomidori_model::Address;
use aomidori_plan::{Mode, Observation};

use super::session::prepare;
use super::{done, named, plan};
use crate::app::App;
use crate::args;
use crate::connect;
use crate::error::{Error, count};
use crate::exit::Exit;
use crate::settings::{Environment, Load};
use crate::view::Printer;
use crate::view::json::EmitResult;

/// `emit terraform`: modules and roots, and import blocks for what is live.
pub(crate) async fn terraform(
    app: &App,
    args: &args::EmitTerraform,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::EmitTerraform { out, layout, import, backend, force, cloud } = args;
    let (source, settings, environment) = prepare(app, cloud, environment, printer, Load::Valid)?;
    let Some(out) = environment.path(out.as_ref(), "AOMIDORI_OUT") else {
        return Err(setting("--out", "", "a folder to write to"));
    };
    let region = settings.region.clone();
    let given = |flag: &Option<String>, variable: &str| flag.clone().or(environment.get(variable).map(str::to_owned));
    let mut options = Options {
        layout: match given(layout, "AOMIDORI_LAYOUT").as_deref() {
            None | Some("single") => Layout::Single,
            Some("split") => Layout::Split,
            Some(other) => return Err(setting("--layout", other, "`single` or `split`")),
        },
        backend: match given(backend, "AOMIDORI_BACKEND") {
            None => Backend::Local,
            Some(text) => s3(&text, region.as_deref())?,
        },
        region,
        import: None,
    };
    let force = environment.on(*force, "AOMIDORI_FORCE")?;
    let stack = if environment.on(*import, "AOMIDORI_IMPORT")? {
        let session = connect::open(app, source, settings, printer).await?;
        let planned = match plan::planned(&session, Mode::Converge, printer).await {
            Ok(planned) => planned,
            Err(error) => return named(&session, Err(error)).await,
        };
        if !planned.plan.is_empty() {
            printer.note("note: the environment differs from the stack (`plan` shows how), and Terraform will want to change that\n");
        }
        options.import = Some(live(&planned.observation));
        session.source.stack
    } else {
        source.stack
    };
    let files = emit(&stack, &options).map_err(|source| Error::Emit(Box::new(source)))?;
    let changes = compare(&files, &there(&out, &files)?);
    let lost: Vec<&Change> = changes.iter().filter(|change| change.needs_force()).collect();
    if !lost.is_empty() && !force {
        return Err(Error::Overwrite { path: out, why: lost.into_iter().map(words).collect() });
    }
    for file in files.iter().filter(|file| changes.iter().any(|change| change.path() == file.path)) {
        write(&out, file)?;
    }
    let lines = files.iter().map(|file| file.text.lines().count()).sum();
    let (new, changed) = (changes.len() - lost_count(&changes), lost_count(&changes));
    printer.result(&format!(
        "{} with {lines} lines in {}: {new} new, {changed} changed.\n",
        count(files.len(), "file"),
        out.display()
    ));
    let result = EmitResult {
        folder: out.display().to_string(),
        files: files.iter().map(|file| file.path.clone()).collect(),
        lines,
        changed: changes.iter().map(|change| change.path().to_owned()).collect(),
    };
    Ok(done(printer, "emit terraform", Exit::Done, result))
}

fn lost_count(changes: &[Change]) -> usize {
    changes.iter().filter(|change| matches!(change, Change::Changed { .. })).count()
}

fn setting(origin: &str, value: &str, takes: &str) -> Error {
    Error::Setting { origin: origin.to_owned(), value: value.to_owned(), takes: takes.to_owned() }
}

/// `s3://BUCKET/KEY`, with the bucket's region behind `?region=` if it is not the stack's.
fn s3(text: &str, region: Option<&str>) -> Result<Backend, Error> {
    let wrong = || setting("--backend", text, "`s3://BUCKET/KEY`, or `s3://BUCKET/KEY?region=REGION`");
    let (place, own) = text.split_once("?region=").map_or((text, None), |(place, own)| (place, Some(own)));
    let (bucket, key) = place.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
    let region = own.or(region).filter(|region| !region.is_empty()).ok_or_else(wrong)?;
    if bucket.is_empty() || key.is_empty() {
        return Err(wrong());
    }
    Ok(Backend::S3 { bucket: bucket.to_owned(), key: key.to_owned(), region: region.to_owned() })
}

/// Live ids by address.
fn live(observation: &Observation) -> BTreeMap<Address, Live> {
    observation.ours().map(|(address, found)| (address.clone(), Live { id: found.id.clone() })).collect()
}

/// What is in the folders that would be written to, by path.
fn there(folder: &Path, files: &[File]) -> Result<BTreeMap<String, String>, Error> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<&str> = files.iter().map(|file| file.path.rsplit_once('/').map_or("", |(at, _)| at)).collect();
    folders.sort_unstable();
    folders.dedup();
    for at in folders {
        let Ok(entries) = std::fs::read_dir(folder.join(at)) else { continue };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file()) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let name = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
            let wanted = files.iter().any(|file| file.path == name);
            // Of the rest only the name counts.
            let text = if wanted {
                std::fs::read_to_string(&path).map_err(|source| Error::Read { what: "the file", path, source })?
            } else {
                String::new()
            };
            found.insert(name, text);
        }
    }
    Ok(found)
}

fn write(folder: &Path, file: &File) -> Result<(), Error> {
    let path = folder.join(&file.path);
    let written =
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, &file.text));
    written.map_err(|source| Error::Write { what: "the file", path, source })
}

fn words(change: &Change) -> String {
    match change {
        Change::New { path } => format!("{path} would be new"),
        Change::Changed { path, line, have, want } => {
            format!("{path} would change, first in line {line}: `{}` to `{}`", have.trim(), want.trim())
        }
        Change::Stray { path } => format!("{path} is not emitted, and would be applied with the rest"),
    }
}
