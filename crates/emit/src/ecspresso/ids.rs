//! What only AWS knows, ids and ARNs: from what is live, from Terraform's state, or from the environment.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::kinds::LogGroup;
use aomidori_model::{Address, KindName, Reference, Resource, Stack, Target, Value};

use super::template::Template;
use crate::EmitError;

/// Where ids come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ids {
    /// What is live now, by address.
    Live(BTreeMap<Address, Live>),
    /// ecspresso's `tfstate` plugin, over the state of the one root that `emit terraform` writes.
    TfState {
        /// A URL (`s3://BUCKET/KEY`), or a path that is absolute or begins where the files are written.
        state: String,
    },
    /// Variables of ecspresso's environment, listed in `ecspresso.env.example`.
    Env,
}

/// A live resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Its id, in the model's sense.
    pub id: String,
    /// Further outputs by name.
    pub outputs: BTreeMap<String, String>,
}

/// A variable that the files read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// What it holds, in words.
    pub(crate) about: String,
}

/// Puts texts for references, and remembers what it needed.
pub(crate) struct Resolver<'a> {
    stack: &'a Stack,
    ids: &'a Ids,
    places: BTreeMap<Address, String>,
    variables: BTreeMap<Reference, Variable>,
    missing: BTreeSet<String>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(stack: &'a Stack, ids: &'a Ids) -> Result<Resolver<'a>, EmitError> {
        let places = match ids {
            Ids::TfState { .. } => {
                aomidori_hcl::places(stack).map_err(|error| EmitError::Terraform(Box::new(error)))?
            }
            Ids::Live(_) | Ids::Env => BTreeMap::new(),
        };
        Ok(Resolver { stack, ids, places, variables: BTreeMap::new(), missing: BTreeSet::new() })
    }

    /// The variables that were needed, by name.
    pub(crate) fn variables(&self) -> Vec<&Variable> {
        let mut all: Vec<_> = self.variables.values().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// An error if something was not known.
    pub(crate) fn finish(&self) -> Result<(), EmitError> {
        if self.missing.is_empty() { Ok(()) } else { Err(EmitError::NotLive(self.missing.iter().cloned().collect())) }
    }

    /// A text of the stack, with a template's word for what only AWS knows.
    pub(crate) fn value(&mut self, value: &Value) -> Template {
        match value {
            Value::Ref(reference) => self.reference(reference),
            Value::Join(parts) => parts.iter().fold(Template::default(), |text, part| text.then(self.value(part))),
            Value::Int(number) => Template::literal(number.to_string()),
            Value::Bool(flag) => Template::literal(flag.to_string()),
            other => Template::literal(other.as_str().unwrap_or_default()),
        }
    }

    fn reference(&mut self, reference: &Reference) -> Template {
        match (&reference.target, &reference.output) {
            (Target::Id(id), None) => Template::literal(id),
            // Its name is its id.
            (Target::Address(address), None) if reference.kind == KindName::LogGroup => {
                match self.stack.get(address).map(|entry| &entry.resource) {
                    Some(Resource::LogGroup(LogGroup { name, .. })) => Template::literal(name.as_str()),
                    _ => self.missing(address.as_str()),
                }
            }
            (target, _) => match self.ids {
                Ids::Env => self.variable(reference),
                Ids::Live(live) => match target {
                    Target::Address(address) => match live_text(live, address, reference.output.as_deref()) {
                        Some(text) => Template::literal(text),
                        None => self.missing(address.as_str()),
                    },
                    Target::Id(id) => self.missing(id),
                },
                Ids::TfState { .. } => match target {
                    Target::Address(address) => match self.places.get(address) {
                        // Keys in double quotes become keys in single ones; nothing else may need quoting.
                        Some(place) if !place.contains(['`', '\\', '\'']) => {
                            let attribute = reference.output.as_deref().unwrap_or(attribute(reference.kind));
                            // tfstate-lookup takes either, and single ones stand in JSON as they are.
                            let place = place.replace('"', "'");
                            Template::call("tfstate", &format!("{place}.{attribute}"))
                        }
                        _ => self.missing(address.as_str()),
                    },
                    Target::Id(id) => self.missing(id),
                },
            },
        }
    }

    fn missing(&mut self, what: &str) -> Template {
        self.missing.insert(what.to_owned());
        Template::default()
    }

    fn variable(&mut self, reference: &Reference) -> Template {
        if let Some(variable) = self.variables.get(reference) {
            return Template::call("must_env", &variable.name);
        }
        let (of, about) = match &reference.target {
            Target::Address(address) => (address.as_str(), address.to_string()),
            // It goes into a comment.
            Target::Id(id) => (id.as_str(), id.replace(char::is_control, " ")),
        };
        let what = match &reference.output {
            Some(output) if output.ends_with("url") => "url",
            Some(_) => "name",
            None => attribute(reference.kind),
        };
        let words = format!("{of}_{what}");
        let mut name: String =
            words.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            name.insert(0, '_');
        }
        let mut n = 1;
        let taken = |name: &str| self.variables.values().any(|variable| variable.name == name);
        let free = loop {
            let candidate = if n == 1 { name.clone() } else { format!("{name}_{n}") };
            if !taken(&candidate) {
                break candidate;
            }
            n += 1;
        };
        let about = format!("{} of the {} {about}", what.to_uppercase(), reference.kind.info().title);
        let template = Template::call("must_env", &free);
        self.variables.insert(reference.clone(), Variable { name: free, about });
        template
    }
}

/// The attribute in which Terraform's provider keeps what the model calls the id.
fn attribute(kind: KindName) -> &'static str {
    match kind {
        KindName::TargetGroup | KindName::IamRole | KindName::DiscoveryService | KindName::EcsCluster => "arn",
        KindName::EcrRepository => "name",
        _ => "id",
    }
}

fn live_text(live: &BTreeMap<Address, Live>, address: &Address, output: Option<&str>) -> Option<String> {
    let live = live.get(address)?;
    match output {
        None => Some(live.id.clone()),
        Some(output) => live.outputs.get(output).cloned(),
    }
}
