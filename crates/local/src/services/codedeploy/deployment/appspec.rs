//! AppSpecs: what an ECS service is deployed with, in JSON or YAML.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::services::members::resource_of;

/// What an AppSpec says, checked. Networks and strategies are spelled as ECS takes them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct AppSpec {
    pub(super) task_definition: String,
    pub(super) container: String,
    pub(super) port: u64,
    pub(super) platform_version: Option<String>,
    pub(super) network: Option<Value>,
    pub(super) strategy: Option<Value>,
    /// Functions by event.
    pub(super) hooks: BTreeMap<String, String>,
}

/// Where hooks may be.
const HOOKS: &[&str] =
    &["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"];

type Read<T> = std::result::Result<T, String>;

const MALFORMED: &str = "The AppSpec file was not well-formed. Fix the AppSpec file and try again.";

/// Reads an AppSpec, or says what is wrong with it.
pub(super) fn read(text: &str) -> Read<AppSpec> {
    let text = text.trim();
    if text.is_empty() {
        return Err("The AppSpec content is not well formatted or is empty.".to_owned());
    }
    let tree: Value = if text.starts_with('{') {
        serde_json::from_str(text).map_err(|e| format!("{MALFORMED} ({e})"))?
    } else {
        serde_yaml_ng::from_str(text).map_err(|e| format!("{MALFORMED} ({e})"))?
    };
    let top = Members::of(&tree, "the AppSpec")?;
    top.only(&["version", "Resources", "Hooks"])?;
    match top.any("version") {
        Some(Value::Number(n)) if n.as_f64() == Some(0.0) => {}
        Some(Value::String(s)) if s == "0.0" => {}
        None => return Err("The AppSpec file must specify a version.".to_owned()),
        Some(other) => {
            return Err(format!("The AppSpec file has an unsupported version: {other}. Only 0.0 is supported."));
        }
    }
    let Some(Value::Array(resources)) = top.any("Resources") else {
        return Err("The AppSpec file must contain a Resources section with one target service.".to_owned());
    };
    let one = || "Exactly one target service has to be specified in the AppSpec file.".to_owned();
    let [resource] = resources.as_slice() else { return Err(one()) };
    let service = Members::of(Members::of(resource, "Resources")?.single().ok_or_else(one)?, "the target service")?;
    service.only(&["Type", "Properties"])?;
    if service.text("Type")?.as_deref() != Some("AWS::ECS::Service") {
        return Err("The resource type of the target service must be AWS::ECS::Service.".to_owned());
    }
    let mut spec = properties(service.any("Properties").unwrap_or(&Value::Null))?;
    if let Some(hooks) = top.any("Hooks").filter(|hooks| !hooks.is_null()) {
        spec.hooks = self::hooks(hooks)?;
    }
    Ok(spec)
}

fn properties(value: &Value) -> Read<AppSpec> {
    let own = Members::of(value, "Properties")?;
    own.only(&[
        "TaskDefinition",
        "LoadBalancerInfo",
        "PlatformVersion",
        "NetworkConfiguration",
        "CapacityProviderStrategy",
    ])?;
    let Some(task_definition) = own.text("TaskDefinition")? else {
        return Err("The AppSpec file must specify the TaskDefinition of the target service.".to_owned());
    };
    let revision = resource_of(&task_definition, "ecs")
        .and_then(|r| r.strip_prefix("task-definition/")?.rsplit_once(':'))
        .filter(|(family, revision)| !family.is_empty() && revision.parse::<u32>().is_ok());
    if revision.is_none() {
        return Err(format!(
            "The TaskDefinition must be the ARN of a task definition's revision, not {task_definition}."
        ));
    }
    let balancer = Members::of(own.any("LoadBalancerInfo").unwrap_or(&Value::Null), "LoadBalancerInfo")?;
    balancer.only(&["ContainerName", "ContainerPort"])?;
    let Some(container) = balancer.text("ContainerName")?.filter(|name| !name.is_empty()) else {
        return Err("The AppSpec file must specify LoadBalancerInfo with a ContainerName.".to_owned());
    };
    let port = match balancer.any("ContainerPort") {
        Some(Value::Number(n)) => n.as_u64(),
        Some(Value::String(s)) => s.parse().ok(),
        _ => None,
    };
    let Some(port) = port.filter(|port| (1..=65535).contains(port)) else {
        return Err("The AppSpec file must specify LoadBalancerInfo with a ContainerPort from 1 to 65535.".to_owned());
    };
    Ok(AppSpec {
        task_definition,
        container,
        port,
        platform_version: own.text("PlatformVersion")?,
        network: own.any("NetworkConfiguration").filter(|n| !n.is_null()).map(network).transpose()?,
        strategy: own.any("CapacityProviderStrategy").filter(|s| !s.is_null()).map(strategy).transpose()?,
        hooks: BTreeMap::new(),
    })
}

