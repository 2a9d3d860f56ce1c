//! Services as people read about them: a line each, and below it what is going on.

use aomidori_deploy::cloud::{DeploymentError, RolloutState};

use super::deployment::{End, Last, Running};
use super::service::{Rollout, Service, Side, TargetState, Tasks, Version};
use super::traffic::{Route, Use, coloured, percent, side};
use crate::view::Paint;
use crate::view::paint::{table, wrap};
use crate::view::schedule::duration;

/// How many events are shown of all services together.
const EVENTS: usize = 5;
/// How wide a line of words may be.
const WIDTH: usize = 110;

/// All services.
pub(super) fn services(services: &[Service], paint: Paint) -> String {
    let rows: Vec<Vec<String>> = services.iter().map(|service| headline(service, paint)).collect();
    let mut text = String::new();
    for (line, service) in table(&rows, 2).lines().zip(services) {
        text.push_str(&format!("{line}\n"));
        text.push_str(&below(service, paint));
    }
    text
}

fn headline(one: &Service, paint: Paint) -> Vec<String> {
    let desired = one.desired.map_or("?".to_owned(), |desired| desired.to_string());
    // Of two sides the live one counts.
    let live = one.sides.iter().filter_map(|side| side.task_set.as_ref()).find(|set| set.status == "PRIMARY");
    let live = live.map(|set| Tasks { running: set.running, pending: set.pending });
    let tasks = match live.or(one.tasks) {
        None => format!("{desired} wanted"),
        Some(Tasks { running, pending }) => {
            let pending = if pending > 0 { format!(", {pending} starting") } else { String::new() };
            let text = format!("{running} of {desired} running{pending}");
            if one.desired.is_some_and(|desired| i64::from(running) >= desired) {
                paint.good(&text)
            } else {
                paint.warn(&text)
            }
        }
    };
    let controller = match one.controller.as_str() {
        "CODE_DEPLOY" => "CodeDeploy",
        _ => "rolling",
    };
    let what = match &one.live {
        Some(version) if version.image.is_some() => self::version(version),
        _ => one.images.iter().map(|image| short(image)).collect::<Vec<_>>().join(", "),
    };
    vec![one.address.leaf().to_owned(), controller.to_owned(), tasks, paint.dim(&what)]
}

/// The registry's host says nothing that the header does not.
fn short(image: &str) -> &str {
    image.split_once(".amazonaws.com/").map_or(image, |(_, rest)| rest)
}

/// `revision 4, green (sha256:0123456789ab)`
fn version(version: &Version) -> String {
    let revision = version.revision.map_or_else(|| "revision ?".to_owned(), |number| format!("revision {number}"));
    let digest = version.digest.as_ref().map(|digest| digest.chars().take(19).collect::<String>());
    match (&version.tag, digest, &version.image) {
        (Some(tag), Some(digest), _) => format!("{revision}, {tag} ({digest})"),
        (Some(tag), None, _) => format!("{revision}, {tag}"),
        (None, Some(digest), _) => format!("{revision}, {digest}"),
        (None, None, Some(image)) => format!("{revision}, {}", short(image)),
        (None, None, None) => revision,
    }
}

fn tasks(running: u32, desired: u32, pending: u32, paint: Paint) -> String {
    let pending = if pending > 0 { format!(", {pending} starting") } else { String::new() };
    let text = format!("{running} of {desired} running{pending}");
    if running >= desired { text } else { paint.warn(&text) }
}

