//! Groups `services` and `code-deploy`.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};
use aomidori_model::kinds::ecs_service::{Deployment, PairTarget, Rolling};
use aomidori_model::kinds::task_definition::{AwsLogs, Container, FargateSize, Image};
use aomidori_model::kinds::{CodeDeployApplication, DeploymentGroup, EcsService, IamRole, TaskDefinition};
use aomidori_model::policy::{PolicyDocument, PolicyResource, Statement};
use aomidori_model::value::Reference;
use aomidori_model::{Port, Ref};

use crate::inputs::{InputError, Inputs};
use crate::network::Network;
use crate::place::Place;
use crate::platform::{Platform, name};

/// The container of every task.
const CONTAINER: &str = "maintenance";

pub(crate) fn add(
    place: &mut Place<'_>,
    inputs: &Inputs,
    network: &Network,
    platform: &Platform,
) -> Result<(), InputError> {
    let pair = &platform.pair;
    let frontend = Deployment::CodeDeploy {
        target: PairTarget {
            blue: pair.blue.clone(),
            green: pair.green.clone(),
            container: name(CONTAINER)?,
            port: Port::HTTP,
        },
        registry: None,
    };
    let mut service =
        |service: &str, tag: &str, count: u32, deployment: Deployment| -> Result<Ref<EcsService>, InputError> {
            let definition = task_definition(inputs, platform, service, tag)?;
            let definition = place.add(&format!("services/task-definition/{service}"), definition);
            let resource = EcsService {
                name: name(service)?,
                cluster: platform.cluster.clone(),
                task_definition: definition,
                desired_count: Some(count),
                subnets: network.private.clone(),
                security_groups: BTreeSet::from([network.private_group.clone()]),
                assign_public_ip: false,
                platform_version: Some("1.4.0".into()),
                enable_execute_command: Some(true),
                health_check_grace_period: None,
                capacity_providers: std::collections::BTreeMap::new(),
                propagate_tags: None,
                managed_tags: None,
                deployment,
            };
            Ok(place.add(&format!("services/service/{service}"), resource))
        };
    let maintenance = service("maintenance-bg", "blue", inputs.frontend_count, frontend)?;
    for (backend, tag) in [("backend-blue", "blue"), ("backend-green", "green")] {
        let registry = platform.discovery.get(backend).cloned();
        let rolling = Deployment::Rolling(Rolling { registry, ..Rolling::default() });
        service(backend, tag, inputs.backend_count, rolling)?;
    }
    code_deploy(place, inputs, platform, maintenance)
}

fn task_definition(
    inputs: &Inputs,
    platform: &Platform,
    service: &str,
    tag: &str,
) -> Result<TaskDefinition, InputError> {
    let size =
        FargateSize::new(256, 512).map_err(|error| InputError::Misfit { key: "product", reason: error.to_string() })?;
    Ok(TaskDefinition {
        family: name(format!("{}-{service}", inputs.stack_name()?))?,
        size,
        execution_role: Some(platform.task_role.clone()),
        task_role: Some(platform.task_role.clone()),
        cpu_architecture: None,
        containers: vec![Container {
            name: name(CONTAINER)?,
            image: Image::Tag { repository: platform.repository.clone(), tag: name(tag)? },
            essential: true,
            ports: BTreeSet::from([Port::HTTP]),
            command: None,
            entry_point: None,
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            cpu: None,
            memory: None,
            logs: Some(AwsLogs {
                group: platform.log_group.clone(),
                region: inputs.region.clone(),
                stream_prefix: service.to_owned(),
            }),
            health_check: None,
            readonly_root_filesystem: None,
            // ECS Exec leaves zombies without one.
            init_process: Some(true),
        }],
    })
}

fn code_deploy(
    place: &mut Place<'_>,
    inputs: &Inputs,
    platform: &Platform,
    service: Ref<EcsService>,
) -> Result<(), InputError> {
    let prefix = inputs.stack_name()?;
    let role = IamRole {
        name: name(format!("{prefix}-code-deploy"))?,
        path: None,
        description: None,
        trust: PolicyDocument::trust_service("codedeploy.amazonaws.com"),
        managed_policies: BTreeSet::new(),
        inline_policies: BTreeMap::from([(name("blue-green")?, deploy_policy(&platform.task_role))]),
        max_session_duration: None,
    };
    let role = place.add("code-deploy/role", role);
    let application = place.add("code-deploy/application", CodeDeployApplication { name: name(&prefix)? });
    let ready = match inputs.reroute_wait_minutes {
        0 => ReadyOption::Continue,
        minutes => ReadyOption::Wait { minutes },
    };
    let group = DeploymentGroup {
        name: name(&prefix)?,
        application,
        role,
        config: Ref::existing(inputs.deployment_config.as_str()),
        service,
        pair: platform.pair.clone(),
        ready,
        terminate_blue_after: inputs.terminate_wait_minutes,
        auto_rollback: BTreeSet::from([RollbackEvent::Failure]),
        alarms: BTreeSet::new(),
    };
    place.add("code-deploy/deployment-group", group);
    Ok(())
}

/// What a blue/green deployment without hooks and triggers needs of `AWSCodeDeployRoleForECS`, with PassRole narrowed to
/// the one role that the tasks have (aws-facts 3.10).
fn deploy_policy(task_role: &Ref<IamRole>) -> PolicyDocument {
    let everything = || [PolicyResource::arn("*")];
    let arn: Reference = task_role.output(None);
    let mut pass_role = Statement::allow(["iam:PassRole"], [PolicyResource::Of(arn)]);
    pass_role.conditions.insert(
        "StringEquals".into(),
        BTreeMap::from([("iam:PassedToService".into(), BTreeSet::from(["ecs-tasks.amazonaws.com".to_owned()]))]),
    );
    PolicyDocument::of([
        Statement::allow(
            ["ecs:CreateTaskSet", "ecs:DeleteTaskSet", "ecs:DescribeServices", "ecs:UpdateServicePrimaryTaskSet"],
            everything(),
        ),
        Statement::allow(
            [
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeRules",
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:ModifyRule",
            ],
            everything(),
        ),
        Statement::allow(["cloudwatch:DescribeAlarms"], everything()),
        pass_role,
    ])
}
