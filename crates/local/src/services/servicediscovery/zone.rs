//! The hosted zones behind DNS namespaces: made, filled and deleted in Route 53, where users cannot touch them.

use std::collections::BTreeMap;

use crate::services::route53;
use crate::services::servicediscovery::service::find;
use crate::world::Cx;

const PRINCIPAL: &str = "servicediscovery.amazonaws.com";

/// Makes the private hosted zone of a namespace. The error is AWS's message.
pub(super) fn create(cx: &mut Cx<'_>, name: &str, vpc: &str, token: &str) -> Result<String, String> {
    if !cx.ec2().vpcs.contains_key(vpc) {
        return Err(format!(
            "The VPC: {vpc} you provided is not authorized to make the association. (Service: AmazonRoute53; Status Code: \
             400; Error Code: InvalidVPCId)"
        ));
    }
    let (key, absolute) =
        ((cx.region.clone(), vpc.to_owned()), format!("{}.", name.trim_end_matches('.').to_lowercase()));
    let taken = cx.route53().zones.values().find(|z| z.private && z.name == absolute && z.vpcs.contains(&key));
    if let Some(zone) = taken {
        return Err(format!(
            "The VPC {vpc} in region {} has already been associated with the hosted zone {} with the same domain name. \
             (Service: AmazonRoute53; Status Code: 400; Error Code: ConflictingDomainExists)",
            key.0, zone.id
        ));
    }
    Ok(route53::create_private_zone(cx, name, vpc, PRINCIPAL, &format!("Created by AWS Cloud Map for {token}")))
}

/// Makes the public hosted zone of a namespace.
pub(super) fn create_public(cx: &mut Cx<'_>, name: &str, token: &str) -> String {
    route53::create_service_zone(cx, name, PRINCIPAL, &format!("Created by AWS Cloud Map for {token}"))
}

/// Deletes it, with what Cloud Map put there.
pub(super) fn delete(cx: &mut Cx<'_>, zone: &str) {
    route53::delete_private_zone(cx, zone);
}

/// Puts an instance's records into the zone.
pub(super) fn publish(cx: &mut Cx<'_>, service: &str, instance: &str) {
    let _ = instance;
    write(cx, service, None);
}

/// Takes them out; the instance itself may still be known.
pub(super) fn withdraw(cx: &mut Cx<'_>, service: &str, instance: &str) {
    write(cx, service, Some(instance));
}

/// Writes a service's records anew, one set per type with the values of all healthy instances but one.
fn write(cx: &mut Cx<'_>, service: &str, but: Option<&str>) {
    let Ok(service) = find(cx, service) else { return };
    let Some(dns) = &service.dns else { return };
    let mut sets: BTreeMap<String, (u64, Vec<String>)> = BTreeMap::new();
    let (name, namespace) = (service.name.clone(), service.namespace.clone());
    for record in &dns.records {
        let values = &mut sets.entry(record.kind.clone()).or_insert((record.ttl, Vec::new())).1;
        let live = service.instances.iter().filter(|(id, i)| Some(id.as_str()) != but && i.healthy);
        for (id, instance) in live {
            let get = |name: &str| instance.attributes.get(name).cloned();
            let value = match record.kind.as_str() {
                "A" => get("AWS_INSTANCE_IPV4"),
                "AAAA" => get("AWS_INSTANCE_IPV6"),
                "CNAME" => get("AWS_INSTANCE_CNAME"),
                _ => get("AWS_INSTANCE_PORT").map(|port| format!("1 1 {port} {id}.{name}")),
            };
            values.extend(value);
        }
    }
    let state = cx.servicediscovery();
    let Some(within) = state.namespaces.get(&namespace) else { return };
    let (Some(zone), domain) = (within.zone_id.clone(), within.name.clone()) else { return };
    let host = format!("{name}.{domain}");
    for (kind, (ttl, values)) in sets {
        if values.is_empty() {
            route53::remove_records(cx, &zone, &host, &kind);
        } else {
            route53::put_records(cx, &zone, &host, &kind, ttl, &values);
        }
    }
}
