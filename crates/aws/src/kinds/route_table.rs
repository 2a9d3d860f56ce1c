//! Route table with its routes and associations (aws-facts 2.6).
//!
//! Both are parts: AWS cannot tag them, so those that are ours are recorded in the table's tags, and only recorded ones
//! are ever removed. The local route, routes of gateway endpoints (a prefix list) and propagated routes are AWS's.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::RouteTable;
use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::ownership::{Marks, part_hash};
use aomidori_model::{Ipv4Cidr, KindName, Ref};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_ec2::types::{ResourceType, Route, RouteOrigin, RouteTable as LiveTable};

use crate::client::Cx;
use crate::ec2::{Which, all_of, fits, made, pages, refs};
use crate::live::Live;
use crate::observe::{Scope, observed};
use crate::{call, tags};

impl Live for RouteTable {
    const WRITES: &'static [&'static str] = &[
        "ec2:AssociateRouteTable",
        "ec2:CreateRoute",
        "ec2:CreateRouteTable",
        "ec2:DeleteRoute",
        "ec2:DeleteRouteTable",
        "ec2:DisassociateRouteTable",
        "ec2:ReplaceRoute",
        "ec2:ReplaceRouteTableAssociation",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let parts = Parts::of(want, w)?;
        let answer = call::once(
            "ec2:CreateRouteTable",
            cx.ec2
                .create_route_table()
                .vpc_id(w.known.id(&want.vpc)?)
                .client_token(w.token)
                .tag_specifications(tags::specification(ResourceType::RouteTable, w.tags))
                .send(),
        )
        .await
        .map_err(call::fresh)?;
        let id = answer
            .route_table
            .and_then(|table| table.route_table_id)
            .ok_or_else(|| call::missing("ec2:CreateRouteTable", "route table id"))?;
        parts.add_to(cx, &id, &Parts::default()).await?;
        Ok(made(id))
    }

    async fn find(cx: &Cx, _: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let mut found = describe(cx, Which::At(w)).await?;
        found.retain(|table| fits(w, &from_live(table)));
        Ok(found.into_iter().filter_map(|table| table.route_table_id).min().map(made))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        let retag = tags::retag(w, have, changes);
        tags::set_ec2(cx, &have.id, &retag.before).await?;
        if changes.iter().any(|change| change.field == "route" || change.field == "association") {
            let Some(table) = describe(cx, Which::Id(&have.id)).await?.into_iter().next() else {
                return Err(call::missing("ec2:DescribeRouteTables", "such route table"));
            };
            let (parts, live) = (Parts::of(want, w)?, Parts::live(&table));
            parts.add_to(cx, &have.id, &live).await?;
            parts.remove_others(cx, &have.id, &live, &Marks::of(&have.tags).parts).await?;
        }
        tags::set_ec2(cx, &have.id, &retag.after).await?;
        tags::remove_ec2(cx, &have.id, &retag.remove).await?;
        Ok(made(&have.id))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let Some(table) = describe(cx, Which::Id(&have.id)).await?.into_iter().next() else { return Ok(()) };
        for association in Parts::live(&table).associations.values() {
            disassociate(cx, association).await?;
        }
        call::gone_is_fine(
            call::once("ec2:DeleteRouteTable", cx.ec2.delete_route_table().route_table_id(&have.id).send()).await,
        )
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let there = !describe(cx, Which::Id(id)).await?.is_empty();
        Ok(if there { Progress::Ready } else { Progress::Gone })
    }
}

/// Routes and associations, wanted or live, with ids in place of references.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts {
    /// Ids of targets by destination.
    routes: BTreeMap<String, String>,
    /// Association ids by subnet; empty in what is wanted.
    associations: BTreeMap<String, String>,
}

impl Parts {
    /// What is wanted.
    fn of(want: &RouteTable, w: Want<'_>) -> Result<Parts, CloudError> {
        let mut parts = Parts::default();
        for (destination, target) in &want.routes {
            let target = match target {
                RouteTarget::InternetGateway(gateway) => w.known.id(gateway)?,
                RouteTarget::NatGateway(gateway) => w.known.id(gateway)?,
                RouteTarget::Other(id) => id.clone(),
            };
            parts.routes.insert(destination.to_string(), target);
        }
        for subnet in &want.subnets {
            parts.associations.insert(w.known.id(subnet)?, String::new());
        }
        Ok(parts)
    }

