//! Terraform's state, version 4, as far as it says what is where: types, ids, and what is wrong with an instance.
//!
//! A state holds secrets. Of attributes only those are read that identify something; none is shown, and an error of the
//! parser is told by its place alone.

use std::borrow::Cow;
use std::fmt;

use aomidori_model::{KindName, terraform};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Why a text is not a state that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Nothing is in it.
    #[error("the state is empty")]
    Empty,
    /// It is not JSON.
    #[error("this is not a Terraform state: it is not JSON (line {line}, column {column})")]
    NotJson {
        /// Where it stops being JSON.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// A zip file: a saved plan.
    #[error("this is a saved plan (or another archive), not a state")]
    Archive,
    /// It is encrypted, as OpenTofu does.
    #[error("the state is encrypted")]
    Encrypted,
    /// It only says where the state is.
    #[error("this says only that the state is in the backend `{0}`")]
    Pointer(String),
    /// What `terraform show -json` prints.
    #[error("this is what `terraform show -json` prints, not the state itself")]
    Shown,
    /// JSON, and no state.
    #[error("this is not a Terraform state: it has no `version` and `resources` of a state's form")]
    NotState,
    /// Of a version that is not read.
    #[error("the state is of version {0}, and this program reads version 4")]
    Version(u64),
    /// Nothing is managed in it.
    #[error("the state holds no resources")]
    NoResources,
}

impl StateError {
    /// What can be done about it.
    pub fn help(&self) -> &'static str {
        match self {
            StateError::Empty | StateError::NotJson { .. } | StateError::Archive | StateError::NotState => {
                "`terraform state pull > FILE` in the root's folder writes the state"
            }
            StateError::Encrypted => "`tofu state pull > FILE` writes it decrypted; remove the file afterwards",
            StateError::Pointer(_) => "`terraform state pull > FILE` in that folder reads the state from its backend",
            StateError::Shown => "`terraform state pull > FILE` writes the state itself",
            StateError::Version(0..=3) => {
                "`terraform apply -refresh-only` with Terraform 0.12 or later writes version 4"
            }
            StateError::Version(_) => "`terraform state pull` of Terraform 1.x writes version 4",
            StateError::NoResources => {
                "is it the right root or workspace? `terraform state list` shows what is in a state"
            }
        }
    }
}

/// A state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What it holds, in its order.
    pub instances: Vec<Instance>,
    /// Which state it is, of all there ever were.
    lineage: Option<String>,
    /// How often it was written.
    serial: Option<u64>,
}

/// One instance of a resource.
#[derive(Clone, PartialEq, Eq)]
pub struct Instance {
    /// Terraform's address: `module.network.aws_subnet.private["a"]`.
    pub address: String,
    /// Terraform's type.
    pub terraform: String,
    /// A data source.
    data: bool,
    tainted: bool,
    deposed: bool,
    attributes: Map<String, Value>,
}

/// Without attributes: they hold secrets.
impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instance").field(&self.address).finish()
    }
}

/// What an instance is to an adoption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A resource that may be adopted.
    Candidate {
        /// Its kind.
        kind: KindName,
        /// Its id, in the kind's sense.
        id: String,
    },
    /// A part of something, adopted with it.
    Part(KindName),
    /// A data source: nothing that Terraform manages.
    Data,
    /// Not to be adopted.
    Left(Left),
}

/// Why an instance cannot be adopted, as far as the state itself says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// No kind of the model.
    UnknownType,
    /// Marked for re-creation.
    Tainted,
    /// An old object whose deletion was cut short.
    Deposed,
    /// The same object as another instance, which is named.
    Again(String),
    /// Its attributes do not say what it is.
    NoId,
    /// In another account.
    Account(String),
    /// In another region.
    Region(String),
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    lineage: Option<String>,
    #[serde(default)]
    serial: Option<u64>,
    resources: Vec<WrittenResource>,
}

#[derive(Deserialize)]
struct WrittenResource {
    #[serde(default)]
    module: Option<String>,
    mode: String,
    #[serde(rename = "type")]
    terraform: String,
    name: String,
    #[serde(default)]
    instances: Vec<WrittenInstance>,
}

