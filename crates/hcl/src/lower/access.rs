//! Roles and policies: documents are `aws_iam_policy_document` data sources.

use std::collections::BTreeMap;

use aomidori_model::kinds::{IamPolicy, IamRole};
use aomidori_model::policy::{Effect, PolicyDocument, PolicyResource, Principal, Statement};
use aomidori_model::terraform::id_attribute;
use aomidori_model::value::Target;

use super::{Cx, point, points};
use crate::EmitError;
use crate::ir::{Gather, Id, Instance, Item, Node};

pub(super) fn policy(cx: &mut Cx<'_>, it: &IamPolicy) -> Result<(), EmitError> {
    let IamPolicy { name, path, description, document: wanted } = it;
    let json = document(cx, wanted, "", "iam")?;
    let body = vec![
        Item::Attr("name", Node::Name(name.to_string())),
        Item::Attr("path", Node::opt(path.as_ref(), |path| Node::str(path.as_str()))),
        Item::Attr("description", Node::opt(description.as_ref(), Node::str)),
        Item::Attr("policy", json),
        Item::Gap,
        cx.plain_tags(),
    ];
    let mut instance = cx.main("policy", "iam", Gather::Alone, body);
    instance.named = true;
    cx.add(instance);
    Ok(())
}

pub(super) fn role(cx: &mut Cx<'_>, it: &IamRole) -> Result<(), EmitError> {
    let IamRole { name, path, description, trust, managed_policies, inline_policies, max_session_duration } = it;
    let trust = document(cx, trust, TRUST, "iam")?;
    let mut parts = Vec::new();
    if !managed_policies.is_empty() {
        let arns = points(managed_policies);
        parts.push(Node::Call("formatlist", vec![Node::str("managed_policy_arns=%s"), arns]));
    }
    if !inline_policies.is_empty() {
        parts.push(Node::strs(inline_policies.keys().map(|name| format!("inline_policy={name}"))));
    }
    let tags = cx.tags(parts, managed_policies.len() + inline_policies.len());
    let body = vec![
        Item::Attr("name", Node::Name(name.to_string())),
        Item::Attr("path", Node::opt(path.as_ref(), |path| Node::str(path.as_str()))),
        Item::Attr("description", Node::opt(description.as_ref(), Node::str)),
        Item::Attr("assume_role_policy", trust),
        Item::Attr("max_session_duration", Node::opt(*max_session_duration, |seconds| Node::Int(seconds.into()))),
        Item::Gap,
        Item::Attr("tags", tags),
    ];
    let mut role = cx.main("role", "iam", Gather::Shape, body);
    role.named = true;
    cx.add(role);

    let name = || Node::Ref(Id::of("aws_iam_role", cx.address), "name");
    let mut made = Vec::new();
    for managed in managed_policies {
        let (part, key) = match managed.target() {
            Target::Address(address) => (address.to_string(), address.leaf().to_owned()),
            Target::Id(arn) => (arn.clone(), arn.rsplit('/').next().unwrap_or(arn).to_owned()),
        };
        let body = vec![Item::Attr("role", name()), Item::Attr("policy_arn", point(managed))];
        let id = Id::part("aws_iam_role_policy_attachment", cx.address, part);
        // One policy of a role is no table.
        let gather = if managed_policies.len() == 1 { Gather::Alone } else { Gather::Under(cx.label.clone(), key) };
        let mut attachment = cx.instance(id, "attachment", "iam", gather, body);
        attachment.named = true;
        made.push(attachment);
    }
    for (policy, wanted) in inline_policies {
        let json = document(cx, wanted, policy.as_str(), "iam")?;
        let name = Node::Ref(Id::of("aws_iam_role", cx.address), "name");
        let body = vec![
            Item::Attr("name", Node::Name(policy.to_string())),
            Item::Attr("role", name),
            Item::Attr("policy", json),
        ];
        let id = Id::part("aws_iam_role_policy", cx.address, policy.as_str());
        let mut inline = cx.instance(id, "inline_policy", "iam", Gather::Alone, body);
        inline.named = true;
        inline.label = joined(&cx.label, policy.as_str());
        made.push(inline);
    }
    for instance in made {
        cx.add(instance);
    }
    Ok(())
}

fn joined(label: &str, part: &str) -> String {
    if part.is_empty() {
        label.to_owned()
    } else if matches!(label, "role" | "policy" | "") {
        part.to_owned()
    } else {
        format!("{label}-{part}")
    }
}

/// Roles of a module whom the same may assume have one document for it, named after who that is.
pub(super) fn share(out: &mut BTreeMap<Id, Instance>) {
    let mut alike: BTreeMap<(String, String), Vec<Id>> = BTreeMap::new();
    for (id, instance) in out.iter().filter(|(id, _)| id.tf == DOCUMENT && id.part == TRUST) {
        let text = format!("{:?}", instance.body);
        alike.entry((id.address.group().to_owned(), text)).or_default().push(id.clone());
    }
    let mut instead: BTreeMap<Id, Id> = BTreeMap::new();
    for ids in alike.into_values().filter(|ids| ids.len() > 1) {
        let Some((first, others)) = ids.split_first() else { continue };
        if let Some(shared) = out.get_mut(first) {
            shared.label = assumer(&shared.body).map_or(TRUST.to_owned(), |who| format!("{who}-{TRUST}"));
        }
        for other in others {
            out.remove(other);
            instead.insert(other.clone(), first.clone());
        }
    }
    for item in out.values_mut().flat_map(|instance| &mut instance.body) {
        if let Item::Attr("assume_role_policy", Node::Ref(id, _)) = item
            && let Some(first) = instead.get(id)
        {
            id.clone_from(first);
        }
    }
}

