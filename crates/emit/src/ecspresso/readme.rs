//! The README beside ecspresso's files.

use aomidori_model::Stack;

use super::ids::Ids;
use super::variant::Variant;
use crate::subject::Subject;

/// What it says about one service.
pub(super) struct Row<'a, 'b> {
    pub(super) folder: String,
    pub(super) subject: &'b Subject<'a>,
    pub(super) variants: Vec<Variant<'a>>,
}

pub(super) fn readme(stack: &Stack, rows: &[Row<'_, '_>], ids: &Ids) -> String {
    let mut out = format!("# {} with ecspresso\n\n", stack.name());
    out.push_str("Requires ecspresso 2 or later.\n\n| service | deployed by | configuration | task definition |\n|---|---|---|---|\n");
    for Row { folder, subject, variants } in rows {
        let by = if subject.service.is_code_deploy() { "CodeDeploy" } else { "ECS, rolling" };
        for Variant { config, task, tag: _ } in variants {
            let name = &subject.service.name;
            out.push_str(&format!("| `{name}` | {by} | `{folder}/{config}` | `{folder}/{task}` |\n"));
        }
    }
    let envfile = match ids {
        Ids::Env => " --envfile ecspresso.env",
        Ids::Live(_) | Ids::TfState { .. } => "",
    };
    let (folder, config) = rows
        .iter()
        .find(|row| row.subject.service.is_code_deploy())
        .or(rows.first())
        .and_then(|row| Some((row.folder.as_str(), row.variants.last()?.config.as_str())))
        .unwrap_or_default();
    let config = format!("{folder}/{config}");
    out.push_str("\n```sh\n");
    for verb in ["verify", "diff", "deploy"] {
        out.push_str(&format!("ecspresso{envfile} --config {config} {verb}\n"));
    }
    out.push_str("```\n\n");
    out.push_str(match ids {
        Ids::Live(_) => "Ids are those that were live when this was written; write it again after they change.\n",
        Ids::TfState { .. } => "Ids are read from Terraform's state, by ecspresso's `tfstate` plugin.\n",
        Ids::Env => "Ids are read from the environment; `ecspresso.env.example` lists the variables.\n",
    });
    out.push_str(
        "\nThe number of tasks is left out, so that `deploy` keeps what `scale` or autoscaling set; a service that does not \
         exist yet needs `deploy --tasks N`. All tags are here, the marks of Aomidori among them, because ecspresso removes \
         those that a definition does not name.\n",
    );
    if rows.iter().any(|row| row.subject.service.is_code_deploy()) {
        out.push_str(
            "\nOf a service that CodeDeploy deploys, `diff` may show the other target group: CodeDeploy moves it with every \
             deployment, and `deploy` does not touch it.\n",
        );
    }
    out
}
