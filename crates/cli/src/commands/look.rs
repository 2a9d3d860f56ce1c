//! `show`, `validate`, `graph` and `iam-policy`: commands that ask no cloud.

use std::path::Path;

use aomidori_aws::{MANAGED_POLICY_LIMIT, Place, Purpose, permissions};
use aomidori_model::Address;
use aomidori_plan::PlanFile;
use serde_json::Value;

use super::done;
use super::session::prepare;
use crate::app::App;
use crate::args;
use crate::error::{Error, closest, count};
use crate::exit::Exit;
use crate::settings::{self, Environment, Load, Output};
use crate::view::json::{ShowResult, ValidateResult};
use crate::view::plan::{Header, Show};
use crate::view::{self, Printer};

/// `show`: the stack, one resource of it, or a saved plan.
pub(crate) fn show(
    app: &App,
    args: &args::Show,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let environment = settings::environment(app, environment, &args.stack.env)?;
    printer.configure(&Output::new(&args.output, &environment)?);
    if let Some(path) = args.what.as_deref().map(Path::new).filter(|path| path.is_file()) {
        return saved(app, path, printer);
    }
    let source = settings::load(app, &args.stack, None, &environment, Load::Valid)?;
    let stack = &source.stack;
    let file = || -> Result<Value, Error> {
        let text = stack.to_json().map_err(|error| Error::Bug(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| Error::Bug(error.to_string()))
    };
    if let Some(path) = environment.path(args.out.as_ref(), "AOMIDORI_OUT") {
        let text = stack.to_json().map_err(|error| Error::Bug(error.to_string()))?;
        std::fs::write(&path, text).map_err(|source| Error::Write { what: "the stack file", path, source })?;
    }
    let Some(what) = &args.what else {
        printer.result(&view::show::stack(stack, &app.groups, printer.out_paint()));
        let result = if printer.is_json() {
            ShowResult::Stack { stack: file()? }
        } else {
            ShowResult::Stack { stack: Value::Null }
        };
        return Ok(done(printer, "show", Exit::Done, result));
    };
    let address: Option<Address> = what.parse().ok();
    let text = address.as_ref().and_then(|address| view::show::resource(stack, address, printer.out_paint()));
    let (Some(address), Some(text)) = (address, text) else {
        let known = stack.iter().map(|(address, _)| address.as_str());
        return Err(Error::NoSuchAddress {
            address: what.clone(),
            closest: closest(what, known).into_iter().map(str::to_owned).collect(),
        });
    };
    printer.result(&text);
    let entry = file()?
        .get("resources")
        .and_then(Value::as_array)
        .and_then(|all| all.iter().find(|one| one.get("address").and_then(Value::as_str) == Some(address.as_str())))
        .cloned()
        .unwrap_or_default();
    let neighbours = view::show::neighbours(stack).remove(&address).unwrap_or_default();
    let texts = |addresses: Vec<Address>| addresses.iter().map(Address::to_string).collect();
    let result = ShowResult::Resource {
        resource: entry,
        needs: texts(neighbours.needs),
        needed_by: texts(neighbours.needed_by),
    };
    Ok(done(printer, "show", Exit::Done, result))
}

/// `validate`: what is wrong with the stack, all of it.
pub(crate) fn validate(
    app: &App,
    args: &args::Validate,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let environment = settings::environment(app, environment, &args.stack.env)?;
    printer.configure(&Output::new(&args.output, &environment)?);
    let source = settings::load(app, &args.stack, None, &environment, Load::Valid)?;
    let (stack, resources) = (source.stack.name().as_str(), source.stack.len());
    printer.result(&format!("{stack} is valid ({}).\n", count(resources, "resource")));
    Ok(done(printer, "validate", Exit::Done, ValidateResult { stack, resources }))
}

/// `graph`: the dependency graph.
pub(crate) fn graph(
    app: &App,
    args: &args::Graph,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let environment = settings::environment(app, environment, &args.stack.env)?;
    printer.configure(&Output::new(&args.output, &environment)?);
    let source = settings::load(app, &args.stack, None, &environment, Load::Valid)?;
    let dot = view::graph::dot(&source.stack, &app.groups);
    if printer.is_json() {
        return Ok(done(printer, "graph", Exit::Done, dot));
    }
    printer.result(&dot);
    Ok(Exit::Done)
}

/// `iam-policy`: what a caller must be allowed.
pub(crate) fn iam_policy(
    app: &App,
    args: &args::IamPolicy,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::IamPolicy { deploy_only, cloud } = args;
    let (source, settings, environment) = prepare(app, cloud, environment, printer, Load::Valid)?;
    let purpose = if environment.on(*deploy_only, "AOMIDORI_DEPLOY_ONLY")? { Purpose::Deploy } else { Purpose::All };
    let place = Place {
        region: settings.region.as_deref().unwrap_or("*"),
        account: settings.account.as_ref().map_or("*", |(account, _)| account),
    };
    let policy = permissions(&source.stack, purpose, place)
        .to_aws(&|_| None)
        .ok_or_else(|| Error::Bug("the policy refers to what is not there".to_owned()))?;
    let text = serde_json::to_string_pretty(&policy).map_err(|error| Error::Bug(error.to_string()))?;
    printer.result(&format!("{text}\n"));
    let length = policy.to_string().len();
    if length > MANAGED_POLICY_LIMIT {
        printer.note(&format!(
            "It has {length} characters, and a managed policy {MANAGED_POLICY_LIMIT} at the most: make one policy of each \
             half of its statements.\n"
        ));
    }
    Ok(done(printer, "iam-policy", Exit::Done, policy))
}

/// Reads a saved plan.
pub(crate) fn plan_file(path: &Path) -> Result<PlanFile, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
        what: "the plan file",
        path: path.to_owned(),
        source,
    })?;
    PlanFile::from_json(&text).map_err(|error| {
        let mut why = error.to_string();
        if let Some(cause) = std::error::Error::source(&error) {
            why.push_str(&format!(": {cause}"));
        }
        Error::PlanFile { path: path.to_owned(), why }
    })
}

/// A saved plan, as it was seen then.
fn saved(app: &App, path: &Path, printer: &mut Printer) -> Result<Exit, Error> {
    let PlanFile { account, region, stack, plan } = plan_file(path)?;
    let header = Header { stack: stack.name().to_string(), target: None, account, region, endpoint: None, speed: 1.0 };
    let show = Show { compact: false, groups: &app.groups, observation: None };
    printer.result(&view::plan::human(&header, &plan, show, printer.out_paint()));
    let result = ShowResult::Plan { plan: Box::new(super::plan::result(&header, &plan)) };
    Ok(done(printer, "show", Exit::Done, result))
}
