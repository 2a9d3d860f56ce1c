//! Pipelines before judges that we did not write: the vendors' own schemas, as check-jsonschema has them, and zizmor,
//! which reads GitHub's workflows as an attacker would.

use std::path::Path;
use std::process::{Command, Output};

use aomidori_emit::{PipelineOptions, Vendor, pipeline};
use aomidori_practice::{Inputs, stack};
use aomidori_testkit::python::Venv;

use crate::pipelines::options;

#[track_caller]
fn content(mut command: Command, text: &str) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}\n{said}\n{text}");
}

#[test]
fn vendors_take_our_pipelines() {
    let Some(venv) = Venv::with(&["check-jsonschema==0.39.0", "zizmor==1.32.0"]) else { return };
    let stack = stack(&Inputs::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for vendor in Vendor::ALL {
        let schema = match vendor {
            Vendor::GitHub => "vendor.github-workflows",
            Vendor::CircleCi => "vendor.circle-ci",
            Vendor::Bitbucket => "vendor.bitbucket-pipelines",
        };
        for service in ["maintenance-bg", "backend-green"] {
            let plain = options(vendor, service);
            let variables = [("AOMIDORI_STACK".to_owned(), "deploy/${{ it's }}.json".to_owned())].into();
            let other = PipelineOptions {
                program: "shop-tool --verbose".into(),
                branch: "release/1.x".into(),
                variables,
                ..plain.clone()
            };
            for (n, options) in [plain, other].into_iter().enumerate() {
                let file = pipeline(&stack, &options).unwrap();
                let path = folder.path().join(service).join(n.to_string()).join(Path::new(&file.path));
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &file.text).unwrap();
                let mut command = venv.command(["-m", "check_jsonschema", "--builtin-schema", schema]);
                command.arg(&path);
                content(command, &file.text);
                if vendor == Vendor::GitHub {
                    let mut command = venv.program("zizmor");
                    command.args(["--offline", "--no-progress"]).arg(&path);
                    content(command, &file.text);
                }
            }
        }
    }
}