fn below(service: &Service, paint: Paint) -> String {
    let rows: Vec<Vec<String>> = service.sides.iter().map(|side| side_row(side, paint)).collect();
    let mut text = table(&rows, 4);
    // A service at rest has one that is complete: its headline says all of it.
    let at_rest = |all: &[Rollout]| matches!(all, [only] if only.state == RolloutState::Completed && only.failed == 0);
    if !at_rest(&service.rollouts) {
        let rows: Vec<Vec<String>> = service.rollouts.iter().map(|it| rollout_row(it, paint)).collect();
        text.push_str(&table(&rows, 4));
        for reason in
            service.rollouts.iter().filter(|it| it.state != RolloutState::Completed).filter_map(|it| it.reason.as_ref())
        {
            text.push_str(&line(&paint.warn(reason)));
        }
    }
    if differs(&service.routes) {
        let rows: Vec<Vec<String>> = service.routes.iter().map(|it| route_row(it, paint)).collect();
        text.push_str(&table(&rows, 4));
    }
    if let Some(running) = &service.deployment {
        text.push_str(&deployment(running, paint));
    }
    if let Some(last) = &service.last {
        text.push_str(&ended(last, paint));
    }
    for one in &service.stopped {
        let reason: Vec<String> = one.reason.split(' ').map(named).collect();
        text.push_str(&line(&format!("{} {} x {}", paint.warn("stopped:"), one.count, reason.join(" "))));
    }
    text
}

/// A line below a service.
fn line(text: &str) -> String {
    format!("    {}\n", wrap(text, 6, WIDTH))
}

fn side_row(one: &Side, paint: Paint) -> Vec<String> {
    let share = |what: &str, share: Option<f64>| {
        share.filter(|share| *share > 0.0).map(|share| format!("{what} {}", percent(share)))
    };
    let shares: Vec<String> =
        [share("production", one.production), share("test", one.test)].into_iter().flatten().collect();
    let shares = shares.join(", ");
    let Some(set) = &one.task_set else {
        let shares = if shares.is_empty() { shares } else { paint.bad(&format!("{shares}, and no tasks")) };
        return vec![coloured(&one.target_group, paint), paint.dim("no tasks"), shares];
    };
    vec![
        coloured(&one.target_group, paint),
        set.status.clone(),
        version(&set.version),
        tasks(set.running, set.desired, set.pending, paint),
        targets(&one.targets, paint),
        shares,
    ]
}

