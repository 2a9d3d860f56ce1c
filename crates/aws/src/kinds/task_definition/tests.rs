//! What ECS makes of a task definition, and what is made of it.

use std::collections::BTreeSet;

use aomidori_engine::cloud::Known;
use aomidori_model::kinds::EcrRepository;
use aomidori_model::kinds::task_definition::{AwsLogs, Container, ContainerHealthCheck, Image};
use aomidori_model::{Address, Port, Resource, StackName};
use aws_sdk_ecs::types::{ContainerDefinition, MountPoint, PortMapping};

use super::*;

fn container() -> Container {
    Container {
        name: "web".parse().unwrap(),
        image: Image::Uri("nginx:1".into()),
        essential: true,
        ports: BTreeSet::from([Port::HTTP]),
        command: None,
        entry_point: Some(vec!["/start".into()]),
        environment: BTreeMap::from([("A".into(), "1".into())]),
        secrets: BTreeMap::from([("S".into(), "arn:aws:ssm:eu-central-1:1:parameter/s".into())]),
        cpu: None,
        memory: Some(256),
        logs: Some(AwsLogs {
            group: Ref::existing("/ecs/web"),
            region: "eu-central-1".into(),
            stream_prefix: "web".into(),
        }),
        health_check: Some(ContainerHealthCheck {
            command: vec!["CMD-SHELL".into(), "true".into()],
            interval: 30,
            timeout: 5,
            retries: 3,
            start_period: None,
        }),
        readonly_root_filesystem: None,
        init_process: Some(true),
    }
}

fn definition() -> TaskDefinition {
    TaskDefinition {
        family: "web".parse().unwrap(),
        size: FargateSize::new(256, 512).unwrap(),
        execution_role: Some(Ref::existing("arn:aws:iam::1:role/x")),
        task_role: None,
        cpu_architecture: None,
        containers: vec![container()],
    }
}

/// Calls `test` with a `Want` of this definition.
fn with_want<T>(definition: &TaskDefinition, test: impl FnOnce(Want<'_>) -> T) -> T {
    let stack: StackName = "shop".parse().unwrap();
    let address: Address = "services/web".parse().unwrap();
    let (resource, tags, known) = (Resource::from(definition.clone()), BTreeMap::new(), Known::default());
    test(Want { stack: &stack, address: &address, resource: &resource, tags: &tags, known: &known, token: "t" })
}

fn registered(definition: &TaskDefinition) -> aws::TaskDefinition {
    with_want(definition, |w| {
        let containers = definition
            .containers
            .iter()
            .map(|it| containers::to_aws(it, containers::resolved(it, &|it| w.known.lookup(it)).unwrap(), w).unwrap())
            .collect();
        aws::TaskDefinition::builder()
            .task_definition_arn("arn:aws:ecs:eu-central-1:1:task-definition/web:7")
            .family("web")
            .revision(7)
            .cpu("256")
            .memory("512")
            .network_mode(NetworkMode::Awsvpc)
            .requires_compatibilities(Compatibility::Fargate)
            .execution_role_arn("arn:aws:iam::1:role/x")
            .set_container_definitions(Some(containers))
            .build()
    })
}

#[test]
fn what_is_registered_reads_back_the_same() {
    let wanted = definition();
    let mut live = registered(&wanted);
    // What ECS fills in.
    for container in live.container_definitions.iter_mut().flatten() {
        container.mount_points = Some(Vec::new());
        container.volumes_from = Some(Vec::new());
        container.system_controls = Some(Vec::new());
        for mapping in container.port_mappings.iter_mut().flatten() {
            mapping.host_port = mapping.container_port;
        }
    }
    let read = fields_of(&live, &Tags::new()).unwrap();
    with_want(&wanted, |w| assert!(same(&fields(&wanted), &read, w), "{read:#?}"));
}

#[test]
fn what_the_model_cannot_say_is_a_difference() {
    let wanted = definition();
    for change in [
        |container: &mut ContainerDefinition| container.user = Some("root".into()),
        |container| container.mount_points = Some(vec![MountPoint::builder().source_volume("v").build()]),
        |container| {
            let udp = PortMapping::builder().container_port(53).protocol(aws::TransportProtocol::Udp).build();
            container.port_mappings = Some(vec![udp]);
        },
        |container| container.image = Some("nginx:2".into()),
    ] as [fn(&mut ContainerDefinition); 4]
    {
        let mut live = registered(&wanted);
        live.container_definitions.iter_mut().flatten().for_each(change);
        let read = fields_of(&live, &Tags::new()).unwrap();
        with_want(&wanted, |w| assert!(!same(&fields(&wanted), &read, w)));
    }
    let mut large = registered(&wanted);
    large.cpu = Some("1 vCPU".into());
    assert_eq!(fields_of(&large, &Tags::new()).unwrap().value("cpu"), &Value::str("1 vCPU"));
}

#[test]
fn a_deployed_image_is_no_drift() {
    let wanted = definition();
    let mut live = registered(&wanted);
    live.container_definitions.iter_mut().flatten().for_each(|it| it.image = Some("nginx:deployed".into()));
    let tags = Tags::from([(declared_image_tag("web"), "nginx:1".into())]);
    let read = fields_of(&live, &tags).unwrap();
    with_want(&wanted, |w| assert!(same(&fields(&wanted), &read, w)));
}

#[test]
fn an_image_in_a_repository_of_the_stack_is_joined() {
    let repository: Ref<EcrRepository> = Ref::to("across/repository".parse().unwrap());
    let mut container = container();
    container.image = Image::Tag { repository, tag: "blue".parse().unwrap() };
    let mut known = Known::default();
    known.insert(
        "across/repository".parse().unwrap(),
        made("web", [("repository_url", "1.dkr.ecr.eu-central-1.amazonaws.com/web".to_owned())]),
    );
    let image = containers::resolved(&container, &|reference| known.lookup(reference)).unwrap();
    assert_eq!(image, "1.dkr.ecr.eu-central-1.amazonaws.com/web:blue");
}

#[test]
fn arns() {
    assert_eq!(parts("arn:aws:ecs:eu-central-1:1:task-definition/web:12"), Some(("web", 12)));
    assert_eq!(parts("web"), None);
}
