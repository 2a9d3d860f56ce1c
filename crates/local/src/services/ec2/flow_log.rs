//! Flow logs: kept and checked. Nothing flows, so nothing is logged.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::State;
use super::common::{Describe, ENI, FLOW_LOG, SUBNET, TagSpecification, VPC, new_tags, remember, replayed, tag_set};
use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::filters::Answer;
use crate::tags::Tags;
use crate::world::Cx;

/// A flow log of one VPC, subnet or network interface.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FlowLog {
    pub(crate) id: String,
    resource: String,
    traffic: Option<String>,
    destination_type: String,
    destination: Option<String>,
    group: Option<String>,
    role: Option<String>,
    cross_account_role: Option<String>,
    format: String,
    interval: u32,
    options: Option<Options>,
    created: Time,
    pub(crate) tags: Tags,
}

/// How files in a bucket look.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(alias = "FileFormat", rename(serialize = "fileFormat"), default = "plain")]
    file_format: String,
    #[serde(alias = "HiveCompatiblePartitions", rename(serialize = "hiveCompatiblePartitions"), default)]
    hive: bool,
    #[serde(alias = "PerHourPartition", rename(serialize = "perHourPartition"), default)]
    per_hour: bool,
}

fn plain() -> String {
    "plain-text".to_owned()
}

const FORMAT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} \
                      ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    client_token: Option<String>,
    deliver_logs_permission_arn: Option<String>,
    deliver_cross_account_role: Option<String>,
    log_group_name: Option<String>,
    resource_id: Vec<String>,
    resource_type: String,
    traffic_type: Option<String>,
    log_destination_type: Option<String>,
    log_destination: Option<String>,
    log_format: Option<String>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
    max_aggregation_interval: Option<u32>,
    destination_options: Option<Value>,
}

fn one_of(value: &str, name: &str, values: &[&str]) -> Result<()> {
    if values.contains(&value) {
        return Ok(());
    }
    fail!("InvalidParameterValue", "Value ({value}) for parameter {name} is invalid.")
}

fn check_resource(state: &State, kind: &str, id: &str) -> Result<()> {
    match kind {
        "VPC" => VPC.find(&state.vpcs, id).map(|_| ()),
        "Subnet" => SUBNET.find(&state.subnets, id).map(|_| ()),
        "NetworkInterface" => ENI.find(&state.network_interfaces, id).map(|_| ()),
        other => fail!("InvalidParameterValue", "The local cloud has no flow logs of {other}"),
    }
}

