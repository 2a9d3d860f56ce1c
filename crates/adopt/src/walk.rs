//! What a walk through an account found: the material of a description.

use std::collections::BTreeSet;

use aomidori_model::{KindName, Resource};

use crate::claims::{Claims, stray};

/// What belongs to some services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Kinds and ids; of a task definition the id has no revision.
    pub found: BTreeSet<(KindName, String)>,
    /// Claims for all of it that takes tags, under made-up addresses.
    pub claims: Claims,
    /// What takes no tags among it, referring by ids: an observer looks only for what a stack wants of these.
    pub untagged: Vec<Resource>,
    /// Pairs of target groups that a deployment controller swings between, whoever's.
    pub swings: Vec<Swing>,
    /// What it has that is not read.
    pub beyond: Vec<Beyond>,
    /// What was seen on the way and stays outside, one line each.
    pub passed: Vec<String>,
}

/// Two target groups, and the listeners and rules that a deployment moves from one to the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Swing {
    /// The ARNs of both target groups.
    pub groups: [String; 2],
    /// The ARNs of the listeners (and with them all their rules) and of single rules.
    pub listeners: BTreeSet<String>,
}

/// Something that AWS has of a resource and an observation does not tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Beyond {
    /// The kind.
    pub kind: KindName,
    /// The live id.
    pub id: String,
    /// What it is: `the secondary network 10.1.0.0/16`.
    pub what: String,
    /// A description without it would be of something else: the resource is referred to instead.
    pub shuts: bool,
    /// The arguments of Terraform's resource that say it, and that an import would undo if they were not ignored; none if
    /// Terraform leaves it as it is.
    pub arguments: &'static [&'static str],
}

impl Walk {
    /// Adds something that was found; false if it was found before.
    pub fn add(&mut self, kind: KindName, id: &str) -> bool {
        if let Some(address) = stray(kind, id) {
            self.claims.add(kind, id, address);
        }
        self.found.insert((kind, id.to_owned()))
    }

    /// Adds something that takes no tags.
    pub fn add_untagged(&mut self, resource: Resource) {
        if let Some(id) = untagged_id(&resource)
            && self.found.insert((resource.kind(), id))
        {
            self.untagged.push(resource);
        }
    }
}

/// The id of what takes no tags: it is made of its fields.
pub(crate) fn untagged_id(resource: &Resource) -> Option<String> {
    match resource {
        Resource::DnsRecord(record) => Some(record.id()),
        Resource::DeploymentConfig(config) => Some(config.name.to_string()),
        _ => None,
    }
}
