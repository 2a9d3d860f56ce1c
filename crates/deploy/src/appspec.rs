//! The AppSpec of an ECS deployment (CodeDeploy user guide, "AppSpec file structure for Amazon ECS deployments").

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

/// What an AppSpec says. Network and platform version can only be changed by a deployment, so they are always part of it
/// (aws-facts 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSpec {
    /// The ARN of the revision.
    pub task_definition: String,
    /// The container that answers.
    pub container: String,
    /// The port that it answers on.
    pub port: u16,
    /// Such as `1.4.0`.
    pub platform_version: Option<String>,
    /// Subnets of the tasks.
    pub subnets: BTreeSet<String>,
    /// Security groups of the tasks.
    pub security_groups: BTreeSet<String>,
    /// The tasks get public addresses.
    pub assign_public_ip: bool,
}

impl AppSpec {
    fn value(&self) -> Value {
        let AppSpec { task_definition, container, port, platform_version, subnets, security_groups, assign_public_ip } =
            self;
        let mut properties = json!({
            "TaskDefinition": task_definition,
            "LoadBalancerInfo": {"ContainerName": container, "ContainerPort": port},
        });
        if let Some(version) = platform_version {
            properties["PlatformVersion"] = json!(version);
        }
        if !subnets.is_empty() {
            properties["NetworkConfiguration"] = json!({"AwsvpcConfiguration": {
                "Subnets": subnets,
                "SecurityGroups": security_groups,
                "AssignPublicIp": if *assign_public_ip { "ENABLED" } else { "DISABLED" },
            }});
        }
        json!({
            "version": 0.0,
            "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}],
        })
    }

    /// As CodeDeploy is given it.
    pub fn to_json(&self) -> String {
        self.value().to_string()
    }

    /// As people write it.
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        yaml(&self.value(), 0, &mut text);
        text
    }
}

/// The ARN of the revision in an AppSpec, in JSON or YAML.
pub fn task_definition_of(appspec: &str) -> Option<String> {
    if let Ok(value) = serde_json::from_str::<Value>(appspec) {
        let resources = value.get("Resources")?.as_array()?;
        // CodeDeploy takes any name for the resource.
        let service = resources.first()?.as_object()?.values().next()?;
        return Some(service.get("Properties")?.get("TaskDefinition")?.as_str()?.to_owned());
    }
    let line = appspec.lines().find_map(|line| line.trim().strip_prefix("TaskDefinition:"))?;
    Some(line.trim().trim_matches(['"', '\'']).to_owned()).filter(|arn| !arn.is_empty())
}

/// Block style, with every text in quotes.
fn yaml(value: &Value, depth: usize, text: &mut String) {
    let pad = "  ".repeat(depth);
    // Writing to a text does not fail.
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let _ = write!(text, "{pad}{key}:");
                child(value, depth + 1, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = String::new();
                yaml(item, depth + 1, &mut inner);
                match item {
                    Value::Object(_) | Value::Array(_) => {
                        let _ = write!(text, "{pad}- {}", inner.trim_start());
                    }
                    _ => {
                        let _ = writeln!(text, "{pad}- {}", inner.trim());
                    }
                }
            }
        }
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}

fn child(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(_) | Value::Array(_) => {
            text.push('\n');
            yaml(value, depth, text);
        }
        scalar => {
            let _ = writeln!(text, " {scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> AppSpec {
        AppSpec {
            task_definition: "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:7".into(),
            container: "web".into(),
            port: 80,
            platform_version: Some("1.4.0".into()),
            subnets: ["subnet-1".to_owned(), "subnet-2".to_owned()].into(),
            security_groups: ["sg-1".to_owned()].into(),
            assign_public_ip: false,
        }
    }

    #[test]
    fn json_for_codedeploy() {
        let value: Value = serde_json::from_str(&spec().to_json()).unwrap();
        assert_eq!(value["version"], 0.0);
        let properties = &value["Resources"][0]["TargetService"]["Properties"];
        assert_eq!(properties["LoadBalancerInfo"]["ContainerPort"], 80);
        assert_eq!(properties["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"], "DISABLED");
        assert_eq!(properties["PlatformVersion"], "1.4.0");
    }

    #[test]
    fn yaml_for_people() {
        let yaml = spec().to_yaml();
        let expected = r#"Resources:
  - TargetService:
      Properties:
        LoadBalancerInfo:
          ContainerName: "web"
          ContainerPort: 80
        NetworkConfiguration:
          AwsvpcConfiguration:
            AssignPublicIp: "DISABLED"
            SecurityGroups:
              - "sg-1"
            Subnets:
              - "subnet-1"
              - "subnet-2"
        PlatformVersion: "1.4.0"
        TaskDefinition: "arn:aws:ecs:eu-central-1:123456789012:task-definition/web:7"
      Type: "AWS::ECS::Service"
version: 0.0
"#;
        assert_eq!(yaml, expected);
    }

    #[test]
    fn the_revision_is_read_back_from_either() {
        let spec = spec();
        assert_eq!(task_definition_of(&spec.to_json()).as_ref(), Some(&spec.task_definition));
        assert_eq!(task_definition_of(&spec.to_yaml()).as_ref(), Some(&spec.task_definition));
        assert_eq!(task_definition_of("version: 0.0"), None);
    }
}
