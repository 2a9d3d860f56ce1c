//! From a request at a listener to the answer: the listener's rules, then what its action does.

use std::net::Ipv4Addr;

use super::{Traffic, page};
use crate::services::ecs::container;
use crate::services::elbv2::{Action, Redirect, routing, target};
use crate::world::Cx;

/// A request.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) raw_query: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) headers: &'a [(String, String)],
}

impl Asked<'_> {
    fn wants_json(&self) -> bool {
        let accept = self.headers.iter().find(|(name, _)| name == "accept").map_or("", |(_, value)| value.as_str());
        accept.contains("application/json")
    }

    fn host_name(&self) -> &str {
        self.host.rsplit_once(':').map_or(self.host, |(name, _)| name)
    }
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// What a load balancer says itself, in its own words.
fn own(status: u16, reason: &str) -> Reply {
    let title = format!("{status} {reason}");
    Reply {
        status,
        headers: vec![("server", "awselb/2.0".to_owned()), ("content-type", "text/html".to_owned())],
        body: format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        ),
    }
}

fn unavailable() -> Reply {
    own(503, "Service Temporarily Unavailable")
}

/// The answer to a request at a listener.
pub(super) fn answer(cx: &mut Cx<'_>, traffic: &Traffic, listener: &str, asked: &Asked<'_>) -> Reply {
    let now = cx.now();
    let state = &*cx.elbv2();
    let balancer =
        state.listeners.get(listener).and_then(|l| Some((l.port, state.load_balancers.get(&l.load_balancer_arn)?)));
    let Some((port, balancer)) = balancer else {
        // A connection that was open when the listener went.
        let mut gone = unavailable();
        gone.headers.push(("connection", "close".to_owned()));
        return gone;
    };
    if !balancer.is_active(now) {
        return unavailable();
    }
    let name = balancer.name.clone();
    let request = routing::Request {
        host: asked.host,
        path: asked.path,
        method: asked.method,
        query: asked.query,
        headers: asked.headers,
        source: Ipv4Addr::LOCALHOST,
    };
    // What comes before the last action is authentication.
    let action = routing::actions(state, listener, &request).and_then(|actions| actions.last()).cloned();
    match action {
        Some(action) if action.kind == "forward" => forward(cx, traffic, listener, &action, asked),
        Some(Action { fixed_response_config: Some(fixed), .. }) => Reply {
            status: fixed.status_code.parse().unwrap_or(503),
            headers: vec![
                ("server", "awselb/2.0".to_owned()),
                ("content-type", fixed.content_type.unwrap_or_else(|| "text/plain; charset=utf-8".to_owned())),
            ],
            body: fixed.message_body.unwrap_or_default(),
        },
        Some(Action { redirect_config: Some(to), .. }) => redirect(cx, traffic, (&name, port), &to, asked),
        _ => unavailable(),
    }
}

/// Spreads turns over `0..total` evenly: any `total` turns in a row have each number once.
fn spread(turn: u64, total: u32) -> u32 {
    let total = u64::from(total.max(1));
    let coprime = |step: u64| {
        let (mut a, mut b) = (step, total);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a == 1
    };
    // Close to the golden section, so that a small share comes in between and not at the end.
    let step = (total * 618 / 1000..total).find(|step| coprime(*step)).unwrap_or(1);
    u32::try_from((turn % total) * step % total).unwrap_or(0)
}

fn forward(cx: &mut Cx<'_>, traffic: &Traffic, listener: &str, action: &Action, asked: &Asked<'_>) -> Reply {
    let now = cx.now();
    let total = routing::total(action);
    if total == 0 {
        return unavailable();
    }
    let number = spread(traffic.turn(listener), total);
    let Some(group) = routing::pick(action, number).map(str::to_owned) else { return unavailable() };
    let healthy = target::healthy(cx, &group);
    let count = u64::try_from(healthy.len()).unwrap_or(u64::MAX);
    let turn = usize::try_from(traffic.turn(&group) % count.max(1)).unwrap_or(0);
    let Some((address, port)) = healthy.get(turn).cloned() else { return unavailable() };
    let (health_path, name) = match cx.elbv2().target_groups.get(&group) {
        Some(group) => (group.health_check.path.clone().unwrap_or_else(|| "/".to_owned()), group.name.clone()),
        None => return unavailable(),
    };
    let clusters = &cx.ecs().clusters;
    let found =
        clusters.values().find_map(|c| Some((c.name.as_str(), container::at_address(c.tasks.values(), &address)?)));
    let Some((cluster, task)) = found else {
        // Registered by hand: nobody here knows what is there, but it is healthy.
        return page::stranger(&address, port, &name);
    };
    match container::status(task, asked.path, &health_path, false, now) {
        None => own(502, "Bad Gateway"),
        Some(status) => page::of(task, cluster, &name, (port, status), asked.wants_json()),
    }
}

/// A redirect to another port of the same load balancer goes to that port's local one, which speaks HTTP.
fn redirect(cx: &Cx<'_>, traffic: &Traffic, (balancer, port): (&str, u16), to: &Redirect, asked: &Asked<'_>) -> Reply {
    let fill = |template: &Option<String>, default: &str| {
        template
            .as_deref()
            .unwrap_or(default)
            .replace("#{host}", asked.host_name())
            .replace("#{path}", asked.path.trim_start_matches('/'))
            .replace("#{query}", asked.raw_query)
            .replace("#{port}", &port.to_string())
            .replace("#{protocol}", "HTTP")
    };
    let (host, path) = (fill(&to.host, "#{host}"), fill(&to.path, "/#{path}"));
    let (query, wanted) = (fill(&to.query, "#{query}"), fill(&to.port, "#{port}"));
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let local = wanted.parse().ok().and_then(|port| traffic.local_port(&cx.region, balancer, port));
    let location = match local.filter(|_| host == asked.host_name()) {
        Some(local) => format!("http://{host}:{local}{path}{query}"),
        None => format!("{}://{host}:{wanted}{path}{query}", fill(&to.protocol, "#{protocol}").to_lowercase()),
    };
    let moved = to.status_code == "HTTP_301";
    let mut reply = if moved { own(301, "Moved Permanently") } else { own(302, "Found") };
    reply.headers.push(("location", location));
    reply
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn turns_are_spread_evenly() {
        for total in [1, 2, 3, 100, 101, 999] {
            let mut all: Vec<u32> = (0..u64::from(total)).map(|turn| spread(turn, total)).collect();
            all.sort_unstable();
            assert_eq!(all, (0..total).collect::<Vec<_>>());
        }
        let small = (0..30).filter(|turn| spread(*turn, 100) >= 90).count();
        assert!((2..=4).contains(&small), "a tenth of the traffic is seen early: {small}");
    }
}
