//! Each kind as resources of Terraform: which types, which arguments, what refers to what.

mod access;
mod balancer;
mod network;
mod services;

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::ownership::is_own_key;
use aomidori_model::terraform::id_attribute;
use aomidori_model::value::Target;
use aomidori_model::{Address, Entry, Kind, KindName, Owner, Ref, Resource, Stack};

use crate::EmitError;
use crate::ir::{Gather, Id, Ignore, Instance, Item, Node};

/// All resources of a stack as Terraform has them, by id; for Terraform to make, or to import.
pub(crate) fn lower(stack: &Stack, importing: bool) -> Result<BTreeMap<Id, Instance>, EmitError> {
    let labels = labels(stack);
    let mut out = BTreeMap::new();
    for (address, entry) in stack.iter() {
        let mut cx = Cx {
            stack,
            address,
            entry,
            importing,
            label: labels.get(address).cloned().unwrap_or_default(),
            out: &mut out,
        };
        match &entry.resource {
            Resource::Vpc(it) => network::vpc(&mut cx, it),
            Resource::Subnet(it) => network::subnet(&mut cx, it),
            Resource::InternetGateway(it) => network::internet_gateway(&mut cx, it),
            Resource::ElasticIp(it) => network::elastic_ip(&mut cx, it),
            Resource::NatGateway(it) => network::nat_gateway(&mut cx, it),
            Resource::RouteTable(it) => network::route_table(&mut cx, it),
            Resource::VpcEndpoint(it) => network::vpc_endpoint(&mut cx, it)?,
            Resource::SecurityGroup(it) => network::security_group(&mut cx, it),
            Resource::SecurityGroupRule(it) => network::security_group_rule(&mut cx, it),
            Resource::EcrRepository(it) => services::repository(&mut cx, it),
            Resource::IamPolicy(it) => access::policy(&mut cx, it)?,
            Resource::IamRole(it) => access::role(&mut cx, it)?,
            Resource::LogGroup(it) => services::log_group(&mut cx, it),
            Resource::EcsCluster(it) => services::cluster(&mut cx, it),
            Resource::LoadBalancer(it) => balancer::load_balancer(&mut cx, it)?,
            Resource::TargetGroup(it) => balancer::target_group(&mut cx, it)?,
            Resource::Listener(it) => balancer::listener(&mut cx, it)?,
            Resource::ListenerRule(it) => balancer::listener_rule(&mut cx, it)?,
            Resource::DnsRecord(it) => balancer::dns_record(&mut cx, it)?,
            Resource::PrivateDnsNamespace(it) => services::namespace(&mut cx, it),
            Resource::DiscoveryService(it) => services::discovery_service(&mut cx, it),
            Resource::TaskDefinition(it) => services::task_definition(&mut cx, it),
            Resource::EcsService(it) => services::service(&mut cx, it),
            Resource::DeploymentConfig(it) => services::deployment_config(&mut cx, it),
            Resource::CodeDeployApplication(it) => services::application(&mut cx, it),
            Resource::DeploymentGroup(it) => services::deployment_group(&mut cx, it)?,
        }
    }
    access::share(&mut out);
    order(stack, &mut out);
    Ok(out)
}

/// What a lowering has at hand.
pub(crate) struct Cx<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) address: &'a Address,
    pub(crate) entry: &'a Entry,
    /// What is live is imported.
    pub(crate) importing: bool,
    /// The short name of the resource inside its module.
    pub(crate) label: String,
    out: &'a mut BTreeMap<Id, Instance>,
}

