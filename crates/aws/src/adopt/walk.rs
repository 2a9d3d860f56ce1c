//! From ECS services to all that belongs to them: along what is referred to, and back along what refers.

use std::collections::BTreeSet;

use aomidori_adopt::{Walk, key, of_another, repository};
use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::{KindName, Stack, Target, Value};
use aomidori_plan::{Observation, Observed, Ownership};
use futures_util::FutureExt as _;

use super::{beyond, dns, swings};
use crate::aws::Aws;
use crate::call;
use crate::client::Cx;
use crate::ec2::pages;
use crate::kinds::ecs_cluster;
use crate::observe;
use crate::services::{ecs, leaf};
use crate::tags::{Tags, filter, from_ec2};

impl Aws {
    /// Walks from services, each a cluster and a name. Reads only.
    ///
    /// # Errors
    /// A service is not there, or a read failed.
    pub async fn walk(&self, stack: &Stack, services: &[(String, String)]) -> Result<Walk, CloudError> {
        walk(&self.cx, stack, services).boxed().await
    }
}

async fn walk(cx: &Cx, stack: &Stack, services: &[(String, String)]) -> Result<Walk, CloudError> {
    let mut walk = Walk::default();
    let groups = swings::read(cx).await?;
    let mut next = seeds(cx, services).await?;
    let mut asked = BTreeSet::new();
    let have = loop {
        next.retain(|(kind, id)| follows(*kind, id));
        let before = walk.found.len();
        for (kind, id) in next {
            walk.add(kind, key(kind, &id));
        }
        let have = observe::observe(cx, stack, &walk.claims).await?;
        if walk.found.len() == before {
            break have;
        }
        next = referred(&have, &walk, &of_others(&have, stack));
        let fresh: Vec<(KindName, String)> = walk.found.difference(&asked).cloned().collect();
        let theirs = of_others(&have, stack);
        for (kind, id) in fresh.iter().filter(|place| !theirs.contains(place)) {
            next.extend(match kind {
                KindName::EcsService => groups.of_service(id),
                KindName::TargetGroup => groups.other_side(id),
                _ => Vec::new(),
            });
            next.extend(referring(cx, *kind, id, &mut walk.passed).await?);
        }
        asked.extend(fresh);
    };
    groups.finish(cx, stack, &mut walk).await?;
    dns::records(cx, &have, &mut walk).await?;
    beyond::read(cx, &mut walk).await?;
    walk.passed.sort();
    walk.passed.dedup();
    Ok(walk)
}

async fn seeds(cx: &Cx, services: &[(String, String)]) -> Result<BTreeSet<(KindName, String)>, CloudError> {
    let mut found = BTreeSet::new();
    let gone = |operation: &str, message: String| CloudError {
        kind: ErrorKind::NotFound,
        operation: operation.to_owned(),
        code: None,
        message,
    };
    for (cluster, name) in services {
        let clusters = ecs_cluster::describe(cx, std::slice::from_ref(cluster)).await?;
        let Some(arn) = clusters.first().and_then(|live| live.cluster_arn.clone()) else {
            return Err(gone("ecs:DescribeClusters", format!("there is no cluster `{cluster}`")));
        };
        let live = ecs::services(cx, cluster, std::slice::from_ref(name)).await?;
        let active = live.iter().find(|service| service.status.as_deref() == Some("ACTIVE"));
        let Some(service) = active.and_then(|service| service.service_arn.clone()) else {
            let message = format!("there is no active service `{name}` in the cluster `{cluster}`");
            return Err(gone("ecs:DescribeServices", message));
        };
        found.extend([(KindName::EcsCluster, arn), (KindName::EcsService, service)]);
    }
    Ok(found)
}

/// True for what may be a stack's: not AWS's own policies and service-linked roles, not what takes no tags.
fn follows(kind: KindName, id: &str) -> bool {
    let own = match kind {
        KindName::IamPolicy => !id.contains(":iam::aws:"),
        KindName::IamRole => !id.contains(":role/aws-service-role/"),
        _ => true,
    };
    own && !id.is_empty() && kind.info().taggable
}

