//! `emit pipeline`: a pipeline that deploys with this program.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use aomidori_emit::{File, PipelineOptions, Vendor, pipeline as emit};

use super::{save, setting};
use crate::app::App;
use crate::args;
use crate::commands::done;
use crate::commands::session::prepare;
use crate::error::Error;
use crate::exit::Exit;
use crate::settings::{Environment, Load};
use crate::view::Printer;
use crate::view::json::EmitResult;

/// `emit pipeline`: one file, written or printed.
pub(in crate::commands) fn pipeline(
    app: &App,
    args: &args::EmitPipeline,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::EmitPipeline { service, vendor, out, branch, context, force, cloud } = args;
    let (source, settings, environment) = prepare(app, cloud, environment, printer, Load::Valid)?;
    let takes = "`github`, `circleci` or `bitbucket`";
    let vendor = environment.text(vendor.as_ref(), "AOMIDORI_FOR").unwrap_or_default();
    let Some(vendor) = Vendor::ALL.into_iter().find(|it| it.as_str() == vendor) else {
        return Err(setting("--for", &vendor, takes));
    };
    let branch = environment.text(branch.as_ref(), "AOMIDORI_BRANCH").unwrap_or_else(|| "main".to_owned());
    // Vendors take patterns for branches, each in its own language.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if branch.is_empty() || !branch.chars().all(plain) {
        return Err(setting("--branch", &branch, "the name of a branch: letters, digits, `-`, `_`, `.` and `/`"));
    }
    let force = environment.on(*force, "AOMIDORI_FORCE")?;
    let mut variables = BTreeMap::new();
    if let Some(path) = environment.path(cloud.stack.stack.as_ref(), "AOMIDORI_STACK") {
        variables.insert("AOMIDORI_STACK".to_owned(), in_checkout(&path, Path::new("."))?);
    }
    if let Some((account, _)) = &settings.account {
        variables.insert("AOMIDORI_ACCOUNT".to_owned(), account.clone());
    }
    for input in &app.inputs {
        if source.inputs.is_set(&input.key) {
            variables.insert(input.variable(), source.inputs.get(&input.key).to_owned());
        }
    }
    let options = PipelineOptions {
        vendor,
        program: app.called.clone().unwrap_or_else(|| app.title.clone()),
        service: environment.text(service.service.as_ref(), "AOMIDORI_SERVICE"),
        region: settings.region.clone(),
        branch,
        context: environment.text(context.as_ref(), "AOMIDORI_CONTEXT").unwrap_or_else(|| ".".to_owned()),
        variables,
    };
    let file = emit(&source.stack, &options).map_err(|source| Error::EmitFor(Box::new(source)))?;
    let Some(out) = environment.path(out.as_ref(), "AOMIDORI_OUT") else {
        printer.result(&file.text);
        let result = EmitResult {
            folder: String::new(),
            lines: file.text.lines().count(),
            files: vec![file.path],
            changed: Vec::new(),
        };
        return Ok(done(printer, "emit pipeline", Exit::Done, result));
    };
    match (out.extension().and_then(|it| it.to_str()), out.file_name().and_then(|name| name.to_str())) {
        (Some("yml" | "yaml"), Some(name)) => {
            let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            save("emit pipeline", folder, &[File { path: name.to_owned(), text: file.text }], force, printer)
        }
        _ => save("emit pipeline", &out, &[file], force, printer),
    }
}

/// The path of a stack file as a pipeline finds it, which works at the top of a fresh checkout.
fn in_checkout(path: &Path, here: &Path) -> Result<String, Error> {
    let unreadable = |source| Error::Read { what: "the stack file", path: path.to_owned(), source };
    let file = path.canonicalize().map_err(unreadable)?;
    let here = here.canonicalize().map_err(unreadable)?;
    let top = here.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&here);
    let parts = file.strip_prefix(top).ok().map(|inside| {
        let part = |part: Component<'_>| Some(part.as_os_str().to_str()?.to_owned());
        inside.components().map(part).collect::<Option<Vec<String>>>()
    });
    parts.flatten().map(|parts| parts.join("/")).ok_or_else(|| {
        let takes = "in this repository, where a pipeline would find it";
        setting("--stack", &path.display().to_string(), takes)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_pipeline_finds_the_stack_from_the_top_of_the_checkout() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("repository");
        fs::create_dir_all(top.join(".git")).unwrap();
        fs::create_dir_all(top.join("environments/dev")).unwrap();
        for file in ["repository/environments/dev/stack.json", "elsewhere.json"] {
            fs::write(dir.path().join(file), "").unwrap();
        }
        let inside = top.join("environments/dev/stack.json");
        for here in [top.clone(), top.join("environments")] {
            assert_eq!(in_checkout(&inside, &here).unwrap(), "environments/dev/stack.json");
            let said = in_checkout(&dir.path().join("elsewhere.json"), &here).unwrap_err().to_string();
            assert!(said.ends_with("which is not in this repository, where a pipeline would find it"), "{said}");
        }
        // Without a repository, where the program was called is its top.
        assert_eq!(in_checkout(&dir.path().join("elsewhere.json"), dir.path()).unwrap(), "elsewhere.json");
    }
}
