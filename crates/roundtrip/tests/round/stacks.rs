//! The random stacks: legal, and of everything that a stack can hold.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_hcl::Layout;
use aomidori_model::{KindName, Stack, Value};
use aomidori_roundtrip::stacks::{Surroundings, stack};
use aomidori_roundtrip::trip::emitted;

use crate::lint;

fn random(seed: u64) -> Stack {
    let around = Surroundings::nowhere();
    stack(seed, &around)
}

#[test]
fn every_random_stack_is_legal_and_reads_as_it_writes() {
    for seed in 0..300 {
        let stack = random(seed);
        let problems = stack.validate();
        assert!(problems.is_empty(), "seed {seed}: {problems:#?}");
        assert_eq!(stack, random(seed));
        assert_eq!(Stack::from_json(&stack.to_json().unwrap()).unwrap(), stack, "seed {seed}");
    }
}

/// Fields that have one value on Fargate behind an Application Load Balancer, references of which there is one, and the port
/// of health checks, which `fixtures/terraform-hand/web` has: another port than the requests' would have to be let in, too.
const FIXED: &[&str] = &[
    "elastic_ip.domain",
    "target_group.health_check.port",
    "target_group.protocol",
    "target_group.target_type",
    "discovery_service.dns_config.dns_records.type",
    "task_definition.network_mode",
    "task_definition.requires_compatibilities",
    "code_deploy_application.compute_platform",
    "deployment_config.compute_platform",
    "dns_record.zone_id",
];

#[test]
fn random_stacks_hold_every_kind_with_every_field_in_several_ways() {
    let mut seen: BTreeMap<String, BTreeSet<Value>> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for seed in 0..300 {
        for (_, entry) in random(seed).iter() {
            let kind = entry.resource.kind();
            kinds.insert(kind);
            for field in &entry.resource.fields() {
                seen.entry(format!("{kind}.{}", field.name)).or_default().insert(field.value.clone());
            }
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), KindName::ALL);
    let dull: Vec<&String> = seen.iter().filter(|(_, values)| values.len() < 2).map(|(field, _)| field).collect();
    assert_eq!(
        dull,
        FIXED.iter().filter(|name| seen.contains_key(**name)).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    );
}

/// What version 6 of the AWS provider took away or renamed of what these kinds could be written with, by its upgrade guide.
const GONE: &[(&str, &str)] = &[
    ("aws_eip", "vpc"),
    ("aws_ecs_task_definition", "inference_accelerator"),
    ("aws_lb_listener", "mutual_authentication"),
    ("aws_lb_target_group", "preserve_client_ip"),
    ("aws_region", "name"),
    ("aws_service_discovery_service", "tags_all"),
    ("aws_vpc_endpoint_service", "region"),
    // `region` means something else on every resource there.
    ("*", "region"),
];

fn check_six(at: &str, block: &hcl::Block) {
    let ["resource" | "data", kind] =
        [block.identifier(), block.labels().first().map(hcl::BlockLabel::as_str).unwrap_or_default()]
    else {
        return;
    };
    let attributes = block.body().attributes().map(hcl::Attribute::key);
    for name in attributes.chain(block.body().blocks().map(hcl::Block::identifier)) {
        let gone = GONE.iter().any(|(of, what)| (*of == kind || *of == "*") && *what == name);
        assert!(!gone, "{at}: version 6 has no `{name}` of `{kind}`");
    }
    // Where the region is read from: `name` is `region` there.
    assert_ne!(kind, "aws_region", "{at}");
}

#[test]
fn every_random_stack_is_emitted_as_a_reviewer_wants_it_for_both_versions_of_the_provider() {
    for seed in 0..40 {
        for layout in [Layout::Single, Layout::Split] {
            let files = emitted(&random(seed), layout, None).unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
            let problems = lint::problems(&files);
            assert!(problems.is_empty(), "seed {seed}, {layout:?}: {problems:#?}");
            for file in files.iter().filter(|file| file.path.ends_with(".tf")) {
                let body: hcl::Body = hcl::parse(&file.text).unwrap();
                body.blocks().for_each(|block| check_six(&format!("seed {seed}, {}", file.path), block));
            }
        }
    }
}

#[test]
fn what_is_there_twice_is_one_module() {
    let twice = |stack: &Stack| stack.iter().any(|(address, _)| address.as_str().starts_with("far-west-"));
    let mut seen = 0;
    for seed in 0..300 {
        let stack = random(seed);
        if !twice(&stack) {
            continue;
        }
        let files = emitted(&stack, Layout::Single, None).unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
        let folder =
            |file: &aomidori_hcl::File| Some(file.path.strip_prefix("modules/")?.split('/').next()?.to_owned());
        let folders: BTreeSet<String> = files.iter().filter_map(folder).collect();
        let groups: BTreeSet<&str> = stack.iter().map(|(address, _)| address.group()).collect();
        // All but what an odd name or tag keeps apart.
        assert!(folders.len() * 4 <= groups.len() * 3, "seed {seed}: {groups:?} in {folders:?}");
        seen += 1;
    }
    assert!(seen > 5, "{seen} stacks have anything twice");
}
