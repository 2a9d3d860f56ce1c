//! Where the stack comes from: the host's function with its inputs, or a file.

use std::path::Path;
use std::sync::Arc;

use aomidori_model::Stack;

use super::Environment;
use crate::app::{App, BoxError, InputKey, Inputs, InvalidInput, InvalidInputs, Origin};
use crate::args;
use crate::error::{Error, InvalidValue};

/// A stack, and what is known about where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) stack: Arc<Stack>,
    pub(crate) inputs: Inputs,
}

/// What is to be done with a stack before it is used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Load<'a> {
    /// It is validated.
    Valid,
    /// It is not: what is wrong with a stack is no reason to keep it alive.
    Any,
    /// It is not made at all: it is this one, of a plan file.
    Given(&'a Stack),
}

/// Makes the stack, and validates it if it is to be.
///
/// `region` is `--region`, which sets an input of that name too.
///
/// # Errors
/// What is wrong with the inputs, the file, or the stack: all problems at once.
pub(crate) fn load(
    app: &App,
    args: &args::StackSource,
    region: Option<&str>,
    environment: &Environment,
    load: Load<'_>,
) -> Result<Source, Error> {
    if let Load::Given(stack) = load {
        if !args.set.is_empty() {
            let origins = args.set.iter().map(|set| format!("`--set {set}`")).collect();
            return Err(Error::InputsWithStackFile { origins });
        }
        return Ok(Source { stack: Arc::new(stack.clone()), inputs: Inputs::default() });
    }
    let source = match environment.path(args.stack.as_ref(), "AOMIDORI_STACK") {
        Some(path) => {
            if !args.set.is_empty() {
                let origins = args.set.iter().map(|set| format!("`--set {set}`")).collect();
                return Err(Error::InputsWithStackFile { origins });
            }
            Source { stack: Arc::new(read(&path)?), inputs: Inputs::default() }
        }
        None => {
            let inputs = inputs(app, &args.set, region, environment)?;
            let stack = (app.build)(&inputs).map_err(|error| explain(app, &inputs, error))?;
            Source { stack: Arc::new(stack), inputs }
        }
    };
    if matches!(load, Load::Any) {
        return Ok(source);
    }
    let problems = source.stack.validate();
    if problems.is_empty() { Ok(source) } else { Err(Error::InvalidStack(problems)) }
}

/// Reads a stack file.
pub(crate) fn read(path: &Path) -> Result<Stack, Error> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Read { what: "the stack file", path: path.to_owned(), source })?;
    Stack::from_json_bytes(&bytes).map_err(|source| Error::StackFile { path: path.to_owned(), source })
}

/// The inputs: flag, then variable, then env file, then default.
fn inputs(app: &App, set: &[String], region: Option<&str>, environment: &Environment) -> Result<Inputs, Error> {
    let mut inputs = Inputs::default();
    for declared in &app.inputs {
        let InputKey { key, default, help: _ } = declared;
        let (value, origin) = match environment.find(&declared.variable()) {
            Some((value, origin)) => (value.to_owned(), origin),
            None => (default.clone(), Origin::Default),
        };
        inputs.insert(key, value, origin);
    }
    if let (Some(region), true) = (region, app.inputs.iter().any(|input| input.key == "region")) {
        inputs.insert("region", region.to_owned(), Origin::Flag(format!("--region {region}")));
    }
    for assignment in set {
        let Some((key, value)) = assignment.split_once('=') else {
            return Err(Error::NotAnAssignment { given: assignment.clone() });
        };
        let origin = Origin::Flag(format!("--set {assignment}"));
        // `nat_gateways` and `nat-gateways` are one: the variable cannot tell them apart either.
        let same = |input: &&InputKey| input.key.replace('-', "_") == key.trim().replace('-', "_");
        let Some(declared) = app.inputs.iter().find(same) else {
            return Err(Error::UnknownInput {
                key: key.trim().to_owned(),
                origin: origin.words(),
                known: app.inputs.iter().map(|input| input.key.clone()).collect(),
            });
        };
        inputs.insert(&declared.key, value.to_owned(), origin);
    }
    Ok(inputs)
}

/// What a host's function returned, as an error that names the inputs.
fn explain(app: &App, inputs: &Inputs, error: BoxError) -> Error {
    let error = match error.downcast::<InvalidInputs>() {
        Ok(many) => return Error::InvalidInputs(many.0.into_iter().map(|one| value(app, inputs, one)).collect()),
        Err(other) => other,
    };
    match error.downcast::<InvalidInput>() {
        Ok(one) => Error::InvalidInputs(vec![value(app, inputs, *one)]),
        Err(other) => Error::Build(other),
    }
}

fn value(app: &App, inputs: &Inputs, invalid: InvalidInput) -> InvalidValue {
    let InvalidInput { key, value, source } = invalid;
    let help = app.inputs.iter().find(|input| input.key == key).map(|input| {
        let help = input.help.trim_end_matches('.');
        if input.default.is_empty() { help.to_owned() } else { format!("{help} (default `{}`)", input.default) }
    });
    let origin = inputs.origin(&key).map_or_else(|| "the program".to_owned(), Origin::words);
    InvalidValue { key, value, origin, why: source.to_string(), help }
}
