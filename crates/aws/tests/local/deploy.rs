//! Deployments on the local cloud, through the seam that a command line uses: registered, re-routed, gone back from,
//! stopped; and nothing of it is ever a difference to `plan`.

use std::time::Duration;

use aomidori_deploy::cloud::{DeployCloud, NewDeployment};
use aomidori_deploy::decision::{Answer, AtReady, OnTrouble, Start, Until};
use aomidori_deploy::digests::record;
use aomidori_deploy::generations::{Ended, back_to, generations};
use aomidori_deploy::protect::protect;
use aomidori_deploy::register::{ImageRef, Registration, prepare, register};
use aomidori_deploy::rolling::RollingGoal;
use aomidori_deploy::{
    Cause, Clock, Deployer, DriveOptions, Events, Goal, Hands, Moment, Outcome, Pair, Place, Site, Stage, deploy, roll,
};
use aomidori_engine::{Cloud as _, Known, Made};
use aomidori_local::{Options, Pace, Quotas};
use aomidori_model::Stack;
use aomidori_practice::Inputs;
use tokio_util::sync::CancellationToken;

use crate::support::{World, practice};

const SPEED: f64 = 200.0;

struct Nobody;

impl Hands for Nobody {
    async fn interrupted(&self, _: &str, _: &Stage) -> Answer {
        Answer::Leave
    }
    async fn probe(&self, _: &str) -> Result<u16, String> {
        Err("nobody asks".into())
    }
}

/// The practice environment, up, at 200 times AWS's speed.
async fn built() -> (World, Stack) {
    let options =
        Options { pace: Pace::Rate(SPEED), throttle: false, quotas: Quotas::generous(), ..Options::default() };
    let world = World::new(options).await;
    let stack = aomidori_practice::stack(&Inputs::default()).expect("the practice environment");
    world.up(&practice(&["across"])).await;
    for tag in ["blue", "green", "never-healthy"] {
        world.aws.push_practice_image("codedeploy-practice/maintenance", tag, tag).await.expect("an image");
    }
    world.up(&stack).await;
    (world, stack)
}

/// What a deployment of the service concerns.
pub(crate) async fn site(world: &World, stack: &Stack, service: Option<&str>) -> Site {
    let observation = world.aws.observe(stack).await.expect("an observation");
    let mut known = Known::default();
    for (address, found) in observation.ours() {
        known.insert(address.clone(), Made { id: found.id.clone(), outputs: found.outputs.clone() });
    }
    Site::of(stack, &known, service).expect("a service that can be deployed")
}

/// What CodeDeploy has of it.
pub(crate) fn pair(site: &Site) -> &Pair {
    let Deployer::CodeDeploy(pair) = &site.deployer else { panic!("CodeDeploy deploys it") };
    pair
}

fn place(site: &Site) -> Place {
    let group = match &site.deployer {
        Deployer::CodeDeploy(pair) => Some(pair.group.clone()),
        Deployer::Rolling { .. } => None,
    };
    Place { group, at: site.at.clone(), target_groups: site.target_groups() }
}

fn drive_options(world: &World) -> DriveOptions {
    let now = i64::try_from(world.local.clock().now().0).expect("a time");
    DriveOptions::new(Clock::at(Moment(now), SPEED))
}

/// A revision with this image.
pub(crate) async fn registered(world: &World, site: &Site, image: &str) -> (Registration, String) {
    let image: ImageRef = image.parse().expect("an image");
    let what = prepare(&world.aws, site, Some((None, &image))).await.expect("something to register");
    let revision = register(&world.aws, site, &what).await.expect("a revision");
    (what, revision.arn)
}

fn goal(site: &Site, start: Start, at_ready: AtReady, until: Until) -> Goal {
    let timings = pair(site).timings(None);
    Goal { start, at_ready, until, on_trouble: OnTrouble::RollBack, abandon: false, timings }
}

fn create(site: &Site, arn: &str, token: &str) -> Start {
    Start::Create(Box::new(NewDeployment {
        group: pair(site).group.clone(),
        appspec: site.appspec(arn).expect("an AppSpec").to_json(),
        config: None,
        description: format!("test ({token})"),
        token: token.to_owned(),
    }))
}

async fn drive(world: &World, site: &Site, goal: &Goal) -> Outcome {
    let (options, place) = (drive_options(world), place(site));
    let (events, cancel) = (Events::none(), CancellationToken::new());
    let driven = deploy(&world.aws, &place, goal, &options, &Nobody, &events, &cancel);
    let driven = tokio::time::timeout(Duration::from_secs(120), driven).await;
    driven.expect("an end").expect("answers")
}

