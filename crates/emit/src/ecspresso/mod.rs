//! ecspresso's files, version 2 and later: one folder for each service.
//!
//! ecspresso reads everything as a Go template before it reads it as YAML or JSON; see [`template`]. The keys of the
//! definitions are those of ECS's API, as `ecspresso init` writes them, so that `ecspresso diff` has nothing to say about
//! what is the same.

mod definition;
mod ids;
mod readme;
mod template;
mod variant;

use std::collections::BTreeSet;

use aomidori_model::Stack;
use aomidori_model::kinds::task_definition::ImageTag;

pub use ids::{Ids, Live};

use crate::subject::Subject;
use crate::yaml::{Document, map, text};
use crate::{EmitError, File, valid};
use ids::Resolver;
use template::escape;
use variant::Variant;

/// What can be chosen about ecspresso's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where ids come from.
    pub ids: Ids,
    /// The region, where the stack does not say it.
    pub region: Option<String>,
    /// Image tags that get a task definition of their own, for every service; empty for what the stack declares.
    pub images: Vec<ImageTag>,
    /// Image tags to practise with: a blue/green service whose image has one of them gets a task definition for each.
    pub practice: Vec<ImageTag>,
}

/// A configuration, a service definition and task definitions for every service of a stack, in order of path.
///
/// # Errors
/// The stack is not valid, holds something that ecspresso has no words for, or ids are not known.
pub fn ecspresso(stack: &Stack, options: &Options) -> Result<Vec<File>, EmitError> {
    valid(stack)?;
    let subjects = Subject::all(stack)?;
    if subjects.is_empty() {
        return Err(EmitError::NoServices);
    }
    let region = stack.region().or_else(|| options.region.clone()).ok_or(EmitError::NoRegion)?;
    let mut resolver = Resolver::new(stack, &options.ids)?;
    let mut files = Vec::new();
    let mut rows = Vec::new();
    for (subject, folder) in subjects.iter().zip(folders(&subjects)) {
        let mut add = |name: &str, text: String| files.push(File { path: format!("{folder}/{name}"), text });
        add("ecs-service-def.json", json(&definition::service(subject, &mut resolver))?);
        let variants = variant::variants(subject, options)?;
        for variant in &variants {
            add(&variant.task, json(&definition::task(subject, &mut resolver, variant.tag)?)?);
            add(&variant.config, config(subject, variant, &region, &folder, &options.ids)?);
        }
        rows.push(readme::Row { folder, subject, variants });
    }
    resolver.finish()?;
    files.push(File { path: "README.md".into(), text: readme::readme(stack, &rows, &options.ids) });
    let variables = resolver.variables();
    if !variables.is_empty() {
        let lines: String =
            variables.iter().map(|variable| format!("# {}\n{}=\n", variable.about, variable.name)).collect();
        let about = "# Copy it to `ecspresso.env`, fill it in, and run `ecspresso --envfile ecspresso.env`.\n\n";
        files.push(File { path: "ecspresso.env.example".into(), text: format!("{about}{lines}") });
    }
    files.sort();
    Ok(files)
}

/// The folder of each service: its name, or its address where two have one name.
fn folders(subjects: &[Subject<'_>]) -> Vec<String> {
    // Some file systems take `Web` and `web` for one.
    let name = |subject: &Subject<'_>| subject.service.name.as_str().to_ascii_lowercase();
    let names: BTreeSet<String> = subjects.iter().map(name).collect();
    let unique = names.len() == subjects.len();
    let folder = |subject: &Subject<'_>| {
        if unique { subject.service.name.to_string() } else { subject.address.to_string() }
    };
    subjects.iter().map(folder).collect()
}

fn config(
    subject: &Subject<'_>,
    variant: &Variant<'_>,
    region: &str,
    folder: &str,
    ids: &Ids,
) -> Result<String, EmitError> {
    let word = |word: &str| text(escape(word));
    let mut document = Document::default();
    let mut entries = vec![
        ("required_version", text(">= 2.0.0")),
        ("region", word(region)),
        ("cluster", word(&subject.cluster())),
        ("service", word(subject.service.name.as_str())),
        ("service_definition", text("ecs-service-def.json")),
        ("task_definition", word(&variant.task)),
        ("timeout", text(format!("{}m", subject.minutes()))),
    ];
    if let Some((application, group)) = subject.code_deploy() {
        let names = [("application_name", word(&application)), ("deployment_group_name", word(&group))];
        entries.push(("codedeploy", map(names)));
    }
    if let Ids::TfState { state } = ids {
        let place = if state.contains("://") {
            ("url", word(state))
        } else if state.starts_with('/') {
            ("path", word(state))
        } else {
            // ecspresso looks from where the configuration is.
            let up = "../".repeat(folder.split('/').count());
            ("path", word(&format!("{up}{state}")))
        };
        let plugin = map([("name", text("tfstate")), ("config", map([place]))]);
        entries.push(("plugins", crate::yaml::Yaml::List(vec![plugin])));
    }
    document.section(&[], entries);
    document.text()
}

fn json(value: &serde_json::Value) -> Result<String, EmitError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| EmitError::Bug(error.to_string()))?;
    Ok(format!("{text}\n"))
}