impl Cx<'_> {
    /// An instance of this resource's main type.
    pub(crate) fn main(&self, noun: &'static str, file: &'static str, gather: Gather, body: Vec<Item>) -> Instance {
        self.instance(Id::of(terraform_type(&self.entry.resource), self.address), noun, file, gather, body)
    }

    /// An instance of any type.
    pub(crate) fn instance(
        &self,
        id: Id,
        noun: &'static str,
        file: &'static str,
        gather: Gather,
        body: Vec<Item>,
    ) -> Instance {
        Instance {
            id,
            data: false,
            noun,
            file,
            label: self.label.clone(),
            gather,
            named: false,
            why: "",
            body,
            ignore: Ignore::default(),
            after: BTreeSet::new(),
        }
    }

    pub(crate) fn add(&mut self, instance: Instance) {
        self.out.insert(instance.id.clone(), instance);
    }

    pub(crate) fn unsupported(&self, what: impl Into<String>) -> EmitError {
        EmitError::Unsupported { address: self.address.clone(), what: what.into() }
    }

    /// A data source for something outside the stack.
    pub(crate) fn existing(&mut self, tf: &'static str, argument: &'static str, value: &str, noun: &'static str) -> Id {
        let id = Id::part(tf, self.address, format!("existing {value}"));
        let mut data =
            self.instance(id.clone(), noun, "main", Gather::Alone, vec![Item::Attr(argument, Node::str(value))]);
        data.data = true;
        data.named = true;
        data.label = value.rsplit(['/', ':']).next().unwrap_or(value).to_owned();
        self.add(data);
        id
    }

    /// The fields that CodeDeploy decides, as top-level argument names.
    pub(crate) fn owned(&self, rename: impl Fn(&'static str) -> &'static str) -> Vec<&'static str> {
        let mut names = Vec::new();
        for field in &self.entry.resource.fields() {
            if field.owner == Owner::CodeDeploy {
                let name = rename(field.name);
                let top = name.split('.').next().unwrap_or(name);
                if !names.contains(&top) {
                    names.push(top);
                }
            }
        }
        names
    }

    /// The tags: the stack's, with the address. `parts` are nodes of lists of parts, as `field=key` texts.
    pub(crate) fn tags(&self, parts: Vec<Node>, known: usize) -> Node {
        let mut own = Vec::new();
        let mut literal = Vec::new();
        for (key, value) in self.stack.user_tags(self.address) {
            if is_own_key(&key) {
                continue;
            }
            let shared = self.stack.tags.get(&key) == Some(&value);
            // Of what a person gave it, only its name is known to be the stack's name with more.
            match key.as_str() {
                "Name" => own.push((key.clone(), Node::Name(value))),
                _ if !shared => own.push((key.clone(), Node::Str(value))),
                _ => {}
            }
            if key != "Name" && !self.stack.tags.contains_key(&key) {
                literal.push(Node::str(format!("tags={key}")));
            }
        }
        own.push(("aomidori:address".to_owned(), Node::str(self.address.as_str())));
        let count = known + literal.len() + self.stack.tags.len();
        let mut merged = vec![Node::Code("var.tags".into())];
        let mut lists = vec![Node::Code("local.tag_parts".into())];
        if !literal.is_empty() {
            lists.push(Node::List(literal));
        }
        lists.extend(parts);
        if lists.len() > 1 {
            let record = Node::Call("concat", lists);
            if count <= 28 {
                own.push((
                    "aomidori:parts".to_owned(),
                    Node::Around(
                        "join(\" \", sort([\n  for part in ",
                        Box::new(record),
                        " :\n  substr(sha256(part), 0, 8)\n]))",
                    ),
                ));
            } else {
                // A tag value holds 28 of them.
                merged.push(Node::Around(
                    "{\n  for n, some in chunklist(sort([\n    for part in ",
                    Box::new(record),
                    " :\n    substr(sha256(part), 0, 8)\n  ]), 28) :\n  n == 0 ? \"aomidori:parts\" : \"aomidori:parts-${n}\" => join(\" \", some)\n}",
                ));
            }
        }
        merged.push(Node::Map(own));
        Node::Call("merge", merged)
    }

    /// The tags of a resource without parts.
    pub(crate) fn plain_tags(&self) -> Item {
        Item::Attr("tags", self.tags(Vec::new(), 0))
    }
}

/// The id of what a reference points at, as Terraform's attribute.
pub(crate) fn point<K: Kind>(reference: &Ref<K>) -> Node {
    attribute(reference, id_attribute(K::INFO.name))
}

