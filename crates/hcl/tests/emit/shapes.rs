//! Stacks of other shapes than the practice environment's.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_hcl::{EmitError, Live, Options, emit};
use aomidori_model::kinds::ecs_service::{Deployment, Rolling};
use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::kinds::{EcsService, RouteTable, Subnet, Vpc};
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

#[test]
fn an_invalid_stack_is_not_emitted() {
    let mut stack = wide();
    stack.add("net/vpc", Vpc { cidr: "10.0.0.0/8".parse().unwrap(), dns_support: None, dns_hostnames: None });
    assert!(matches!(emit(&stack, &Options::default()), Err(EmitError::Invalid(_))));
}

#[test]
fn imports_need_every_id() {
    let stack = wide();
    let all: BTreeMap<Address, Live> =
        stack.iter().map(|(address, _)| (address.clone(), Live { id: format!("id-of-{address}") })).collect();
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