/// Who may assume a role, if it is one service: `ecs-tasks`.
fn assumer(body: &[Item]) -> Option<String> {
    let mut services: Vec<String> = Vec::new();
    Item::walk(body, &mut |node| {
        if let Node::Name(text) = node {
            services.extend(text.strip_suffix(".amazonaws.com").map(str::to_owned));
        }
    });
    <[String; 1]>::try_from(services).ok().map(|[one]| one.replace('.', "-"))
}

/// The data source of policy documents.
const DOCUMENT: &str = "aws_iam_policy_document";

/// The part of a role that says who may assume it.
const TRUST: &str = "assume-role";

/// Adds the data source of a policy document, and returns its JSON.
pub(super) fn document(
    cx: &mut Cx<'_>,
    document: &PolicyDocument,
    part: &str,
    file: &'static str,
) -> Result<Node, EmitError> {
    let id = Id::part(DOCUMENT, cx.address, part);
    let mut body = Vec::new();
    for wanted in &document.statements {
        if !body.is_empty() {
            body.push(Item::Gap);
        }
        body.push(Item::Block("statement", statement(cx, wanted)?));
    }
    let mut data = cx.instance(id.clone(), "policy_document", file, Gather::Alone, body);
    data.data = true;
    data.named = true;
    data.label = joined(&cx.label, part);
    cx.add(data);
    Ok(Node::Ref(id, "json"))
}

fn statement(cx: &Cx<'_>, wanted: &Statement) -> Result<Vec<Item>, EmitError> {
    let Statement { sid, effect, principal, actions, not_actions, resources, conditions } = wanted;
    let text = |text: &String| {
        if text.contains("&{") {
            // The data source would turn it into a policy variable, and has no way to say that it is none.
            Err(cx.unsupported(format!("a policy document with `&{{` in it (`{text}`)")))
        } else {
            Ok(Node::Name(text.clone()))
        }
    };
    let texts = |items: &mut dyn Iterator<Item = &String>| -> Result<Node, EmitError> {
        let items: Vec<Node> = items.map(text).collect::<Result<_, _>>()?;
        Ok(if items.is_empty() { Node::Null } else { Node::List(items) })
    };
    let mut body = vec![
        Item::Attr("sid", Node::opt(sid.as_ref(), Node::str)),
        Item::Attr(
            "effect",
            match effect {
                Effect::Allow => Node::Null,
                Effect::Deny => Node::str("Deny"),
            },
        ),
        Item::Attr("actions", texts(&mut actions.iter())?),
        Item::Attr("not_actions", texts(&mut not_actions.iter())?),
    ];
    let named: Vec<Node> = resources
        .iter()
        .map(|resource| match resource {
            PolicyResource::Arn(pattern) => text(pattern),
            PolicyResource::Of(reference) => match &reference.target {
                Target::Id(id) => Ok(Node::str(id)),
                Target::Address(address) => {
                    let found = cx.stack.get(address).ok_or_else(|| cx.unsupported("a reference to nothing"))?;
                    let attr = match reference.output.as_deref() {
                        None => id_attribute(reference.kind),
                        Some("arn") => "arn",
                        Some("dns_name") => "dns_name",
                        Some("repository_url") => "repository_url",
                        Some("public_ip") => "public_ip",
                        Some(other) => {
                            return Err(cx.unsupported(format!("the `{other}` of `{address}` in a policy document")));
                        }
                    };
                    Ok(Node::Ref(Id::of(super::terraform_type(&found.resource), address), attr))
                }
            },
        })
        .collect::<Result<_, _>>()?;
    body.push(Item::Attr("resources", if named.is_empty() { Node::Null } else { Node::List(named) }));
    match principal {
        None => {}
        Some(Principal::Anyone) => body.extend([Item::Gap, principals("*", Node::strs(["*"]))]),
        Some(Principal::By(types)) => {
            for (kind, who) in types {
                let kind = match kind.as_str() {
                    "Service" => "Service",
                    "AWS" => "AWS",
                    "Federated" => "Federated",
                    "CanonicalUser" => "CanonicalUser",
                    other => return Err(cx.unsupported(format!("a principal of type `{other}`"))),
                };
                body.extend([Item::Gap, principals(kind, texts(&mut who.iter())?)]);
            }
        }
    }
    for (operator, keys) in conditions {
        for (key, values) in keys {
            body.extend([
                Item::Gap,
                Item::Block(
                    "condition",
                    vec![
                        Item::Attr("test", Node::str(operator)),
                        Item::Attr("variable", Node::str(key)),
                        Item::Attr("values", texts(&mut values.iter())?),
                    ],
                ),
            ]);
        }
    }
    Ok(body)
}

fn principals(kind: &str, identifiers: Node) -> Item {
    Item::Block("principals", vec![Item::Attr("type", Node::str(kind)), Item::Attr("identifiers", identifiers)])
}