    /// What is live and not AWS's own.
    fn live(table: &LiveTable) -> Parts {
        let mut parts = Parts::default();
        for route in table.routes() {
            if let (Some(destination), Some(target)) = (&route.destination_cidr_block, target_of(route)) {
                parts.routes.insert(destination.clone(), target);
            }
        }
        for association in table.associations() {
            let state = association.association_state().and_then(|state| state.state());
            let leaving = state.is_some_and(|state| state.as_str().starts_with("disassoc"));
            if let (Some(subnet), Some(id)) = (&association.subnet_id, &association.route_table_association_id)
                && association.main != Some(true)
                && !leaving
            {
                parts.associations.insert(subnet.clone(), id.clone());
            }
        }
        parts
    }

    /// Makes what is wanted and not live, and leads routes where they are wanted.
    async fn add_to(&self, cx: &Cx, table: &str, live: &Parts) -> Result<(), CloudError> {
        for (destination, target) in &self.routes {
            match live.routes.get(destination) {
                Some(there) if there == target => {}
                Some(_) => replace_route(cx, table, destination, target).await?,
                None => create_route(cx, table, destination, target).await?,
            }
        }
        for subnet in self.associations.keys().filter(|subnet| !live.associations.contains_key(*subnet)) {
            associate(cx, table, subnet).await?;
        }
        Ok(())
    }

    /// Removes what is live and not wanted, if it is recorded as ours.
    async fn remove_others(
        &self,
        cx: &Cx,
        table: &str,
        live: &Parts,
        recorded: &BTreeSet<String>,
    ) -> Result<(), CloudError> {
        for destination in live.routes.keys().filter(|destination| !self.routes.contains_key(*destination)) {
            if recorded.contains(&part_hash("route", destination)) {
                let answer = call::idempotent("ec2:DeleteRoute", || {
                    cx.ec2.delete_route().route_table_id(table).destination_cidr_block(destination).send()
                })
                .await;
                call::gone_is_fine(answer)?;
            }
        }
        for (subnet, association) in &live.associations {
            if !self.associations.contains_key(subnet) && recorded.contains(&part_hash("association", subnet)) {
                disassociate(cx, association).await?;
            }
        }
        Ok(())
    }
}

/// Where a live route leads; `None` for AWS's own routes.
fn target_of(route: &Route) -> Option<String> {
    let gateway = route.gateway_id.as_deref();
    let propagated = route.origin == Some(RouteOrigin::EnableVgwRoutePropagation);
    if gateway == Some("local") || route.destination_prefix_list_id.is_some() || propagated {
        return None;
    }
    gateway
        .or(route.nat_gateway_id.as_deref())
        .or(route.transit_gateway_id.as_deref())
        .or(route.vpc_peering_connection_id.as_deref())
        .or(route.network_interface_id.as_deref())
        .or(route.instance_id.as_deref())
        .or(route.egress_only_internet_gateway_id.as_deref())
        .or(route.local_gateway_id.as_deref())
        .or(route.carrier_gateway_id.as_deref())
        .or(route.core_network_arn.as_deref())
        .map(str::to_owned)
}

/// A target as the model has it.
fn target(id: String) -> RouteTarget {
    if id.starts_with("igw-") {
        RouteTarget::InternetGateway(Ref::existing(id))
    } else if id.starts_with("nat-") {
        RouteTarget::NatGateway(Ref::existing(id))
    } else {
        RouteTarget::Other(id)
    }
}

/// A target as the route calls take it: one parameter for each sort of id.
#[derive(Default)]
struct RouteVia {
    gateway: Option<String>,
    nat: Option<String>,
    transit: Option<String>,
    peering: Option<String>,
    interface: Option<String>,
    instance: Option<String>,
    endpoint: Option<String>,
}

