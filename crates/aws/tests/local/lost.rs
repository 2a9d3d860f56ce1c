//! Lost answers: the cloud did it, and nobody heard. Nothing may be made twice, nothing may be left behind (law 5).

use aomidori_aws::{Aws, Settings};

use crate::proxy::Proxy;
use crate::support::{REGION, World, census, practice};

/// EC2's writes: its bodies begin with the action.
fn is_write(request: &str) -> bool {
    let action = request.split("Action=").nth(1).unwrap_or_default();
    !action.is_empty() && !action.starts_with("Describe") && !action.starts_with("Get")
}

/// Every `step`-th write of `up` loses its answer, each in a world of its own.
async fn lose(first: i64, step: usize) {
    let stack = practice(&["network", "security"]);
    let clean = World::instant().await;
    clean.up(&stack).await;
    let wanted = census(&clean.local);
    for nth in (first..).step_by(step) {
        let world = World::instant().await;
        let proxy = Proxy::swallowing(&world.local.endpoint(), nth, is_write).await;
        let aws = Aws::connect(Settings::local(&proxy.endpoint, REGION)).await.expect("settings");
        world.up_by(&aws, &stack).await;
        assert_eq!(census(&world.local), wanted, "after the answer to write {nth} was lost");
        assert!(world.plan(&stack).await.plan.is_empty(), "after the answer to write {nth} was lost");
        if !proxy.has_swallowed() {
            assert!(nth > 50, "{nth} writes only");
            break;
        }
    }
}

#[tokio::test]
async fn lost_answers_of_up_make_nothing_twice() {
    lose(0, 13).await;
}

#[tokio::test]
async fn lost_answers_of_up_make_nothing_twice_either() {
    lose(7, 13).await;
}

#[tokio::test]
async fn lost_answers_of_down_leave_nothing() {
    let stack = practice(&["network", "security"]);
    for nth in (0..).step_by(9) {
        let world = World::instant().await;
        let before = census(&world.local);
        world.up(&stack).await;
        let proxy = Proxy::swallowing(&world.local.endpoint(), nth, is_write).await;
        let aws = Aws::connect(Settings::local(&proxy.endpoint, REGION)).await.expect("settings");
        world.down_by(&aws, &stack).await;
        assert_eq!(census(&world.local), before, "after the answer to write {nth} was lost");
        if !proxy.has_swallowed() {
            assert!(nth > 40, "{nth} writes only");
            break;
        }
    }
}
