//! Observed values in the form of the stack file.

use std::collections::BTreeMap;

use aomidori_model::value::Caseless;
use aomidori_model::{KindName, Target, Value};
use aomidori_plan::Observed;
use serde_json::{Map, Value as Json, json};

use super::address::Addresses;
use crate::claims::key;

/// The fields of one observed resource.
pub(super) struct Reader<'a> {
    seen: &'a Observed,
    values: BTreeMap<&'static str, Value>,
    addresses: &'a Addresses,
    /// Ids in full, of what this resource refers to.
    full: BTreeMap<(KindName, String), String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(seen: &'a Observed, addresses: &'a Addresses) -> Reader<'a> {
        let mut full = BTreeMap::new();
        for field in &seen.fields {
            field.value.for_each_ref(&mut |reference| {
                if let Target::Id(id) = &reference.target {
                    full.insert((reference.kind, key(reference.kind, id).to_owned()), id.clone());
                }
            });
        }
        let values = seen.fields.iter().map(|field| (field.name, field.value.resolve(&|_| None))).collect();
        Reader { seen, values, addresses, full }
    }

    pub(super) fn id(&self) -> &str {
        &self.seen.id
    }

    pub(super) fn value(&self, field: &str) -> &Value {
        self.values.get(field).unwrap_or(&Value::Null)
    }

    pub(super) fn json(&self, field: &str) -> Json {
        json(self.value(field))
    }

    pub(super) fn text(&self, field: &str) -> Result<&str, String> {
        self.value(field).as_str().ok_or_else(|| field.to_owned())
    }

    /// The id as this resource has it, of what is described under a key.
    pub(super) fn live_id(&self, kind: KindName, id: &str) -> Option<String> {
        Some(self.full.get(&(kind, id.to_owned())).cloned().unwrap_or_else(|| id.to_owned()))
    }

    /// A reference: to an address if the id is described too, else to what exists.
    pub(super) fn point(&self, kind: KindName, id: &str) -> Json {
        match self.addresses.get(&(kind, key(kind, id).to_owned())) {
            Some(address) => json!({ "ref": address }),
            None => json!({ "id": id }),
        }
    }

    pub(super) fn reference(&self, field: &str, kind: KindName) -> Result<Json, String> {
        let id = self.text(field)?;
        if id.is_empty() { Err(field.to_owned()) } else { Ok(self.point(kind, id)) }
    }

    /// The processor of a task, if its definition says it: AWS's own is not told from one that was declared but by an output.
    pub(super) fn architecture(&self) -> Json {
        match self.json("runtime_platform.cpu_architecture") {
            usual if usual == "X86_64" && !self.seen.outputs.contains_key("cpu_architecture") => Json::Null,
            other => other,
        }
    }

    /// The load balancer that a DNS record points at.
    pub(super) fn balancer(&self, field: &str) -> Result<Json, String> {
        let mut found = None;
        if let Some(value) = self.seen.fields.get(field).map(|field| &field.value) {
            value.for_each_ref(&mut |reference| match &reference.target {
                Target::Id(id) if reference.kind == KindName::LoadBalancer => found = Some(id.as_str()),
                _ => {}
            });
        }
        // Of a record that points elsewhere nothing would say whose it is.
        let found = found.filter(|id| self.addresses.contains_key(&(KindName::LoadBalancer, (*id).to_owned())));
        found.map(|id| self.point(KindName::LoadBalancer, id)).ok_or_else(|| field.to_owned())
    }

    pub(super) fn optional(&self, field: &str, kind: KindName) -> Result<Json, String> {
        match self.value(field) {
            Value::Null => Ok(Json::Null),
            _ => self.reference(field, kind),
        }
    }

    pub(super) fn references(&self, field: &str, kind: KindName) -> Result<Json, String> {
        match self.value(field) {
            Value::Null => Ok(json!([])),
            Value::Set(ids) => {
                let ids: Option<Vec<Json>> = ids.iter().map(|id| Some(self.point(kind, id.as_str()?))).collect();
                ids.map(Json::Array).ok_or_else(|| field.to_owned())
            }
            _ => Err(field.to_owned()),
        }
    }
}

/// The text of a value, or the id that it refers to.
pub(super) fn text_of(value: &Value) -> Option<String> {
    value.resolve(&|_| None).as_str().map(str::to_owned)
}