fn via(target: &str) -> RouteVia {
    let id = Some(target.to_owned());
    match target.split('-').next().unwrap_or_default() {
        "nat" => RouteVia { nat: id, ..RouteVia::default() },
        "tgw" => RouteVia { transit: id, ..RouteVia::default() },
        "pcx" => RouteVia { peering: id, ..RouteVia::default() },
        "eni" => RouteVia { interface: id, ..RouteVia::default() },
        "i" => RouteVia { instance: id, ..RouteVia::default() },
        "vpce" => RouteVia { endpoint: id, ..RouteVia::default() },
        _ => RouteVia { gateway: id, ..RouteVia::default() },
    }
}

async fn create_route(cx: &Cx, table: &str, to: &str, target: &str) -> Result<(), CloudError> {
    let answer = call::complete("ec2:CreateRoute", || {
        let via = via(target);
        cx.ec2
            .create_route()
            .route_table_id(table)
            .destination_cidr_block(to)
            .set_gateway_id(via.gateway)
            .set_nat_gateway_id(via.nat)
            .set_transit_gateway_id(via.transit)
            .set_vpc_peering_connection_id(via.peering)
            .set_network_interface_id(via.interface)
            .set_instance_id(via.instance)
            .set_vpc_endpoint_id(via.endpoint)
            .send()
    })
    .await;
    match answer {
        // An answer was lost, or it leads somewhere else.
        Err(error) if error.code.as_deref() == Some("RouteAlreadyExists") => replace_route(cx, table, to, target).await,
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

/// In place: no moment without a route.
async fn replace_route(cx: &Cx, table: &str, to: &str, target: &str) -> Result<(), CloudError> {
    call::complete("ec2:ReplaceRoute", || {
        let via = via(target);
        cx.ec2
            .replace_route()
            .route_table_id(table)
            .destination_cidr_block(to)
            .set_gateway_id(via.gateway)
            .set_nat_gateway_id(via.nat)
            .set_transit_gateway_id(via.transit)
            .set_vpc_peering_connection_id(via.peering)
            .set_network_interface_id(via.interface)
            .set_instance_id(via.instance)
            .set_vpc_endpoint_id(via.endpoint)
            .send()
    })
    .await?;
    Ok(())
}

/// Associates a subnet. One that has another table of the same stack is moved over at once; another's is left alone.
async fn associate(cx: &Cx, table: &str, subnet: &str) -> Result<(), CloudError> {
    let answer = call::complete("ec2:AssociateRouteTable", || {
        cx.ec2.associate_route_table().route_table_id(table).subnet_id(subnet).send()
    })
    .await;
    let error = match answer {
        Err(error) if error.code.as_deref() == Some("Resource.AlreadyAssociated") => error,
        Err(error) => return Err(error),
        Ok(_) => return Ok(()),
    };
    let by_subnet = tags::filter("association.subnet-id", [subnet]);
    let holding =
        pages!("ec2:DescribeRouteTables", route_tables, cx.ec2.describe_route_tables().filters(by_subnet.clone()));
    let Some(other) = holding.first() else { return Err(call::half_made(error)) };
    if other.route_table_id.as_deref() == Some(table) {
        return Ok(());
    }
    let ours = describe(cx, Which::Id(table)).await?.first().and_then(stack_of);
    let association = Parts::live(other).associations.remove(subnet);
    match association {
        Some(association) if ours.is_some() && ours == stack_of(other) => {
            call::complete("ec2:ReplaceRouteTableAssociation", || {
                cx.ec2.replace_route_table_association().association_id(&association).route_table_id(table).send()
            })
            .await?;
            Ok(())
        }
        _ => Err(CloudError {
            message: format!(
                "{subnet} uses the route table {} of someone else",
                other.route_table_id.as_deref().unwrap_or("?")
            ),
            ..error
        }),
    }
}

fn stack_of(table: &LiveTable) -> Option<String> {
    Marks::of(&tags::from_ec2(table.tags.as_deref())).stack
}

async fn disassociate(cx: &Cx, association: &str) -> Result<(), CloudError> {
    let answer = call::idempotent("ec2:DisassociateRouteTable", || {
        cx.ec2.disassociate_route_table().association_id(association).send()
    })
    .await;
    call::gone_is_fine(answer)
}

async fn describe(cx: &Cx, which: Which<'_>) -> Result<Vec<LiveTable>, CloudError> {
    let mut all = pages!(
        "ec2:DescribeRouteTables",
        route_tables,
        cx.ec2.describe_route_tables().set_filters(which.filters()).set_route_table_ids(which.ids())
    );
    all.retain(|table| which.holds(&tags::from_ec2(table.tags.as_deref())));
    Ok(all)
}

/// A live table in the model's form. A destination that the model cannot say (none in IPv4) is left out.
fn from_live(table: &LiveTable) -> RouteTable {
    let Parts { routes, associations } = Parts::live(table);
    RouteTable {
        vpc: Ref::existing(table.vpc_id.clone().unwrap_or_default()),
        routes: routes.into_iter().filter_map(|(to, id)| Some((to.parse::<Ipv4Cidr>().ok()?, target(id)))).collect(),
        subnets: refs(associations.into_keys()),
    }
}

/// The stack's route tables with routes and associations: one call.
pub(crate) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let mut found = Vec::new();
    for table in all_of!(cx, scope, KindName::RouteTable) {
        let tags = tags::from_ec2(table.tags.as_deref());
        let Some(id) = &table.route_table_id else { continue };
        let tags = scope.marked(KindName::RouteTable, id, tags);
        let Some(owner) = scope.ours(KindName::RouteTable, id, &tags) else { continue };
        found.push(observed(id, owner, &from_live(&table), tags));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{RouteTableAssociation, builders::RouteBuilder};

    use super::*;

    fn table(routes: impl IntoIterator<Item = RouteBuilder>) -> LiveTable {
        LiveTable::builder()
            .route_table_id("rtb-1")
            .vpc_id("vpc-1")
            .set_routes(Some(routes.into_iter().map(RouteBuilder::build).collect()))
            .associations(RouteTableAssociation::builder().main(true).route_table_association_id("a-0").build())
            .associations(
                RouteTableAssociation::builder().subnet_id("subnet-1").route_table_association_id("a-1").build(),
            )
            .build()
    }

    #[test]
    fn only_what_is_not_aws_s_own_is_a_part() {
        let live = from_live(&table([
            Route::builder().destination_cidr_block("10.0.0.0/16").gateway_id("local"),
            Route::builder().destination_prefix_list_id("pl-1").gateway_id("vpce-1"),
            Route::builder().destination_cidr_block("0.0.0.0/0").nat_gateway_id("nat-1"),
            Route::builder().destination_cidr_block("10.9.0.0/16").vpc_peering_connection_id("pcx-1"),
            Route::builder()
                .destination_cidr_block("10.8.0.0/16")
                .gateway_id("vgw-1")
                .origin(RouteOrigin::EnableVgwRoutePropagation),
        ]));
        let routes: Vec<(String, RouteTarget)> =
            live.routes.into_iter().map(|(to, via)| (to.to_string(), via)).collect();
        assert_eq!(
            routes,
            [
                ("0.0.0.0/0".to_owned(), RouteTarget::NatGateway(Ref::existing("nat-1"))),
                ("10.9.0.0/16".to_owned(), RouteTarget::Other("pcx-1".into())),
            ]
        );
        assert_eq!(live.subnets, BTreeSet::from([Ref::existing("subnet-1")]));
    }

    #[test]
    fn each_target_goes_into_its_own_parameter() {
        assert_eq!(via("nat-1").nat.as_deref(), Some("nat-1"));
        assert_eq!(via("igw-1").gateway.as_deref(), Some("igw-1"));
        assert_eq!(via("vgw-1").gateway.as_deref(), Some("vgw-1"));
        assert_eq!(via("pcx-1").peering.as_deref(), Some("pcx-1"));
        assert_eq!(via("tgw-1").transit.as_deref(), Some("tgw-1"));
    }
}
