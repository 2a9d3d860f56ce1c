//! The practice environment with ecspresso, in `fixtures/ecspresso`.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_emit::{EcspressoOptions, EmitError, File, Ids, Live, ecspresso};
use aomidori_model::{Address, KindName, Stack, ownership};
use aomidori_practice::{Inputs, stack};
use serde_json::Value;

use crate::golden::check;

pub(crate) fn options(ids: Ids) -> EcspressoOptions {
    let practice = ["blue", "green"].map(|tag| tag.parse().unwrap()).into();
    EcspressoOptions { ids, region: None, images: Vec::new(), practice }
}

/// Ids that look as AWS's do, for every resource.
pub(crate) fn live(stack: &Stack) -> BTreeMap<Address, Live> {
    let account = "123456789012";
    let one = |(address, entry): (&Address, &aomidori_model::Entry)| {
        let leaf = address.leaf();
        let (id, url) = match entry.resource.kind() {
            KindName::Subnet => (format!("subnet-{leaf}"), None),
            KindName::SecurityGroup => (format!("sg-{leaf}"), None),
            KindName::TargetGroup => (
                format!("arn:aws:elasticloadbalancing:ap-northeast-1:{account}:targetgroup/{leaf}/0123456789abcdef"),
                None,
            ),
            KindName::IamRole => (format!("arn:aws:iam::{account}:role/{leaf}"), None),
            KindName::DiscoveryService => {
                (format!("arn:aws:servicediscovery:ap-northeast-1:{account}:service/srv-{leaf}"), None)
            }
            KindName::EcrRepository => {
                let url = format!("{account}.dkr.ecr.ap-northeast-1.amazonaws.com/codedeploy-practice/maintenance");
                (leaf.to_owned(), Some(url))
            }
            _ => (address.to_string(), None),
        };
        let outputs = url.map(|url| ("repository_url".to_owned(), url)).into_iter().collect();
        (address.clone(), Live { id, outputs })
    };
    stack.iter().map(one).collect()
}

fn json(files: &[File], path: &str) -> Value {
    let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"));
    serde_json::from_str(&file.text).unwrap()
}

fn yaml(files: &[File], path: &str) -> Value {
    let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"));
    serde_saphyr::from_str(&file.text).unwrap()
}

#[test]
fn the_practice_environment_with_live_ids() {
    let stack = stack(&Inputs::default()).unwrap();
    let options = options(Ids::Live(live(&stack)));
    let files = ecspresso(&stack, &options).unwrap();
    assert_eq!(files, ecspresso(&stack, &options).unwrap(), "the same stack gives the same bytes");
    assert!(files.iter().all(|file| !file.text.contains("{{")), "no template where everything is known");
    check("ecspresso/live", files);
}

#[test]
fn the_practice_environment_with_terraforms_state() {
    let stack = stack(&Inputs::default()).unwrap();
    let state = "s3://practice-tfstate/practice.tfstate".to_owned();
    check("ecspresso/tfstate", front(ecspresso(&stack, &options(Ids::TfState { state })).unwrap()));
}

#[test]
fn the_practice_environment_with_variables() {
    let stack = stack(&Inputs::default()).unwrap();
    check("ecspresso/env", front(ecspresso(&stack, &options(Ids::Env)).unwrap()));
}

/// What differs by where ids come from, once.
fn front(mut files: Vec<File>) -> Vec<File> {
    files.retain(|file| !file.path.contains('/') || file.path.starts_with("maintenance-bg/"));
    files
}

#[test]
fn configurations_name_files_that_exist_and_codedeploys_group() {
    let stack = stack(&Inputs::default()).unwrap();
    let files = ecspresso(&stack, &options(Ids::Env)).unwrap();
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut configs = 0;
    for path in paths.iter().filter(|path| path.ends_with(".yml")) {
        configs += 1;
        let config = yaml(&files, path);
        let folder = path.rsplit_once('/').unwrap().0;
        for key in ["service_definition", "task_definition"] {
            let file = format!("{folder}/{}", config[key].as_str().unwrap());
            assert!(paths.contains(file.as_str()), "{path} names {file}");
        }
        assert_eq!(config["service"], folder);
        assert_eq!(config["region"], "ap-northeast-1");
        assert_eq!(config["codedeploy"].is_object(), folder == "maintenance-bg");
    }
    // Blue and green of the front end, and one of each backend.
    assert_eq!(configs, 4);
    assert_eq!(yaml(&files, "maintenance-bg/ecspresso.yml")["task_definition"], "ecs-task-def.blue.json");
    assert_eq!(yaml(&files, "maintenance-bg/ecspresso.green.yml")["task_definition"], "ecs-task-def.green.json");
    // 15 to start, 5 until it stops by itself, 5 until blue is gone.
    assert_eq!(yaml(&files, "maintenance-bg/ecspresso.yml")["timeout"], "25m");
}

