//! No text of a stack breaks out of where it is written.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_hcl::{EmitError, File, Live, Options, emit};
use aomidori_local::{LocalCloud, Options as Cloud};
use aomidori_model::kinds::ecr_repository::{
    Encryption, Expiry, ImageSelection, LifecyclePolicy, LifecycleRule, TagMutability,
};
use aomidori_model::kinds::listener::{Action, FixedResponse, ListenerProtocol, Redirect};
use aomidori_model::kinds::listener_rule::{Condition, QueryParameter};
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_model::kinds::task_definition::{AwsLogs, Container, ContainerHealthCheck, FargateSize, Image};
use aomidori_model::kinds::{
    EcrRepository, IamPolicy, IamRole, Listener, ListenerRule, LoadBalancer, LogGroup, TaskDefinition,
};
use aomidori_model::policy::{PolicyDocument, PolicyResource, Statement};
use aomidori_model::{Port, Ref, Stack};
use aomidori_testkit::Terraform;
use proptest::prelude::*;

/// A stack with `text` wherever a text is free.
fn stack(text: &str) -> Stack {
    let mut stack = Stack::new("hostile".parse().unwrap());
    let free = || text.to_owned();
    let pairs = || BTreeMap::from([("TEXT".to_owned(), free())]);
    let logs = stack.add("app/logs", LogGroup { name: "hostile".parse().unwrap(), retention_in_days: None });
    let container = Container {
        name: "app".parse().unwrap(),
        image: Image::Uri(free()),
        essential: true,
        ports: BTreeSet::new(),
        command: Some(vec![free()]),
        entry_point: Some(vec![free()]),
        environment: pairs(),
        secrets: BTreeMap::from([("SECRET".to_owned(), free())]),
        cpu: None,
        memory: None,
        logs: Some(AwsLogs { group: logs, region: "eu-west-1".into(), stream_prefix: free() }),
        health_check: Some(ContainerHealthCheck {
            command: vec!["CMD".to_owned(), free()],
            interval: 30,
            timeout: 5,
            retries: 3,
            start_period: None,
        }),
        readonly_root_filesystem: None,
        init_process: None,
    };
    // A policy by an ARN that is none: its last part is a key, and stands in the README.
    let path = || Some("/${x}/%{y}\"/".parse().unwrap());
    let role = IamRole {
        name: "hostile".parse().unwrap(),
        path: path(),
        description: Some(free()),
        trust: PolicyDocument::trust_service("ecs-tasks.amazonaws.com"),
        managed_policies: [Ref::existing(text)].into(),
        inline_policies: BTreeMap::new(),
        max_session_duration: None,
    };
    let role = stack.add("app/role", role);
    let statement = Statement {
        conditions: BTreeMap::from([("StringLike".to_owned(), BTreeMap::from([(free(), BTreeSet::from([free()]))]))]),
        ..Statement::allow([text], [PolicyResource::arn(text)])
    };
    let policy = IamPolicy {
        name: "hostile".parse().unwrap(),
        path: path(),
        description: Some(free()),
        document: PolicyDocument::of([statement]),
    };
    stack.add("app/policy", policy);
    let definition = TaskDefinition {
        family: "app".parse().unwrap(),
        size: FargateSize::new(256, 512).unwrap(),
        execution_role: Some(role),
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
    let response = FixedResponse { status: 200, content_type: None, body: Some(free()) };
    let listener = Listener {
        load_balancer,
        port: Port::HTTP,
        protocol: ListenerProtocol::Http,
        default_action: Action::FixedResponse(response),
    };
    let listener = stack.add("app/listener", listener);
    let redirect = Redirect {
        protocol: None,
        port: None,
        host: Some(free()),
        path: Some(free()),
        query: Some(free()),
        permanent: true,
    };
    let conditions = vec![
        // Not any text: AWS takes few characters in a path.
        Condition::PathPattern(["/$x/~\"y\"/'z'&@:+".to_owned()].into()),
        Condition::QueryString([QueryParameter { key: Some(free()), value: free() }].into()),
        Condition::HttpHeader { name: free(), values: [free()].into() },
    ];
    let rule = ListenerRule { listener, priority: 1, conditions, action: Action::Redirect(redirect) };
    stack.add("app/rule", rule);
    let lifecycle = LifecycleRule {
        priority: 1,
        description: Some(free()),
        select: ImageSelection::TagPatterns([free()].into()),
        expire: Expiry::CountMoreThan(1),
    };
    let repository = EcrRepository {
        name: "hostile".parse().unwrap(),
        mutability: TagMutability::Mutable,
        encryption: Encryption::Kms(free()),
        scan_on_push: false,
        lifecycle: Some(LifecyclePolicy { generations: None, rules: vec![lifecycle] }),
    };
    stack.add("app/repository", repository);
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
    // Live ids are AWS's, and no safer.
    let stack = stack(text);
    let live =
        stack.iter().map(|(address, _)| (address.clone(), Live { id: text.to_owned(), ..Live::default() })).collect();
    let options = Options { region: Some("eu-west-1".into()), import: Some(live), ..Options::default() };
    let files = emit(&stack, &options).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let calm =
        emit(&crate::hostile::stack("calm"), &options).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let (mut found, mut harmless) = (Vec::new(), Vec::new());
    for (file, like) in files.iter().zip(&calm) {
        prop_assert_eq!(&file.path, &like.path);
        if file.path.ends_with(".md") {
            readme(file, like)?;
            continue;
        }
        if !file.path.ends_with(".tf") && !file.path.ends_with(".hcl") {
            continue;
        }
        // The same blocks as with a text that means no harm.
        let (body, calm): (hcl::Body, hcl::Body) = (hcl::parse(&file.text).unwrap(), hcl::parse(&like.text).unwrap());
        prop_assert_eq!(skeleton(&body), skeleton(&calm));
        body_literals(&body, &mut found);
        body_literals(&calm, &mut harmless);
    }
    let times = |literals: &[String], text: &str| literals.iter().filter(|literal| *literal == text).count();
    let places = times(&harmless, "calm");
    prop_assert!(places > 20 && times(&found, text) >= places, "not {places} times {text:?} in {found:?}");
    Ok(())
}

/// Blocks and names of attributes, all the way down.
fn skeleton(body: &hcl::Body) -> Vec<String> {
    let mut names: Vec<String> = body.attributes().map(|attribute| attribute.key().to_owned()).collect();
    for block in body.blocks() {
        names.push(format!("{} {:?} {:?}", block.identifier(), block.labels(), skeleton(block.body())));
    }
    names
}

/// As many lines, headings and table cells as with a text that means no harm, and nothing that is markup.
fn readme(file: &File, like: &File) -> Result<(), TestCaseError> {
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    prop_assert_eq!(file.text.lines().count(), like.text.lines().count(), "{}", &file.text);
    for (line, like) in file.text.lines().zip(like.text.lines()) {
        prop_assert_eq!(cells(line), cells(like), "{}", line);
        prop_assert_eq!(line.starts_with('#'), like.starts_with('#'), "{}", line);
    }
    Ok(())
}

#[test]
fn templates_quotes_and_newlines_stay_texts() {
    for text in [
        "${file(\"/etc/passwd\")}",
        "%{ for x in y }",
        "\"\n}\nresource \"a\" \"b\" {",
        "$${x}",
        "\\\"",
        "$$",
        "%%{x",
        "*/ # //",
        "`x` | <b>y</b>\n# z",
        "<<EOT\nx\nEOT\n",
    ] {
        check(text).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_stays_a_text(text in "(\\PC|[\"\\\\$%{}`|\\n\\t]){1,20}") {
        // Terraform has no others: see below.
        prop_assume!(composed(&text));
        // A policy document has policy variables of its own, which are refused where they cannot be said.
        prop_assume!(!text.contains("&{"));
        check(&text)?;
    }
}

fn composed(text: &str) -> bool {
    !matches!(emit(&stack(text), &Options::default()), Err(EmitError::Unsupported { .. })) || text.contains("&{")
}

#[test]
fn what_terraform_would_change_is_refused() {
    // Terraform composes letters and accents, so this would be another text there.
    let stack = stack("e\u{301}");
    let Err(EmitError::Unsupported { what, .. }) = emit(&stack, &Options::default()) else {
        panic!("that has to fail")
    };
    assert!(what.contains("\\u{301}"), "{what}");
}

/// What Terraform itself reads where these texts were written, asked of a plan.
#[test]
fn terraform_reads_every_text_as_it_is() {
    let Some(terraform) = Terraform::found() else { return };
    let texts = [
        "${x}",
        "%{if true}",
        "$${y} %%{z}",
        "$$$ %% $% {}",
        "\"q\" 'q' `q`",
        "\\ \\n \\u0041 \\",
        "a\nb\r\nc\td",
        "<<EOT\nx\nEOT",
        "für 青緑 🟢",
        "| --> # // /* */",
        "null",
        "1e3",
        " around ",
        "<&>",
        "\u{7f}\u{85}\u{2028}",
        "\u{202e}x\u{200d}",
        "",
    ];
    let mut stack = Stack::new("hostile".parse().unwrap());
    let template = crate::hostile::stack("x");
    let (at, definition) = template.of::<TaskDefinition>().next().unwrap();
    let mut definition = definition.clone();
    definition.execution_role = None;
    let container = definition.containers.first_mut().unwrap();
    (container.logs, container.health_check, container.image) = (None, None, Image::Uri("nginx".into()));
    container.secrets.clear();
    container.command = Some(texts.map(str::to_owned).into());
    container.environment = texts.iter().enumerate().map(|(n, text)| (format!("T{n}"), (*text).to_owned())).collect();
    let wanted = (container.command.clone(), container.environment.clone());
    stack.add(at.as_str(), definition);
    let values: BTreeSet<String> = texts.map(str::to_owned).into();
    let statement = Statement {
        conditions: BTreeMap::from([("StringEquals".to_owned(), [("aws:x".to_owned(), values.clone())].into())]),
        ..Statement::allow(["s3:*"], [PolicyResource::arn("*")])
    };
    let document = PolicyDocument::of([statement]);
    stack.add("app/policy", IamPolicy { name: "hostile".parse().unwrap(), path: None, description: None, document });

    let cloud = LocalCloud::start(Cloud::instant()).unwrap();
    let files = emit(&stack, &Options { region: Some("eu-west-1".into()), ..Options::default() }).unwrap();
    let folder = crate::terraform::write(&files);
    let run = |arguments: &[&str]| terraform.against(&cloud.endpoint(), folder.path(), arguments).unwrap();
    run(&["init", "-no-color"]);
    run(&["plan", "-no-color", "-out=tfplan"]);
    let plan: serde_json::Value = serde_json::from_str(&run(&["show", "-json", "tfplan"])).unwrap();
    let resources = plan["planned_values"]["root_module"]["child_modules"][0]["resources"].as_array().unwrap();
    let read = |tf: &str, field: &str| -> serde_json::Value {
        let found = resources.iter().find(|resource| resource["type"] == tf).unwrap();
        serde_json::from_str(found["values"][field].as_str().unwrap()).unwrap()
    };
    let container = &read("aws_ecs_task_definition", "container_definitions")[0];
    let environment = container["environment"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let environment = environment.map(|pair| (text(&pair["name"]), text(&pair["value"]))).collect();
    let command = container["command"].as_array().unwrap().iter().map(text).collect();
    assert_eq!((Some(command), environment), wanted);
    let read = &read("aws_iam_policy", "policy")["Statement"][0]["Condition"]["StringEquals"]["aws:x"];
    assert_eq!(read.as_array().unwrap().iter().map(text).collect::<BTreeSet<_>>(), values);
    cloud.shutdown().unwrap();
}
