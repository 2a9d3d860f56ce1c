//! Terraform from a stack: modules, roots and import blocks that read as if written by hand.
//!
//! [`emit`] is a pure function of a [`Stack`] and [`Options`]: the same input gives the same bytes. Groups of the stack
//! become modules, references between groups typed variables and outputs. What the stack's marks give to CodeDeploy becomes
//! `ignore_changes`; the order that no reference states becomes `depends_on`; the tags that make a resource the stack's are
//! there from the start, so that what Terraform applies is Aomidori's at once.
//!
//! ```
//! use aomidori_hcl::{Options, emit};
//! use aomidori_model::Stack;
//! use aomidori_model::kinds::Vpc;
//!
//! let mut stack = Stack::new("shop-staging".parse()?);
//! stack.add("network/vpc", Vpc { cidr: "10.0.0.0/16".parse()?, dns_support: None, dns_hostnames: None });
//! let files = emit(&stack, &Options { region: Some("eu-central-1".into()), ..Options::default() })?;
//! assert!(files.iter().any(|file| file.path == "modules/network/main.tf"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Versions of the AWS provider
//!
//! What is emitted is for 5.80 and later and for 6. Held against the upgrade guide of version 6: of these resources it takes
//! away `vpc` of `aws_eip` (`domain` is written), `inference_accelerator` of `aws_ecs_task_definition`, and settings of
//! mutual TLS of `aws_lb_listener` that are never written; of data sources it deprecates `name` of `aws_region` and takes
//! `tags_all` from `aws_service_discovery_service`, neither of which is used: the region is a variable. Version 6 gives most
//! resources an argument `region` of their own, so none is ever written with another meaning. In 5.100 nothing that is
//! written is deprecated (of these types only `vpc`, and `managed_policy_arns` and `inline_policy` of `aws_iam_role`, for
//! which there are resources here). One thing is in version 6: `failure_threshold` of
//! `aws_service_discovery_service.health_check_custom_config`. It stays, with a warning there: an empty block makes no
//! health check, and is wanted again with every plan (issues 35559 and 44285 of the provider).
//!
//! # How
//!
//! `lower` makes of each kind resources of Terraform, `family` and `overlay` find what `for_each` covers, `wiring` what
//! modules give each other, `write` and `module` make text of a module, `twins` finds those that are one, `root` makes text of
//! a root.

mod compare;
mod family;
mod import;
mod inputs;
mod ir;
mod layout;
mod lower;
mod module;
mod names;
mod overlay;
mod readme;
mod record;
mod root;
mod testing;
mod text;
mod twins;
mod wiring;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Address, Entry, Problem, Stack};

pub use compare::{Change, MANIFEST, compare, emitted_before, manifest, manifest_meanwhile};
pub use import::{Live, MissingImport};
pub use record::{Conflict, RECORD, Record};

/// What can be chosen about what is emitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// One root, or one for each life span.
    pub layout: Layout,
    /// Where state is kept.
    pub backend: Backend,
    /// The region, where the stack does not say it by its zones.
    pub region: Option<String>,
    /// The account, if it is known: where policies name it, they name the one of the credentials.
    pub account: Option<String>,
    /// Live ids by address: with them import blocks are emitted.
    pub import: Option<BTreeMap<Address, Live>>,
    /// What was emitted into the folder before: names stay as they are there, and what moves is said to.
    pub before: Option<Record>,
}

/// How roots are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One root.
    #[default]
    Single,
    /// `across`, `ENVIRONMENT` and `ENVIRONMENT/code_deploy`, which read each other's state: the group `across`, the groups
    /// with CodeDeploy's kinds that nothing else refers to, and the rest.
    Split,
}

/// Where state is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// A file in the root's folder.
    #[default]
    Local,
    /// S3, with a lock file beside the state.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key of the state; the split layout puts each root's folder behind it.
        key: String,
        /// The bucket's region.
        region: String,
    },
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Its path below the folder that is emitted to, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Why a stack cannot be emitted.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The stack itself is wrong.
    #[error("the stack has {} problems, the first: {}", .0.len(), .0.first().map(|problem| problem.message.as_str()).unwrap_or_default())]
    Invalid(Vec<Problem>),
    /// Terraform, or this emitter, has no words for something.
    #[error("`{address}` cannot be emitted: {what}")]
    Unsupported {
        /// What it is about.
        address: Address,
        /// What there are no words for.
        what: String,
    },
    /// What was written does not parse: a bug of the emitter.
    #[error("the emitted `{path}` does not parse: this is a bug in Aomidori")]
    Syntax {
        /// The file.
        path: String,
        /// What the parser says.
        #[source]
        source: Box<hcl::Error>,
    },
    /// Import blocks were asked for, and live ids are missing.
    #[error("{} resources have no live id to import, the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Import(Vec<MissingImport>),
}