fn network(value: &Value) -> Read<Value> {
    let outer = Members::of(value, "NetworkConfiguration")?;
    outer.only(&["AwsvpcConfiguration"])?;
    let inner = Members::of(outer.any("AwsvpcConfiguration").unwrap_or(&Value::Null), "AwsvpcConfiguration")?;
    inner.only(&["Subnets", "SecurityGroups", "AssignPublicIp"])?;
    let subnets = inner.texts("Subnets")?;
    if subnets.is_empty() {
        return Err("The NetworkConfiguration must have Subnets.".to_owned());
    }
    let public = inner.text("AssignPublicIp")?.unwrap_or_else(|| "DISABLED".to_owned());
    if !["ENABLED", "DISABLED"].contains(&public.as_str()) {
        return Err(format!("AssignPublicIp must be ENABLED or DISABLED, not {public}."));
    }
    Ok(json!({"awsvpcConfiguration": {
        "subnets": subnets,
        "securityGroups": inner.texts("SecurityGroups")?,
        "assignPublicIp": public,
    }}))
}

fn strategy(value: &Value) -> Read<Value> {
    let Value::Array(items) = value else { return Err("CapacityProviderStrategy must be a list.".to_owned()) };
    let mut all = Vec::new();
    for item in items {
        let own = Members::of(item, "CapacityProviderStrategy")?;
        own.only(&["CapacityProvider", "Base", "Weight"])?;
        let Some(provider) = own.text("CapacityProvider")? else {
            return Err("A CapacityProviderStrategy must name its CapacityProvider.".to_owned());
        };
        let number = |name: &str| own.any(name).and_then(Value::as_u64).unwrap_or(0);
        all.push(json!({"capacityProvider": provider, "base": number("Base"), "weight": number("Weight")}));
    }
    Ok(Value::Array(all))
}

fn hooks(value: &Value) -> Read<BTreeMap<String, String>> {
    let Value::Array(items) = value else { return Err("The Hooks section must be a list.".to_owned()) };
    let mut all = BTreeMap::new();
    for item in items {
        for (event, function) in Members::of(item, "Hooks")?.members {
            if !HOOKS.contains(&event.as_str()) {
                return Err(format!("The AppSpec file has a hook on {event}, which is none of {}.", HOOKS.join(", ")));
            }
            match function.as_str().filter(|f| !f.is_empty()) {
                Some(function) => all.insert(event.clone(), function.to_owned()),
                None => return Err(format!("The hook on {event} must name a Lambda function.")),
            };
        }
    }
    Ok(all)
}

/// A mapping of an AppSpec. AWS's own examples differ in the case of names, so that it does not matter.
struct Members<'v> {
    members: &'v Map<String, Value>,
    what: &'static str,
}

