//! Stacks of other shapes than the practice environment's.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_hcl::{EmitError, Live, Options, emit};
use aomidori_model::kinds::ecs_service::{Deployment, Rolling};
use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::kinds::task_definition::Image;
use aomidori_model::kinds::{EcsService, LogGroup, RouteTable, Subnet, TaskDefinition, Vpc};
use aomidori_model::policy::PolicyResource;
use aomidori_model::{Address, Ref, Stack};

use aomidori_testkit::Terraform;

use crate::terraform::{check, practice};

fn file(files: &[aomidori_hcl::File], path: &str) -> String {
    files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}")).text.clone()
}

/// A VPC with tables of several routes, more parts than one tag holds, and tags of single resources.
fn wide() -> Stack {
    let mut stack = Stack::new("wide".parse().unwrap());
    let vpc = Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_support: None, dns_hostnames: None };
    let vpc = stack.add("net/vpc", vpc);
    let subnets: BTreeSet<Ref<Subnet>> = (0..3)
        .map(|n| {
            let subnet = Subnet {
                vpc: vpc.clone(),
                cidr: format!("10.0.{n}.0/24").parse().unwrap(),
                zone: format!("eu-west-1{}", ["a", "b", "c"][n]),
                map_public_ip_on_launch: None,
            };
            stack.add(&format!("net/subnet/{n}"), subnet)
        })
        .collect();
    let routes: BTreeMap<_, _> = (0..40)
        .map(|n| (format!("10.{}.0.0/16", n + 1).parse().unwrap(), RouteTarget::Other("tgw-0123456789abcdef0".into())))
        .collect();
    stack.add("net/table/many", RouteTable { vpc: vpc.clone(), routes, subnets });
    stack.add("net/table/none", RouteTable { vpc, routes: BTreeMap::new(), subnets: BTreeSet::new() });
    let at: Address = "net/table/none".parse().unwrap();
    stack.get_mut(&at).unwrap().tags.insert("Owner".into(), "somebody".into());
    stack
}

#[test]
fn many_parts_go_into_several_tags() {
    let files = emit(&wide(), &Options::default()).unwrap();
    let routing = file(&files, "modules/net/routing.tf");
    assert!(routing.contains("chunklist"), "{routing}");
    assert!(routing.contains("transit_gateway_id"), "{routing}");
    assert!(routing.contains("\"tags=Owner\""), "{routing}");
    if let Some(terraform) = Terraform::found() {
        check(terraform, &files);
    }
}

#[test]
fn a_thousand_services_are_one_resource() {
    let mut stack = practice(&[]);
    let at: Address = "services/service/backend-blue".parse().unwrap();
    let aomidori_model::Resource::EcsService(like) = stack.get(&at).unwrap().resource.clone() else { panic!() };
    for n in 0..1000 {
        let deployment = Deployment::Rolling(Rolling::default());
        let service = EcsService { name: format!("worker-{n:04}").parse().unwrap(), deployment, ..like.clone() };
        stack.add(&format!("services/service/worker-{n:04}"), service);
    }
    let files = emit(&stack, &Options::default()).unwrap();
    let main = file(&files, "modules/services/main.tf");
    assert_eq!(main.matches("resource \"aws_ecs_service\"").count(), 3, "{}", &main[..2000]);
}

