//! Other stacks than the practice environment.

use std::collections::BTreeMap;

use aomidori_emit::{EmitError, Ids, Vendor, ecspresso, pipeline};
use aomidori_model::kinds::deployment_group::ReadyOption;
use aomidori_model::kinds::task_definition::{CpuArchitecture, Image};
use aomidori_model::kinds::{EcsCluster, EcsService, TaskDefinition};
use aomidori_model::{Address, Ref, Resource, Stack};
use aomidori_practice::Inputs;
use serde_json::Value;

use crate::{ecspresso as tests, pipelines};

fn practice() -> Stack {
    aomidori_practice::stack(&Inputs::default()).unwrap()
}

fn change(stack: &mut Stack, address: &str, change: impl FnOnce(&mut Resource)) {
    change(&mut stack.get_mut(&address.parse::<Address>().unwrap()).unwrap().resource);
}

#[test]
fn a_service_that_does_not_wait_is_gated_before_it_is_deployed() {
    let mut stack = practice();
    let group = stack.of::<aomidori_model::kinds::DeploymentGroup>().next().unwrap().0.to_string();
    change(&mut stack, &group, |resource| {
        if let Resource::DeploymentGroup(group) = resource {
            group.ready = ReadyOption::Continue;
        }
    });
    for vendor in Vendor::ALL {
        let text = pipeline(&stack, &pipelines::options(vendor, "maintenance-bg")).unwrap().text;
        assert!(text.contains("--wait rerouted") && !text.contains("cargo xtask reroute"), "{text}");
    }
}

#[test]
fn two_services_of_one_name_are_told_apart() {
    let mut stack = practice();
    let other = stack.add("platform/other", EcsCluster { name: "other".parse().unwrap(), container_insights: None });
    let (_, service) = stack.of::<EcsService>().find(|(_, it)| it.name.as_str() == "backend-blue").unwrap();
    let mut service = EcsService { cluster: other, ..service.clone() };
    if let aomidori_model::kinds::ecs_service::Deployment::Rolling(rolling) = &mut service.deployment {
        rolling.registry = None;
    }
    stack.add("services/service/second", service);
    let files = ecspresso(&stack, &tests::options(Ids::Env)).unwrap();
    for folder in ["services/service/backend-blue", "services/service/second"] {
        assert!(files.iter().any(|file| file.path == format!("{folder}/ecspresso.yml")), "{folder}");
    }
    let file = pipeline(&stack, &pipelines::options(Vendor::GitHub, "services/service/second")).unwrap();
    let value: Value = serde_saphyr::from_str(&file.text).unwrap();
    assert_eq!(value["env"]["SERVICE"], "services/service/second");
}

#[test]
fn arm_tasks_are_built_on_arm() {
    let mut stack = practice();
    let address = "services/task-definition/maintenance-bg";
    change(&mut stack, address, |resource| {
        if let Resource::TaskDefinition(definition) = resource {
            definition.cpu_architecture = Some(CpuArchitecture::Arm64);
        }
    });
    for (vendor, machine) in
        [(Vendor::GitHub, "ubuntu-24.04-arm"), (Vendor::CircleCi, "arm.medium"), (Vendor::Bitbucket, "arch: arm")]
    {
        let text = pipeline(&stack, &pipelines::options(vendor, "maintenance-bg")).unwrap().text;
        assert!(text.contains(machine) && text.contains("linux/arm64"), "{text}");
    }
    let files = ecspresso(&stack, &tests::options(Ids::Env)).unwrap();
    let task = files.iter().find(|file| file.path == "maintenance-bg/ecs-task-def.blue.json").unwrap();
    let task: Value = serde_json::from_str(&task.text).unwrap();
    assert_eq!(task["runtimePlatform"]["cpuArchitecture"], "ARM64");
}

#[test]
fn an_image_from_elsewhere_cannot_be_pushed() {
    let mut stack = practice();
    change(&mut stack, "services/task-definition/backend-blue", |resource| {
        if let Resource::TaskDefinition(TaskDefinition { containers, .. }) = resource {
            containers[0].image = Image::Uri("public.ecr.aws/nginx/nginx:1.29".into());
        }
    });
    let error = pipeline(&stack, &pipelines::options(Vendor::GitHub, "backend-blue")).unwrap_err();
    assert!(error.to_string().contains("no ECR repository"), "{error}");
    // ecspresso deploys it all the same, and another tag of it too.
    let images = vec!["1.30".parse().unwrap()];
    let files = ecspresso(&stack, &aomidori_emit::EcspressoOptions { images, ..tests::options(Ids::Env) }).unwrap();
    let task = files.iter().find(|file| file.path == "backend-blue/ecs-task-def.1.30.json").unwrap();
    assert!(task.text.contains("\"public.ecr.aws/nginx/nginx:1.30\""));
}

#[test]
fn what_cannot_be_said_is_named() {
    let empty = Stack::new("empty".parse().unwrap());
    assert!(matches!(ecspresso(&empty, &tests::options(Ids::Env)), Err(EmitError::NoServices)));
    let options = pipelines::options(Vendor::GitHub, "nobody");
    assert!(matches!(pipeline(&practice(), &options), Err(EmitError::NoService { .. })));
    let mut stack = practice();
    change(&mut stack, "services/service/backend-blue", |resource| {
        if let Resource::EcsService(service) = resource {
            service.task_definition = Ref::existing("arn:aws:ecs:r:1:task-definition/x:1");
        }
    });
    let error = ecspresso(&stack, &tests::options(Ids::Live(BTreeMap::new()))).unwrap_err();
    assert!(error.to_string().contains("services/service/backend-blue"), "{error}");
}