impl<'v> Members<'v> {
    fn of(value: &'v Value, what: &'static str) -> Read<Members<'v>> {
        match value.as_object() {
            Some(members) => Ok(Members { members, what }),
            None => Err(format!("{MALFORMED} ({what} must be a mapping)")),
        }
    }

    fn only(&self, known: &[&str]) -> Read<()> {
        match self.members.keys().find(|key| !known.iter().any(|k| k.eq_ignore_ascii_case(key))) {
            Some(key) => Err(format!("The AppSpec file contains an unknown property: {key} in {}.", self.what)),
            None => Ok(()),
        }
    }

    fn any(&self, name: &str) -> Option<&'v Value> {
        self.members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the only member.
    fn single(&self) -> Option<&'v Value> {
        let mut all = self.members.values();
        let first = all.next();
        if all.next().is_some() { None } else { first }
    }

    fn text(&self, name: &str) -> Read<Option<String>> {
        match self.any(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("{name} in {} must be a text.", self.what)),
        }
    }

    fn texts(&self, name: &str) -> Read<Vec<String>> {
        match self.any(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let one =
                    |v: &Value| v.as_str().map(str::to_owned).ok_or_else(|| format!("{name} must be a list of texts."));
                items.iter().map(one).collect()
            }
            Some(_) => Err(format!("{name} must be a list.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/web:7";

    fn yaml(rest: &str) -> String {
        format!(
            "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        \
             TaskDefinition: \"{ARN}\"\n        LoadBalancerInfo:\n          ContainerName: \"web\"\n          \
             ContainerPort: 80\n{rest}"
        )
    }

    #[test]
    fn json_and_yaml_say_the_same() {
        let json = json!({"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": ARN, "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80}}}}]});
        let spec = read(&json.to_string()).unwrap();
        assert_eq!((spec.task_definition.as_str(), spec.container.as_str(), spec.port), (ARN, "web", 80));
        assert_eq!(read(&yaml("")).unwrap(), spec);
    }

    #[test]
    fn everything_that_a_deployment_may_override() {
        let rest = "        PlatformVersion: \"1.4.0\"\n        NetworkConfiguration:\n          AwsvpcConfiguration:\n            \
                    Subnets: [subnet-1, subnet-2]\n            SecurityGroups: [sg-1]\n            AssignPublicIp: \
                    ENABLED\n        CapacityProviderStrategy:\n          - CapacityProvider: FARGATE_SPOT\n            \
                    Weight: 1\nHooks:\n  - AfterInstall: check\n";
        let spec = read(&yaml(rest)).unwrap();
        assert_eq!(spec.platform_version.as_deref(), Some("1.4.0"));
        assert_eq!(spec.network.unwrap()["awsvpcConfiguration"]["subnets"], json!(["subnet-1", "subnet-2"]));
        assert_eq!(spec.strategy.unwrap(), json!([{"capacityProvider": "FARGATE_SPOT", "base": 0, "weight": 1}]));
        assert_eq!(spec.hooks["AfterInstall"], "check");
    }

    #[test]
    fn what_is_refused() {
        for (text, why) in [
            ("", "is empty"),
            ("{", "not well-formed"),
            ("a: [", "not well-formed"),
            ("just text", "must be a mapping"),
            ("version: 1.0\nResources: []", "unsupported version"),
            ("Resources: []", "must specify a version"),
            ("version: 0.0", "Resources section"),
            ("version: 0.0\nResources: []", "Exactly one target service"),
            ("version: 0.0\nfiles: []\nResources: []", "unknown property: files"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        for (from, to, why) in [
            (ARN, "web:7", "must be the ARN"),
            (ARN, "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/web", "must be the ARN"),
            ("AWS::ECS::Service", "AWS::Lambda::Function", "must be AWS::ECS::Service"),
            ("ContainerPort: 80", "ContainerPort: 0", "ContainerPort"),
            ("ContainerName: \"web\"", "ContainerName: \"\"", "ContainerName"),
            ("ContainerPort: 80", "ContainerPort: 80\n          Weight: 1", "unknown property: Weight"),
        ] {
            let said = read(&yaml("").replace(from, to)).unwrap_err();
            assert!(said.contains(why), "{to}: {said}");
        }
        assert!(read(&yaml("Hooks:\n  - Install: x\n")).unwrap_err().contains("hook on Install"));
    }
}
