//! Groups that differ in a word, and in what they are given, are one module.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_hcl::{File, Layout, Options, emit};
use aomidori_local::{LocalCloud, Options as Cloud};
use aomidori_model::kinds::ecs_service::{CircuitBreaker, Deployment, Rolling};
use aomidori_model::kinds::{EcsService, LogGroup, TaskDefinition, Vpc};
use aomidori_model::{Port, Resource, Stack};
use aomidori_practice::Inputs;
use aomidori_testkit::Terraform;
use serde_json::Value;

use crate::terraform::{check, practice, write};

/// Texts in which the word stands where Terraform has to be kept from reading more than it.
const ODD: &[&str] = &["$@", "$$@ %@ $%@", "${@}", "%{@}", "{@}$", "\"@\"\n@\\", "@", "@@ @-@", "production @"];

/// A stack of practice environments, of which production has more of everything.
fn environments(names: &[&str]) -> Stack {
    let mut stack = Stack::new("shop".parse().unwrap());
    for name in names {
        let net = if *name == "production" { 1 } else { 2 };
        let mut inputs = Inputs::default();
        inputs.set("product", name).unwrap();
        inputs.set("vpc_cidr", &format!("10.{net}.0.0/16")).unwrap();
        for (input, thirds) in [("public_cidrs", [0, 1]), ("private_cidrs", [100, 101]), ("storage_cidrs", [201, 200])]
        {
            inputs.set(input, &thirds.map(|third| format!("10.{net}.{third}.0/24")).join(",")).unwrap();
        }
        aomidori_practice::add(&mut stack, name, &inputs).unwrap();
        let addresses: Vec<_> = stack.iter().map(|(address, _)| address.clone()).collect();
        for address in addresses.iter().filter(|address| address.group() == *name) {
            let production = *name == "production";
            match &mut stack.get_mut(address).unwrap().resource {
                Resource::LoadBalancer(it) if production => {
                    it.attributes.insert("deletion_protection.enabled".into(), "true".into());
                }
                Resource::TaskDefinition(it) => {
                    let level = if production { "warn" } else { "debug" };
                    it.containers[0].environment.insert("LOG_LEVEL".into(), level.into());
                    for (n, text) in ODD.iter().enumerate() {
                        it.containers[0].environment.insert(format!("ODD_{n}"), text.replace('@', name));
                    }
                }
                _ => {}
            }
        }
    }
    stack
}

fn emitted(stack: &Stack, layout: Layout) -> BTreeMap<String, String> {
    let files = emit(stack, &Options { layout, ..Options::default() }).unwrap();
    files.into_iter().map(|file| (file.path, file.text)).collect()
}

fn folders(files: &BTreeMap<String, String>) -> BTreeSet<&str> {
    files.keys().filter_map(|path| path.strip_prefix("modules/")?.split('/').next()).collect()
}

