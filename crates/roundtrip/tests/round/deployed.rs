//! Terraform that has taken over what we made sees no change in anything that CodeDeploy does.

use std::time::{Duration, Instant};

use aomidori_deploy::cloud::{DeployCloud, NewDeployment, Status, WaitType};
use aomidori_deploy::digests::record;
use aomidori_deploy::register::{ImageRef, prepare, register};
use aomidori_deploy::{Deployer, Pair, Site};
use aomidori_engine::{Known, Made};
use aomidori_hcl::Layout;
use aomidori_local::{Options, Pace, Quotas};
use aomidori_model::Stack;
use aomidori_model::kinds::DeploymentConfig;
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_practice::Inputs;
use aomidori_roundtrip::trip::imported;
use aomidori_roundtrip::{Account, Folder};
use aomidori_testkit::Terraform;

/// Fast, and slow enough for Terraform to look at what lasts for hours.
const SPEED: f64 = 200.0;
/// The configuration with which traffic is split for long.
const SLOW: &str = "dev-codedeploy-practice-slow";

/// The practice environment, with waits that are long for a person.
fn stack() -> Stack {
    let inputs = Inputs { reroute_wait_minutes: 2880, terminate_wait_minutes: 2880, ..Inputs::default() };
    let mut stack = aomidori_practice::stack(&inputs).unwrap();
    let routing = TrafficRouting::Canary { percent: 10, minutes: 2880 };
    stack.add("code-deploy/slow", DeploymentConfig { name: SLOW.parse().unwrap(), routing });
    stack
}

/// An account in which a deployment moves, and what is watched there.
struct World<'t> {
    account: Account,
    stack: Stack,
    site: Site,
    folder: Folder<'t>,
}

impl World<'_> {
    fn pair(&self) -> &Pair {
        let Deployer::CodeDeploy(pair) = &self.site.deployer else { panic!("CodeDeploy deploys it") };
        pair
    }

    /// Nobody wants to change anything.
    fn quiet(&self, when: &str) {
        self.folder.no_changes().unwrap_or_else(|said| panic!("{when}: {said}"));
        self.account.nothing_to_do(&self.stack).unwrap_or_else(|said| panic!("{when}: {said}"));
    }

    /// Waits for something that the local cloud does by its clock.
    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let patience = Instant::now() + Duration::from_secs(120);
        while !holds(self) {
            assert!(Instant::now() < patience, "{what}: not in two minutes");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The target groups that a listener forwards to, the one with most requests first.
    fn live(&self, listener: &str) -> Vec<String> {
        let forwards = self.account.wait(self.account.aws.forwards(&[listener.to_owned()])).unwrap();
        let mut weights: Vec<(String, u32)> =
            forwards[0].weights.iter().filter(|(_, weight)| **weight > 0).map(|(to, n)| (to.clone(), *n)).collect();
        weights.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        weights.into_iter().map(|(to, _)| to).collect()
    }

    fn status(&self, id: &str) -> Status {
        self.account.wait(self.account.aws.deployment(id)).unwrap().unwrap().status
    }

    /// Registers a revision of an image.
    fn registered(&self, image: &str) -> String {
        let image: ImageRef = image.parse().unwrap();
        let aws = &self.account.aws;
        self.account.wait(async {
            let what = prepare(aws, &self.site, Some((None, &image))).await.unwrap();
            register(aws, &self.site, &what).await.unwrap().arn
        })
    }

    /// Starts a deployment, as `deploy` does: what is live is recorded first.
    fn deploy(&self, revision: &str, config: Option<&str>) -> String {
        let aws = &self.account.aws;
        let recorded = self.account.wait(async {
            let service = aws.service(&self.site.at).await.unwrap().unwrap();
            let live = service.task_sets.iter().find(|set| set.status == "PRIMARY").unwrap();
            record(aws, &self.site, &live.task_definition).await.unwrap()
        });
        // The revisions that are registered here name their images by digests.
        assert_eq!(recorded, config.is_none(), "the first deployment replaces a revision of a tag");
        let new = NewDeployment {
            group: self.pair().group.clone(),
            appspec: self.site.appspec(revision).unwrap().to_json(),
            config: config.map(str::to_owned),
            description: format!("of {revision}"),
            token: revision.to_owned(),
        };
        self.account.wait(self.account.aws.create_deployment(&new)).unwrap()
    }
}

#[test]
fn nothing_that_code_deploy_does_is_a_change_to_terraform() {
    let Some(terraform) = Terraform::found() else { return };
    let options =
        Options { pace: Pace::Rate(SPEED), throttle: false, quotas: Quotas::generous(), ..Options::default() };
    let account = Account::with(options, SPEED).unwrap();
    let (before, stack) = (account.census(), stack());
    account.up(&stack).unwrap();
    let folder = imported(terraform, &account, &stack, Layout::Single).unwrap();
    let mut known = Known::default();
    for (address, found) in account.plan(&stack).unwrap().observation.ours() {
        known.insert(address.clone(), Made { id: found.id.clone(), outputs: found.outputs.clone() });
    }
    let site = Site::of(&stack, &known, None).unwrap();
    let world = World { account, stack, site, folder };
    let Pair { production, test, .. } = world.pair().clone();
    let (aws, blue) = (&world.account.aws, world.live(&production));

    let push = |tag| world.account.wait(aws.push_practice_image("codedeploy-practice/maintenance", tag, tag)).unwrap();
    push("green");
    let green = world.registered("green");
    world.quiet("registered");

    // Green on the test listener, production on blue.
    let id = world.deploy(&green, None);
    world.until("ready", |world| world.status(&id) == Status::Ready);
    assert_ne!(world.live(test.as_ref().unwrap()), blue);
    assert_eq!(world.live(&production), blue);
    world.quiet("ready");

    // Production on green, blue still there.
    world.account.wait(aws.continue_deployment(&id, WaitType::Ready)).unwrap();
    world.until("re-routed", |world| world.live(&production) != blue && world.live(&production).len() == 1);
    world.quiet("re-routed");
    world.account.wait(aws.continue_deployment(&id, WaitType::Termination)).unwrap();
    world.until("terminated", |world| world.status(&id) == Status::Succeeded);
    let swapped = world.live(&production);
    world.quiet("the sides are swapped");
    // Who takes it over now imports what is deployed, and nothing of it is made anew.
    let later = imported(terraform, &world.account, &world.stack, Layout::Single).unwrap();
    later.no_changes().unwrap_or_else(|said| panic!("imported after a deployment: {said}"));

    // A tenth on the other side again, and back.
    push("blue-2");
    let id = world.deploy(&world.registered("blue-2"), Some(SLOW));
    world.until("ready again", |world| world.status(&id) == Status::Ready);
    world.account.wait(aws.continue_deployment(&id, WaitType::Ready)).unwrap();
    world.until("split", |world| world.live(&production).len() == 2);
    world.quiet("a tenth shifted");
    world.account.wait(aws.stop_deployment(&id, true)).unwrap();
    world.until("rolled back", |world| world.live(&production) == swapped);
    world.until("stopped", |world| world.status(&id) == Status::Stopped);
    world.quiet("rolled back");

    world.until("gone", |world| world.account.down(&world.stack).is_ok());
    assert_eq!(world.account.census(), before);
}
