//! How things are replaced: what is unique, what may stand side by side, and what AWS refuses to delete while it is used.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aomidori_model::{KindName, Replacement, Value};

use crate::diff::Change;

/// True if the new one can be created before the old one is deleted: nothing about the kind is unique, or what is unique
/// changes with this replacement.
pub(crate) fn can_stand_beside(kind: KindName, changes: &[Change]) -> bool {
    let info = kind.info();
    let moves = |field: &&str| {
        changes.iter().any(|change| {
            change.field == **field
                && match (kind, change.before.as_str(), change.after.as_str()) {
                    // IAM's names are unique whatever their case.
                    (KindName::IamRole | KindName::IamPolicy, Some(a), Some(b)) => !a.eq_ignore_ascii_case(b),
                    _ => true,
                }
        })
    };
    info.replacement == Replacement::CreateFirst && info.unique.iter().all(|key| key.iter().any(moves))
}

/// Values of those fields of a kind that are unique, by name.
pub(crate) type Place<'v> = BTreeMap<&'static str, Cow<'v, Value>>;

/// The place of something of a kind whose fields have these values.
pub(crate) fn place<'v>(kind: KindName, value: impl Fn(&'static str) -> Cow<'v, Value>) -> Place<'v> {
    kind.info().unique.iter().copied().flatten().map(|name| (*name, value(name))).collect()
}

/// True if two of a kind cannot live at the same time. Values that are not known yet are no obstacle.
pub(crate) fn collide(kind: KindName, want: &Place<'_>, have: &Place<'_>) -> bool {
    kind.info().unique.iter().any(|key| {
        key.iter().all(|field| {
            let (Some(want), Some(have)) = (want.get(field), have.get(field)) else { return false };
            match (*field, want.as_str(), have.as_str()) {
                ("cidr_block", Some(a), Some(b)) => overlap(a, b),
                ("name", Some(a), Some(b)) if matches!(kind, KindName::IamRole | KindName::IamPolicy) => {
                    a.eq_ignore_ascii_case(b)
                }
                _ => want.is_known() && want == have,
            }
        })
    })
}

fn overlap(a: &str, b: &str) -> bool {
    match (a.parse::<aomidori_model::Ipv4Cidr>(), b.parse::<aomidori_model::Ipv4Cidr>()) {
        (Ok(a), Ok(b)) => a.overlaps(&b),
        _ => a == b,
    }
}

/// True if AWS refuses to delete a `used` while a `user` lives; `referenced`: by a field, and not only by a rule of order.
///
/// Where it is false the user is updated after the used one is replaced; where it is true a delete-first replacement of
/// the used one takes its users with it. In doubt it is true.
pub(crate) fn holds(user: KindName, used: KindName, referenced: bool) -> bool {
    if !referenced {
        // Mapped public addresses keep an internet gateway from being detached (aws-facts 5, line 15). All other rules of
        // order are about working, not about being allowed.
        return matches!((user, used), (KindName::NatGateway | KindName::LoadBalancer, KindName::InternetGateway));
    }
    match (user, used) {
        // A deployment group knows service, target groups and listeners by name, and its role by ARN (2.26); only its
        // application and configuration are held by it.
        (
            KindName::DeploymentGroup,
            KindName::TargetGroup | KindName::Listener | KindName::EcsService | KindName::IamRole,
        ) => false,
        // A revision is text to ECS (2.17): it holds neither roles nor log groups nor repositories; and a service keeps
        // running on a deregistered revision.
        (KindName::TaskDefinition, _) | (KindName::EcsService, KindName::TaskDefinition) => false,
        // A record is a name (2.28).
        (KindName::DnsRecord, _) => false,
        // Routes to a gateway that is gone are blackholes until they are replaced in place (2.6, 5 line 12).
        (KindName::RouteTable, KindName::NatGateway | KindName::InternetGateway) => false,
        // Only network interfaces hold a subnet (2.2); its association goes with it.
        (KindName::RouteTable, KindName::Subnet) => false,
        // Policy documents are text; only attachments hold (2.12).
        (KindName::IamRole, used) => used == KindName::IamPolicy,
        (KindName::IamPolicy, _) => false,
        _ => true,
    }
}
