//! Route tables, their routes and their associations.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cidr::{Cidr, canonical_v6};
use super::common::{
    Describe, ENDPOINT, ENI, GATEWAY, NAT, SUBNET, TABLE, TagSpecification, VPC, done, new_tags, remember, replayed,
    tag_set,
};
use super::nat::NatState;
use super::{State, endpoint};
use crate::error::{ApiError, Result, fail};
use crate::filters::Answer;
use crate::tags::Tags;
use crate::world::Cx;

/// A route table.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RouteTable {
    pub(crate) id: String,
    pub(crate) vpc_id: String,
    /// All but the local ones, which follow the VPC's ranges.
    pub(crate) routes: Vec<Route>,
    pub(crate) associations: Vec<Association>,
    pub(crate) tags: Tags,
}

/// A route that somebody made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Route {
    pub(crate) destination: Destination,
    /// The id of the gateway, NAT gateway, endpoint or network interface.
    pub(crate) target: String,
}

/// Where a route leads, canonical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Destination {
    Cidr(String),
    Cidr6(String),
    PrefixList(String),
}

impl Destination {
    fn text(&self) -> &str {
        match self {
            Destination::Cidr(text) | Destination::Cidr6(text) | Destination::PrefixList(text) => text,
        }
    }
}

/// Of a subnet, or (without one) the main association of the VPC.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Association {
    pub(crate) id: String,
    pub(crate) subnet_id: Option<String>,
}

