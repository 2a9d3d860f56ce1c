//! A deployment group and what forwards to its pair of target groups.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use aomidori_model::Stack;
use serde_json::{Value, json};

fn pair(name: &str) -> Value {
    json!({ "forward_pair": { "blue": group(name, "blue"), "green": group(name, "green") } })
}

fn forward(name: &str, side: &str) -> Value {
    json!({ "forward": group(name, side) })
}

fn weighted(groups: &[(&str, &str)]) -> Value {
    let all = groups.iter().map(|(name, side)| json!({ "target_group": group(name, side), "weight": 1 }));
    json!({ "forward_weighted": all.collect::<Vec<_>>() })
}

fn group(name: &str, side: &str) -> Value {
    json!({ "id": format!("{name}-{side}") })
}

/// What is wrong with the deployment group of the pair `a`, whose listener has this default action and these rules.
/// There is another listener, which belongs to nobody.
fn wrong(default: &Value, rules: &[Value], elsewhere: &[Value]) -> Vec<String> {
    let mut resources = vec![json!({
        "address": "app/group",
        "kind": "deployment_group",
        "spec": {
            "name": "a", "application": { "id": "app" }, "role": { "id": "role" }, "config": { "id": "config" },
            "service": { "id": "service" }, "ready": "continue", "terminate_blue_after": 5,
            "pair": {
                "blue": group("a", "blue"), "green": group("a", "green"), "production": { "ref": "app/listener" }
            },
        },
    })];
    for (name, port, default) in
        [("listener", 80, default), ("other", 81, &json!({ "fixed_response": { "status": 404 } }))]
    {
        resources.push(json!({
            "address": format!("app/{name}"),
            "kind": "listener",
            "spec": { "load_balancer": { "id": "balancer" }, "port": port, "protocol": "http", "default_action": default },
        }));
    }
    let rules = rules.iter().map(|rule| ("listener", rule)).chain(elsewhere.iter().map(|rule| ("other", rule)));
    for (n, (listener, action)) in rules.enumerate() {
        resources.push(json!({
            "address": format!("app/rule/{n}"),
            "kind": "listener_rule",
            "spec": {
                "listener": { "ref": format!("app/{listener}") }, "priority": n + 1,
                "conditions": [{ "path_pattern": [format!("/{n}/*")] }], "action": action,
            },
        }));
    }
    let file = json!({ "format": "aomidori-stack", "version": 1, "name": "shop", "resources": resources });
    let stack = Stack::from_json(&file.to_string()).unwrap();
    let problems = stack.validate().into_iter();
    problems.map(|it| format!("{} {}: {}", it.code.0, it.field.unwrap_or_default(), it.message)).collect()
}

#[test]
fn a_pair_behind_a_listener_is_swung_by_the_default_action_or_a_rule() {
    let refusal = json!({ "fixed_response": { "status": 404 } });
    let legal = [
        (pair("a"), vec![], vec![]),
        (pair("a"), vec![pair("a"), refusal.clone()], vec![]),
        (refusal.clone(), vec![refusal.clone(), pair("a")], vec![]),
        // Two services share a listener: one has the default action, the other a rule; or both have rules.
        (pair("b"), vec![pair("a")], vec![]),
        (pair("a"), vec![pair("b")], vec![]),
        (refusal.clone(), vec![pair("b"), pair("a")], vec![]),
        // What others serve is theirs.
        (forward("b", "blue"), vec![pair("a"), weighted(&[("b", "blue"), ("b", "green")])], vec![]),
        (forward("b", "blue"), vec![pair("a"), weighted(&[("a", "blue"), ("b", "green")])], vec![]),
        (pair("a"), vec![], vec![forward("a", "blue")]),
    ];
    for (default, rules, elsewhere) in legal {
        assert_eq!(wrong(&default, &rules, &elsewhere), [] as [&str; 0], "{default} {rules:?}");
    }

    let none = "E-PAIR-FORWARD prod_traffic_route: neither the default action of `app/listener` nor one of its rules \
                forwards to the pair `a-blue` and `a-green`";
    let of = "E-PAIR-FORWARD prod_traffic_route: of `app/listener`";
    let illegal = [
        (refusal.clone(), vec![], vec![], format!("{none}: nothing of it forwards")),
        (forward("a", "blue"), vec![], vec![], format!("{none}: its default action forwards to `a-blue`")),
        // The pair of somebody else.
        (
            refusal.clone(),
            vec![pair("b")],
            vec![],
            format!("{none}: the rule `app/rule/0` forwards to the pair `b-blue` and `b-green`"),
        ),
        (
            pair("b"),
            vec![weighted(&[("a", "blue"), ("a", "green")])],
            vec![],
            format!(
                "{none}: its default action forwards to the pair `b-blue` and `b-green`, the rule `app/rule/0` forwards \
                 to `a-blue` and `a-green` by weight"
            ),
        ),
        // A rule of another listener.
        (
            pair("b"),
            vec![],
            vec![pair("a")],
            format!("{none}: its default action forwards to the pair `b-blue` and `b-green`"),
        ),
        // Moved by CodeDeploy, and put back by the next run.
        (
            forward("a", "green"),
            vec![pair("a")],
            vec![],
            format!("{of} its default action forwards to `a-green` for ever, and CodeDeploy moves that, too"),
        ),
        (
            pair("a"),
            vec![weighted(&[("a", "blue"), ("a", "green")])],
            vec![],
            format!(
                "{of} the rule `app/rule/0` forwards to `a-blue` and `a-green` by weight for ever, and CodeDeploy moves that, too"
            ),
        ),
    ];
    for (default, rules, elsewhere, why) in illegal {
        assert_eq!(wrong(&default, &rules, &elsewhere), [why], "{default} {rules:?}");
    }
}