/// A value as JSON, references as ids.
pub(super) fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => json!(number),
        Value::Str(text) | Value::Caseless(Caseless(text)) => json!(text),
        Value::List(items) | Value::Join(items) => items.iter().map(json).collect(),
        Value::Set(items) => items.iter().map(json).collect(),
        Value::Map(items) => Json::Object(items.iter().map(|(key, value)| (key.clone(), json(value))).collect()),
        Value::Ref(reference) => match &reference.target {
            Target::Id(id) => json!(id),
            Target::Address(address) => json!(address),
        },
    }
}

/// A policy document; `None` for one that the model cannot write.
pub(super) fn policy(value: &Value) -> Option<Json> {
    let Value::Set(statements) = value else { return None };
    let statement = |value: &Value| {
        let Value::Map(map) = value else { return None };
        let get = |name: &str| map.get(name).map(json);
        let resources = get("resources").and_then(|all| all.as_array().cloned()).unwrap_or_default();
        let mut said = Map::new();
        said.insert("effect".into(), json!(get("effect")?.as_str()?.to_ascii_lowercase()));
        for name in ["sid", "actions", "not_actions", "conditions"] {
            said.extend(get(name).map(|value| (name.to_owned(), value)));
        }
        if let Some(principal) = get("principal") {
            let said_so = if principal == json!("*") { json!("anyone") } else { json!({ "by": principal }) };
            said.insert("principal".into(), said_so);
        }
        if !resources.is_empty() {
            let arns: Vec<Json> = resources.into_iter().map(|arn| json!({ "arn": arn })).collect();
            said.insert("resources".into(), Json::Array(arns));
        }
        Some(Json::Object(said))
    };
    let statements: Vec<Json> = statements.iter().map(statement).collect::<Option<_>>()?;
    Some(json!({ "statements": statements }))
}

/// A lifecycle policy in the model's form.
pub(super) fn lifecycle(value: &Value) -> Result<Json, String> {
    let wrong = || "lifecycle_policy".to_owned();
    let Value::Map(rules) = value else { return Ok(Json::Null) };
    if rules.is_empty() {
        return Ok(Json::Null);
    }
    let mut said = Vec::new();
    for rule in rules.values().map(json) {
        let selection = &rule["selection"];
        let select = match selection["tagStatus"].as_str() {
            Some("untagged") => json!("untagged"),
            Some("any") => json!("any"),
            Some("tagged") if selection["tagPrefixList"].is_array() => {
                json!({ "tag_prefixes": selection["tagPrefixList"] })
            }
            Some("tagged") => json!({ "tag_patterns": selection["tagPatternList"] }),
            _ => return Err(wrong()),
        };
        let expire = match selection["countType"].as_str() {
            Some("imageCountMoreThan") => json!({ "count_more_than": selection["countNumber"] }),
            Some("sinceImagePushed") => json!({ "days_since_pushed": selection["countNumber"] }),
            _ => return Err(wrong()),
        };
        said.push(json!({
            "priority": rule["rulePriority"],
            "description": rule.get("description"),
            "select": select,
            "expire": expire,
        }));
    }
    said.sort_by_key(|rule| rule["priority"].as_i64());
    Ok(json!({ "rules": said }))
}

/// The conditions of a listener rule.
pub(super) fn conditions(value: &Value) -> Result<Json, String> {
    let all = json(value);
    let all = all.as_array().cloned().unwrap_or_default();
    match all.iter().any(|condition| condition.get("other").is_some()) {
        true => Err("condition".into()),
        false => Ok(Json::Array(all)),
    }
}

/// A redirect, without what AWS fills in.
pub(super) fn redirect(value: &Value) -> Option<Json> {
    let all = json(value);
    let unless = |name: &str, filled: &str| all.get(name).filter(|value| *value != filled).cloned();
    Some(json!({ "redirect": {
        "protocol": unless("protocol", "#{protocol}"),
        "port": unless("port", "#{port}"),
        "host": unless("host", "#{host}"),
        "path": unless("path", "/#{path}"),
        "query": unless("query", "#{query}"),
        "permanent": all.get("status_code")? == "HTTP_301",
    } }))
}