/// The Terraform configuration of a stack, in order of path.
///
/// # Errors
/// The stack is not valid, or holds something that cannot be said in Terraform.
pub fn emit(stack: &Stack, options: &Options) -> Result<Vec<File>, EmitError> {
    let problems = stack.validate();
    if !problems.is_empty() {
        return Err(EmitError::Invalid(problems));
    }
    let mut instances = lower::lower(stack, options.import.is_some())?;
    if let Some(live) = &options.import {
        import::keep(stack, &mut instances, live);
    }
    composed(&instances)?;
    let region = stack.region().or_else(|| options.region.clone());
    let names = names::Names::new(stack, region, options.account.clone(), &instances);
    let before = record::Before::new(options.before.as_ref(), stack.name().as_str(), &instances);
    let (families, places) = family::families(&instances, &before);
    let (outputs, unhung) = wiring::outputs(&families, &places);
    let uses: Vec<BTreeSet<usize>> = families.iter().map(|family| family.uses(&places)).collect();
    let source = module::Source {
        families: &families,
        uses: &uses,
        places: &places,
        outputs: &outputs,
        unhung: &unhung,
        names: &names,
    };
    let modules = twins::modules(&source, &instances);
    let plans = root::plan(stack, &families, &uses, options.layout);
    let parts =
        root::Parts { modules: &modules, families: &families, uses: &uses, names: &names, backend: &options.backend };
    let mut files: Vec<File> = plans.iter().flat_map(|plan| root::root(plan, &plans, &parts)).collect();
    if let Some(live) = &options.import {
        files.extend(import::files(stack, &instances, &families, &places, &plans, live)?);
    }
    let folders: BTreeMap<&str, &module::Module> =
        modules.iter().rev().map(|module| (module.folder.as_str(), module)).collect();
    for (folder, module) in folders {
        let file =
            |(path, text): (&String, &String)| File { path: format!("modules/{folder}/{path}"), text: text.clone() };
        files.extend(module.files.iter().map(file));
    }
    let name = stack.name().as_str();
    let record = record::record(name, options.layout, &families, &places, &plans, options.before.as_ref());
    files.extend(record::files(&record));
    files.push(File { path: ".gitignore".into(), text: ".terraform/\n*.tfstate\n*.tfstate.*\n".into() });
    files.sort();
    for file in files.iter().filter(|file| file.path.ends_with(".tf") || file.path.ends_with(".hcl")) {
        if let Err(source) = hcl::parse(&file.text) {
            return Err(EmitError::Syntax { path: file.path.clone(), source: Box::new(source) });
        }
    }
    Ok(files)
}

/// Where each resource stands in the configuration of one root, by its address: `module.network.aws_subnet.private["a"]`.
///
/// # Errors
/// As [`emit`].
pub fn places(stack: &Stack) -> Result<BTreeMap<Address, String>, EmitError> {
    let problems = stack.validate();
    if !problems.is_empty() {
        return Err(EmitError::Invalid(problems));
    }
    let instances = lower::lower(stack, false)?;
    let (families, places) = family::families(&instances, &record::Before::default());
    let place = |address: &Address, entry: &Entry| {
        let (n, key) = places.get(&ir::Id::of(lower::terraform_type(&entry.resource), address))?;
        Some((address.clone(), families.get(*n)?.place(key.as_deref())))
    };
    Ok(stack.iter().filter_map(|(address, entry)| place(address, entry)).collect())
}

/// Refuses texts that Terraform would not keep: it composes letters and accents (Unicode's form C), whatever is written.
fn composed(instances: &BTreeMap<ir::Id, ir::Instance>) -> Result<(), EmitError> {
    let normal = icu_normalizer::ComposingNormalizerBorrowed::new_nfc();
    for instance in instances.values() {
        let mut bad: Option<&str> = None;
        ir::Item::walk(&instance.body, &mut |node| {
            let texts: Vec<&String> = match node {
                ir::Node::Str(text) | ir::Node::Name(text) => vec![text],
                ir::Node::Map(items) => items.iter().map(|(key, _)| key).collect(),
                _ => Vec::new(),
            };
            bad = bad.or(texts.into_iter().find(|text| !normal.is_normalized(text)).map(String::as_str));
        });
        if let Some(text) = bad {
            let what = format!(
                "Terraform puts letters and their accents together, so \"{}\" would be another text there; write it composed \
                 (NFC)",
                text.escape_default()
            );
            return Err(EmitError::Unsupported { address: instance.id.address.clone(), what });
        }
    }
    Ok(())
}
