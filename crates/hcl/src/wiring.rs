//! What modules give each other: outputs, and the order that goes with them.

use std::collections::{BTreeMap, BTreeSet};

use crate::family::{Family, Places};
use crate::ir::{Item, Node};
use crate::layout::unique;

/// An output of a module: an attribute of one of its families.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// Its name; also the name of the variable in a module that takes it, if no other gives it one of that name.
    pub(crate) name: String,
    /// What must be there (and stay there) for whoever uses it.
    pub(crate) depends: BTreeSet<usize>,
    /// Modules that take another module's output of the same name as well.
    pub(crate) rivals: BTreeSet<String>,
}

/// All outputs, by family and attribute.
pub(crate) type Outputs = BTreeMap<(usize, &'static str), Output>;

/// The attribute of an output that only carries order.
pub(crate) const READY: &str = "ready";

/// What a person looks for after `apply`, whether or not another module takes it.
const WORTH_KNOWING: &[(&str, &str)] = &[
    ("aws_vpc", "id"),
    ("aws_ecr_repository", "repository_url"),
    ("aws_ecs_cluster", "name"),
    ("aws_ecs_service", "name"),
    ("aws_lb", "dns_name"),
    ("aws_route53_record", "fqdn"),
    ("aws_service_discovery_private_dns_namespace", "id"),
    ("aws_codedeploy_app", "name"),
    ("aws_codedeploy_deployment_group", "deployment_group_name"),
];

/// The outputs that modules need of each other, and those that a person wants.
///
/// What a family comes after in another module, without referring to it, hangs on an output that it takes from there
/// (`depends_on` of the output). What finds no such output has one that only carries order, and is returned: pairs of
/// family and what it comes after.
pub(crate) fn outputs(families: &[Family], places: &Places) -> (Outputs, BTreeSet<(usize, usize)>) {
    let mut outputs = Outputs::new();
    let mut taken_by: BTreeMap<(usize, &'static str), BTreeSet<usize>> = BTreeMap::new();
    for (n, family) in families.iter().enumerate() {
        for &(tf, attr) in WORTH_KNOWING {
            if family.tf == tf && !family.data {
                outputs.entry((n, attr)).or_default();
            }
        }
        for (to, attr) in references(family, places) {
            if families.get(to).is_some_and(|other| other.module != family.module) {
                outputs.entry((to, attr)).or_default();
                taken_by.entry((to, attr)).or_default().insert(n);
            }
        }
    }
    let unhung = hang_order(families, places, &mut outputs, &taken_by);
    // The rest of the order has outputs of its own.
    for (n, on) in &unhung {
        taken_by.entry((*on, READY)).or_default().insert(*n);
        outputs.insert((*on, READY), Output { depends: BTreeSet::from([*on]), ..Output::default() });
    }
    let mut names: BTreeSet<(&str, String)> = BTreeSet::new();
    for ((n, attr), output) in &mut outputs {
        let Some(family) = families.get(*n) else { continue };
        let module = family.module.as_str();
        output.name = unique(&output_name(family, attr), |name| !names.contains(&(module, name.to_owned())));
        names.insert((module, output.name.clone()));
    }
    // Several modules may give another one the same name.
    let mut owners: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut taken: Vec<(&(usize, &'static str), &str, &str)> = Vec::new();
    for (key, takers) in &taken_by {
        let (Some(owner), Some(output)) = (families.get(key.0), outputs.get(key)) else { continue };
        for taker in takers.iter().filter_map(|n| families.get(*n)) {
            owners.entry((&taker.module, &output.name)).or_default().insert(&owner.module);
            taken.push((key, &taker.module, &output.name));
        }
    }
    let rivals: Vec<((usize, &'static str), String)> = taken
        .into_iter()
        .filter(|(_, taker, name)| owners.get(&(*taker, *name)).is_some_and(|owners| owners.len() > 1))
        .map(|(key, taker, _)| (*key, taker.to_owned()))
        .collect();
    for (key, taker) in rivals {
        if let Some(output) = outputs.get_mut(&key) {
            output.rivals.insert(taker);
        }
    }
    (outputs, unhung)
}

/// Families and attributes that a family refers to.
fn references(family: &Family, places: &Places) -> BTreeSet<(usize, &'static str)> {
    let mut found = BTreeSet::new();
    let mut visit = |node: &Node| match node {
        Node::Ref(id, attr) => found.extend(places.get(id).map(|(to, _)| (*to, *attr))),
        Node::Keyed { family, attr, .. } => {
            found.insert((*family, *attr));
        }
        _ => {}
    };
    Item::walk(&family.body, &mut visit);
    for column in &family.columns {
        column.cells.iter().for_each(|cell| cell.walk(&mut visit));
    }
    found
}

fn output_name(family: &Family, attr: &str) -> String {
    let title = family.title();
    if attr == READY {
        return format!("{title}_ready");
    }
    let attr = attr.strip_prefix(&format!("{}_", family.noun)).unwrap_or(attr);
    let several = if family.keys.is_some() { "s" } else { "" };
    format!("{title}_{attr}{several}")
}

/// Which output of a module the order after something in it hangs on best: what is used together with it.
fn affinity(tf: &str) -> &'static [&'static str] {
    match tf {
        "aws_lb_listener" | "aws_lb_listener_rule" => &["aws_lb_target_group"],
        "aws_vpc_security_group_ingress_rule" | "aws_vpc_security_group_egress_rule" => &["aws_security_group"],
        "aws_iam_role_policy" | "aws_iam_role_policy_attachment" => &["aws_iam_role"],
        _ => &["aws_subnet"],
    }
}

fn hang_order(
    families: &[Family],
    places: &Places,
    outputs: &mut Outputs,
    taken_by: &BTreeMap<(usize, &'static str), BTreeSet<usize>>,
) -> BTreeSet<(usize, usize)> {
    let mut uses: Vec<BTreeSet<usize>> = families.iter().map(|family| family.uses(places)).collect();
    let mut unhung = BTreeSet::new();
    for (n, family) in families.iter().enumerate() {
        for &on in &family.after {
            let Some(target) = families.get(on).filter(|target| target.module != family.module) else { continue };
            let from_there: Vec<(usize, &'static str)> = references(family, places)
                .into_iter()
                .filter(|(to, _)| families.get(*to).is_some_and(|other| other.module == target.module))
                .collect();
            let best = from_there
                .iter()
                .find(|(to, _)| families.get(*to).is_some_and(|other| affinity(target.tf).contains(&other.tf)));
            let hung = best.filter(|output| {
                // Nobody who takes the output may be needed by what it would wait for.
                taken_by.get(output).into_iter().flatten().all(|taker| !reaches(&uses, on, *taker))
            });
            match hung {
                Some(output) => {
                    for taker in taken_by.get(output).into_iter().flatten() {
                        if let Some(uses) = uses.get_mut(*taker) {
                            uses.insert(on);
                        }
                    }
                    if let Some(output) = outputs.get_mut(output) {
                        output.depends.insert(on);
                    }
                }
                None => {
                    unhung.insert((n, on));
                }
            }
        }
    }
    for ((owner, _), output) in outputs.iter_mut() {
        let all = output.depends.clone();
        output.depends.retain(|on| on != owner && !all.iter().any(|other| other != on && reaches(&uses, *other, *on)));
    }
    unhung
}

/// True if `from` uses `to`, directly or not.
pub(crate) fn reaches(uses: &[BTreeSet<usize>], from: usize, to: usize) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(at) = next.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            next.extend(uses.get(at).into_iter().flatten());
        }
    }
    false
}
