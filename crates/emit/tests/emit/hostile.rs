//! No text of a stack breaks out of where it is written: JSON, YAML, Go templates, vendors' expressions, shells.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_emit::{EcspressoOptions, Ids, PipelineOptions, Vendor, ecspresso, pipeline};
use aomidori_model::kinds::ecs_service::{Deployment, Rolling};
use aomidori_model::kinds::task_definition::{AwsLogs, Container, ContainerHealthCheck, FargateSize, Image};
use aomidori_model::kinds::{EcsService, TaskDefinition};
use aomidori_model::{Ref, Stack};
use proptest::prelude::*;
use serde_json::Value;

/// A stack with `text` wherever a text is free.
fn stack(text: &str) -> Stack {
    let mut stack = Stack::new("hostile".parse().unwrap());
    let container = Container {
        name: "app".parse().unwrap(),
        image: Image::Digest { repository: Ref::existing(text), digest: "sha256:0".into() },
        essential: true,
        ports: BTreeSet::new(),
        command: Some(vec![text.to_owned(), format!("{text}{{")]),
        entry_point: Some(vec![text.to_owned()]),
        environment: BTreeMap::from([("TEXT".to_owned(), text.to_owned()), (format!("K{text}"), "v".to_owned())]),
        secrets: BTreeMap::from([("SECRET".to_owned(), text.to_owned())]),
        cpu: None,
        memory: None,
        logs: Some(AwsLogs { group: Ref::existing(text), region: "eu-west-1".into(), stream_prefix: text.to_owned() }),
        health_check: Some(ContainerHealthCheck {
            command: vec!["CMD".into(), text.to_owned()],
            interval: 30,
            timeout: 5,
            retries: 3,
            start_period: None,
        }),
        readonly_root_filesystem: None,
        init_process: None,
    };
    let definition = stack.add(
        "app/task",
        TaskDefinition {
            family: "app".parse().unwrap(),
            size: FargateSize::new(256, 512).unwrap(),
            execution_role: Some(Ref::existing(text)),
            task_role: None,
            cpu_architecture: None,
            containers: vec![container],
        },
    );
    let service = EcsService {
        name: "app".parse().unwrap(),
        cluster: Ref::existing(text),
        task_definition: definition,
        desired_count: None,
        subnets: BTreeSet::from([Ref::existing(text)]),
        security_groups: BTreeSet::from([Ref::existing(text)]),
        assign_public_ip: false,
        platform_version: Some(text.to_owned()),
        enable_execute_command: None,
        health_check_grace_period: None,
        capacity_providers: std::collections::BTreeMap::new(),
        propagate_tags: None,
        managed_tags: None,
        deployment: Deployment::Rolling(Rolling::default()),
    };
    stack.add("app/service", service);
    stack
}

/// What Go's `text/template` makes of a text whose actions are raw strings and `must_env`: the text between actions as it
/// is, an action's raw string, and `ENV(NAME)` for a variable. Written after Go's documentation, not after the emitter.
fn render(template: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at]);
        let action = &rest[at + 2..];
        // Inside an action a raw string hides everything up to the next backtick.
        let (mut end, mut raw) = (None, false);
        for (n, c) in action.char_indices() {
            if c == '`' {
                raw = !raw;
            } else if !raw && action[n..].starts_with("}}") {
                end = Some(n);
                break;
            }
        }
        let end = end.unwrap_or_else(|| panic!("an action does not end: {template}"));
        let words = action[..end].trim();
        let argument = |words: &str| {
            let inner = words.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
            inner
                .filter(|inner| !inner.contains('`'))
                .unwrap_or_else(|| panic!("not one raw string: {words}"))
                .to_owned()
        };
        match words.strip_prefix("must_env ") {
            Some(name) => out.push_str(&format!("ENV({})", argument(name.trim()))),
            None => out.push_str(&argument(words)),
        }
        rest = &action[end + 2..];
    }
    out + rest
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(map) => map.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}

/// The shape of a value, without its texts.
fn shape(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}:{}", shape(value))).collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::String(_) => "s".to_owned(),
        other => other.to_string(),
    }
}

fn files(text: &str) -> BTreeMap<String, String> {
    let options = EcspressoOptions { ids: Ids::Env, region: None, images: Vec::new(), practice: Vec::new() };
    ecspresso(&stack(text), &options).unwrap().into_iter().map(|file| (file.path, file.text)).collect()
}