/// Answers 200 with what went wrong for each resource.
pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let (request, token) = (format!("{input:?}"), input.client_token.clone());
    let known = |state: &State, id: &str| state.flow_logs.contains_key(id);
    if let Some(id) = replayed(cx, token.as_deref(), &request, known)? {
        return Ok(json!({"clientToken": token, "flowLogIdSet": [id], "unsuccessful": []}));
    }
    one_of(
        &input.resource_type,
        "ResourceType",
        &["VPC", "Subnet", "NetworkInterface", "TransitGateway", "TransitGatewayAttachment"],
    )?;
    match &input.traffic_type {
        Some(traffic) => one_of(traffic, "TrafficType", &["ACCEPT", "REJECT", "ALL"])?,
        None => return fail!("MissingParameter", "The request must contain the parameter TrafficType"),
    }
    let kind = input.log_destination_type.unwrap_or_else(|| "cloud-watch-logs".to_owned());
    one_of(&kind, "LogDestinationType", &["cloud-watch-logs", "s3", "kinesis-data-firehose"])?;
    let interval = input.max_aggregation_interval.unwrap_or(600);
    if interval != 60 && interval != 600 {
        return fail!("InvalidParameter", "MaxAggregationInterval must be 60 or 600, not {interval}");
    }
    let group = input.log_group_name.or_else(|| {
        let arn = input.log_destination.as_deref().filter(|_| kind == "cloud-watch-logs")?;
        arn.split_once(":log-group:").map(|(_, name)| name.trim_end_matches(":*").to_owned())
    });
    if kind == "cloud-watch-logs" && input.deliver_logs_permission_arn.is_none() {
        return fail!(
            "InvalidParameter",
            "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."
        );
    }
    if group.is_none() && input.log_destination.is_none() {
        return fail!("InvalidParameter", "LogDestination can't be empty if LogGroupName is not provided.");
    }
    let options = match input.destination_options {
        Some(_) if kind != "s3" => {
            return fail!("InvalidParameter", "DestinationOptions are for the destination type s3 only");
        }
        Some(options) => Some(crate::input::decode::<Options>(cx, options)?),
        None => None,
    };
    let tags = new_tags(&input.tags, &FLOW_LOG)?;
    let (mut made, mut unsuccessful) = (Vec::new(), Vec::new());
    for resource in input.resource_id {
        let same = |log: &FlowLog| {
            (&log.resource, &log.destination, &log.group, &log.traffic)
                == (&resource, &input.log_destination, &group, &input.traffic_type)
        };
        let refused = match check_resource(cx.ec2(), &input.resource_type, &resource) {
            Err(error) => Some(error),
            Ok(()) if cx.ec2().flow_logs.values().any(same) => Some(ApiError::new(
                "FlowLogAlreadyExists",
                "Error. There is an existing Flow Log with the same configuration and log destination.",
            )),
            Ok(()) => None,
        };
        if let Some(error) = refused {
            unsuccessful.push(json!({"resourceId": resource, "error": {"code": error.code, "message": error.message}}));
            continue;
        }
        let id = cx.id("fl");
        let log = FlowLog {
            id: id.clone(),
            resource,
            traffic: input.traffic_type.clone(),
            destination_type: kind.clone(),
            destination: input.log_destination.clone(),
            group: group.clone(),
            role: input.deliver_logs_permission_arn.clone(),
            cross_account_role: input.deliver_cross_account_role.clone(),
            format: input.log_format.clone().unwrap_or_else(|| FORMAT.to_owned()),
            interval,
            options: options.clone(),
            created: cx.now(),
            tags: tags.clone(),
        };
        cx.ec2().flow_logs.insert(id.clone(), log);
        made.push(id);
    }
    if let [id] = made.as_slice() {
        remember(cx, token.as_deref(), request, id);
    }
    Ok(json!({"clientToken": token, "flowLogIdSet": made, "unsuccessful": unsuccessful}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let logs = &cx.ec2().flow_logs;
    let found = input.find(
        &FLOW_LOG,
        logs.iter(),
        1000,
        |log| &log.tags,
        |log, name| match name {
            "flow-log-id" => log.id.as_str().into(),
            "resource-id" => log.resource.as_str().into(),
            "traffic-type" => log.traffic.clone().into(),
            "log-destination-type" => log.destination_type.as_str().into(),
            "log-group-name" => log.group.clone().into(),
            "deliver-log-status" => "SUCCESS".into(),
            _ => Answer::Unknown,
        },
    )?;
    let render = |log: &&FlowLog| {
        json!({
            "creationTime": log.created.iso8601(),
            "deliverLogsPermissionArn": log.role,
            "deliverCrossAccountRole": log.cross_account_role,
            "deliverLogsStatus": "SUCCESS",
            "flowLogId": log.id,
            "flowLogStatus": "ACTIVE",
            "logGroupName": log.group,
            "resourceId": log.resource,
            "trafficType": log.traffic,
            "logDestinationType": log.destination_type,
            "logDestination": log.destination,
            "logFormat": log.format,
            "tagSet": tag_set(&log.tags),
            "maxAggregationInterval": log.interval,
            "destinationOptions": log.options,
        })
    };
    Ok(json!({"flowLogSet": found.items.iter().map(render).collect::<Value>(), "nextToken": found.next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    flow_log_id: Vec<String>,
}

/// Answers 200 with what went wrong for each.
pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let mut unsuccessful = Vec::new();
    for id in input.flow_log_id {
        FLOW_LOG.check(&id)?;
        if cx.ec2().flow_logs.remove(&id).is_none() {
            let error = FLOW_LOG.not_found(&id);
            unsuccessful.push(json!({"resourceId": id, "error": {"code": error.code, "message": error.message}}));
        }
    }
    Ok(json!({"unsuccessful": unsuccessful}))
}

/// Those of what is gone are gone, too.
pub(super) fn forget(state: &mut State, resource: &str) {
    state.flow_logs.retain(|_, log| log.resource != resource);
}