/// A fixed response.
pub(super) fn fixed(value: &Value) -> Option<Json> {
    let all = json(value);
    let status: u16 = all.get("status_code")?.as_str()?.parse().ok()?;
    let answer = json!({ "status": status, "content_type": all.get("content_type"), "body": all.get("message_body") });
    Some(json!({ "fixed_response": answer }))
}

/// How traffic is shifted.
pub(super) fn routing(value: &Value) -> Option<Json> {
    let all = json(value);
    let part = json!({ "percent": all.get("percentage"), "minutes": all.get("interval") });
    match all.get("type")?.as_str()? {
        "AllAtOnce" => Some(json!("all_at_once")),
        "TimeBasedCanary" => Some(json!({ "canary": part })),
        "TimeBasedLinear" => Some(json!({ "linear": part })),
        _ => None,
    }
}

/// The circuit breaker, if it is on.
pub(super) fn breaker(value: &Value) -> Json {
    let all = json(value);
    if all["enable"] == true { json!({ "rollback": all["rollback"] }) } else { Json::Null }
}

/// The containers of a task definition.
pub(super) fn containers(r: &Reader<'_>) -> Result<Json, String> {
    let live = r.value("container_definitions");
    let Value::Map(containers) = live else { return Err("container_definitions".into()) };
    let unsaid = unsaid_of_containers(live);
    if !unsaid.is_empty() {
        return Err(unsaid);
    }
    let mut said = Vec::new();
    for (name, value) in containers {
        let Value::Map(map) = value else { return Err(format!("container_definitions.{name}")) };
        let get = |key: &str| map.get(key).map_or(Json::Null, json);
        let list = |key: &str| map.get(key).map_or(json!([]), json);
        let object = |key: &str| map.get(key).map_or(json!({}), json);
        let logs = map.get("log_configuration").map(|logs| {
            let logs = json(logs);
            let group = logs["awslogs-group"].as_str().unwrap_or_default().to_owned();
            json!({
                "group": r.point(KindName::LogGroup, &group),
                "region": logs["awslogs-region"],
                "stream_prefix": logs["awslogs-stream-prefix"],
            })
        });
        said.push(json!({
            "name": get("name"),
            "image": image(r, map.get("image").and_then(Value::as_str).unwrap_or_default()),
            "essential": get("essential"),
            "ports": list("port_mappings"),
            "command": get("command"),
            "entry_point": get("entry_point"),
            "environment": object("environment"),
            "secrets": object("secrets"),
            "cpu": get("cpu"),
            "memory": get("memory"),
            "logs": logs,
            "health_check": get("health_check"),
            "readonly_root_filesystem": get("readonly_root_filesystem"),
            "init_process": get("init_process_enabled"),
        }));
    }
    Ok(Json::Array(said))
}

/// What containers have that the model cannot say, by name; values may be secrets.
fn unsaid_of_containers(live: &Value) -> String {
    let Value::Map(containers) = live else { return String::new() };
    let mut names: Vec<String> = Vec::new();
    for (name, container) in containers {
        match container {
            // Of the task as a whole.
            Value::Bool(_) => names.push(name.trim_matches(['(', ')']).to_owned()),
            Value::Map(map) => {
                let other = map.get("other").map(json).unwrap_or_default();
                let other = other.as_array().into_iter().flatten().filter_map(Json::as_str);
                names.extend(other.map(|field| format!("{name}.{field}")));
            }
            _ => names.push(name.clone()),
        }
    }
    names.join("`, `")
}

/// The repository in an image of this account's registry, with what follows it.
pub fn repository(image: &str) -> Option<(&str, char, &str)> {
    let (host, rest) = image.split_once('/')?;
    if !host.contains(".dkr.ecr.") {
        return None;
    }
    let (at, sign) = rest.char_indices().find(|(_, c)| matches!(c, '@' | ':'))?;
    Some((&rest[..at], sign, &rest[at + 1..]))
}

fn image(r: &Reader<'_>, uri: &str) -> Json {
    let found = repository(uri).map(|(name, sign, rest)| (r.point(KindName::EcrRepository, name), sign, rest));
    match found {
        Some((repository, ':', tag)) if repository.get("ref").is_some() => {
            json!({ "tag": { "repository": repository, "tag": tag } })
        }
        Some((repository, _, digest)) if repository.get("ref").is_some() => {
            json!({ "digest": { "repository": repository, "digest": digest } })
        }
        _ => json!({ "uri": uri }),
    }
}
