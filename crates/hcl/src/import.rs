//! `import` blocks: what is live already, taken over by Terraform without a change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aomidori_model::{Address, Resource, Stack};

use crate::family::{Family, Places};
use crate::ir::{Id, Instance, Item, Node};
use crate::lower::terraform_type;
use crate::root::Plan;
use crate::text::quote;
use crate::{EmitError, File};

/// A live resource, as far as an import needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Its id in the model's sense: an ARN where AWS works with ARNs, else the id or name.
    pub id: String,
    /// Arguments of Terraform's resource that say what is live and the stack does not describe: they are ignored, so that an
    /// import does not undo it.
    pub undescribed: BTreeSet<&'static str>,
}

/// A resource that cannot be imported, because something that its import id is made of is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingImport {
    /// The resource.
    pub address: Address,
    /// Terraform's type.
    pub terraform: &'static str,
}

impl fmt::Display for MissingImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.terraform)
    }
}

/// Keeps what is live and the stack does not describe.
pub(crate) fn keep(stack: &Stack, instances: &mut BTreeMap<Id, Instance>, live: &BTreeMap<Address, Live>) {
    for (address, live) in live.iter().filter(|(_, live)| !live.undescribed.is_empty()) {
        let Some(entry) = stack.get(address) else { continue };
        if let Some(instance) = instances.get_mut(&Id::of(terraform_type(&entry.resource), address)) {
            instance.ignore.undescribed.extend(live.undescribed.iter().copied());
        }
    }
}

/// The `imports.tf` of each root.
pub(crate) fn files(
    stack: &Stack,
    instances: &BTreeMap<Id, Instance>,
    families: &[Family],
    places: &Places,
    plans: &[Plan],
    live: &BTreeMap<Address, Live>,
) -> Result<Vec<File>, EmitError> {
    let mut texts: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    let mut missing = Vec::new();
    for (id, instance) in instances.iter().filter(|(_, instance)| !instance.data) {
        let Some((family, key)) = places.get(id).and_then(|(n, key)| families.get(*n).map(|family| (family, key)))
        else {
            continue;
        };
        let Some(import) = import_id(stack, instance, live) else {
            missing.push(MissingImport { address: id.address.clone(), terraform: id.tf });
            continue;
        };
        let to = family.place(key.as_deref());
        if let Some(plan) = plans.iter().find(|plan| plan.modules.contains(&family.module)) {
            texts.entry(&plan.folder).or_default().push((to, import));
        }
    }
    if !missing.is_empty() {
        missing.sort_by(|a, b| (&a.address, a.terraform).cmp(&(&b.address, b.terraform)));
        return Err(EmitError::Import(missing));
    }
    Ok(texts
        .into_iter()
        .map(|(folder, mut blocks)| {
            blocks.sort();
            let blocks: Vec<String> = blocks
                .into_iter()
                .map(|(to, id)| format!("import {{\n  to = {to}\n  id = {}\n}}\n", quote(&id)))
                .collect();
            let path = if folder.is_empty() { "imports.tf".to_owned() } else { format!("{folder}/imports.tf") };
            let about = "# These may go once they are applied.\n\n";
            File { path, text: format!("{about}{}", blocks.join("\n")) }
        })
        .collect())
}

/// The id with which Terraform imports a resource.
fn import_id(stack: &Stack, instance: &Instance, live: &BTreeMap<Address, Live>) -> Option<String> {
    let own = || live.get(&instance.id.address).map(|live| live.id.clone());
    let resource = &stack.get(&instance.id.address)?.resource;
    let argument = |name: &str| argument(stack, instance, live, name);
    Some(match instance.id.tf {
        "aws_route" => format!("{}_{}", own()?, argument("destination_cidr_block")?),
        "aws_route_table_association" => format!("{}/{}", argument("subnet_id")?, own()?),
        "aws_iam_role_policy_attachment" => format!("{}/{}", argument("role")?, argument("policy_arn")?),
        "aws_iam_role_policy" => format!("{}:{}", argument("role")?, argument("name")?),
        "aws_ecr_lifecycle_policy" => own()?,
        // By name, where the model's id is the ARN.
        "aws_iam_role" | "aws_ecs_cluster" => {
            own()?;
            name_of(resource)?
        }
        "aws_ecs_service" => {
            let Resource::EcsService(service) = resource else { return None };
            own()?;
            let cluster = match service.cluster.address() {
                Some(address) => name_of(&stack.get(address)?.resource)?,
                None => argument("cluster")?.rsplit('/').next()?.to_owned(),
            };
            format!("{cluster}/{}", service.name)
        }
        "aws_service_discovery_private_dns_namespace" => format!("{}:{}", own()?, argument("vpc")?),
        "aws_service_discovery_service" => own()?.rsplit('/').next()?.to_owned(),
        "aws_codedeploy_deployment_group" => {
            own()?;
            format!("{}:{}", argument("app_name")?, argument("deployment_group_name")?)
        }
        _ => own()?,
    })
}

/// An argument as AWS has it: a literal, or the live id of what it refers to.
fn argument(stack: &Stack, instance: &Instance, live: &BTreeMap<Address, Live>, name: &str) -> Option<String> {
    let node = instance.body.iter().find_map(|item| match item {
        Item::Attr(other, node) if *other == name => Some(node),
        _ => None,
    })?;
    match node {
        Node::Str(text) | Node::Name(text) => Some(text.clone()),
        Node::Ref(id, "name") => name_of(&stack.get(&id.address)?.resource),
        Node::Ref(id, _) => live.get(&id.address).map(|live| live.id.clone()),
        _ => None,
    }
}

/// The name of a resource whose name is not its id.
fn name_of(resource: &Resource) -> Option<String> {
    Some(match resource {
        Resource::IamRole(it) => it.name.to_string(),
        Resource::EcsCluster(it) => it.name.to_string(),
        Resource::EcsService(it) => it.name.to_string(),
        Resource::TargetGroup(it) => it.name.to_string(),
        Resource::CodeDeployApplication(it) => it.name.to_string(),
        Resource::EcrRepository(it) => it.name.to_string(),
        Resource::LogGroup(it) => it.name.to_string(),
        _ => return None,
    })
}