/// What carries another stack's mark. It is referred to, and the walk ends there: what is behind it is that stack's matter.
fn of_others(have: &Observation, stack: &Stack) -> BTreeSet<(KindName, String)> {
    let marked = have.resources.iter().filter(|seen| of_another(seen, stack.name()).is_some());
    marked.map(|seen| (seen.kind, key(seen.kind, &seen.id).to_owned())).collect()
}

/// What is found refers to, and what stands inside it.
fn referred(have: &Observation, walk: &Walk, theirs: &BTreeSet<(KindName, String)>) -> BTreeSet<(KindName, String)> {
    let mut found = BTreeSet::new();
    let is_found = |seen: &Observed| {
        let place = (seen.kind, key(seen.kind, &seen.id).to_owned());
        walk.found.contains(&place) && !theirs.contains(&place)
    };
    // What cannot stay without it. Services of a cluster are none of these: each is walked from by itself.
    let parts = [KindName::Listener, KindName::ListenerRule, KindName::SecurityGroupRule, KindName::DiscoveryService];
    for seen in &have.resources {
        if !matches!(seen.owner, Ownership::Foreign { .. }) && parts.contains(&seen.kind) {
            found.insert((seen.kind, seen.id.clone()));
        }
        if !is_found(seen) {
            continue;
        }
        // Whom a rule lets in is no part of what is let in: a group of another network would bring that whole network.
        let own = |name: &str| seen.kind != KindName::SecurityGroupRule || name == "security_group_id";
        for field in seen.fields.iter().filter(|field| own(field.name)) {
            field.value.for_each_ref(&mut |reference| {
                if let Target::Id(id) = &reference.target {
                    found.insert((reference.kind, id.clone()));
                }
            });
            if seen.kind == KindName::TaskDefinition {
                images(&field.value, have, &mut found);
            }
        }
    }
    found
}

/// Repositories of this account and region among the images of containers.
fn images(value: &Value, have: &Observation, found: &mut BTreeSet<(KindName, String)>) {
    let Value::Map(containers) = value else { return };
    for container in containers.values() {
        let Value::Map(container) = container else { continue };
        let Some(image) = container.get("image").and_then(Value::as_str) else { continue };
        if let Some((name, _, _)) = repository(image)
            && image.starts_with(&format!("{}.dkr.ecr.{}.", have.account, have.region))
        {
            found.insert((KindName::EcrRepository, name.to_owned()));
        }
    }
}

/// What refers to something, and belongs to it.
async fn referring(
    cx: &Cx,
    kind: KindName,
    id: &str,
    passed: &mut Vec<String>,
) -> Result<Vec<(KindName, String)>, CloudError> {
    match kind {
        KindName::Vpc => in_vpc(cx, id, passed).await,
        KindName::TargetGroup => balancers(cx, id).await,
        KindName::DiscoveryService => namespace(cx, id).await,
        _ => Ok(Vec::new()),
    }
}

