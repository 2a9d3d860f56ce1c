//! Tables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{INVALID, Later, find, merged};
use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::{page, size};
use crate::services::members::{bare, named};
use crate::services::peers;
use crate::tags::{Tag, Tags};
use crate::timings;
use crate::world::Cx;

/// A table and what is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Table {
    id: String,
    status: Status,
    pub(super) attributes: Vec<Attribute>,
    pub(super) key: Vec<KeyPart>,
    settings: Settings,
    /// The attribute that items expire by.
    ttl: Option<String>,
    recovery: Option<Recovery>,
    created: Time,
    pub(super) tags: Tags,
    /// By the values of the key.
    pub(super) items: BTreeMap<String, Map<String, Value>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
}

/// A part of the key, or of an index's if there were any: `S`, `N` or `B`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Attribute {
    pub(super) attribute_name: String,
    pub(super) attribute_type: String,
}

/// `HASH` or `RANGE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct KeyPart {
    pub(super) attribute_name: String,
    key_type: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Throughput {
    read_capacity_units: u64,
    write_capacity_units: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Encryption {
    enabled: Option<bool>,
    #[serde(rename = "SSEType")]
    kind: Option<String>,
    #[serde(rename = "KMSMasterKeyId")]
    key: Option<String>,
}

/// What an update changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Settings {
    /// None where each request is paid.
    throughput: Option<Throughput>,
    /// When requests began to be paid.
    on_demand_since: Option<Time>,
    class: Option<String>,
    protected: bool,
    /// The key, if it is not DynamoDB's own.
    key_arn: Option<String>,
}

/// Point-in-time recovery: since when, and how many days back.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Recovery {
    since: Time,
    days: u32,
}

impl Table {
    pub(super) fn become_active(&mut self) {
        if self.status != Status::Deleting {
            self.status = Status::Active;
        }
    }

