//! No text of a stack breaks out of where it is written.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_hcl::{Options, emit};
use aomidori_model::kinds::listener::{Action, FixedResponse, ListenerProtocol};
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_model::kinds::task_definition::{Container, FargateSize, Image};
use aomidori_model::kinds::{Listener, LoadBalancer, TaskDefinition};
use aomidori_model::{Port, Ref, Stack};
use proptest::prelude::*;

/// A stack with `text` wherever a text is free.
fn stack(text: &str) -> Stack {
    let mut stack = Stack::new("hostile".parse().unwrap());
    let container = Container {
        name: "app".parse().unwrap(),
        image: Image::Uri(text.to_owned()),
        essential: true,
        ports: BTreeSet::new(),
        command: Some(vec![text.to_owned()]),
        entry_point: None,
        environment: BTreeMap::from([("TEXT".to_owned(), text.to_owned())]),
        secrets: BTreeMap::new(),
        cpu: None,
        memory: None,
        logs: None,
        health_check: None,
        readonly_root_filesystem: None,
        init_process: None,
    };
    let definition = TaskDefinition {
        family: "app".parse().unwrap(),
        size: FargateSize::new(256, 512).unwrap(),
        execution_role: None,
        task_role: None,
        cpu_architecture: None,
        containers: vec![container],
    };
    stack.add("app/task", definition);
    let balancer = LoadBalancer {
        name: "hostile".parse().unwrap(),
        scheme: Scheme::Internal,
        subnets: BTreeSet::from([Ref::existing("subnet-1"), Ref::existing("subnet-2")]),
        security_groups: BTreeSet::from([Ref::existing("sg-1")]),
        attributes: BTreeMap::new(),
    };
    let load_balancer = stack.add("app/balancer", balancer);
    let response = FixedResponse { status: 200, content_type: None, body: Some(text.to_owned()) };
    let listener = Listener {
        load_balancer,
        port: Port::HTTP,
        protocol: ListenerProtocol::Http,
        default_action: Action::FixedResponse(response),
    };
    stack.add("app/listener", listener);
    stack
}

/// Every literal of an expression, with what HCL makes of it.
fn literals(expression: &hcl::Expression, found: &mut Vec<String>) {
    use hcl::Expression as E;
    match expression {
        E::String(text) => found.push(text.clone()),
        E::Array(items) => items.iter().for_each(|item| literals(item, found)),
        E::Object(items) => items.values().for_each(|item| literals(item, found)),
        E::FuncCall(call) => call.args.iter().for_each(|item| literals(item, found)),
        E::TemplateExpr(template) => {
            use hcl::eval::Evaluate;
            if let Ok(hcl::Value::String(text)) = template.evaluate(&hcl::eval::Context::new()) {
                found.push(text);
            }
        }
        _ => {}
    }
}

fn body_literals(body: &hcl::Body, found: &mut Vec<String>) {
    body.attributes().for_each(|attribute| literals(&attribute.expr, found));
    body.blocks().for_each(|block| body_literals(&block.body, found));
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let files = emit(&stack(text), &Options { region: Some("eu-west-1".into()), ..Options::default() })
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    let file = |path: &str| files.iter().find(|file| file.path == path).unwrap();
    let all = ["modules/app/main.tf", "modules/app/task_definitions.tf", "modules/app/load_balancer.tf"];
    let mut found = Vec::new();
    let mut blocks = 0;
    for path in all.into_iter().filter(|path| files.iter().any(|file| file.path == *path)) {
        let body: hcl::Body = hcl::parse(&file(path).text).unwrap();
        blocks += body.blocks().filter(|block| block.identifier() == "resource").count();
        body_literals(&body, &mut found);
    }
    prop_assert_eq!(blocks, 3);
    // Image, command, environment, body.
    prop_assert!(found.iter().filter(|literal| *literal == text).count() >= 4, "{text:?} in {found:?}");
    Ok(())
}

#[test]
fn templates_quotes_and_newlines_stay_texts() {
    for text in
        ["${file(\"/etc/passwd\")}", "%{ for x in y }", "\"\n}\nresource \"a\" \"b\" {", "$${x}", "\\\"", "$$", "%%{x"]
    {
        check(text).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_stays_a_text(text in "(\\PC|[\"\\\\$%{}\\n\\t]){1,20}") {
        check(&text)?;
    }
}