/// Which of the pair's target groups have all of a listener's requests.
async fn live(world: &World, listener: &str) -> String {
    let forwards = world.aws.forwards(&[listener.to_owned()]).await.expect("listeners");
    let weights = forwards[0].weights.iter().filter(|(_, weight)| **weight > 0);
    let live: Vec<&String> = weights.map(|(group, _)| group).collect();
    assert_eq!(live.len(), 1, "{forwards:?}");
    live[0].clone()
}

async fn nothing_to_do(world: &World, stack: &Stack, when: &str) {
    let planned = world.plan(stack).await;
    assert!(planned.plan.is_empty(), "{when}: {:#?}", planned.plan.steps);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_blue_to_green_and_back() {
    let (world, stack) = built().await;
    let site = site(&world, &stack, None).await;
    let pair = pair(&site).clone();
    let test = pair.test.clone().expect("a test listener");
    let blue = live(&world, &pair.production).await;

    let first = generations(&world.aws, &site).await.expect("generations");
    assert_eq!(first.iter().map(|it| (it.number, it.end)).collect::<Vec<_>>(), [(1, Ended::Live)]);
    let blue_revision = first[0].task_definition.clone();

    // One revision, however often it is asked for; and nothing that `plan` would take back.
    let (what, green) = registered(&world, &site, "green").await;
    assert!(what.changes.iter().any(|change| change.field == "maintenance.image"), "{:?}", what.changes);
    let (again, same) = registered(&world, &site, "codedeploy-practice/maintenance:green").await;
    assert_eq!((again.changes, &same), (Vec::new(), &green));
    nothing_to_do(&world, &stack, "registered").await;

    // Green on the test listener, production on blue.
    let ready =
        drive(&world, &site, &goal(&site, create(&site, &green, "run-1"), AtReady::Nothing, Until::Ready)).await;
    let Outcome::Ready { id, until: Some(_) } = ready else { panic!("{ready:?}") };
    assert_eq!(live(&world, &pair.production).await, blue);
    assert_ne!(live(&world, &test).await, blue);
    nothing_to_do(&world, &stack, "ready").await;
    let second =
        drive(&world, &site, &goal(&site, create(&site, &green, "run-2"), AtReady::Nothing, Until::Ready)).await;
    assert!(matches!(&second, Outcome::Busy { running: Some(running), .. } if *running == id), "{second:?}");

    // Somebody else attaches, re-routes and waits until blue is gone.
    let follow = || Start::Follow(id.clone());
    let rerouted = drive(&world, &site, &goal(&site, follow(), AtReady::Reroute, Until::Rerouted)).await;
    assert!(matches!(rerouted, Outcome::Rerouted { .. }), "{rerouted:?}");
    assert_ne!(live(&world, &pair.production).await, blue);
    nothing_to_do(&world, &stack, "re-routed").await;
    let end = drive(&world, &site, &goal(&site, follow(), AtReady::Nothing, Until::Terminated)).await;
    assert_eq!(end, Outcome::Succeeded { id: id.clone() });
    nothing_to_do(&world, &stack, "terminated").await;
    let found = generations(&world.aws, &site).await.expect("generations");
    assert_eq!(found.iter().map(|it| it.end).collect::<Vec<_>>(), [Ended::Replaced, Ended::Live]);
    assert_eq!((found[1].tag.as_deref(), found[1].deployment.as_ref()), (Some("green"), Some(&id)));

    // Back to the first generation.
    let first = back_to(&found, Some(1)).expect("a generation").task_definition.clone();
    assert_eq!(first, blue_revision);
    let back = goal(&site, create(&site, &first, "run-3"), AtReady::Reroute, Until::Terminated);
    let back = drive(&world, &site, &back).await;
    assert!(matches!(back, Outcome::Succeeded { .. }), "{back:?}");
    assert_eq!(live(&world, &pair.production).await, blue);
    nothing_to_do(&world, &stack, "gone back").await;
    let found = generations(&world.aws, &site).await.expect("generations");
    let told: Vec<_> = found.iter().map(|it| (it.number, it.revision, it.end)).collect();
    let (b, g) = (found[0].revision, found[1].revision);
    assert_eq!(told, [(1, b, Ended::Replaced), (2, g, Ended::Replaced), (3, b, Ended::Live)]);

    world.down(&stack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_last_is_rolled_back() {
    let (world, stack) = built().await;
    let site = site(&world, &stack, None).await;
    let production = pair(&site).production.clone();
    let blue = live(&world, &production).await;

    // An image whose health checks fail for ever: ended with its cause, long before CodeDeploy's hour is over.
    let (_, sick) = registered(&world, &site, "never-healthy").await;
    let outcome =
        drive(&world, &site, &goal(&site, create(&site, &sick, "run-1"), AtReady::Reroute, Until::Rerouted)).await;
    let Outcome::RolledBack { by: Some(_), cause: Cause::Stall(evidence), .. } = &outcome else {
        panic!("{outcome:?}")
    };
    assert!(evidence.stopped[0].0.contains("health checks"), "{evidence:?}");
    assert_eq!(live(&world, &production).await, blue);
    nothing_to_do(&world, &stack, "rolled back after a stall").await;

    // Stopped while it waits for the word.
    let (_, green) = registered(&world, &site, "green").await;
    let ready =
        drive(&world, &site, &goal(&site, create(&site, &green, "run-2"), AtReady::Nothing, Until::Ready)).await;
    let Outcome::Ready { id, .. } = ready else { panic!("{ready:?}") };
    let stop = Goal { abandon: true, ..goal(&site, Start::Follow(id.clone()), AtReady::Nothing, Until::Terminated) };
    let outcome = drive(&world, &site, &stop).await;
    assert!(matches!(&outcome, Outcome::RolledBack { id: of, cause: Cause::Asked, .. } if *of == id), "{outcome:?}");
    assert_eq!(live(&world, &production).await, blue);
    nothing_to_do(&world, &stack, "stopped and rolled back").await;
    // Neither has ever served.
    let found = generations(&world.aws, &site).await.expect("generations");
    assert_eq!(found.iter().map(|it| (it.number, it.end)).collect::<Vec<_>>(), [(1, Ended::Live)]);

    world.down(&stack).await;
}

async fn rolled(world: &World, site: &Site, arn: &str) -> Outcome {
    let Deployer::Rolling { timings, .. } = &site.deployer else { panic!("ECS deploys it") };
    let goal = RollingGoal {
        task_definition: arn.to_owned(),
        detached: false,
        on_trouble: OnTrouble::RollBack,
        timings: *timings,
    };
    let (options, cancel) = (drive_options(world), CancellationToken::new());
    let outcome = roll(&world.aws, &place(site), &goal, &options, &Nobody, &Events::none(), &cancel).await;
    outcome.expect("answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_service_is_followed_by_our_deployment() {
    let (world, stack) = built().await;
    let site = site(&world, &stack, Some("backend-blue")).await;
    let (_, green) = registered(&world, &site, "green").await;
    let first = generations(&world.aws, &site).await.expect("generations");
    assert_eq!(first.iter().map(|it| (it.number, it.end)).collect::<Vec<_>>(), [(1, Ended::Live)]);
    let outcome = rolled(&world, &site, &green).await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    let service = world.aws.service(&site.at).await.expect("an answer").expect("a service");
    assert_eq!(service.task_definition.as_ref(), Some(&green));
    nothing_to_do(&world, &stack, "rolled").await;

    // ECS remembers what it rolled out, and so one can go back.
    let found = generations(&world.aws, &site).await.expect("generations");
    assert_eq!(found.iter().map(|it| it.end).collect::<Vec<_>>(), [Ended::Replaced, Ended::Live]);
    assert_eq!((found[1].tag.as_deref(), &found[1].task_definition), (Some("green"), &green));
    let back = back_to(&found, None).expect("a generation").task_definition.clone();
    let outcome = rolled(&world, &site, &back).await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    nothing_to_do(&world, &stack, "rolled back").await;
    let found = generations(&world.aws, &site).await.expect("generations");
    let told: Vec<_> = found.iter().map(|it| (it.number, it.task_definition == back, it.end)).collect();
    assert_eq!(told, [(1, true, Ended::Replaced), (2, false, Ended::Replaced), (3, true, Ended::Live)]);
    world.down(&stack).await;
}

/// Somebody deletes the service while green is live: what takes its place starts where requests go.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_made_anew_starts_on_the_live_side() {
    let (world, stack) = built().await;
    let site = site(&world, &stack, None).await;
    let production = pair(&site).production.clone();
    let blue = live(&world, &production).await;
    let (_, green) = registered(&world, &site, "green").await;
    let goal = goal(&site, create(&site, &green, "run-1"), AtReady::Reroute, Until::Terminated);
    let outcome = drive(&world, &site, &goal).await;
    assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
    let mut without = stack.clone();
    for at in ["code-deploy/deployment-group", "services/service/maintenance-bg"] {
        without.remove(&at.parse().expect("an address"));
    }
    world.up(&without).await;
    world.up(&stack).await;
    let now = live(&world, &production).await;
    assert_ne!(now, blue, "nobody moved the listener");
    let service = world.aws.service(&site.at).await.expect("an answer").expect("a service");
    let on: Vec<_> = service.task_sets.iter().filter_map(|set| set.target_group.as_ref()).collect();
    assert_eq!(on, [&now]);
    nothing_to_do(&world, &stack, "made anew").await;
    world.down(&stack).await;
}

/// Four generations of one tag that is pushed again each time; two days later those images are there.
async fn left_after_two_days(generations: u32) -> Vec<usize> {
    const REPOSITORY: &str = "codedeploy-practice/maintenance";
    let options =
        Options { pace: Pace::Rate(SPEED), throttle: false, quotas: Quotas::generous(), ..Options::default() };
    let world = World::new(options).await;
    let stack =
        aomidori_practice::stack(&Inputs { generations, ..Inputs::default() }).expect("the practice environment");
    world.up(&practice(&["across"])).await;
    for tag in ["blue", "green"] {
        world.aws.push_practice_image(REPOSITORY, tag, tag).await.expect("an image");
    }
    world.up(&stack).await;
    let site = site(&world, &stack, None).await;
    let mut digests = Vec::new();
    for n in 0..4 {
        world.aws.push_practice_image(REPOSITORY, "v", &format!("colour {n}")).await.expect("an image");
        let image: ImageRef = "v".parse().expect("an image");
        let what = prepare(&world.aws, &site, Some((None, &image))).await.expect("something to register");
        let revision = register(&world.aws, &site, &what).await.expect("a revision");
        let live = world.aws.service(&site.at).await.expect("an answer").expect("a service");
        let live = live.task_sets.iter().find(|set| set.status == "PRIMARY").expect("a live side");
        record(&world.aws, &site, &live.task_definition).await.expect("digests");
        protect(&world.aws, &site, &live.task_definition, &revision).await.expect("tags");
        let start = create(&site, &revision.arn, &format!("run-{n}"));
        let outcome = drive(&world, &site, &goal(&site, start, AtReady::Reroute, Until::Terminated)).await;
        assert!(matches!(outcome, Outcome::Succeeded { .. }), "{outcome:?}");
        let (_, digest) = revision.images["maintenance"].split_once('@').expect("a digest");
        digests.push(digest.to_owned());
    }
    world.local.clock().advance(Duration::from_secs(2 * 86_400));
    let there = world.aws.images(REPOSITORY, &digests.iter().cloned().collect()).await.expect("images");
    world.down(&stack).await;
    (0..4).filter(|n| there.contains_key(&digests[*n])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_the_last_generations_outlive_the_lifecycle_policy() {
    // What is live and the one untagged image that the policy keeps.
    assert_eq!(left_after_two_days(0).await, [2, 3]);
    // The last two before what was deployed last, and that.
    assert_eq!(left_after_two_days(2).await, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generation_is_its_digest_whatever_its_tag_is_now() {
    let (world, stack) = built().await;
    let site = site(&world, &stack, None).await;
    let before = generations(&world.aws, &site).await.expect("generations");
    let blue = before[0].task_definition.clone();
    // Its revision says a tag, and until somebody asks its tasks, nothing else.
    assert_eq!((&before[0].image, before[0].tag.as_deref()), (&before[0].by_tag, Some("blue")));
    assert!(record(&world.aws, &site, &blue).await.expect("a digest"));
    assert!(!record(&world.aws, &site, &blue).await.expect("nothing more"));
    nothing_to_do(&world, &stack, "its digest is recorded").await;

    // The tag moves on.
    let repository = "codedeploy-practice/maintenance";
    let recorded = generations(&world.aws, &site).await.expect("generations")[0].clone();
    let image = recorded.image.clone().expect("an image");
    let now = || async {
        let tag = "blue".to_owned();
        let found = world.aws.images(repository, &[tag.clone()].into()).await.expect("images");
        found[&tag].digest.clone()
    };
    assert!(image.ends_with(&now().await), "{image}");
    world.aws.push_practice_image(repository, "blue", "another blue").await.expect("an image");
    assert!(!image.ends_with(&now().await), "{image}");

    // The generation is what it was, and can be registered as that.
    let after = generations(&world.aws, &site).await.expect("generations");
    assert_eq!(after[0], recorded);
    let (what, _) = registered(&world, &site, &image).await;
    assert_eq!(what.images["maintenance"], image);
    world.down(&stack).await;
}