    /// Whether items can be read and written.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, Status::Active | Status::Updating)
    }

    fn shape(&self, cx: &Cx<'_>, name: &str) -> Value {
        let Settings { throughput, on_demand_since, class, protected, key_arn } = &self.settings;
        let paid = throughput.unwrap_or(Throughput { read_capacity_units: 0, write_capacity_units: 0 });
        let mode = on_demand_since.map(|since| match throughput {
            None => json!({
                "BillingMode": "PAY_PER_REQUEST",
                "LastUpdateToPayPerRequestDateTime": since.epoch_seconds(),
            }),
            Some(_) => json!({
                "BillingMode": "PROVISIONED",
                "LastUpdateToPayPerRequestDateTime": since.epoch_seconds(),
            }),
        });
        let size: usize = self.items.values().map(|item| json!(item).to_string().len()).sum();
        bare(json!({
            "TableName": name,
            "TableArn": arn(cx, name),
            "TableId": self.id,
            "TableStatus": self.status,
            "CreationDateTime": self.created.epoch_seconds(),
            "AttributeDefinitions": self.attributes,
            "KeySchema": self.key,
            "ItemCount": self.items.len(),
            "TableSizeBytes": size,
            "ProvisionedThroughput": {
                "ReadCapacityUnits": paid.read_capacity_units,
                "WriteCapacityUnits": paid.write_capacity_units,
                "NumberOfDecreasesToday": 0,
            },
            "BillingModeSummary": mode,
            "TableClassSummary": class.as_ref().map(|class| json!({"TableClass": class})),
            "DeletionProtectionEnabled": protected,
            "SSEDescription": key_arn.as_ref().map(|key| json!({"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key})),
        }))
    }
}

pub(super) fn arn(cx: &Cx<'_>, name: &str) -> String {
    cx.arn("dynamodb", &format!("table/{name}"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    table_name: String,
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<KeyPart>,
    #[serde(default)]
    tags: Vec<Tag>,
    stream_specification: Option<Stream>,
    billing_mode: Option<String>,
    provisioned_throughput: Option<Throughput>,
    table_class: Option<String>,
    deletion_protection_enabled: Option<bool>,
    #[serde(rename = "SSESpecification")]
    encryption: Option<Encryption>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stream {
    stream_enabled: bool,
}

/// What creating and updating a table have in common.
struct Change {
    billing_mode: Option<String>,
    throughput: Option<Throughput>,
    class: Option<String>,
    protected: Option<bool>,
    encryption: Option<Encryption>,
}

impl Change {
    fn over(self, cx: &mut Cx<'_>, old: &Settings) -> Result<Settings> {
        let mut new = old.clone();
        let before =
            if old.throughput.is_none() && old.on_demand_since.is_some() { "PAY_PER_REQUEST" } else { "PROVISIONED" };
        match self.billing_mode.as_deref().unwrap_or(before) {
            "PAY_PER_REQUEST" => {
                if self.throughput.is_some_and(|it| it.read_capacity_units + it.write_capacity_units > 0) {
                    return fail!(
                        INVALID,
                        "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be \
                         specified when BillingMode is PAY_PER_REQUEST"
                    );
                }
                if before != "PAY_PER_REQUEST" {
                    new.on_demand_since = Some(cx.now());
                }
                new.throughput = None;
            }
            "PROVISIONED" => {
                new.throughput = self.throughput.or(new.throughput);
                let enough = |it: Throughput| it.read_capacity_units > 0 && it.write_capacity_units > 0;
                if !new.throughput.is_some_and(enough) {
                    return fail!(
                        INVALID,
                        "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be \
                         specified when BillingMode is PROVISIONED"
                    );
                }
            }
            other => return fail!(INVALID, "{}", enumerated(other, "billingMode", "PROVISIONED, PAY_PER_REQUEST")),
        }
        if let Some(class) = self.class {
            if !["STANDARD", "STANDARD_INFREQUENT_ACCESS"].contains(&class.as_str()) {
                let message = enumerated(&class, "tableClass", "STANDARD, STANDARD_INFREQUENT_ACCESS");
                return fail!(INVALID, "{message}");
            }
            new.class = Some(class);
        }
        new.protected = self.protected.unwrap_or(new.protected);
        if let Some(Encryption { enabled, kind, key }) = self.encryption {
            if kind.is_some_and(|kind| kind != "KMS") {
                return fail!(INVALID, "One or more parameter values were invalid: SSEType AES256 is not supported");
            }
            new.key_arn = match enabled {
                Some(true) => Some(key_arn(cx, key)?),
                _ => None,
            };
        }
        Ok(new)
    }
}

fn enumerated(value: &str, member: &str, allowed: &str) -> String {
    format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum \
         value set: [{allowed}]"
    )
}

/// The ARN of a key that is named somehow, or of DynamoDB's in KMS.
fn key_arn(cx: &mut Cx<'_>, key: Option<String>) -> Result<String> {
    let key = key.unwrap_or_else(|| "alias/aws/dynamodb".to_owned());
    if key.contains(":key/") {
        return Ok(key);
    }
    let described = peers::call(cx, "kms", "DescribeKey", json!({"KeyId": key}))?;
    Ok(described["KeyMetadata"]["Arn"].as_str().unwrap_or(&key).to_owned())
}

/// A hash key, and maybe a range key; and nothing defined that is neither.
fn check_key(input: &Create) -> Result<()> {
    let kinds: Vec<&str> = input.key_schema.iter().map(|part| part.key_type.as_str()).collect();
    if !matches!(kinds[..], ["HASH"] | ["HASH", "RANGE"]) {
        return fail!(INVALID, "Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
    }
    let defined: Vec<&str> = input.attribute_definitions.iter().map(|it| it.attribute_name.as_str()).collect();
    let key: Vec<&str> = input.key_schema.iter().map(|it| it.attribute_name.as_str()).collect();
    if !key.iter().all(|name| defined.contains(name)) {
        return fail!(
            INVALID,
            "One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. \
             Keys: [{}], AttributeDefinitions: [{}]",
            key.join(", "),
            defined.join(", ")
        );
    }
    if defined.len() != key.len() {
        return fail!(
            INVALID,
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of \
             attributes defined in AttributeDefinitions"
        );
    }
    let unknown = input.attribute_definitions.iter().find(|it| !["S", "N", "B"].contains(&it.attribute_type.as_str()));
    match unknown {
        Some(it) => fail!(
            INVALID,
            "{}",
            enumerated(&it.attribute_type, "attributeDefinitions.1.member.attributeType", "B, N, S")
        ),
        None => Ok(()),
    }
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    if !named(&input.table_name, 3, 255, "_.-") {
        return fail!(
            INVALID,
            "TableName must be at least 3 characters long and at most 255 characters long, and have letters, digits, \
             underscores, hyphens and periods only"
        );
    }
    if input.stream_specification.as_ref().is_some_and(|stream| stream.stream_enabled) {
        return fail!(INVALID, "The local cloud does not have streams of tables");
    }
    check_key(&input)?;
    let tags = merged(&Tags::new(), input.tags)?;
    let name = input.table_name;
    if cx.dynamodb().tables.contains_key(&name) {
        return fail!("ResourceInUseException", "Table already exists: {name}");
    }
    let change = Change {
        billing_mode: input.billing_mode,
        throughput: input.provisioned_throughput,
        class: input.table_class,
        protected: input.deletion_protection_enabled,
        encryption: input.encryption,
    };
    let settings = change.over(cx, &Settings::default())?;
    let table = Table {
        id: cx.uuid(),
        status: Status::Creating,
        attributes: input.attribute_definitions,
        key: input.key_schema,
        settings,
        ttl: None,
        recovery: None,
        created: cx.now(),
        tags,
        items: BTreeMap::new(),
    };
    let answer = json!({"TableDescription": table.shape(cx, &name)});
    cx.dynamodb().tables.insert(name.clone(), table);
    cx.after(timings::TABLE_CREATE, Later::Active(name).body());
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByName {
    table_name: String,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: ByName) -> Result {
    let (name, table) = find(cx, &input.table_name)?;
    let table = table.clone();
    Ok(json!({"Table": table.shape(cx, &name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Update {
    table_name: String,
    attribute_definitions: Option<Vec<Attribute>>,
    billing_mode: Option<String>,
    provisioned_throughput: Option<Throughput>,
    table_class: Option<String>,
    deletion_protection_enabled: Option<bool>,
    #[serde(rename = "SSESpecification")]
    encryption: Option<Encryption>,
}

/// Only what is active can be changed.
fn active<'t>(name: &str, table: &'t mut Table) -> Result<&'t mut Table> {
    if table.status == Status::Active {
        return Ok(table);
    }
    let busy = format!("Attempt to change a resource which is still in use: Table is being changed: {name}");
    Err(ApiError::new("ResourceInUseException", busy))
}

pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    let (name, table) = find(cx, &input.table_name)?;
    let table = active(&name, table)?;
    if input.attribute_definitions.is_some_and(|definitions| definitions != table.attributes) {
        return fail!(INVALID, "The local cloud does not have indexes of tables");
    }
    let old = table.settings.clone();
    let change = Change {
        billing_mode: input.billing_mode,
        throughput: input.provisioned_throughput,
        class: input.table_class,
        protected: input.deletion_protection_enabled,
        encryption: input.encryption,
    };
    let settings = change.over(cx, &old)?;
    let (_, table) = find(cx, &name)?;
    (table.settings, table.status) = (settings, Status::Updating);
    let table = table.clone();
    cx.after(timings::TABLE_UPDATE, Later::Active(name.clone()).body());
    Ok(json!({"TableDescription": table.shape(cx, &name)}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: ByName) -> Result {
    let (name, table) = find(cx, &input.table_name)?;
    let table = active(&name, table)?;
    if table.settings.protected {
        return fail!(
            INVALID,
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
        );
    }
    table.status = Status::Deleting;
    let table = table.clone();
    cx.after(timings::TABLE_DELETE, Later::Gone(name.clone()).body());
    Ok(json!({"TableDescription": table.shape(cx, &name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    exclusive_start_table_name: Option<String>,
    limit: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let after = input.exclusive_start_table_name.unwrap_or_default();
    let names = cx.dynamodb().tables.keys().filter(|name| **name > after);
    let found: Vec<(String, String)> = names.map(|name| (name.clone(), name.clone())).collect();
    let page = page(found, None, size(input.limit, 100, 100, INVALID)?, INVALID)?;
    let last = page.next.and(page.items.last().cloned());
    Ok(bare(json!({"TableNames": page.items, "LastEvaluatedTableName": last})))
}

pub(super) fn describe_ttl(cx: &mut Cx<'_>, input: ByName) -> Result {
    let (_, table) = find(cx, &input.table_name)?;
    let status = if table.ttl.is_some() { "ENABLED" } else { "DISABLED" };
    Ok(json!({"TimeToLiveDescription": bare(json!({"TimeToLiveStatus": status, "AttributeName": table.ttl}))}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Ttl {
    enabled: bool,
    attribute_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateTtl {
    table_name: String,
    time_to_live_specification: Ttl,
}

pub(super) fn update_ttl(cx: &mut Cx<'_>, input: UpdateTtl) -> Result {
    let (_, table) = find(cx, &input.table_name)?;
    let Ttl { enabled, attribute_name } = input.time_to_live_specification;
    match (enabled, &table.ttl) {
        (true, Some(_)) => return fail!(INVALID, "TimeToLive is already enabled"),
        (false, None) => return fail!(INVALID, "TimeToLive is already disabled"),
        (false, Some(other)) if *other != attribute_name => {
            return fail!(
                INVALID,
                "TimeToLive is active on a different AttributeName: current AttributeName is {other}"
            );
        }
        _ => table.ttl = enabled.then(|| attribute_name.clone()),
    }
    Ok(json!({"TimeToLiveSpecification": {"Enabled": enabled, "AttributeName": attribute_name}}))
}

fn backups(cx: &Cx<'_>, table: &Table) -> Value {
    let recovery = match table.recovery {
        None => json!({"PointInTimeRecoveryStatus": "DISABLED"}),
        Some(Recovery { since, days }) => json!({
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": days,
            "EarliestRestorableDateTime": since.epoch_seconds(),
            "LatestRestorableDateTime": cx.now().epoch_seconds(),
        }),
    };
    let description = json!({"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery});
    json!({"ContinuousBackupsDescription": description})
}

pub(super) fn describe_backups(cx: &mut Cx<'_>, input: ByName) -> Result {
    let table = find(cx, &input.table_name)?.1.clone();
    Ok(backups(cx, &table))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PointInTime {
    point_in_time_recovery_enabled: bool,
    recovery_period_in_days: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateBackups {
    table_name: String,
    point_in_time_recovery_specification: PointInTime,
}

pub(super) fn update_backups(cx: &mut Cx<'_>, input: UpdateBackups) -> Result {
    let now = cx.now();
    let PointInTime { point_in_time_recovery_enabled, recovery_period_in_days } =
        input.point_in_time_recovery_specification;
    let days = recovery_period_in_days.unwrap_or(35);
    if !(1..=35).contains(&days) {
        return fail!(INVALID, "RecoveryPeriodInDays must be between 1 and 35");
    }
    let (_, table) = find(cx, &input.table_name)?;
    let since = table.recovery.map_or(now, |recovery| recovery.since);
    table.recovery = point_in_time_recovery_enabled.then_some(Recovery { since, days });
    let table = table.clone();
    Ok(backups(cx, &table))
}