impl RouteTable {
    /// Whether it holds for subnets without a table of their own.
    pub(crate) fn is_main(&self) -> bool {
        self.associations.iter().any(|association| association.subnet_id.is_none())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateTable {
    vpc_id: String,
    client_token: Option<String>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

pub(super) fn create_table(cx: &mut Cx<'_>, input: CreateTable) -> Result {
    let (request, token) = (format!("{input:?}"), input.client_token.clone());
    if let Some(id) = replayed(cx, token.as_deref(), &request, |state, id| state.route_tables.contains_key(id))? {
        TABLE.find(&cx.ec2().route_tables, &id)?;
        return Ok(json!({"routeTable": render(cx, &id), "clientToken": token}));
    }
    let tags = new_tags(&input.tags, &TABLE)?;
    VPC.find(&cx.ec2().vpcs, &input.vpc_id)?;
    let id = cx.id("rtb");
    let table = RouteTable { id: id.clone(), vpc_id: input.vpc_id, routes: Vec::new(), associations: Vec::new(), tags };
    cx.ec2().route_tables.insert(id.clone(), table);
    remember(cx, token.as_deref(), request, &id);
    Ok(json!({"routeTable": render(cx, &id), "clientToken": token}))
}

/// The main route table of a new VPC.
pub(super) fn create_main(cx: &mut Cx<'_>, vpc_id: &str) {
    let (id, association) = (cx.id("rtb"), cx.id("rtbassoc"));
    let table = RouteTable {
        id: id.clone(),
        vpc_id: vpc_id.to_owned(),
        routes: Vec::new(),
        associations: vec![Association { id: association, subnet_id: None }],
        tags: Tags::new(),
    };
    cx.ec2().route_tables.insert(id, table);
}

/// Whether the target is there to send traffic to.
fn is_active(state: &State, vpc_id: &str, target: &str) -> bool {
    if GATEWAY.fits(target) {
        state.internet_gateways.get(target).is_some_and(|gateway| gateway.vpc_id.as_deref() == Some(vpc_id))
    } else if NAT.fits(target) {
        state.nat_gateways.get(target).is_some_and(|nat| !matches!(nat.state, NatState::Deleted | NatState::Failed))
    } else if ENDPOINT.fits(target) {
        state.endpoints.contains_key(target)
    } else {
        state.network_interfaces.contains_key(target)
    }
}

fn target_member(target: &str) -> &'static str {
    if NAT.fits(target) {
        "natGatewayId"
    } else if ENI.fits(target) {
        "networkInterfaceId"
    } else {
        // Endpoints read back here too.
        "gatewayId"
    }
}

fn render(cx: &mut Cx<'_>, id: &str) -> Value {
    let account = cx.account().to_owned();
    let state = &*cx.ec2();
    let Some(table) = state.route_tables.get(id) else { return Value::Null };
    let mut routes: Vec<Value> = local_ranges(state, &table.vpc_id)
        .iter()
        .map(|cidr| {
            json!({
                "destinationCidrBlock": cidr.to_string(), "gatewayId": "local", "state": "active",
                "origin": "CreateRouteTable",
            })
        })
        .collect();
    for route in &table.routes {
        let destination = match &route.destination {
            Destination::Cidr(_) => "destinationCidrBlock",
            Destination::Cidr6(_) => "destinationIpv6CidrBlock",
            Destination::PrefixList(_) => "destinationPrefixListId",
        };
        let active = is_active(state, &table.vpc_id, &route.target);
        routes.push(json!({
            destination: route.destination.text(),
            target_member(&route.target): route.target,
            "state": if active { "active" } else { "blackhole" },
            "origin": "CreateRoute",
        }));
    }
    let associations: Vec<Value> = table
        .associations
        .iter()
        .map(|association| {
            json!({
                "routeTableAssociationId": association.id,
                "routeTableId": table.id,
                "subnetId": association.subnet_id,
                "main": association.subnet_id.is_none(),
                "associationState": {"state": "associated"},
            })
        })
        .collect();
    json!({
        "routeTableId": table.id,
        "vpcId": table.vpc_id,
        "ownerId": account,
        "routeSet": routes,
        "associationSet": associations,
        "propagatingVgwSet": [],
        "tagSet": tag_set(&table.tags),
    })
}

fn local_ranges(state: &State, vpc_id: &str) -> Vec<Cidr> {
    state.vpcs.get(vpc_id).map(|vpc| vpc.cidrs.iter().map(|(_, cidr)| *cidr).collect()).unwrap_or_default()
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    let state = &*cx.ec2();
    let targets = |table: &RouteTable, member: &str| -> Vec<String> {
        table.routes.iter().filter(|r| target_member(&r.target) == member).map(|r| r.target.clone()).collect()
    };
    let found = input.find(
        &TABLE,
        state.route_tables.iter(),
        100,
        |table| &table.tags,
        |table, name| match name {
            "route-table-id" => table.id.as_str().into(),
            "vpc-id" => table.vpc_id.as_str().into(),
            "owner-id" => account.as_str().into(),
            "association.route-table-association-id" => {
                table.associations.iter().map(|a| &a.id).collect::<Vec<_>>().into()
            }
            "association.route-table-id" if table.associations.is_empty() => Answer::Has(Vec::new()),
            "association.route-table-id" => table.id.as_str().into(),
            "association.subnet-id" => {
                table.associations.iter().filter_map(|a| a.subnet_id.clone()).collect::<Vec<_>>().into()
            }
            "association.main" => table.associations.iter().map(|a| a.subnet_id.is_none()).collect::<Vec<_>>().into(),
            "association.gateway-id" => Answer::Has(Vec::new()),
            "route.destination-cidr-block" => {
                let own = table.routes.iter().filter(|r| matches!(r.destination, Destination::Cidr(_)));
                let mut all: Vec<String> = own.map(|r| r.destination.text().to_owned()).collect();
                all.extend(local_ranges(state, &table.vpc_id).iter().map(ToString::to_string));
                Answer::Has(all)
            }
            "route.destination-prefix-list-id" => {
                let own = table.routes.iter().filter(|r| matches!(r.destination, Destination::PrefixList(_)));
                own.map(|r| r.destination.text()).collect::<Vec<_>>().into()
            }
            "route.gateway-id" => {
                let mut all = targets(table, "gatewayId");
                all.push("local".to_owned());
                Answer::Has(all)
            }
            "route.nat-gateway-id" => Answer::Has(targets(table, "natGatewayId")),
            "route.origin" => {
                if table.routes.is_empty() { vec!["CreateRouteTable"] } else { vec!["CreateRouteTable", "CreateRoute"] }
                    .into()
            }
            "route.state" => {
                let own = table.routes.iter().map(|r| is_active(state, &table.vpc_id, &r.target));
                own.chain([true]).map(|active| if active { "active" } else { "blackhole" }).collect::<Vec<_>>().into()
            }
            _ => Answer::Unknown,
        },
    )?;
    let (ids, next): (Vec<String>, _) = (found.items.iter().map(|t| t.id.clone()).collect(), found.next);
    let set: Vec<Value> = ids.iter().map(|id| render(cx, id)).collect();
    Ok(json!({"routeTableSet": set, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteTable {
    route_table_id: String,
}

pub(super) fn delete_table(cx: &mut Cx<'_>, input: DeleteTable) -> Result {
    let id = input.route_table_id;
    let state = cx.ec2();
    let table = TABLE.find(&state.route_tables, &id)?;
    if !table.associations.is_empty() {
        return TABLE.in_use(&id);
    }
    state.route_tables.remove(&id);
    for endpoint in state.endpoints.values_mut() {
        endpoint.route_table_ids.retain(|table| table != &id);
    }
    done()
}

/// A route's destination and target; the rest of what AWS knows is refused by name.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RouteInput {
    route_table_id: String,
    destination_cidr_block: Option<String>,
    destination_ipv6_cidr_block: Option<String>,
    destination_prefix_list_id: Option<String>,
    gateway_id: Option<String>,
    nat_gateway_id: Option<String>,
    network_interface_id: Option<String>,
    vpc_endpoint_id: Option<String>,
    local_target: Option<bool>,
}

impl RouteInput {
    fn destination(&self) -> Result<Destination> {
        match (&self.destination_cidr_block, &self.destination_ipv6_cidr_block, &self.destination_prefix_list_id) {
            (Some(text), None, None) => match text.parse::<Cidr>() {
                Ok(cidr) => Ok(Destination::Cidr(cidr.to_string())),
                Err(_) => fail!(
                    "InvalidParameterValue",
                    "Value ({text}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."
                ),
            },
            (None, Some(text), None) => match canonical_v6(text) {
                Some(cidr) => Ok(Destination::Cidr6(cidr)),
                None => fail!(
                    "InvalidParameterValue",
                    "Value ({text}) for parameter destinationIpv6CidrBlock is invalid. This is not a valid IPv6 CIDR block."
                ),
            },
            (None, None, Some(id)) => Ok(Destination::PrefixList(id.clone())),
            (None, None, None) => {
                fail!("MissingParameter", "The request must contain the parameter destinationCidrBlock")
            }
            _ => fail!("InvalidParameterCombination", "Only one destination can be given"),
        }
    }

    /// The target, which must be there, and in the table's VPC.
    fn target(&self, state: &State, vpc_id: &str) -> Result<String> {
        let given = [&self.gateway_id, &self.nat_gateway_id, &self.network_interface_id, &self.vpc_endpoint_id];
        let mut given = given.into_iter().flatten();
        let (Some(target), None) = (given.next(), given.next()) else {
            return fail!(
                "InvalidParameterCombination",
                "The request must contain exactly one of gatewayId, natGatewayId, \
                          networkInterfaceId, vpcEndpointId, or another target"
            );
        };
        let id = &self.route_table_id;
        let other_network = |what: &str| {
            fail!("InvalidParameterValue", "route table {id} and {what} {target} belong to different networks")
        };
        if self.nat_gateway_id.is_some() {
            let missing = || {
                ApiError::new("InvalidNatGatewayID.NotFound", format!("The natGateway ID '{target}' does not exist"))
            };
            let nat = state.nat_gateways.get(target).ok_or_else(missing)?;
            if !matches!(nat.state, NatState::Pending | NatState::Available) {
                return Err(missing());
            }
            if nat.vpc_id != vpc_id {
                return other_network("NAT gateway");
            }
        } else if self.network_interface_id.is_some() {
            let eni = ENI.find(&state.network_interfaces, target)?;
            if eni.vpc_id != vpc_id {
                return other_network("interface");
            }
        } else if self.vpc_endpoint_id.is_some() || ENDPOINT.fits(target) {
            let endpoint = ENDPOINT.find(&state.endpoints, target)?;
            return fail!(
                "InvalidParameterValue",
                "Endpoint {} is not a Gateway Load Balancer endpoint and cannot be a route's target",
                endpoint.id
            );
        } else {
            let missing =
                || ApiError::new("InvalidGatewayID.NotFound", format!("The gateway ID '{target}' does not exist"));
            let gateway = state.internet_gateways.get(target).ok_or_else(missing)?;
            if gateway.vpc_id.as_deref() != Some(vpc_id) {
                return other_network("network gateway");
            }
        }
        Ok(target.clone())
    }
}

pub(super) fn create(cx: &mut Cx<'_>, input: RouteInput) -> Result {
    let state = cx.ec2();
    let table = TABLE.find(&state.route_tables, &input.route_table_id)?;
    let destination = input.destination()?;
    if input.local_target.is_some() {
        return fail!("InvalidParameterValue", "LocalTarget is for ReplaceRoute");
    }
    let local = local_ranges(state, &table.vpc_id).iter().any(|cidr| cidr.to_string() == destination.text());
    if local || table.routes.iter().any(|route| route.destination == destination) {
        return fail!("RouteAlreadyExists", "The route identified by {} already exists.", destination.text());
    }
    if let Destination::PrefixList(id) = &destination
        && !state.prefix_lists.contains_key(id)
    {
        return fail!("InvalidPrefixListID.NotFound", "The prefix list ID '{id}' does not exist");
    }
    let target = input.target(state, &table.vpc_id)?;
    let table = TABLE.find_mut(&mut state.route_tables, &input.route_table_id)?;
    if table.routes.len() >= 50 {
        return fail!("RouteLimitExceeded", "The maximum number of routes has been reached.");
    }
    table.routes.push(Route { destination, target });
    done()
}

pub(super) fn replace(cx: &mut Cx<'_>, input: RouteInput) -> Result {
    let state = cx.ec2();
    let table = TABLE.find(&state.route_tables, &input.route_table_id)?;
    let destination = input.destination()?;
    let local = local_ranges(state, &table.vpc_id).iter().any(|cidr| cidr.to_string() == destination.text());
    if local {
        // It has its local target already; anything else would need appliances that are not here.
        return match input.local_target {
            Some(true) => done(),
            _ => fail!("InvalidParameterValue", "The local cloud cannot replace the target of a local route"),
        };
    }
    let Some(at) = table.routes.iter().position(|route| route.destination == destination) else {
        return fail!(
            "InvalidParameterValue",
            "There is no route defined for '{}' in the route table. Use CreateRoute instead.",
            destination.text()
        );
    };
    let target = input.target(state, &table.vpc_id)?;
    let table = TABLE.find_mut(&mut state.route_tables, &input.route_table_id)?;
    if let Some(route) = table.routes.get_mut(at) {
        route.target = target;
    }
    done()
}

pub(super) fn delete(cx: &mut Cx<'_>, input: RouteInput) -> Result {
    let state = cx.ec2();
    let destination = input.destination()?;
    let table = TABLE.find(&state.route_tables, &input.route_table_id)?;
    if local_ranges(state, &table.vpc_id).iter().any(|cidr| cidr.to_string() == destination.text()) {
        return fail!(
            "InvalidParameterValue",
            "cannot remove local route {} in route table {}",
            destination.text(),
            table.id
        );
    }
    let Some(route) = table.routes.iter().find(|route| route.destination == destination) else {
        return fail!(
            "InvalidRoute.NotFound",
            "no route with destination-cidr-block {} in route table {}",
            destination.text(),
            table.id
        );
    };
    if ENDPOINT.fits(&route.target) {
        return fail!(
            "InvalidParameterValue",
            "cannot remove VPC endpoint route {} in route table {}",
            route.target,
            table.id
        );
    }
    let table = TABLE.find_mut(&mut state.route_tables, &input.route_table_id)?;
    table.routes.retain(|route| route.destination != destination);
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Associate {
    route_table_id: String,
    subnet_id: Option<String>,
}

pub(super) fn associate(cx: &mut Cx<'_>, input: Associate) -> Result {
    let id = cx.id("rtbassoc");
    let state = cx.ec2();
    let Some(subnet_id) = input.subnet_id else {
        return fail!("MissingParameter", "The request must contain the parameter subnetId");
    };
    let table = TABLE.find(&state.route_tables, &input.route_table_id)?;
    let subnet = SUBNET.find(&state.subnets, &subnet_id)?;
    if table.vpc_id != subnet.vpc_id {
        return fail!(
            "InvalidParameterValue",
            "Route table {} and subnet {subnet_id} belong to different networks",
            table.id
        );
    }
    let existing = state
        .route_tables
        .values()
        .find_map(|t| t.associations.iter().find(|a| a.subnet_id.as_ref() == Some(&subnet_id)).map(|a| (&t.id, &a.id)));
    if let Some((table_id, association_id)) = existing {
        // The same association again is the same association.
        if table_id == &input.route_table_id {
            return Ok(associated(association_id));
        }
        return fail!(
            "Resource.AlreadyAssociated",
            "the specified association for route table {} conflicts with an existing association",
            input.route_table_id
        );
    }
    let table = TABLE.find_mut(&mut state.route_tables, &input.route_table_id)?;
    table.associations.push(Association { id: id.clone(), subnet_id: Some(subnet_id) });
    Ok(associated(&id))
}

fn associated(id: &str) -> Value {
    json!({"associationId": id, "associationState": {"state": "associated"}})
}

fn no_association(id: &str) -> ApiError {
    ApiError::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ReplaceAssociation {
    association_id: String,
    route_table_id: String,
}

pub(super) fn replace_association(cx: &mut Cx<'_>, input: ReplaceAssociation) -> Result {
    let id = cx.id("rtbassoc");
    let state = cx.ec2();
    let vpc_id = TABLE.find(&state.route_tables, &input.route_table_id)?.vpc_id.clone();
    let from = state.route_tables.values_mut().find(|t| t.associations.iter().any(|a| a.id == input.association_id));
    let Some(from) = from else { return Err(no_association(&input.association_id)) };
    if from.vpc_id != vpc_id {
        return fail!(
            "InvalidParameterValue",
            "Route table {} and the associated network belong to different networks",
            input.route_table_id
        );
    }
    let mut subnet_id = None;
    from.associations.retain(|association| {
        let keep = association.id != input.association_id;
        if !keep {
            subnet_id.clone_from(&association.subnet_id);
        }
        keep
    });
    let table = TABLE.find_mut(&mut state.route_tables, &input.route_table_id)?;
    table.associations.push(Association { id: id.clone(), subnet_id });
    Ok(json!({"newAssociationId": id, "associationState": {"state": "associated"}}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Disassociate {
    association_id: String,
}

pub(super) fn disassociate(cx: &mut Cx<'_>, input: Disassociate) -> Result {
    let id = &input.association_id;
    for table in cx.ec2().route_tables.values_mut() {
        if let Some(at) = table.associations.iter().position(|association| &association.id == id) {
            if table.associations[at].subnet_id.is_none() {
                return fail!("InvalidParameterValue", "cannot disassociate the main route table association {id}");
            }
            table.associations.remove(at);
            return done();
        }
    }
    Err(no_association(id))
}

/// Adds a gateway endpoint's route to a table.
pub(super) fn add_endpoint(state: &mut State, table_id: &str, endpoint: &endpoint::Endpoint) {
    if let (Some(table), Some(list)) = (state.route_tables.get_mut(table_id), &endpoint.prefix_list_id) {
        table.routes.push(Route { destination: Destination::PrefixList(list.clone()), target: endpoint.id.clone() });
    }
}

/// Removes an endpoint's route from a table.
pub(super) fn remove_endpoint(state: &mut State, table_id: &str, endpoint_id: &str) {
    if let Some(table) = state.route_tables.get_mut(table_id) {
        table.routes.retain(|route| route.target != endpoint_id);
    }
}

/// Whether a route leads to a prefix list's ranges.
pub(super) fn names_list(state: &State, id: &str) -> bool {
    let mut routes = state.route_tables.values().flat_map(|table| &table.routes);
    routes.any(|route| matches!(&route.destination, Destination::PrefixList(own) if own == id))
}
