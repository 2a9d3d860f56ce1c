//! Pipelines of the practice environment, in `fixtures/pipeline`.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_emit::{File, PipelineOptions, Vendor, pipeline};
use aomidori_practice::{Inputs, stack};
use serde_json::Value;

use crate::golden::check;

pub(crate) fn options(vendor: Vendor, service: &str) -> PipelineOptions {
    PipelineOptions {
        vendor,
        program: "cargo xtask".into(),
        service: Some(service.to_owned()),
        region: None,
        branch: "main".into(),
        context: ".".into(),
        variables: BTreeMap::new(),
    }
}

fn emitted(service: &str) -> Vec<(Vendor, File)> {
    let stack = stack(&Inputs::default()).unwrap();
    let one = |vendor| {
        let options = options(vendor, service);
        let file = pipeline(&stack, &options).unwrap();
        assert_eq!(file, pipeline(&stack, &options).unwrap(), "the same stack gives the same bytes");
        (vendor, file)
    };
    Vendor::ALL.into_iter().map(one).collect()
}

fn golden(name: &str) {
    let files: Vec<File> = emitted(name).into_iter().map(|(_, file)| file).collect();
    check(&format!("pipeline/{name}"), files);
}

#[test]
fn a_service_that_waits_for_re_routing() {
    golden("maintenance-bg");
}

#[test]
fn a_rolling_service() {
    golden("backend-green");
}

fn parsed(file: &File) -> Value {
    serde_saphyr::from_str(&file.text).unwrap_or_else(|error| panic!("{}: {error}\n{}", file.path, file.text))
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(map) => map.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}

#[test]
fn every_job_that_is_needed_is_there() {
    for service in ["maintenance-bg", "backend-green"] {
        for (vendor, file) in emitted(service) {
            let value = parsed(&file);
            match vendor {
                Vendor::GitHub => {
                    let jobs = value["jobs"].as_object().unwrap();
                    for (name, job) in jobs {
                        for need in job["needs"].as_array().into_iter().flatten() {
                            assert!(jobs.contains_key(need.as_str().unwrap()), "{name} needs {need}");
                        }
                        // What an expression reads of another job is needed, and an output of it.
                        let mut texts = Vec::new();
                        strings(job, &mut texts);
                        for text in texts {
                            for rest in text.split("needs.").skip(1) {
                                let mut parts = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
                                let (of, what, output) = (parts.next().unwrap(), parts.next().unwrap(), parts.next());
                                assert!(job["needs"].as_array().unwrap().iter().any(|it| it == of), "{name}: {text}");
                                if what == "outputs" {
                                    assert!(jobs[of]["outputs"].get(output.unwrap()).is_some(), "{name}: {text}");
                                }
                            }
                        }
                    }
                }
                Vendor::CircleCi => {
                    let jobs = value["jobs"].as_object().unwrap();
                    let steps = value["workflows"]["deploy"]["jobs"].as_array().unwrap();
                    let named: BTreeSet<&String> =
                        steps.iter().flat_map(|step| step.as_object().unwrap().keys()).collect();
                    for (name, step) in steps.iter().flat_map(|step| step.as_object().unwrap()) {
                        assert!(step["type"] == "approval" || jobs.contains_key(name), "{name} is no job");
                        for need in step["requires"].as_array().into_iter().flatten() {
                            assert!(named.contains(&need.as_str().unwrap().to_owned()), "{name} requires {need}");
                        }
                    }
                    for (name, job) in jobs {
                        assert!(named.contains(name), "nothing runs {name}");
                        let executor = job["executor"].as_str().unwrap();
                        assert!(value["executors"].get(executor).is_some(), "{name} runs on {executor}");
                        for step in job["steps"].as_array().unwrap().iter().filter_map(Value::as_str) {
                            assert!(value["commands"].get(step).is_some(), "{name} does {step}");
                        }
                    }
                }
                Vendor::Bitbucket => {
                    let caches = value["definitions"]["caches"].as_object().unwrap();
                    let steps = value["pipelines"]["branches"]["main"].as_array().unwrap();
                    let mut texts = Vec::new();
                    for step in steps {
                        texts.extend(step["step"]["caches"].as_array().into_iter().flatten());
                    }
                    assert!(texts.iter().all(|cache| caches.contains_key(cache.as_str().unwrap())));
                }
            }
        }
    }
}

/// All verbs of our program, in order.
fn verbs(file: &File) -> Vec<String> {
    let mut texts = Vec::new();
    strings(&parsed(file), &mut texts);
    let lines = texts.iter().flat_map(|text| text.lines());
    lines.filter_map(|line| line.strip_prefix("cargo xtask ").map(str::to_owned)).collect()
}

#[test]
fn production_moves_only_after_the_gate() {
    for (vendor, file) in emitted("maintenance-bg") {
        let verbs = verbs(&file);
        for verb in ["register \"$SERVICE\" --image", "deploy \"$SERVICE\" --image", "reroute \"$SERVICE\"", "rollback"]
        {
            assert_eq!(verbs.iter().filter(|line| line.starts_with(verb)).count(), 1, "{vendor:?} {verb} in {verbs:?}");
        }
        assert!(verbs.iter().any(|line| line.starts_with("deploy") && line.contains("--wait ready")));
        let value = parsed(&file);
        match vendor {
            Vendor::GitHub => {
                assert_eq!(value["jobs"]["reroute"]["environment"], "dev-codedeploy-practice");
                assert!(value["jobs"]["deploy"].get("environment").is_none());
                assert_eq!(value["concurrency"]["group"], "dev-codedeploy-practice");
                assert_eq!(value["concurrency"]["cancel-in-progress"], false);
            }
            Vendor::CircleCi => {
                let jobs = value["workflows"]["deploy"]["jobs"].as_array().unwrap();
                let of = |name: &str| jobs.iter().find_map(|job| job.get(name)).unwrap();
                assert_eq!(of("reroute")["requires"][0], "approve-reroute");
                assert_eq!(of("approve-reroute")["type"], "approval");
                assert_eq!(of("rollback")["requires"][0], "approve-rollback");
            }
            Vendor::Bitbucket => {
                let steps = value["pipelines"]["branches"]["main"].as_array().unwrap();
                let decide = steps.last().unwrap()["parallel"].as_array().unwrap();
                assert!(decide.iter().all(|step| step["step"]["trigger"] == "manual"));
            }
        }
    }
}

#[test]
fn nothing_secret_is_stored_and_no_failure_is_swallowed() {
    for service in ["maintenance-bg", "backend-green"] {
        for (vendor, file) in emitted(service) {
            for word in ["SECRET_ACCESS_KEY", "ACCESS_KEY_ID", "|| true", "continue-on-error", "set +e", "set -x"] {
                assert!(!file.text.contains(word), "{vendor:?} says {word}");
            }
        }
    }
}

#[test]
fn another_stack_is_found_again() {
    let stack = stack(&Inputs::default()).unwrap();
    for vendor in Vendor::ALL {
        let variables = [("AOMIDORI_STACK".to_owned(), "deploy/shop.json".to_owned())].into();
        let file = pipeline(&stack, &PipelineOptions { variables, ..options(vendor, "backend-blue") }).unwrap();
        assert!(file.text.contains("AOMIDORI_STACK") && file.text.contains("deploy/shop.json"));
    }
}
