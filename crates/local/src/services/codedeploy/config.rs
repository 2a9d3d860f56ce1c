//! Deployment configurations: how traffic is shifted, or how many hosts stay healthy.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::codedeploy::application::ALSO;
use crate::services::members::{bare, named};
use crate::world::Cx;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Config {
    id: String,
    name: String,
    pub(crate) platform: String,
    minimum_healthy_hosts: Option<Value>,
    pub(crate) routing: Option<Value>,
    created: Time,
}

/// AWS's own: name, platform, hosts (kind, value) or routing (canary or linear percentage, interval; 100 is all at once).
const PREDEFINED: &[(&str, &str, Shape)] = &[
    ("OneAtATime", "Server", Shape::Hosts("HOST_COUNT", -1)),
    ("HalfAtATime", "Server", Shape::Hosts("FLEET_PERCENT", 50)),
    ("AllAtOnce", "Server", Shape::Hosts("HOST_COUNT", 0)),
    ("LambdaAllAtOnce", "Lambda", Shape::AllAtOnce),
    ("LambdaCanary10Percent5Minutes", "Lambda", Shape::Canary(10, 5)),
    ("LambdaCanary10Percent10Minutes", "Lambda", Shape::Canary(10, 10)),
    ("LambdaCanary10Percent15Minutes", "Lambda", Shape::Canary(10, 15)),
    ("LambdaCanary10Percent30Minutes", "Lambda", Shape::Canary(10, 30)),
    ("LambdaLinear10PercentEvery1Minute", "Lambda", Shape::Linear(10, 1)),
    ("LambdaLinear10PercentEvery2Minutes", "Lambda", Shape::Linear(10, 2)),
    ("LambdaLinear10PercentEvery3Minutes", "Lambda", Shape::Linear(10, 3)),
    ("LambdaLinear10PercentEvery10Minutes", "Lambda", Shape::Linear(10, 10)),
    ("ECSAllAtOnce", "ECS", Shape::AllAtOnce),
    ("ECSCanary10Percent5Minutes", "ECS", Shape::Canary(10, 5)),
    ("ECSCanary10Percent15Minutes", "ECS", Shape::Canary(10, 15)),
    ("ECSLinear10PercentEvery1Minutes", "ECS", Shape::Linear(10, 1)),
    ("ECSLinear10PercentEvery3Minutes", "ECS", Shape::Linear(10, 3)),
];