/// A text without what lines it up.
fn squeezed(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[test]
fn two_environments_are_one_module_called_twice() {
    let files = emitted(&environments(&["production", "staging"]), Layout::Single);
    assert_eq!(folders(&files), BTreeSet::from(["environment"]));
    let main = &files["main.tf"];
    for name in ["production", "staging"] {
        assert!(main.contains(&format!("module \"{name}\" {{\n  source = \"./modules/environment\"\n")), "{main}");
        assert!(main.contains(&format!("  environment = \"{name}\"\n")), "{main}");
        assert!(main.contains(&format!("= var.{name}_vpc_cidr\n")), "each has its own\n{main}");
    }
    assert!(main.contains("= var.health_check\n"), "what is equal is there once\n{main}");
    // The production listener of both is called that, whatever its environment.
    let listeners = &files["modules/environment/load_balancer.tf"];
    assert!(listeners.contains("\"${var.environment}/platform/listener/${each.key}\""), "{listeners}");
    assert!(files["terraform.tfvars"].contains("  production = 80\n"), "{}", files["terraform.tfvars"]);
    // What they have different values of besides is asked for.
    assert!(
        listeners.contains("enable_deletion_protection = var.load_balancer_enable_deletion_protection"),
        "{listeners}"
    );
    let values = squeezed(&files["terraform.tfvars"]);
    assert!(values.contains("production_maintenance_log_level = \"warn\""), "{values}");
    assert!(values.contains("staging_maintenance_log_level = \"debug\""), "{values}");
    assert!(!values.contains("staging_load_balancer_enable_deletion_protection"), "one has none\n{values}");
}

#[test]
fn services_are_one_module_that_is_given_what_they_differ_in() {
    let mut stack = practice(&[]);
    let Resource::TaskDefinition(like) =
        stack.get(&"services/task-definition/backend-blue".parse().unwrap()).unwrap().resource.clone()
    else {
        panic!()
    };
    for (name, port, level) in [("billing", 8080, "info"), ("orders", 8080, "info"), ("payments", 9000, "warn")] {
        let mut definition = TaskDefinition { family: format!("shop-{name}").parse().unwrap(), ..like.clone() };
        let container = &mut definition.containers[0];
        container.name = name.parse().unwrap();
        container.ports = [Port::new(port).unwrap()].into();
        container.environment.insert("LOG_LEVEL".into(), level.into());
        container.logs.as_mut().unwrap().stream_prefix = name.into();
        let definition = stack.add(&format!("{name}/task-definition"), definition);
        let Resource::EcsService(like) =
            stack.get(&"services/service/backend-blue".parse().unwrap()).unwrap().resource.clone()
        else {
            panic!()
        };
        // The first has what the others have not, and stands alone.
        let circuit_breaker = (name == "billing").then_some(CircuitBreaker { rollback: true });
        let deployment = Deployment::Rolling(Rolling { circuit_breaker, ..Rolling::default() });
        let service = EcsService { name: name.parse().unwrap(), task_definition: definition, deployment, ..like };
        stack.add(&format!("{name}/service"), service);
    }
    let files = emitted(&stack, Layout::Single);
    assert!(folders(&files).contains("service") && folders(&files).contains("billing"), "{:?}", folders(&files));
    assert!(!folders(&files).contains("orders"), "{:?}", folders(&files));
    let main = squeezed(&files["main.tf"]);
    for name in ["orders", "payments"] {
        for wanted in [
            format!("service = \"{name}\"\n"),
            format!("container_port = var.{name}_container_port\n"),
            format!("log_level = var.{name}_log_level\n"),
        ] {
            assert!(main.contains(&wanted), "{wanted}\n{main}");
        }
    }
    // The port stands in two places, and is asked for once.
    let definitions = squeezed(&files["modules/service/task_definitions.tf"]);
    assert!(definitions.contains("containerPort = var.container_port\n"), "{definitions}");
    assert!(definitions.contains("hostPort = var.container_port\n"), "{definitions}");
    assert!(files["modules/service/variables.tf"].contains("var.container_port >= 1 && var.container_port <= 65535"));
    if let Some(terraform) = Terraform::found() {
        let module = check(terraform, &emit(&stack, &Options::default()).unwrap());
        let module = module.path().join("modules/service");
        terraform.run(&module, &["init", "-backend=false", "-no-color"], &[]).unwrap();
        terraform.run(&module, &["test", "-no-color"], &[]).unwrap();
    }
}

/// Groups by name, each with a VPC that is named as `name` says, and a log group.
fn groups(names: &[&str], name: impl Fn(&str) -> String, logs: impl Fn(&str) -> String) -> Stack {
    let mut stack = Stack::new("shop".parse().unwrap());
    for (n, group) in names.iter().enumerate() {
        let vpc = Vpc { cidr: format!("10.{n}.0.0/16").parse().unwrap(), dns_support: None, dns_hostnames: None };
        stack.add(&format!("{group}/vpc"), vpc);
        let at = format!("{group}/vpc").parse().unwrap();
        stack.get_mut(&at).unwrap().tags.insert("Name".into(), name(group));
        let logs = LogGroup { name: logs(group).parse().unwrap(), retention_in_days: None };
        stack.add(&format!("{group}/logs"), logs);
    }
    stack
}

#[test]
fn the_word_is_what_the_names_have_in_them() {
    let own = |group: &str| group.to_owned();
    let first = |group: &str| group.split('-').next().unwrap().to_owned();
    let last = |group: &str| group.rsplit('-').next().unwrap().to_owned();
    type Case<'a> = (&'a [&'a str], &'a dyn Fn(&str) -> String, &'a [&'a str], &'a str);
    let cases: &[Case<'_>] = &[
        (&["east", "west"], &own, &["environment"], "environment = \"west\""),
        (&["net-1", "net-2"], &own, &["net"], "environment = \"net-2\""),
        (&["east-net", "far-west-net"], &|group| group.trim_end_matches("-net").to_owned(), &["net"], "= \"far-west\""),
        (&["staging-net", "prod-net"], &first, &["net"], "environment = \"prod\""),
        (&["net-east", "net-west"], &last, &["net"], "environment = \"west\""),
        // One that is called otherwise is given its names.
        (
            &["east", "west", "odd"],
            &|group| group.replace("odd", "other"),
            &["environment"],
            "odd_vpc_name = \"other\"",
        ),
        // The name of a module that is no twin is not taken from it.
        (&["a-vpc", "b-vpc", "vpc"], &first, &["vpc", "vpc_2"], "environment = \"b\""),
    ];
    for (names, name, wanted, says) in cases {
        let files = emitted(&groups(names, name, |group| format!("/logs/{}", name(group))), Layout::Single);
        let text = squeezed(&format!("{}{}", files["main.tf"], files["terraform.tfvars"]));
        assert_eq!(folders(&files), wanted.iter().copied().collect(), "{names:?}\n{text}");
        assert!(text.contains(says), "{names:?}: {says}\n{text}");
    }
}

/// What Terraform would make, by where it stands.
fn planned(terraform: &Terraform, cloud: &str, stack: &Stack) -> BTreeMap<String, Value> {
    fn visit(module: &Value, found: &mut BTreeMap<String, Value>) {
        for resource in module["resources"].as_array().into_iter().flatten() {
            if resource["mode"] == "managed" {
                found.insert(resource["address"].as_str().unwrap().to_owned(), resource["values"].clone());
            }
        }
        module["child_modules"].as_array().into_iter().flatten().for_each(|child| visit(child, found));
    }
    let files: Vec<File> = emit(stack, &Options::default()).unwrap();
    let folder = write(&files);
    let variables = [
        ("AWS_ENDPOINT_URL", cloud),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let run = |arguments: &[&str]| terraform.run(folder.path(), arguments, &variables).unwrap();
    run(&["init", "-no-color"]);
    run(&["plan", "-out=plan", "-no-color"]);
    let plan: Value = serde_json::from_str(&run(&["show", "-json", "plan"])).unwrap();
    let mut found = BTreeMap::new();
    visit(&plan["planned_values"]["root_module"], &mut found);
    found
}

#[test]
fn what_terraform_makes_of_one_module_is_what_it_makes_of_each_by_itself() {
    let Some(terraform) = Terraform::found() else { return };
    let cloud = LocalCloud::start(Cloud::instant()).unwrap();
    let names = ["production", "staging"];
    let both = environments(&names);
    let folder = check(terraform, &emit(&both, &Options::default()).unwrap());
    let module = folder.path().join("modules/environment");
    terraform.run(&module, &["init", "-backend=false", "-no-color"], &[]).unwrap();
    terraform.run(&module, &["test", "-no-color"], &[]).unwrap();
    let together = planned(terraform, &cloud.endpoint(), &both);
    let mut apart = BTreeMap::new();
    for name in names {
        apart.extend(planned(terraform, &cloud.endpoint(), &environments(&[name])));
    }
    assert_eq!(together.keys().collect::<Vec<_>>(), apart.keys().collect::<Vec<_>>());
    for (place, values) in &together {
        assert_eq!(values, &apart[place], "{place}");
    }
    cloud.shutdown().unwrap();
}