#[derive(Deserialize)]
struct WrittenInstance {
    #[serde(default)]
    index_key: Option<Value>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    deposed: Option<String>,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
}

impl State {
    /// Reads a state.
    ///
    /// # Errors
    /// What it is in place of a state of version 4.
    pub fn read(text: &[u8]) -> Result<State, StateError> {
        let text = &*utf8(text);
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err(StateError::Empty);
        }
        if text.starts_with(b"PK\x03\x04") {
            return Err(StateError::Archive);
        }
        // Not the parser's own words: they quote what they stumble over.
        let json: Value = serde_json::from_slice(text)
            .map_err(|error| StateError::NotJson { line: error.line(), column: error.column() })?;
        let has = |key: &str| json.get(key).is_some();
        if has("encrypted_data") || has("encryption_version") {
            return Err(StateError::Encrypted);
        }
        if has("format_version") {
            return Err(StateError::Shown);
        }
        let version = json.get("version").and_then(Value::as_u64).ok_or(StateError::NotState)?;
        if let Some(backend) = json.get("backend").and_then(|backend| backend.get("type")).and_then(Value::as_str) {
            return Err(StateError::Pointer(shown(backend)));
        }
        if version != 4 {
            return Err(StateError::Version(version));
        }
        let file: File = serde_json::from_value(json).map_err(|_| StateError::NotState)?;
        let File { lineage, serial, resources } = file;
        let instances: Vec<Instance> = resources.into_iter().flat_map(instances).collect();
        if instances.iter().all(|instance| instance.data) {
            return Err(StateError::NoResources);
        }
        Ok(State { instances, lineage, serial })
    }

    /// Several states as one, each with its name: of more than one the instances' addresses have it in front. A state that
    /// is named twice counts once, under its first name.
    pub fn together(given: impl IntoIterator<Item = (State, String)>) -> State {
        let mut states: Vec<(State, String)> = Vec::new();
        for (state, name) in given {
            if !states.iter().any(|(known, _)| *known == state) {
                states.push((state, name));
            }
        }
        let several = states.len() > 1;
        let named = states.into_iter().flat_map(|(state, name)| {
            state.instances.into_iter().map(move |mut instance| {
                if several {
                    instance.address = format!("{name}: {}", instance.address);
                }
                instance
            })
        });
        State { instances: named.collect(), lineage: None, serial: None }
    }
}

/// The text without a mark of its byte order, and in UTF-8: what PowerShell redirects into a file is UTF-16.
fn utf8(text: &[u8]) -> Cow<'_, [u8]> {
    let wide = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = text.chunks_exact(2).skip(1).map(|two| from([two[0], two[1]])).collect();
        Cow::Owned(String::from_utf16_lossy(&units).into_bytes())
    };
    match text {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => Cow::Borrowed(text),
    }
}

