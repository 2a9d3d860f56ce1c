//! The whole practice environment on a server that we did not write: moto, where `AOMIDORI_TEST_MOTO` names its URL.
//! It needs `MOTO_IAM_LOAD_MANAGED_POLICIES=true`. It starts no task, which is tolerated (`runs_tasks`).

use aomidori_aws::{Aws, Settings};
use aomidori_engine::run::{End, Planned};
use aomidori_engine::{ErrorKind, Events, down, preview, up};
use aomidori_plan::Mode;
use tokio_util::sync::CancellationToken;

use crate::support::{REGION, explain, options};

#[tokio::test]
#[ignore = "needs a moto server"]
async fn the_practice_environment_on_moto() {
    let Ok(endpoint) = std::env::var("AOMIDORI_TEST_MOTO") else { return };
    let aws = Aws::connect(Settings::local(endpoint, REGION)).await.expect("settings");
    let stack = aomidori_practice::stack(&aomidori_practice::Inputs::default()).expect("the practice environment");
    let none = CancellationToken::new();
    let report = up(&aws, &stack, &options(), async |_: &Planned| true, &Events::none(), &none).await;
    let report = report.expect("the run begins");
    assert_eq!(report.end, End::Done, "{}", explain(&report));
    let planned = preview(&aws, &stack, Mode::Converge, &options(), &Events::none()).await.expect("a plan");
    assert!(planned.plan.is_empty(), "{:#?}", planned.plan.steps);
    assert_eq!(planned.plan.notices, []);
    let removed = down(&aws, &stack, &options(), async |_: &Planned| true, &Events::none(), &none).await;
    // moto has no such operation; all that does not depend on it is gone.
    let removed = removed.expect("the run begins");
    let failed = &removed.outcome.as_ref().expect("steps").failed;
    let errors: Vec<_> = failed.iter().map(|failure| (&failure.error.kind, failure.error.operation.as_str())).collect();
    assert_eq!(errors, [(&ErrorKind::Unsupported, "codedeploy:DeleteDeploymentGroup")], "{}", explain(&removed));
}