fn check_ecspresso(text: &str) -> Result<(), TestCaseError> {
    let (files, plain) = (files(text), files("plain"));
    prop_assert_eq!(files.keys().collect::<Vec<_>>(), plain.keys().collect::<Vec<_>>());
    for name in ["app/ecs-service-def.json", "app/ecs-task-def.json"] {
        // Good JSON before the template is rendered and after.
        let before: Value = serde_json::from_str(&files[name]).unwrap();
        prop_assert_eq!(shape(&before), shape(&serde_json::from_str(&plain[name]).unwrap()));
        let after: Value = serde_json::from_str(&render(&files[name])).unwrap();
        prop_assert_eq!(shape(&before), shape(&after));
        let mut found = Vec::new();
        strings(&after, &mut found);
        let wanted = if name.contains("service") { 3 } else { 8 };
        prop_assert!(found.iter().filter(|it| *it == text).count() >= wanted, "{text:?} in {found:?}");
        if name.contains("task") {
            let open = format!("{text}{{");
            prop_assert!(found.contains(&open), "{open:?} in {found:?}");
        }
    }
    for value in [&files["app/ecspresso.yml"], &render(&files["app/ecspresso.yml"])] {
        let config: Value = serde_saphyr::from_str(value).unwrap();
        prop_assert_eq!(config.as_object().unwrap().len(), 7);
    }
    let config: Value = serde_saphyr::from_str(&render(&files["app/ecspresso.yml"])).unwrap();
    prop_assert_eq!(config["cluster"].as_str(), text.rsplit('/').next());
    // Comments and assignments, and nothing else.
    let lines = |text: &str| text.lines().map(|line| line.starts_with('#') || line.is_empty()).collect::<Vec<_>>();
    let (example, other) = (&files["ecspresso.env.example"], &plain["ecspresso.env.example"]);
    prop_assert_eq!(lines(example), lines(other));
    Ok(())
}

fn check_pipeline(text: &str) -> Result<(), TestCaseError> {
    for vendor in Vendor::ALL {
        let of = |text: &str| {
            let options = PipelineOptions {
                vendor,
                program: "cargo xtask".into(),
                service: None,
                region: None,
                branch: "main".into(),
                context: text.to_owned(),
                variables: BTreeMap::from([("AOMIDORI_ODD".to_owned(), text.to_owned())]),
            };
            pipeline(&stack(text), &options).unwrap().text
        };
        let (odd, plain): (Value, Value) =
            (serde_saphyr::from_str(&of(text)).unwrap(), serde_saphyr::from_str(&of("plain")).unwrap());
        prop_assert_eq!(shape(&odd), shape(&plain));
        let mut found = Vec::new();
        strings(&odd, &mut found);
        match vendor {
            // As GitHub evaluates it: the expression that yields `${{` is the only one.
            Vendor::GitHub => {
                let value = odd["env"]["AOMIDORI_ODD"].as_str().unwrap();
                prop_assert_eq!(value.replace("${{ '${{' }}", "${{"), text);
                prop_assert_eq!(value.matches("${{").count(), 2 * text.matches("${{").count());
            }
            Vendor::CircleCi => {
                let value = odd["executors"]["program"]["environment"]["AOMIDORI_ODD"].as_str().unwrap();
                prop_assert_eq!(value.replace("\\<<", "<<"), text);
                prop_assert!(!value.replace("\\<<", "").contains("<<"));
            }
            // As a shell reads it.
            Vendor::Bitbucket => {
                let line = found.iter().find_map(|it| it.strip_prefix("export AOMIDORI_ODD=")).unwrap();
                prop_assert_eq!(unquote(line), text);
            }
        }
        // Scripts name variables, and hold nothing of the stack.
        let mut other = Vec::new();
        strings(&plain, &mut other);
        for (odd, plain) in found.iter().zip(&other) {
            if odd != plain {
                prop_assert!(
                    odd.starts_with("export ") || !odd.contains("cargo xtask"),
                    "{odd:?} instead of {plain:?}"
                );
            }
        }
    }
    Ok(())
}

/// One word of a POSIX shell.
fn unquote(word: &str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        match c {
            '\'' => {
                let end = rest[1..].find('\'').unwrap_or_else(|| panic!("not closed: {word}"));
                out.push_str(&rest[1..=end]);
                rest = &rest[end + 2..];
            }
            '\\' => {
                let next = rest[1..].chars().next().unwrap();
                out.push(next);
                rest = &rest[1 + next.len_utf8()..];
            }
            c if c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c) => {
                out.push(c);
                rest = &rest[1..];
            }
            other => panic!("a shell would read {other:?} in {word}"),
        }
    }
    out
}

#[test]
fn templates_expressions_and_quotes_stay_texts() {
    for text in [
        "{{ must_env `HOME` }}",
        "{{",
        "{{{",
        "a{",
        "}}",
        "{{- /* x */ -}}",
        "`{{`",
        "${{ secrets.TOKEN }}",
        "$${{{x",
        "<< pipeline.id >>",
        "<<<",
        "\"\n}: - a: &b *c !d",
        "'; rm -rf / #",
        "$(id)",
        "# comment",
        "on",
        "1e3",
        "~",
        "a: b",
        "- a",
        "line\nline\n",
        "\n",
        "\n\n ",
        " spaces ",
        "\ttab",
    ] {
        check_ecspresso(text).unwrap();
        check_pipeline(text).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_text_stays_a_text(text in "(\\PC|[\"\\\\$%{}<>`'#:&*!|>\\-\\n\\t ]){1,20}") {
        check_ecspresso(&text)?;
        check_pipeline(&text)?;
    }

    #[test]
    fn any_braces_stay_braces(text in "[{}` -]{1,12}") {
        check_ecspresso(&text)?;
    }
}
