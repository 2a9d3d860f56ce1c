//! Clusters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::ecs::service::EcsService;
use crate::services::ecs::task::Task;
use crate::services::ecs::{links, settings, tagging};
use crate::services::members::{bare, named, resource_of};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) status: String,
    pub(crate) tags: Tags,
    settings: Vec<Setting>,
    configuration: Option<Value>,
    connect: Option<Value>,
    pub(crate) capacity_providers: Vec<String>,
    pub(crate) default_strategy: Vec<Strategy>,
    /// By name.
    pub(crate) services: BTreeMap<String, EcsService>,
    /// By id.
    pub(crate) tasks: BTreeMap<String, Task>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    name: String,
    value: String,
}

/// A capacity provider and its share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Strategy {
    pub(crate) capacity_provider: String,
    #[serde(default)]
    pub(crate) weight: u64,
    #[serde(default)]
    pub(crate) base: u64,
}

/// A cluster's name from its name or ARN.
pub(super) fn name_of(given: Option<&str>) -> String {
    let given = given.filter(|g| !g.is_empty()).unwrap_or("default");
    resource_of(given, "ecs").and_then(|r| r.strip_prefix("cluster/")).unwrap_or(given).to_owned()
}

/// An active cluster.
pub(super) fn find<'c>(cx: &'c mut Cx<'_>, given: Option<&str>) -> Result<&'c mut Cluster> {
    let name = name_of(given);
    match cx.ecs().clusters.get_mut(&name) {
        Some(cluster) if cluster.status == "ACTIVE" => Ok(cluster),
        Some(_) => fail!("ClusterNotFoundException", "The referenced cluster was inactive."),
        None => fail!("ClusterNotFoundException", "Cluster not found."),
    }
}

fn invalid<T>(why: impl Into<String>) -> Result<T> {
    Err(ApiError::new("InvalidParameterException", why))
}

fn check_settings(cx: &mut Cx<'_>, given: Vec<Setting>) -> Result<Vec<Setting>> {
    for setting in &given {
        let legal = setting.name == "containerInsights"
            && ["enabled", "disabled", "enhanced"].contains(&setting.value.as_str());
        if !legal {
            return invalid(format!("Invalid cluster setting: {}={}", setting.name, setting.value));
        }
    }
    if given.is_empty() {
        let value = settings::value(cx, "containerInsights");
        return Ok(vec![Setting { name: "containerInsights".to_owned(), value }]);
    }
    Ok(given)
}

