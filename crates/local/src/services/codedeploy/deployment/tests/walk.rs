//! Random walks: whatever users do and whenever, the laws of [`super::practice`] hold, and the next deployment succeeds.

use serde_json::{Value, json};

use super::practice::{Practice, text};

/// Numbers that are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

fn deployments(p: &mut Practice) -> Vec<Value> {
    let own = json!({"applicationName": "app", "deploymentGroupName": "group"});
    let ids = p.deploy_ok("ListDeployments", own)["deployments"].clone();
    ids.as_array().unwrap().iter().map(|id| p.info(id.as_str().unwrap())).collect()
}

fn running(all: &[Value]) -> Vec<String> {
    let over = ["Succeeded", "Failed", "Stopped"];
    let running = all.iter().filter(|d| !over.iter().any(|status| d["status"] == *status));
    running.map(|d| text(&d["deploymentId"])).collect()
}

/// Both listeners have the pair with all of the weight, or what they began with.
fn weights_add_up(p: &mut Practice) {
    for weights in [p.production(), p.testing()] {
        let sum: u64 = weights.iter().map(|(_, weight)| weight).sum();
        assert!((weights.len(), sum) == (2, 100) || (weights.len(), sum) == (1, 1), "{weights:?}");
    }
}

#[test]
fn whatever_is_done_production_serves_and_the_next_deployment_succeeds() {
    for seed in 0..6 {
        let mut p = Practice::new();
        let mut dice = Dice(seed);
        for turn in 0..40 {
            let all = deployments(&mut p);
            let active = running(&all);
            assert!(active.len() <= 1, "one at a time: {active:?}");
            let latest = all.first().map(|d| text(&d["deploymentId"]));
            match (dice.below(6), latest) {
                (0 | 1, _) | (_, None) => {
                    let tag = if dice.below(5) == 0 { "never-healthy".to_owned() } else { format!("v{turn}") };
                    let config = ["ECSAllAtOnce", "ECSCanary10Percent5Minutes", "ECSLinear10PercentEvery1Minutes"];
                    let config = config[usize::try_from(dice.below(3)).unwrap()];
                    let mut request = p.request(&tag);
                    request["deploymentConfigName"] = format!("CodeDeployDefault.{config}").into();
                    let made = p.perform("codedeploy", "CreateDeployment", request);
                    assert_eq!(made.is_ok(), active.is_empty(), "{made:?}");
                }
                (2, Some(id)) => {
                    let input = json!({"deploymentId": id, "autoRollbackEnabled": dice.below(2) == 0});
                    let _ = p.perform("codedeploy", "StopDeployment", input);
                }
                (3 | 4, Some(id)) => {
                    let wait = if dice.below(3) == 0 { "TERMINATION_WAIT" } else { "READY_WAIT" };
                    let input = json!({"deploymentId": id, "deploymentWaitType": wait});
                    let _ = p.perform("codedeploy", "ContinueDeployment", input);
                }
                _ => p.restart(),
            }
            weights_add_up(&mut p);
            let long = dice.below(4) == 0;
            let seconds = if long { dice.below(900) } else { dice.below(60) };
            p.pass(seconds);
            weights_add_up(&mut p);
        }
        p.pass(3 * 3600);
        let all = deployments(&mut p);
        assert_eq!(running(&all), Vec::<String>::new(), "every deployment ends");
        let id = p.deploy("last");
        p.until_status(&id, "Ready");
        p.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
        p.until_status(&id, "Succeeded");
        p.pass(120);
        assert_eq!(p.live(), ("last".to_owned(), 1));
    }
}