#[test]
fn what_another_decides_is_left_out_and_every_mark_is_in() {
    let stack = stack(&Inputs::default()).unwrap();
    let files = ecspresso(&stack, &options(Ids::Live(live(&stack)))).unwrap();
    for name in ["maintenance-bg", "backend-blue", "backend-green"] {
        let service = json(&files, &format!("{name}/ecs-service-def.json"));
        for key in ["desiredCount", "taskDefinition", "serviceName", "cluster"] {
            assert!(service.get(key).is_none(), "{name} has {key}");
        }
        let address: Address = format!("services/service/{name}").parse().unwrap();
        let tags: BTreeMap<String, String> = service["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| (tag["key"].as_str().unwrap().to_owned(), tag["value"].as_str().unwrap().to_owned()))
            .collect();
        // ecspresso removes tags that a definition does not name.
        let marks = ownership::Marks::of(&tags);
        assert!(marks.belongs_to(stack.name()));
        assert_eq!(marks.address, Some(address));
    }
    let blue_green = json(&files, "maintenance-bg/ecs-service-def.json");
    assert_eq!(blue_green["deploymentController"]["type"], "CODE_DEPLOY");
    assert_eq!(blue_green["loadBalancers"].as_array().unwrap().len(), 1);
    assert!(blue_green.get("deploymentConfiguration").is_none());
    let rolling = json(&files, "backend-green/ecs-service-def.json");
    assert_eq!(rolling["deploymentController"]["type"], "ECS");
    assert_eq!(rolling["serviceRegistries"].as_array().unwrap().len(), 1);
    assert!(rolling.get("loadBalancers").is_none());
}

#[test]
fn another_image_says_what_the_stack_declared() {
    let stack = stack(&Inputs::default()).unwrap();
    let files = ecspresso(&stack, &options(Ids::Live(live(&stack)))).unwrap();
    let tag = |path: &str, key: &str| {
        let tags = json(&files, path)["tags"].clone();
        let found = tags.as_array().unwrap().iter().find(|tag| tag["key"] == key).cloned();
        found.map(|tag| tag["value"].as_str().unwrap().to_owned())
    };
    let (declared, asked) = (ownership::declared_image_key("maintenance"), ownership::image_key("maintenance"));
    let green = "maintenance-bg/ecs-task-def.green.json";
    let blue = "maintenance-bg/ecs-task-def.blue.json";
    assert!(json(&files, green)["containerDefinitions"][0]["image"].as_str().unwrap().ends_with(":green"));
    assert!(tag(green, &declared).unwrap().ends_with(":blue"));
    assert_eq!(tag(green, &asked).as_deref(), Some("green"));
    assert_eq!(tag(blue, &declared), None);
}

#[test]
fn what_is_not_live_is_named_all_at_once() {
    let stack = stack(&Inputs::default()).unwrap();
    let Err(EmitError::NotLive(missing)) = ecspresso(&stack, &options(Ids::Live(BTreeMap::new()))) else {
        panic!("nothing is live");
    };
    for address in ["network/subnet/private-a", "platform/target-group/blue"] {
        assert!(missing.iter().any(|it| it == address), "{address} in {missing:?}");
    }
}

#[test]
fn chosen_images_are_for_every_service() {
    let stack = stack(&Inputs::default()).unwrap();
    let images = ["v1", "v2", "v1"].map(|tag| tag.parse().unwrap()).into();
    let files = ecspresso(&stack, &EcspressoOptions { images, ..options(Ids::Env) }).unwrap();
    for name in ["maintenance-bg", "backend-blue", "backend-green"] {
        for tag in ["v1", "v2"] {
            let task = json(&files, &format!("{name}/ecs-task-def.{tag}.json"));
            assert!(task["containerDefinitions"][0]["image"].as_str().unwrap().ends_with(&format!("}}:{tag}")));
        }
        assert_eq!(yaml(&files, &format!("{name}/ecspresso.yml"))["task_definition"], "ecs-task-def.v1.json");
        assert!(files.iter().any(|file| file.path == format!("{name}/ecspresso.v2.yml")));
    }
}