#[derive(Clone, Copy)]
enum Shape {
    Hosts(&'static str, i64),
    AllAtOnce,
    Canary(u32, u32),
    Linear(u32, u32),
}

const PREFIX: &str = "CodeDeployDefault.";

/// When AWS's own were made; some time before anything here.
const LONG_AGO: Time = Time(1_418_860_800_000);

fn predefined(name: &str) -> Option<Config> {
    let short = name.strip_prefix(PREFIX)?;
    let (i, (_, platform, shape)) = PREDEFINED.iter().enumerate().find(|(_, (n, ..))| *n == short)?;
    let (hosts, routing) = match *shape {
        // AWS keeps all but one as a percentage of 99 and writes it as that.
        Shape::Hosts(_, -1) => (Some(json!({"type": "FLEET_PERCENT", "value": 99})), None),
        Shape::Hosts(kind, value) => (Some(json!({"type": kind, "value": value})), None),
        Shape::AllAtOnce => (None, Some(json!({"type": "AllAtOnce"}))),
        Shape::Canary(percent, minutes) => (
            None,
            Some(json!({
                "type": "TimeBasedCanary",
                "timeBasedCanary": {"canaryPercentage": percent, "canaryInterval": minutes},
            })),
        ),
        Shape::Linear(percent, minutes) => (
            None,
            Some(json!({
                "type": "TimeBasedLinear",
                "timeBasedLinear": {"linearPercentage": percent, "linearInterval": minutes},
            })),
        ),
    };
    Some(Config {
        id: format!("00000000-0000-0000-0000-{:012x}", i + 1),
        name: name.to_owned(),
        platform: (*platform).to_owned(),
        minimum_healthy_hosts: hosts,
        routing,
        created: LONG_AGO,
    })
}

/// A configuration, AWS's or the account's.
pub(super) fn find(cx: &mut Cx<'_>, name: &str) -> Result<Config> {
    let found = predefined(name).or_else(|| cx.codedeploy().configs.get(name).cloned());
    found.ok_or_else(|| {
        let text = format!("No Deployment Configuration found for name: {name}");
        ApiError::new("DeploymentConfigDoesNotExistException", text)
    })
}

fn name(given: Option<String>) -> Result<String> {
    match given {
        None => fail!("DeploymentConfigNameRequiredException", "Deployment configuration name was not provided"),
        Some(name) if named(&name, 1, 100, ALSO) => Ok(name),
        Some(name) => fail!("InvalidDeploymentConfigNameException", "Deployment configuration name is invalid: {name}"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Hosts {
    #[serde(rename = "type")]
    kind: Option<String>,
    value: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Canary {
    canary_percentage: Option<i64>,
    canary_interval: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Linear {
    linear_percentage: Option<i64>,
    linear_interval: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Routing {
    #[serde(rename = "type")]
    kind: Option<String>,
    time_based_canary: Option<Canary>,
    time_based_linear: Option<Linear>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    deployment_config_name: Option<String>,
    minimum_healthy_hosts: Option<Hosts>,
    traffic_routing_config: Option<Routing>,
    compute_platform: Option<String>,
    zonal_config: Option<Value>,
}

fn routing(given: Option<Routing>) -> Result<Value> {
    const CODE: &str = "InvalidTrafficRoutingConfigurationException";
    let Some(given) = given else {
        return fail!(CODE, "The traffic routing configuration is required for this compute platform");
    };
    let step = |percentage: Option<i64>, interval: Option<i64>| match (percentage, interval) {
        (Some(p @ 1..=99), Some(i @ 1..=2880)) => Ok((p, i)),
        _ => fail!(CODE, "The percentage must be between 1 and 99, and the interval between 1 and 2880 minutes"),
    };
    match (given.kind.as_deref(), given.time_based_canary, given.time_based_linear) {
        (Some("AllAtOnce"), None, None) => Ok(json!({"type": "AllAtOnce"})),
        (Some("TimeBasedCanary"), Some(c), None) => {
            let (percentage, interval) = step(c.canary_percentage, c.canary_interval)?;
            let canary = json!({"canaryPercentage": percentage, "canaryInterval": interval});
            Ok(json!({"type": "TimeBasedCanary", "timeBasedCanary": canary}))
        }
        (Some("TimeBasedLinear"), None, Some(l)) => {
            let (percentage, interval) = step(l.linear_percentage, l.linear_interval)?;
            let linear = json!({"linearPercentage": percentage, "linearInterval": interval});
            Ok(json!({"type": "TimeBasedLinear", "timeBasedLinear": linear}))
        }
        (kind, ..) => {
            fail!(CODE, "The traffic routing configuration does not fit its type '{}'", kind.unwrap_or_default())
        }
    }
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let name = name(input.deployment_config_name)?;
    if name.starts_with(PREFIX) {
        return fail!("InvalidDeploymentConfigNameException", "Deployment configuration name is reserved: {name}");
    }
    let platform = input.compute_platform.unwrap_or_else(|| "Server".to_owned());
    let (hosts, routing) = match platform.as_str() {
        "Server" => {
            if input.traffic_routing_config.is_some() {
                return fail!(
                    "InvalidTrafficRoutingConfigurationException",
                    "A traffic routing configuration is not for the Server compute platform"
                );
            }
            let hosts = input.minimum_healthy_hosts.map(|h| (h.kind, h.value));
            match hosts {
                Some((Some(kind), Some(value)))
                    if (kind == "HOST_COUNT" && value >= 0)
                        || (kind == "FLEET_PERCENT" && (0..=100).contains(&value)) =>
                {
                    (Some(json!({"type": kind, "value": value})), None)
                }
                _ => return fail!("InvalidMinimumHealthyHostValueException", "The minimum healthy hosts are invalid"),
            }
        }
        "Lambda" | "ECS" => {
            if input.minimum_healthy_hosts.is_some() {
                return fail!(
                    "InvalidMinimumHealthyHostValueException",
                    "Minimum healthy hosts are for the Server compute platform only"
                );
            }
            (None, Some(routing(input.traffic_routing_config)?))
        }
        other => return fail!("InvalidComputePlatformException", "The compute platform '{other}' is invalid"),
    };
    if input.zonal_config.is_some() {
        return fail!("InvalidZonalDeploymentConfigurationException", "The local cloud has no zonal configurations");
    }
    if cx.codedeploy().configs.contains_key(&name) {
        return fail!("DeploymentConfigAlreadyExistsException", "Deployment configuration already exists: {name}");
    }
    if cx.codedeploy().configs.len() >= 200 {
        return fail!("DeploymentConfigLimitExceededException", "The deployment configurations limit was exceeded.");
    }
    let id = cx.uuid();
    let created = cx.now();
    let config =
        Config { id: id.clone(), name: name.clone(), platform, minimum_healthy_hosts: hosts, routing, created };
    cx.codedeploy().configs.insert(name, config);
    Ok(json!({"deploymentConfigId": id}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Named {
    deployment_config_name: Option<String>,
}

pub(super) fn get(cx: &mut Cx<'_>, input: Named) -> Result {
    let config = find(cx, &name(input.deployment_config_name)?)?;
    Ok(bare(json!({"deploymentConfigInfo": {
        "deploymentConfigId": config.id,
        "deploymentConfigName": config.name,
        "minimumHealthyHosts": config.minimum_healthy_hosts,
        "createTime": config.created.epoch_seconds(),
        "computePlatform": config.platform,
        "trafficRoutingConfig": config.routing,
    }})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    next_token: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let mut names: Vec<String> = PREDEFINED.iter().map(|(name, ..)| format!("{PREFIX}{name}")).collect();
    names.extend(cx.codedeploy().configs.keys().cloned());
    names.sort();
    let names = names.into_iter().map(|name| (name.clone(), name));
    let page = page(names, input.next_token.as_deref(), 100, "InvalidNextTokenException")?;
    Ok(bare(json!({"deploymentConfigsList": page.items, "nextToken": page.next})))
}

/// One that is not there is no error.
pub(super) fn delete(cx: &mut Cx<'_>, input: Named) -> Result {
    let name = name(input.deployment_config_name)?;
    if name.starts_with(PREFIX) {
        return fail!("InvalidOperationException", "Cannot delete the predefined deployment configuration: {name}");
    }
    let mut groups = cx.codedeploy().applications.values().flat_map(|a| a.groups.values());
    if groups.any(|g| g.settings.config == name) {
        return fail!("DeploymentConfigInUseException", "Deployment configuration is in use: {name}");
    }
    cx.codedeploy().configs.remove(&name);
    Ok(Value::Null)
}