/// Subnets, gateways, route tables, endpoints and security groups of a VPC; not what AWS makes with every VPC.
async fn in_vpc(cx: &Cx, vpc: &str, passed: &mut Vec<String>) -> Result<Vec<(KindName, String)>, CloudError> {
    let inside = || Some(vec![filter("vpc-id", [vpc])]);
    let attached = || Some(vec![filter("attachment.vpc-id", [vpc])]);
    let subnets = pages!("ec2:DescribeSubnets", subnets, cx.ec2.describe_subnets().set_filters(inside()));
    let gateways = pages!(
        "ec2:DescribeInternetGateways",
        internet_gateways,
        cx.ec2.describe_internet_gateways().set_filters(attached())
    );
    let nats = pages!("ec2:DescribeNatGateways", nat_gateways, cx.ec2.describe_nat_gateways().set_filter(inside()));
    let tables = pages!("ec2:DescribeRouteTables", route_tables, cx.ec2.describe_route_tables().set_filters(inside()));
    let endpoints =
        pages!("ec2:DescribeVpcEndpoints", vpc_endpoints, cx.ec2.describe_vpc_endpoints().set_filters(inside()));
    let groups =
        pages!("ec2:DescribeSecurityGroups", security_groups, cx.ec2.describe_security_groups().set_filters(inside()));
    let mut found: Vec<(KindName, Option<String>)> = Vec::new();
    found.extend(subnets.into_iter().map(|it| (KindName::Subnet, it.subnet_id)));
    found.extend(gateways.into_iter().map(|it| (KindName::InternetGateway, it.internet_gateway_id)));
    let living = |state: &str| !matches!(state, "deleted" | "deleting" | "failed");
    let nats = nats.into_iter().filter(|it| it.state.as_ref().is_none_or(|state| living(state.as_str())));
    found.extend(nats.map(|it| (KindName::NatGateway, it.nat_gateway_id)));
    for table in tables {
        let main = table.associations().iter().any(|association| association.main == Some(true));
        let id = table.route_table_id.clone();
        if !main {
            found.push((KindName::RouteTable, id));
        } else {
            let own = |gateway: &str| gateway == "local" || gateway.starts_with("vpce-");
            let routes = table.routes().iter().filter(|route| !route.gateway_id().is_some_and(own));
            let to = routes.filter_map(|it| it.destination_cidr_block().or(it.destination_ipv6_cidr_block()));
            let to: Vec<&str> = to.collect();
            if !to.is_empty() || table.associations().len() > 1 {
                let id = id.unwrap_or_default();
                let to = if to.is_empty() { String::new() } else { format!(", with its routes to {}", to.join(", ")) };
                passed.push(format!("{id}, the main route table of {vpc}{to}: it comes and goes with the VPC"));
            }
        }
    }
    // Those that a service of AWS made are its own.
    let ours = |tags: Tags| !tags.keys().any(|key| key.starts_with("AWSServiceName"));
    let endpoints = endpoints.into_iter().filter(|it| {
        let state = it.state.as_ref().map_or_else(String::new, |state| state.as_str().to_ascii_lowercase());
        it.requester_managed != Some(true) && living(&state) && ours(from_ec2(it.tags.as_deref()))
    });
    found.extend(endpoints.map(|it| (KindName::VpcEndpoint, it.vpc_endpoint_id)));
    let groups = groups.into_iter().filter(|it| it.group_name.as_deref() != Some("default"));
    found.extend(groups.map(|it| (KindName::SecurityGroup, it.group_id)));
    Ok(found.into_iter().filter_map(|(kind, id)| Some((kind, id?))).collect())
}

/// The load balancers of a target group.
async fn balancers(cx: &Cx, group: &str) -> Result<Vec<(KindName, String)>, CloudError> {
    let answer = call::read("elasticloadbalancing:DescribeTargetGroups", || {
        cx.elb.describe_target_groups().target_group_arns(group).send()
    })
    .await;
    let groups = call::if_there(answer)?.and_then(|answer| answer.target_groups).unwrap_or_default();
    let arns = groups.into_iter().flat_map(|group| group.load_balancer_arns.unwrap_or_default());
    Ok(arns.map(|arn| (KindName::LoadBalancer, arn)).collect())
}

/// The namespace of a Cloud Map service: services are found in their namespaces only.
async fn namespace(cx: &Cx, service: &str) -> Result<Vec<(KindName, String)>, CloudError> {
    let id = leaf(service);
    let answer = call::read("servicediscovery:GetService", || cx.servicediscovery.get_service().id(id).send()).await;
    let service = call::if_there(answer)?.and_then(|answer| answer.service);
    let namespace = service.and_then(|service| service.namespace_id);
    Ok(namespace.map(|namespace| (KindName::PrivateDnsNamespace, namespace)).into_iter().collect())
}