/// Somebody else's text as it may be shown: nothing in it moves the cursor, starts a line or turns the writing round.
fn shown(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

fn instances(resource: WrittenResource) -> impl Iterator<Item = Instance> {
    let WrittenResource { module, mode, terraform, name, instances } = resource;
    let module = module.map(|module| format!("{module}.")).unwrap_or_default();
    // Whatever else there is one day besides data sources, only what is managed can be taken over.
    let data = mode != "managed";
    let base = format!("{module}{}{terraform}.{name}", if data { "data." } else { "" });
    let terraform = shown(&terraform);
    instances.into_iter().map(move |written| {
        let WrittenInstance { index_key, status, deposed, attributes } = written;
        let index = match index_key {
            Some(Value::String(key)) => format!("[{}]", Value::String(key)),
            None | Some(Value::Null) => String::new(),
            Some(key) => format!("[{key}]"),
        };
        let deposed_key = deposed.as_ref().map(|key| format!(" (deposed {key})")).unwrap_or_default();
        Instance {
            address: shown(&format!("{base}{index}{deposed_key}")),
            terraform: terraform.clone(),
            data,
            tainted: status.as_deref() == Some("tainted"),
            deposed: deposed.is_some(),
            attributes: attributes.unwrap_or_default(),
        }
    })
}

impl Instance {
    /// An attribute that can be an id or a part of one: the longest is an ARN, and none has control characters.
    fn text(&self, name: &str) -> Option<&str> {
        let identifies = |text: &&str| (1..=2048).contains(&text.len()) && !text.chars().any(char::is_control);
        self.attributes.get(name).and_then(Value::as_str).filter(identifies)
    }

    /// What it is, for an adoption in this account and region.
    pub fn read(&self, account: &str, region: &str) -> Reading {
        if self.data {
            return Reading::Data;
        }
        if self.deposed {
            return Reading::Left(Left::Deposed);
        }
        let kind = terraform::kind_of(&self.terraform);
        if kind.is_none()
            && let Some(whole) = terraform::part_of(&self.terraform)
        {
            return Reading::Part(whole);
        }
        // The older type has one id of Terraform's own making for what may be several rules.
        let kind = match self.terraform.as_str() {
            "aws_security_group_rule" if self.text("security_group_rule_id").is_none() => {
                return Reading::Part(KindName::SecurityGroup);
            }
            "aws_security_group_rule" => Some(KindName::SecurityGroupRule),
            _ => kind,
        };
        // The rule that AWS gives every group by itself belongs to the group, whoever writes it down.
        if kind == Some(KindName::SecurityGroupRule) && self.lets_everything_out() {
            return Reading::Part(KindName::SecurityGroup);
        }
        let Some(kind) = kind else { return Reading::Left(Left::UnknownType) };
        if self.tainted {
            return Reading::Left(Left::Tainted);
        }
        let Some(id) = self.id(kind) else { return Reading::Left(Left::NoId) };
        if let Some(arn) = self.text("arn").or(Some(&id)).filter(|arn| arn.starts_with("arn:")) {
            let parts: Vec<&str> = arn.splitn(6, ':').collect();
            if let [_, _, _, at, owner, _] = parts[..] {
                if !owner.is_empty() && owner != account {
                    return Reading::Left(Left::Account(owner.to_owned()));
                }
                if !at.is_empty() && at != region {
                    return Reading::Left(Left::Region(at.to_owned()));
                }
            }
        }
        // Provider 6 says the region of everything that has one.
        if let Some(at) = self.text("region").filter(|at| *at != region) {
            return Reading::Left(Left::Region(at.to_owned()));
        }
        Reading::Candidate { kind, id }
    }

    fn lets_everything_out(&self) -> bool {
        let out = self.text("type") == Some("egress") || self.terraform == "aws_vpc_security_group_egress_rule";
        let any = matches!(self.text("ip_protocol").or(self.text("protocol")), Some("-1" | "all"));
        let only = |name: &str| match self.attributes.get(name) {
            Some(Value::Array(all)) => all.len() == 1 && all[0] == "0.0.0.0/0",
            other => other.and_then(Value::as_str) == Some("0.0.0.0/0"),
        };
        out && any && (only("cidr_blocks") || only("cidr_ipv4"))
    }

    /// Its id, in the kind's sense.
    fn id(&self, kind: KindName) -> Option<String> {
        let text = |name: &str| self.text(name).map(str::to_owned);
        match kind {
            KindName::DeploymentGroup => Some(format!("{}/{}", text("app_name")?, text("deployment_group_name")?)),
            KindName::DnsRecord => {
                let name = text("fqdn").or(text("name"))?;
                Some(format!("{}_{}_{}", text("zone_id")?, name.trim_end_matches('.'), text("type")?))
            }
            KindName::SecurityGroupRule => text("security_group_rule_id").or(text("id")),
            KindName::ElasticIp => text("allocation_id").or(text("id")),
            _ => text(terraform::id_attribute(kind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> StateError {
        State::read(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_not_a_state_is_called_what_it_is() {
        for (text, want) in [
            ("", StateError::Empty),
            (" \n", StateError::Empty),
            ("PK\u{3}\u{4}rest", StateError::Archive),
            ("{\"version\": 4", StateError::NotJson { line: 1, column: 13 }),
            ("[]", StateError::NotState),
            ("{\"resources\": []}", StateError::NotState),
            ("{\"version\": 4}", StateError::NotState),
            ("{\"version\": 4, \"resources\": [1]}", StateError::NotState),
            ("{\"version\": 3, \"modules\": []}", StateError::Version(3)),
            ("{\"version\": 5, \"resources\": []}", StateError::Version(5)),
            ("{\"version\": 3, \"backend\": {\"type\": \"s3\"}}", StateError::Pointer("s3".into())),
            ("{\"serial\": 1, \"encrypted_data\": \"x\"}", StateError::Encrypted),
            ("{\"format_version\": \"1.0\", \"values\": {}}", StateError::Shown),
            ("{\"version\": 4, \"resources\": []}", StateError::NoResources),
        ] {
            let found = error(text);
            assert_eq!(found, want, "{text}");
            assert!(!found.help().is_empty());
        }
    }

    #[test]
    fn no_error_and_no_debug_text_quotes_what_may_be_a_secret() {
        for text in ["{\"version\": 4, \"resources\": \"s3cret\"}", "{\"version\": \"s3cret\"}", "s3cret"] {
            let found = error(text);
            assert!(!format!("{found} {found:?}").contains("s3cret"), "{found:?}");
        }
        let state = State::read(
            br#"{"version": 4, "resources": [{"mode": "managed", "type": "aws_vpc", "name": "x",
                "instances": [{"attributes": {"id": "vpc-1", "password": "s3cret"}}]}]}"#,
        );
        assert!(!format!("{state:?}").contains("s3cret"));
    }

    fn reading(instance: &str) -> (String, Reading) {
        let text = format!("{{\"version\": 4, \"resources\": [{instance}, {VPC}]}}");
        let state = State::read(text.as_bytes()).unwrap();
        let first = &state.instances[0];
        (first.address.clone(), first.read("123456789012", "eu-central-1"))
    }

    const VPC: &str = r#"{"mode": "managed", "type": "aws_vpc", "name": "main", "instances": []},
        {"mode": "managed", "type": "aws_vpc", "name": "other", "instances": [{"attributes": {"id": "vpc-9"}}]}"#;

    fn resource(module: &str, mode: &str, kind: &str, instance: &str) -> String {
        let module = if module.is_empty() { String::new() } else { format!("\"module\": \"{module}\", ") };
        format!(
            "{{{module}\"mode\": \"{mode}\", \"type\": \"{kind}\", \"name\": \"x\", \"instances\": [{{{instance}}}]}}"
        )
    }

    #[test]
    fn addresses_are_terraforms_own() {
        for (module, index, want) in [
            ("", "", "aws_vpc.x"),
            ("module.a", "", "module.a.aws_vpc.x"),
            ("module.a[\\\"k\\\"].module.b", "\"index_key\": 3, ", "module.a[\"k\"].module.b.aws_vpc.x[3]"),
            ("", "\"index_key\": \"a\\\"b\", ", "aws_vpc.x[\"a\\\"b\"]"),
        ] {
            let instance = format!("{index}\"attributes\": {{\"id\": \"vpc-1\"}}");
            let (address, reading) = reading(&resource(module, "managed", "aws_vpc", &instance));
            assert_eq!(address, want);
            assert_eq!(reading, Reading::Candidate { kind: KindName::Vpc, id: "vpc-1".into() });
        }
    }

    #[test]
    fn an_instance_is_read_by_its_type() {
        let candidate = |kind, id: &str| Reading::Candidate { kind, id: id.into() };
        let arn = |rest: &str| format!("arn:aws:{rest}");
        let alb = arn("elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/a/1");
        let role = arn("iam::123456789012:role/r");
        let foreign = arn("ec2:eu-central-1:999999999999:vpc/vpc-1");
        let far = arn("ec2:us-east-1:123456789012:vpc/vpc-1");
        for (kind, attributes, want) in [
            ("aws_alb", format!(r#""id": "x", "arn": "{alb}""#), candidate(KindName::LoadBalancer, &alb)),
            ("aws_iam_role", format!(r#""id": "r", "arn": "{role}""#), candidate(KindName::IamRole, &role)),
            ("aws_eip", r#""id": "eipalloc-1""#.into(), candidate(KindName::ElasticIp, "eipalloc-1")),
            (
                "aws_codedeploy_app",
                r#""id": "uuid:app", "name": "app""#.into(),
                candidate(KindName::CodeDeployApplication, "app"),
            ),
            (
                "aws_codedeploy_deployment_group",
                r#""id": "uuid", "app_name": "app", "deployment_group_name": "g""#.into(),
                candidate(KindName::DeploymentGroup, "app/g"),
            ),
            (
                "aws_route53_record",
                r#""zone_id": "Z1", "name": "a", "fqdn": "a.example.com", "type": "CNAME""#.into(),
                candidate(KindName::DnsRecord, "Z1_a.example.com_CNAME"),
            ),
            (
                "aws_vpc_security_group_egress_rule",
                r#""id": "sgr-1""#.into(),
                candidate(KindName::SecurityGroupRule, "sgr-1"),
            ),
            (
                "aws_security_group_rule",
                r#""id": "sgrule-1", "security_group_rule_id": "sgr-2""#.into(),
                candidate(KindName::SecurityGroupRule, "sgr-2"),
            ),
            ("aws_security_group_rule", r#""id": "sgrule-1""#.into(), Reading::Part(KindName::SecurityGroup)),
            (
                "aws_vpc_security_group_egress_rule",
                r#""id": "sgr-3", "ip_protocol": "-1", "cidr_ipv4": "0.0.0.0/0""#.into(),
                Reading::Part(KindName::SecurityGroup),
            ),
            (
                "aws_security_group_rule",
                r#""security_group_rule_id": "sgr-4", "type": "egress", "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]"#
                    .into(),
                Reading::Part(KindName::SecurityGroup),
            ),
            // Provider 6 says the region of everything that has one.
            (
                "aws_eip",
                r#""id": "eipalloc-1", "region": "us-east-1""#.into(),
                Reading::Left(Left::Region("us-east-1".into())),
            ),
            ("aws_eip", r#""id": "eipalloc-1", "region": "eu-central-1""#.into(), candidate(KindName::ElasticIp, "eipalloc-1")),
            ("aws_route", r#""id": "r""#.into(), Reading::Part(KindName::RouteTable)),
            ("aws_lambda_function", r#""id": "f""#.into(), Reading::Left(Left::UnknownType)),
            ("random_password", r#""result": "s3cret""#.into(), Reading::Left(Left::UnknownType)),
            ("aws_vpc", String::new(), Reading::Left(Left::NoId)),
            (
                "aws_vpc",
                format!(r#""id": "vpc-1", "arn": "{foreign}""#),
                Reading::Left(Left::Account("999999999999".into())),
            ),
            ("aws_vpc", format!(r#""id": "vpc-1", "arn": "{far}""#), Reading::Left(Left::Region("us-east-1".into()))),
        ] {
            let instance = format!("\"attributes\": {{{attributes}}}");
            assert_eq!(reading(&resource("", "managed", kind, &instance)).1, want, "{kind} {attributes}");
        }
    }

    #[test]
    fn several_states_are_one_with_their_names() {
        let state = |id: &str| {
            let instance = format!("\"attributes\": {{\"id\": \"{id}\"}}");
            let text =
                format!("{{\"version\": 4, \"resources\": [{}]}}", resource("", "managed", "aws_vpc", &instance));
            State::read(text.as_bytes()).unwrap()
        };
        let names = |states: Vec<(State, String)>| {
            let all = State::together(states).instances;
            all.into_iter().map(|instance| instance.address).collect::<Vec<_>>()
        };
        assert_eq!(names(vec![(state("vpc-1"), "a".into())]), ["aws_vpc.x"]);
        let both = vec![(state("vpc-1"), "a".into()), (state("vpc-2"), "b".into())];
        assert_eq!(names(both), ["a: aws_vpc.x", "b: aws_vpc.x"]);
    }

    #[test]
    fn a_state_that_is_named_twice_is_read_once() {
        let state = |lineage: &str, serial: u64| {
            let vpc = resource("", "managed", "aws_vpc", "\"attributes\": {\"id\": \"vpc-1\"}");
            let of = format!("\"lineage\": \"{lineage}\", \"serial\": {serial}");
            State::read(format!("{{\"version\": 4, {of}, \"resources\": [{vpc}]}}").as_bytes()).unwrap()
        };
        let names = |states: &[(&str, u64)]| {
            let named =
                states.iter().zip(["a", "b"]).map(|((lineage, serial), name)| (state(lineage, *serial), name.into()));
            State::together(named).instances.into_iter().map(|instance| instance.address).collect::<Vec<_>>()
        };
        assert_eq!(names(&[("one", 1), ("one", 1)]), ["aws_vpc.x"]);
        // An older copy, or another root that holds the same, is another state.
        for other in [("one", 2), ("two", 1)] {
            assert_eq!(names(&[("one", 1), other]), ["a: aws_vpc.x", "b: aws_vpc.x"]);
        }
    }

    #[test]
    fn a_state_is_read_in_whatever_unicode_it_was_written() {
        let instance = "\"attributes\": {\"id\": \"vpc-1\"}";
        let text = format!("{{\"version\": 4, \"resources\": [{}]}}", resource("", "managed", "aws_vpc", instance));
        let wide = |unit: fn(u16) -> [u8; 2]| {
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(unit).collect::<Vec<u8>>()
        };
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        for bytes in [marked, wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
            assert_eq!(State::read(&bytes).unwrap().instances.len(), 1);
        }
        // Broken in the middle it is no state, and nothing of it is shown.
        let broken = [text.as_bytes(), b"\xff"].concat();
        assert!(matches!(State::read(&broken), Err(StateError::NotJson { .. })));
    }

    #[test]
    fn what_terraform_itself_means_to_replace_is_left() {
        let id = "\"attributes\": {\"id\": \"vpc-1\"}";
        let tainted = resource("", "managed", "aws_vpc", &format!("\"status\": \"tainted\", {id}"));
        assert_eq!(reading(&tainted).1, Reading::Left(Left::Tainted));
        let deposed = resource("", "managed", "aws_vpc", &format!("\"deposed\": \"ab12\", {id}"));
        assert_eq!(reading(&deposed), ("aws_vpc.x (deposed ab12)".into(), Reading::Left(Left::Deposed)));
        let data = resource("", "data", "aws_vpc", id);
        assert_eq!(reading(&data), ("data.aws_vpc.x".into(), Reading::Data));
    }

    /// A state is somebody else's file: what it holds must not write on a terminal in our name.
    #[test]
    fn nothing_of_a_state_moves_the_cursor() {
        let text = r#"{"version": 4, "resources": [
            {"mode": "managed", "type": "aws_vpc\u001b[31m", "name": "n\u009b2J\nAdopt: done", "module": "module.\u001b[2J",
             "instances": [{"index_key": "\u009b\u202e", "deposed": "\u0007", "attributes": {"id": "vpc-1"}}]},
            {"mode": "managed", "type": "aws_vpc", "name": "x", "instances": [
                {"index_key": true, "attributes": {"id": "vpc-9\u001b[31m"}},
                {"index_key": {"a": 1}, "attributes": {"id": "vpc-9\nAdopt: done"}}]},
            {"mode": "list", "type": "aws_vpc", "name": "y", "instances": [{"attributes": {"id": "vpc-1"}}]}]}"#;
        let state = State::read(text.as_bytes()).unwrap();
        let harmless = |text: &str| !text.chars().any(|c| c.is_control() || c == '\u{202e}');
        assert!(state.instances.iter().all(|one| harmless(&one.address) && harmless(&one.terraform)), "{state:?}");
        let readings: Vec<Reading> = state.instances.iter().map(|one| one.read("1", "r")).collect();
        let no_id = Reading::Left(Left::NoId);
        assert_eq!(readings, [Reading::Left(Left::Deposed), no_id.clone(), no_id, Reading::Data]);
        assert_eq!(state.instances[1].address, "aws_vpc.x[true]");
        let pointer = error("{\"version\": 3, \"backend\": {\"type\": \"s3\\u001b\"}}");
        assert!(harmless(&pointer.to_string()), "{pointer:?}");
    }
}