/// Three log groups of one shape: one after another, and one after what logs to the first.
#[test]
fn what_is_alike_and_needs_each_other_is_not_one_resource() {
    let mut stack = Stack::new("order".parse().unwrap());
    for name in ["first", "second", "third"] {
        let group = LogGroup { name: name.parse().unwrap(), retention_in_days: None };
        stack.add(&format!("logs/{name}"), group);
    }
    let service = practice(&[]);
    let (_, definition) = service.of::<TaskDefinition>().next().unwrap();
    let mut definition = TaskDefinition { execution_role: None, task_role: None, ..definition.clone() };
    definition.execution_role = Some(Ref::existing("arn:aws:iam::123456789012:role/tasks"));
    for container in &mut definition.containers {
        container.image = Image::Uri("nginx".into());
        container.logs.as_mut().unwrap().group = Ref::to("logs/first".parse().unwrap());
    }
    stack.add("tasks/task", definition);
    for (late, early) in [("logs/second", "logs/first"), ("logs/third", "tasks/task")] {
        let entry = stack.get_mut(&late.parse().unwrap()).unwrap();
        entry.depends_on.insert(early.parse().unwrap());
    }
    let files = emit(&stack, &Options::default()).unwrap();
    let main = file(&files, "modules/logs/main.tf");
    assert_eq!(main.matches("resource \"aws_cloudwatch_log_group\"").count(), 3, "{main}");
    assert!(main.contains("depends_on = [aws_cloudwatch_log_group.first]"), "{main}");
    assert!(main.contains("depends_on = [var.task_definition_ready]"), "{main}");
    if let Some(terraform) = Terraform::found() {
        // Terraform refuses what goes round in a circle.
        check(terraform, &files);
    }
}

#[test]
fn an_invalid_stack_is_not_emitted() {
    let mut stack = wide();
    stack.add("net/vpc", Vpc { cidr: "10.0.0.0/8".parse().unwrap(), dns_support: None, dns_hostnames: None });
    assert!(matches!(emit(&stack, &Options::default()), Err(EmitError::Invalid(_))));
}

#[test]
fn imports_need_every_id() {
    let stack = wide();
    let all: BTreeMap<Address, Live> = stack
        .iter()
        .map(|(address, _)| (address.clone(), Live { id: format!("id-of-{address}"), ..Live::default() }))
        .collect();
    let options = |import| Options { import: Some(import), ..Options::default() };
    let imports = file(&emit(&stack, &options(all.clone())).unwrap(), "imports.tf");
    assert!(imports.contains("id = \"id-of-net/subnet/0/id-of-net/table/many\""), "{imports}");
    assert!(imports.contains("id = \"id-of-net/table/many_10.1.0.0/16\""), "{imports}");
    let mut some = all;
    some.remove(&"net/subnet/0".parse().unwrap());
    let Err(EmitError::Import(missing)) = emit(&stack, &options(some)) else { panic!("that has to fail") };
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["net/subnet/0 (aws_subnet)", "net/table/many (aws_route_table_association)"]);
}

#[test]
fn policies_name_the_account_of_the_credentials() {
    let mut stack = practice(&[]);
    let at: Address = "platform/policy/parameter-read".parse().unwrap();
    let aomidori_model::Resource::IamPolicy(policy) = &mut stack.get_mut(&at).unwrap().resource else { panic!() };
    let arn = |account: &str| PolicyResource::Arn(format!("arn:aws:ssm:ap-northeast-1:{account}:parameter/shared"));
    policy.document.statements[0].resources = [arn("123456789012"), arn("210987654321")].into();
    let emitted = |account: Option<&str>| {
        let files = emit(&stack, &Options { account: account.map(str::to_owned), ..Options::default() }).unwrap();
        if let (Some(terraform), Some(_)) = (Terraform::found(), account) {
            check(terraform, &files);
        }
        (file(&files, "modules/platform/main.tf"), file(&files, "modules/platform/iam.tf"))
    };
    let (main, iam) = emitted(Some("123456789012"));
    assert!(main.contains("data \"aws_caller_identity\" \"current\" {}"), "{main}");
    assert!(
        iam.contains("arn:aws:ssm:${var.region}:${data.aws_caller_identity.current.account_id}:parameter"),
        "{iam}"
    );
    assert!(iam.contains("arn:aws:ssm:${var.region}:210987654321:parameter"), "another's stays\n{iam}");
    let (main, iam) = emitted(None);
    assert!(!main.contains("aws_caller_identity") && iam.contains("123456789012"), "{iam}");
}