fn targets(targets: &[TargetState], paint: Paint) -> String {
    let one = |it: &TargetState| {
        let reason = it.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let text = format!("{} {}{reason}", it.count, it.state);
        match it.state.as_str() {
            "healthy" => paint.good(&text),
            "unhealthy" => paint.bad(&text),
            _ => text,
        }
    };
    match targets {
        [] => paint.dim("no targets"),
        some => some.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

fn rollout_row(it: &Rollout, paint: Paint) -> Vec<String> {
    let since = it.seconds.map(|seconds| format!(" for {}", duration(seconds))).unwrap_or_default();
    let state = match it.state {
        RolloutState::InProgress => paint.warn(&format!("in progress{since}")),
        RolloutState::Completed => "complete".to_owned(),
        RolloutState::Failed => paint.bad("failed"),
    };
    let failed = if it.failed > 0 { paint.bad(&format!("{} failed", it.failed)) } else { String::new() };
    vec![it.status.clone(), version(&it.version), tasks(it.running, it.desired, it.pending, paint), state, failed]
}

/// True if a rule divides requests in another way than the rest of its listener.
fn differs(routes: &[Route]) -> bool {
    [Use::Production, Use::Test].into_iter().any(|traffic| {
        let mut all = routes.iter().filter(|route| route.traffic == traffic).map(|route| &route.percent);
        let first = all.next();
        // What has no share of something need not be named.
        let share = |of: &std::collections::BTreeMap<String, f64>| {
            of.iter()
                .filter(|(_, share)| **share > 0.0)
                .map(|(name, share)| (name.clone(), share.to_string()))
                .collect::<Vec<_>>()
        };
        all.any(|other| first.is_some_and(|first| share(first) != share(other)))
    })
}

fn route_row(route: &Route, paint: Paint) -> Vec<String> {
    let traffic = match route.traffic {
        Use::Production => "production",
        Use::Test => "test",
    };
    let rule = match (&route.rule, route.priority) {
        (Some(_), Some(priority)) => format!("rule {priority}"),
        (Some(rule), None) => side(rule).to_owned(),
        (None, _) => "by default".to_owned(),
    };
    let shares = route.percent.iter().filter(|(_, share)| **share > 0.0);
    let shares: Vec<String> =
        shares.map(|(group, share)| format!("{} {}", coloured(group, paint), percent(*share))).collect();
    vec![traffic.to_owned(), rule, format!("-> {}", shares.join(", "))]
}

fn deployment(running: &Running, paint: Paint) -> String {
    let Running { deployment, rolls_back, event, seconds, now, next, .. } = running;
    let back = rolls_back.as_ref().map(|of| format!("takes {of} back: ")).unwrap_or_default();
    let mut since: Vec<String> = event.iter().cloned().collect();
    since.extend(seconds.map(duration));
    let since = if since.is_empty() { String::new() } else { format!(" ({})", since.join(", ")) };
    line(&format!("{}: {back}{now}{since}; {next}", paint.warn(deployment)))
}

fn ended(last: &Last, paint: Paint) -> String {
    let Last { deployment, status, end, rolled_back_by, seconds, error, repair } = last;
    let ago = seconds.map(|seconds| format!(" {} ago", duration(seconds))).unwrap_or_default();
    let why = match error {
        Some(DeploymentError { code, message }) if message.is_empty() => format!(": {code}"),
        Some(DeploymentError { code, message }) => format!(": {code}, {message}"),
        None => String::new(),
    };
    let by = rolled_back_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let was = if *status == "Stopped" { "was stopped" } else { "failed" };
    let text = match end {
        End::Succeeded => format!("last: {deployment} succeeded{ago}"),
        End::RolledBack => format!("last: {deployment} {was} and was {}{by}{ago}{why}", paint.warn("rolled back")),
        End::RollingBack => format!("last: {deployment} {was} and is being {}{by}{why}", paint.warn("rolled back")),
        End::RollbackFailed => {
            let by = rolled_back_by.as_deref().map(|by| format!(" {by}")).unwrap_or_default();
            format!("last: {deployment} {was}, and its rollback{by} {}{ago}{why}", paint.bad("failed too"))
        }
        End::NothingChanged => format!("last: {deployment} {was}{ago} and left nothing behind{why}"),
        End::Unfinished => {
            format!(
                "last: {deployment} {was}{ago} {}; what it changed is still so{why}",
                paint.bad("without a rollback")
            )
        }
    };
    let mut text = line(&text);
    for one in repair {
        text.push_str(&format!("      {}\n", wrap(one, 8, WIDTH)));
    }
    text
}

/// True if anything of what is said of services is a time.
pub(super) fn tells_times(services: &[Service]) -> bool {
    services
        .iter()
        .any(|it| it.deployment.is_some() || it.last.is_some() || !it.events.is_empty() || it.rollouts.len() > 1)
}

/// The ARN of a target group as its name (`arn:…:targetgroup/NAME/ID`), anything else as it is.
fn named(word: &str) -> String {
    let name = word.split_once(":targetgroup/").and_then(|(_, rest)| rest.split_once('/'));
    match name.filter(|_| word.starts_with("arn:")) {
        Some((name, rest)) => {
            let id = |c: char| c.is_ascii_hexdigit();
            format!("{name}{}", rest.trim_start_matches(id))
        }
        None => word.to_owned(),
    }
}

/// What schedulers said last.
pub(super) fn events(services: &[Service], paint: Paint) -> Vec<Vec<String>> {
    let mut all: Vec<_> = services
        .iter()
        .flat_map(|service| service.events.iter().map(move |event| (service.address.leaf(), event)))
        .collect();
    all.sort_by_key(|(_, event)| std::cmp::Reverse(event.at));
    all.truncate(EVENTS);
    let row = |(service, event): (&str, &super::service::Event)| {
        let ago = event.seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{} ago", duration(seconds)));
        // `(service NAME) …`: who it is about is said already.
        let message = event.message.strip_prefix("(service ").and_then(|rest| rest.split_once(") "));
        let message = message.map_or(event.message.as_str(), |(_, message)| message);
        vec![ago, paint.name(service), message.split(' ').map(named).collect::<Vec<_>>().join(" ")]
    };
    all.into_iter().map(row).collect()
}