/// An attribute of what a reference points at; for something that exists already, its id.
pub(crate) fn attribute<K: Kind>(reference: &Ref<K>, attr: &'static str) -> Node {
    match reference.target() {
        Target::Address(address) => Node::Ref(Id::of(K::INFO.terraform, address), attr),
        Target::Id(id) => Node::str(id),
    }
}

pub(crate) fn points<'a, K: Kind>(references: impl IntoIterator<Item = &'a Ref<K>>) -> Node {
    Node::Refs(references.into_iter().map(point).collect())
}

/// Terraform's type of a resource.
pub(crate) fn terraform_type(resource: &Resource) -> &'static str {
    use aomidori_model::kinds::security_group_rule::Direction;
    match resource {
        Resource::SecurityGroupRule(rule) if rule.direction == Direction::Egress => {
            "aws_vpc_security_group_egress_rule"
        }
        other => other.kind().info().terraform,
    }
}

/// Short names: the address without its group, and without leading words that all of the kind in the group share.
fn labels(stack: &Stack) -> BTreeMap<Address, String> {
    let mut siblings: BTreeMap<(&str, KindName), Vec<&Address>> = BTreeMap::new();
    for (address, entry) in stack.iter() {
        siblings.entry((address.group(), entry.resource.kind())).or_default().push(address);
    }
    let mut labels = BTreeMap::new();
    for addresses in siblings.values() {
        let paths: Vec<Vec<&str>> =
            addresses.iter().map(|address| address.as_str().split('/').skip(1).collect()).collect();
        let shortest = paths.iter().map(Vec::len).min().unwrap_or(1);
        let shared = (0..shortest.saturating_sub(1))
            .take_while(|n| paths.iter().all(|path| path.get(*n) == paths.first().and_then(|first| first.get(*n))))
            .count();
        for (address, path) in addresses.iter().zip(&paths) {
            labels.insert((*address).clone(), path[shared..].join("-"));
        }
    }
    labels
}

/// Adds the order that no reference states: the rules of the kinds, `depends_on`, and that a role's policies outlive
/// whatever has the role.
fn order(stack: &Stack, out: &mut BTreeMap<Id, Instance>) {
    let fields = stack.fields();
    let nodes = stack.nodes(&fields);
    let mut parts: BTreeMap<Address, BTreeSet<Id>> = BTreeMap::new();
    for (id, instance) in out.iter().filter(|(_, instance)| !instance.data) {
        parts.entry(instance.id.address.clone()).or_default().insert(id.clone());
    }
    // What a resource or a part of it refers to needs no word about order.
    let mut said: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    for instance in out.values() {
        Item::walk(&instance.body, &mut |node| {
            if let Node::Ref(to, _) = node {
                said.entry(instance.id.address.clone()).or_default().insert(to.address.clone());
            }
        });
    }
    let ids: Vec<Id> = out.keys().cloned().collect();
    for id in ids {
        if !id.part.is_empty() {
            continue;
        }
        let (Some(node), Some(entry), Some(instance)) =
            (nodes.get(&id.address), stack.get(&id.address), out.get_mut(&id))
        else {
            continue;
        };
        let mut own: BTreeSet<&Address> = BTreeSet::new();
        let body = instance.body.clone();
        Item::walk(&body, &mut |node| {
            if let Node::Ref(to, _) = node {
                own.insert(&to.address);
            }
        });
        let refers = said.get(&id.address);
        let edges = nodes.edges(node);
        let on = edges.iter().map(|edge| &edge.on).chain(&entry.depends_on);
        for address in on.filter(|address| **address != id.address) {
            let is_role = nodes.get(address).is_some_and(|node| node.kind == KindName::IamRole);
            let whole = !refers.is_some_and(|refers| refers.contains(address)) || entry.depends_on.contains(address);
            let is_role = is_role && own.contains(address);
            for part in parts.get(address).into_iter().flatten() {
                if whole || (is_role && !part.part.is_empty()) {
                    instance.after.insert(part.clone());
                }
            }
        }
    }
}