fn check_providers(providers: &[String], strategy: &[Strategy]) -> Result<()> {
    if let Some(unknown) = providers.iter().find(|p| !["FARGATE", "FARGATE_SPOT"].contains(&p.as_str())) {
        return invalid(format!(
            "The specified capacity provider '{unknown}' was not found. Specify a valid name or ARN and try again."
        ));
    }
    if let Some(other) = strategy.iter().find(|s| !providers.contains(&s.capacity_provider)) {
        return invalid(format!(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the \
             cluster. Associate the capacity provider with the cluster and try again. ({})",
            other.capacity_provider
        ));
    }
    if strategy.iter().filter(|s| s.base > 0).count() > 1 {
        return invalid("Only one capacity provider in a strategy can have a base.");
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    cluster_name: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    settings: Vec<Setting>,
    configuration: Option<Value>,
    #[serde(default)]
    capacity_providers: Vec<String>,
    #[serde(default)]
    default_capacity_provider_strategy: Vec<Strategy>,
    service_connect_defaults: Option<Value>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let name = input.cluster_name.unwrap_or_else(|| "default".to_owned());
    if !named(&name, 1, 255, "_-") {
        return invalid("Identifiers must be 1 to 255 letters, numbers, hyphens or underscores: clusterName");
    }
    let tags = tags::from_list(input.tags);
    tagging::check(&tags)?;
    let settings = check_settings(cx, input.settings)?;
    check_providers(&input.capacity_providers, &input.default_capacity_provider_strategy)?;
    links::ensure_linked_role(cx);
    if let Some(existing) = cx.ecs().clusters.get(&name)
        && existing.status == "ACTIVE"
    {
        return Ok(json!({"cluster": shape(existing, &["SETTINGS", "CONFIGURATIONS", "TAGS"])}));
    }
    let mut capacity_providers = input.capacity_providers;
    capacity_providers.sort();
    let cluster = Cluster {
        arn: cx.arn("ecs", &format!("cluster/{name}")),
        name: name.clone(),
        status: "ACTIVE".to_owned(),
        tags,
        settings,
        configuration: input.configuration,
        connect: input.service_connect_defaults,
        capacity_providers,
        default_strategy: input.default_capacity_provider_strategy,
        ..Cluster::default()
    };
    let answer = shape(&cluster, &["SETTINGS", "CONFIGURATIONS", "TAGS"]);
    cx.ecs().clusters.insert(name, cluster);
    Ok(json!({"cluster": answer}))
}

fn shape(cluster: &Cluster, include: &[&str]) -> Value {
    let wants = |what: &str| include.contains(&what);
    let tasks =
        |statuses: &[&str]| cluster.tasks.values().filter(|t| statuses.contains(&t.last_status.as_str())).count();
    let (running, pending) = (tasks(&["RUNNING"]), tasks(&["PROVISIONING", "PENDING", "ACTIVATING"]));
    let services = |status: &str| cluster.services.values().filter(|s| s.status == status).count();
    let statistic = |name: &str, value: usize| json!({"name": name, "value": value.to_string()});
    let statistics = if wants("STATISTICS") {
        vec![
            statistic("runningEC2TasksCount", 0),
            statistic("runningFargateTasksCount", running),
            statistic("pendingEC2TasksCount", 0),
            statistic("pendingFargateTasksCount", pending),
            statistic("runningExternalTasksCount", 0),
            statistic("pendingExternalTasksCount", 0),
            statistic("activeEC2ServiceCount", 0),
            statistic("activeFargateServiceCount", services("ACTIVE")),
            statistic("drainingEC2ServiceCount", 0),
            statistic("drainingFargateServiceCount", services("DRAINING")),
            statistic("activeExternalServiceCount", 0),
            statistic("drainingExternalServiceCount", 0),
        ]
    } else {
        Vec::new()
    };
    let mut answer = bare(json!({
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": services("ACTIVE"),
        "statistics": statistics,
        "tags": if wants("TAGS") { tags::camel(&cluster.tags) } else { json!([]) },
        "settings": if wants("SETTINGS") { json!(cluster.settings) } else { json!([]) },
        "configuration": if wants("CONFIGURATIONS") { cluster.configuration.clone() } else { None },
        "capacityProviders": cluster.capacity_providers,
        "defaultCapacityProviderStrategy": cluster.default_strategy,
        "serviceConnectDefaults": cluster.connect,
    }));
    if wants("ATTACHMENTS") {
        answer["attachments"] = json!([]);
    }
    answer
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    if input.clusters.len() > 100 {
        return invalid("Clusters cannot have more than 100 elements.");
    }
    let wanted = if input.clusters.is_empty() { vec!["default".to_owned()] } else { input.clusters };
    let include: Vec<&str> = input.include.iter().map(String::as_str).collect();
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for given in wanted {
        let name = name_of(Some(&given));
        match cx.ecs().clusters.get(&name) {
            Some(cluster) => clusters.push(shape(cluster, &include)),
            None => failures.push(json!({"arn": cx.arn("ecs", &format!("cluster/{name}")), "reason": "MISSING"})),
        }
    }
    Ok(json!({"clusters": clusters, "failures": failures}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let active = cx.ecs().clusters.values().filter(|c| c.status == "ACTIVE");
    let arns = active.map(|c| (c.name.clone(), c.arn.clone()));
    let size = crate::page::size(input.max_results, 100, 100, "InvalidParameterException")?;
    let page = page(arns, input.next_token.as_deref(), size, "InvalidParameterException")?;
    Ok(bare(json!({"clusterArns": page.items, "nextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Update {
    cluster: String,
    settings: Option<Vec<Setting>>,
    configuration: Option<Value>,
    service_connect_defaults: Option<Value>,
}

pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    find(cx, Some(&input.cluster))?;
    let settings = match input.settings {
        Some(settings) => Some(check_settings(cx, settings)?),
        None => None,
    };
    let cluster = find(cx, Some(&input.cluster))?;
    if let Some(settings) = settings {
        cluster.settings = settings;
    }
    if input.configuration.is_some() {
        cluster.configuration = input.configuration;
    }
    if let Some(connect) = input.service_connect_defaults {
        // An empty namespace takes the default away.
        cluster.connect = Some(connect).filter(|c| c["namespace"].as_str().is_some_and(|n| !n.is_empty()));
    }
    Ok(json!({"cluster": shape(cluster, &["SETTINGS", "CONFIGURATIONS", "TAGS"])}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateSettings {
    cluster: String,
    settings: Vec<Setting>,
}

pub(super) fn update_settings(cx: &mut Cx<'_>, input: UpdateSettings) -> Result {
    let (settings, connect) = (Some(input.settings), None);
    update(cx, Update { cluster: input.cluster, settings, configuration: None, service_connect_defaults: connect })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutProviders {
    cluster: String,
    capacity_providers: Vec<String>,
    default_capacity_provider_strategy: Vec<Strategy>,
}

pub(super) fn put_capacity_providers(cx: &mut Cx<'_>, input: PutProviders) -> Result {
    let cluster = find(cx, Some(&input.cluster))?;
    check_providers(&input.capacity_providers, &input.default_capacity_provider_strategy)?;
    let mut capacity_providers = input.capacity_providers;
    capacity_providers.sort();
    let used = |p: &String| {
        let uses = |s: &EcsService| s.shape.strategy.iter().any(|x| x.capacity_provider == *p);
        cluster.services.values().any(|s| s.status == "ACTIVE" && uses(s))
    };
    if cluster.capacity_providers.iter().any(|p| !capacity_providers.contains(p) && used(p)) {
        return fail!("ResourceInUseException", "The specified capacity provider is in use and cannot be removed.");
    }
    cluster.capacity_providers = capacity_providers;
    cluster.default_strategy = input.default_capacity_provider_strategy;
    Ok(json!({"cluster": shape(cluster, &["SETTINGS", "CONFIGURATIONS", "TAGS"])}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    cluster: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let cluster = match find(cx, Some(&input.cluster)) {
        Ok(cluster) => cluster,
        // AWS answers a second deletion with the inactive cluster.
        Err(error) => {
            let name = name_of(Some(&input.cluster));
            return cx.ecs().clusters.get(&name).map(|c| json!({"cluster": shape(c, &[])})).ok_or(error);
        }
    };
    if cluster.services.values().any(|s| s.status != "INACTIVE") {
        return fail!("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.");
    }
    if cluster.tasks.values().any(|t| t.last_status != "STOPPED") {
        return fail!("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.");
    }
    cluster.status = "INACTIVE".to_owned();
    Ok(json!({"cluster": shape(cluster, &["SETTINGS", "CONFIGURATIONS", "TAGS"])}))
}
