//! `emit terraform`: modules and roots, and import blocks for what is live.

use std::collections::BTreeMap;
use std::path::Path;

use aomidori_adopt::{State, undescribed};
use aomidori_aws::{Aws, S3Place};
use aomidori_hcl::{Backend, EmitError, File, Layout, Live, MANIFEST, Options, RECORD, Record, emit, emitted_before};
use aomidori_model::Address;
use aomidori_plan::Observation;

use super::{observed, save, setting};
use crate::app::App;
use crate::args;
use crate::commands::in_s3;
use crate::commands::session::{Session, prepare};
use crate::connect;
use crate::error::Error;
use crate::exit::Exit;
use crate::settings::{Environment, Load};
use crate::view::Printer;

/// `emit terraform`: modules and roots, and import blocks for what is live.
pub(in crate::commands) async fn terraform(
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
        account: settings.account.as_ref().map(|(account, _)| account.clone()),
        import: None,
        before: None,
    };
    let force = environment.on(*force, "AOMIDORI_FORCE")?;
    let import = environment.on(*import, "AOMIDORI_IMPORT")?;
    let before = match recorded(&out) {
        Err(_) if force => None,
        recorded => recorded?,
    };
    options.before.clone_from(&before);
    let (stack, region) = if import {
        let (session, observation) = observed(app, source, settings, "Terraform", printer).await?;
        options.import = Some(live(&session, &observation, printer).await?);
        options.account = Some(observation.account);
        let region = session.cloud.region().to_owned();
        (session.source.stack, Some(region))
    } else {
        (source.stack, None)
    };
    let files = emit(&stack, &options).map_err(|source| match (source, region) {
        (EmitError::Import(missing), Some(region)) => {
            Error::NothingToImport { missing: missing.iter().map(ToString::to_string).collect(), region }
        }
        (source, _) => Error::Emit(Box::new(source)),
    })?;
    if !force {
        let why = conflicts(&out, before.as_ref(), &files);
        if !why.is_empty() {
            return Err(Error::WouldDestroy { path: out, why });
        }
    }
    save("emit terraform", &out, &files, force, printer)
}

/// What was emitted into the folder before.
fn recorded(out: &Path) -> Result<Option<Record>, Error> {
    let lost = |how: &str| {
        let why = format!("{RECORD}, which says where resources stand in Terraform's state, {how}");
        Err(Error::WouldDestroy { path: out.to_owned(), why: vec![why] })
    };
    match std::fs::read_to_string(out.join(RECORD)) {
        Ok(text) => match Record::parse(&text) {
            Some(record) => Ok(Some(record)),
            None => lost("cannot be read"),
        },
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => lost(&format!("cannot be read: {error}")),
        Err(_) => {
            let manifest = std::fs::read_to_string(out.join(MANIFEST)).unwrap_or_default();
            if emitted_before(&manifest).contains_key(RECORD) { lost("is missing") } else { Ok(None) }
        }
    }
}

/// Why Terraform would destroy what is live if these were written there.
fn conflicts(out: &Path, before: Option<&Record>, files: &[File]) -> Vec<String> {
    let now = files.iter().find(|file| file.path == RECORD).and_then(|file| Record::parse(&file.text));
    let Some(now) = now else { return Vec::new() };
    if let Some(before) = before {
        return before.conflicts(&now).iter().map(ToString::to_string).collect();
    }
    if out.join(MANIFEST).exists() {
        return Vec::new();
    }
    let states = now.roots().map(|root| out.join(root).join("terraform.tfstate"));
    let held = states.filter(|path| holds_resources(path));
    held.map(|path| format!("{} is another configuration's: Terraform would destroy what is in it", path.display()))
        .collect()
}

/// True for a state with something in it.
fn holds_resources(path: &Path) -> bool {
    std::fs::read(path).ok().and_then(|bytes| State::read(&bytes).ok()).is_some_and(|state| !state.instances.is_empty())
}

/// `s3://BUCKET/KEY`, with the bucket's region behind `?region=` if it is not the stack's.
fn s3(text: &str, region: Option<&str>) -> Result<Backend, Error> {
    let S3Place { bucket, key, region: own, version } = in_s3("--backend", text)?;
    if version.is_some() {
        return Err(setting("--backend", text, "where Terraform keeps states: it chooses versions by itself"));
    }
    if !is_bucket(&bucket) {
        let takes =
            "a bucket's name: 3 to 63 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends";
        return Err(setting("--backend", text, takes));
    }
    if key.starts_with('/') {
        return Err(setting("--backend", text, "a key that Terraform takes: leave out the `/` before it"));
    }
    match own.or(region.map(str::to_owned)).filter(|region| !region.is_empty()) {
        Some(region) => Ok(Backend::S3 { bucket, key, region }),
        None => Err(setting("--backend", text, "enough: add the bucket's region, `?region=REGION`")),
    }
}

/// True for what a bucket can be called today; S3 still reads some of longer names.
fn is_bucket(name: &str) -> bool {
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
        && end(name.chars().next())
        && end(name.chars().next_back())
        && !name.contains("..")
}

/// Live ids by address, with what is live and the stack does not describe.
async fn live(
    session: &Session<Aws>,
    observation: &Observation,
    printer: &mut Printer,
) -> Result<BTreeMap<Address, Live>, Error> {
    let ids = observation.ours().map(|(_, found)| (found.kind, found.id.clone()));
    let beyond = session.cloud.beyond(ids).await;
    let (beyond, unasked) = match beyond {
        Ok(beyond) => beyond,
        Err(error) => return Err(connect::name_caller(&session.cloud, session.cloud_error(error)).await),
    };
    for what in unasked {
        printer.note(&format!("note: {what}; what it says may be undone by what is emitted\n"));
    }
    let mut undescribed = undescribed(&session.source.stack, observation, &beyond);
    let live = observation.ours().map(|(address, found)| {
        let undescribed = undescribed.remove(address).unwrap_or_default();
        (address.clone(), Live { id: found.id.clone(), undescribed })
    });
    Ok(live.collect())
}
