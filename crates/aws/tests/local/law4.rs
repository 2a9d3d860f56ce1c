//! Law 4 over the wire: random walks over deployments, on a clock that stands still unless a walk lets time pass. In every
//! state that they reach, `plan` is empty or says what it waits for, and `up` changes nothing that CodeDeploy decides.
//!
//! `AOMIDORI_WALKS` says how many walks are taken, `AOMIDORI_SEED` with which the first begins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aomidori_deploy::cloud::{DeployCloud, Deployment, NewDeployment, Status, WaitType};
use aomidori_deploy::generations::{back_to, generations};
use aomidori_deploy::{Pair, Progress, Site};
use aomidori_local::{Options, Pace, Quotas};
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};
use aomidori_model::kinds::listener::Action as Forwards;
use aomidori_model::kinds::listener_rule::Condition;
use aomidori_model::kinds::task_definition::FargateSize;
use aomidori_model::kinds::{DeploymentConfig, DeploymentGroup, EcsService, ListenerRule, TargetGroup, TaskDefinition};
use aomidori_model::{Kind, KindName, Ref, Resource, Stack};
use aomidori_plan::{Action, Notice, Plan};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::deploy::{pair, registered, site};
use crate::support::{World, address, practice};

/// How fast the clock runs where something has to be waited for.
const SPEED: f64 = 2000.0;
const REPOSITORY: &str = "codedeploy-practice/maintenance";
const GROUP: &str = "code-deploy/deployment-group";
const SERVICE: &str = "services/service/maintenance-bg";
const DEFINITION: &str = "services/task-definition/maintenance-bg";
const IMAGES: [&str; 5] = ["blue", "green", "red", "never-healthy", "crash"];
const CONFIGS: [&str; 5] = [
    "CodeDeployDefault.ECSAllAtOnce",
    "CodeDeployDefault.ECSCanary10Percent5Minutes",
    "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
    "dev-codedeploy-practice.canary",
    "dev-codedeploy-practice.linear",
];

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

    fn even(&mut self) -> bool {
        self.below(2) == 0
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).expect("small")]
    }
}

/// The resource at an address, changed.
fn change<K: Kind>(stack: &mut Stack, at: &str, change: impl FnOnce(&mut K))
where
    for<'a> &'a K: TryFrom<&'a Resource>,
{
    let entry = stack.get_mut(&address(at)).expect("there");
    let Ok(found) = <&K>::try_from(&entry.resource) else { panic!("another kind is at {at}") };
    let mut inner: K = found.clone();
    change(&mut inner);
    entry.resource = inner.into();
}

fn rule() -> ListenerRule {
    let group = |side: &str| Ref::<TargetGroup>::to(address(&format!("platform/target-group/{side}")));
    ListenerRule {
        listener: Ref::to(address("platform/listener/production")),
        priority: 7,
        conditions: vec![Condition::PathPattern(BTreeSet::from(["/api/*".to_owned()]))],
        action: Forwards::ForwardPair { blue: group("blue"), green: group("green") },
    }
}

/// The practice environment as far as its blue/green service goes, in one of the ways to set it up.
fn variant(dice: &mut Dice) -> Stack {
    let mut stack = practice(&["across", "network", "security", "platform", "services", "code-deploy"]);
    for backend in ["backend-blue", "backend-green"] {
        stack.remove(&address(&format!("services/service/{backend}")));
        stack.remove(&address(&format!("services/task-definition/{backend}")));
    }
    for (name, routing) in [
        ("canary", TrafficRouting::Canary { percent: 33, minutes: 7 }),
        ("linear", TrafficRouting::Linear { percent: 45, minutes: 2 }),
    ] {
        let config =
            DeploymentConfig { name: format!("dev-codedeploy-practice.{name}").parse().expect("a name"), routing };
        stack.add(&format!("code-deploy/config/{name}"), config);
    }
    if dice.even() {
        stack.add("platform/rule/api", rule());
    }
    let (test, waits, terminate) = (dice.below(4) > 0, dice.below(3) > 0, [0, 1, 5][dice.below(3) as usize]);
    let events = [RollbackEvent::Failure, RollbackEvent::Alarm, RollbackEvent::Request];
    let auto_rollback: BTreeSet<RollbackEvent> = events.into_iter().filter(|_| dice.even()).collect();
    let alarms = if dice.even() { BTreeSet::from(["errors".to_owned()]) } else { BTreeSet::new() };
    change::<DeploymentGroup>(&mut stack, GROUP, |group| {
        group.ready = if waits { ReadyOption::Wait { minutes: 5 } } else { ReadyOption::Continue };
        group.terminate_blue_after = terminate;
        group.auto_rollback = auto_rollback;
        group.alarms = alarms;
        if !test {
            group.pair.test = None;
        }
    });
    stack
}

/// One request to the local cloud's CloudWatch by hand: alarms are not the stack's.
async fn alarm(world: &World, parameters: &str) {
    let endpoint = world.local.endpoint();
    let host = endpoint.trim_start_matches("http://");
    let body = format!("Version=2010-08-01&AlarmName=errors&{parameters}");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\nauthorization: \
         AWS4-HMAC-SHA256 Credential=AKIALOCAL/20260101/ap-northeast-1/monitoring/aws4_request, SignedHeaders=host, \
         Signature=0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.expect("the local cloud");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// What CodeDeploy decides, as AWS says it: which target group gets how much, and the task sets.
#[derive(Debug, PartialEq)]
struct Decided {
    weights: Vec<BTreeMap<String, u32>>,
    sets: BTreeMap<String, (String, String, Option<String>)>,
}

struct Walk {
    world: World,
    /// What is live, as far as nobody has anything pending.
    built: Stack,
    /// What is wanted.
    want: Stack,
    dice: Dice,
    site: Site,
    revisions: Vec<String>,
    log: Vec<String>,
    /// The states that were checked.
    reached: BTreeSet<String>,
}

impl Walk {
    async fn begin(seed: u64) -> Walk {
        let mut dice = Dice(seed);
        let options = Options {
            pace: Pace::Rate(SPEED),
            throttle: false,
            quotas: Quotas::generous(),
            seed,
            ..Options::default()
        };
        let world = World::new(options).await;
        let stack = variant(&mut dice);
        let errors = "Namespace=Shop&MetricName=Errors&ComparisonOperator=GreaterThanThreshold&EvaluationPeriods=1&\
                      Period=60&Threshold=1&Statistic=Sum";
        alarm(&world, &format!("Action=PutMetricAlarm&{errors}")).await;
        world.up(&practice(&["across"])).await;
        for tag in IMAGES {
            world.aws.push_practice_image(REPOSITORY, tag, tag).await.expect("an image");
        }
        world.up(&stack).await;
        world.local.clock().set_pace(Pace::Manual);
        let site = site(&world, &stack, None).await;
        let first = world.aws.service(&site.at).await.expect("an answer").expect("a service").task_definition;
        let revisions = first.into_iter().collect();
        Walk {
            world,
            built: stack.clone(),
            want: stack,
            dice,
            site,
            revisions,
            log: Vec::new(),
            reached: BTreeSet::new(),
        }
    }

    fn say(&mut self, what: String) {
        println!("{what}");
        self.log.push(what);
    }

    fn pair(&self) -> &Pair {
        pair(&self.site)
    }

    async fn latest(&self) -> Option<Deployment> {
        self.world.aws.deployments(&self.pair().group, 1).await.expect("an answer").pop()
    }

    async fn decided(&self) -> Decided {
        let pair = self.pair();
        let listeners: Vec<String> =
            [Some(&pair.production), pair.test.as_ref()].into_iter().flatten().cloned().collect();
        let forwards = self.world.aws.forwards(&listeners).await.expect("listeners");
        let service = self.world.aws.service(&self.site.at).await.expect("an answer").expect("a service");
        // One that drains is gone but for its last requests.
        let sets = service.task_sets.into_iter().filter(|set| set.status != "DRAINING");
        Decided {
            weights: forwards.into_iter().map(|forward| forward.weights).collect(),
            sets: sets.map(|set| (set.id, (set.status, set.task_definition, set.target_group))).collect(),
        }
    }

    /// One thing that somebody does, or that happens.
    async fn step(&mut self) {
        let latest = self.latest().await;
        let id = latest.as_ref().map(|it| it.id.clone()).unwrap_or_default();
        let aws = &self.world.aws;
        let ready = latest.as_ref().is_some_and(|it| it.status == Status::Ready);
        match if ready && self.dice.even() { 4 } else { self.dice.below(18) } {
            0 => {
                let image = self.dice.one(&IMAGES);
                let (_, arn) = registered(&self.world, &self.site, image).await;
                self.say(format!("register {image}: {arn}"));
                if !self.revisions.contains(&arn) {
                    self.revisions.push(arn);
                }
            }
            1..=3 => {
                let revisions: Vec<&str> = self.revisions.iter().map(String::as_str).collect();
                let (arn, config) = (self.dice.one(&revisions), self.dice.one(&CONFIGS));
                let made = aws.create_deployment(&self.deployment(arn, config)).await;
                let busy = latest.as_ref().is_some_and(|it| !it.status.is_over());
                assert_eq!(made.is_err(), busy, "{made:?}");
                self.say(format!("deploy {arn} by {config}: {:?}", made.ok()));
            }
            4 | 5 => {
                let done = aws.continue_deployment(&id, WaitType::Ready).await.is_ok();
                self.say(format!("re-route {id}: {done}"));
            }
            6 => {
                let done = aws.continue_deployment(&id, WaitType::Termination).await.is_ok();
                self.say(format!("terminate {id}: {done}"));
            }
            7 => {
                let back = self.dice.even();
                let done = aws.stop_deployment(&id, back).await.is_ok();
                self.say(format!("stop {id}, back {back}: {done}"));
            }
            8 => {
                let state = if self.dice.even() { "ALARM" } else { "OK" };
                alarm(&self.world, &format!("Action=SetAlarmState&StateValue={state}&StateReason=walk")).await;
                self.say(format!("alarm {state}"));
            }
            9 => self.change(),
            10 => self.up().await,
            11..=13 => {
                self.world.local.clock().advance_to_next();
                self.say("until the next event".to_owned());
            }
            _ => {
                let clock = self.world.local.clock();
                let by = match self.dice.below(4) {
                    0 => self.dice.below(3600),
                    1 => self.dice.below(400),
                    _ => self.dice.below(60),
                };
                clock.advance(Duration::from_secs(by));
                self.say(format!("{by} s"));
            }
        }
    }

    /// The stack is edited.
    fn change(&mut self) {
        let n = u32::try_from(self.dice.below(3)).expect("small");
        let what = match self.dice.below(7) {
            0 => {
                let memory = [512, 1024, 2048][n as usize];
                change::<TaskDefinition>(&mut self.want, DEFINITION, |it| {
                    it.size = FargateSize::new(256, memory).expect("a legal pair");
                });
                "the memory"
            }
            1 => {
                change::<EcsService>(&mut self.want, SERVICE, |it| it.desired_count = Some(n + 1));
                "the count"
            }
            2 => {
                change::<DeploymentGroup>(&mut self.want, GROUP, |it| it.terminate_blue_after = n);
                "the group"
            }
            3 => {
                change::<TargetGroup>(&mut self.want, "platform/target-group/green", |it| {
                    it.health_check.interval = 20 + n;
                });
                "a health check"
            }
            4 => {
                let at = address("platform/rule/api");
                if self.want.remove(&at).is_none() {
                    self.want.add("platform/rule/api", rule());
                }
                "a rule"
            }
            5 => {
                change::<EcsService>(&mut self.want, SERVICE, |it| it.health_check_grace_period = Some(n * 10));
                "the grace period"
            }
            _ => {
                let subnets: BTreeSet<_> = ["private-a", "private-c"]
                    .into_iter()
                    .take(if n == 0 { 1 } else { 2 })
                    .map(|name| Ref::to(address(&format!("network/subnet/{name}"))))
                    .collect();
                change::<EcsService>(&mut self.want, SERVICE, |it| it.subnets = subnets);
                "the subnets"
            }
        };
        self.say(format!("edit {what} ({n})"));
    }

    /// `up`. Time stands still while a deployment is running, so that whatever moves is `up`'s doing.
    async fn up(&mut self) {
        let running = self.latest().await.is_some_and(|it| !it.status.is_over());
        let clock = self.world.local.clock();
        self.say(format!("up, a deployment is running: {running}"));
        let before = self.decided().await;
        if !running {
            clock.set_pace(Pace::Rate(SPEED));
        }
        let up = tokio::time::timeout(Duration::from_secs(60), self.world.up(&self.want)).await;
        clock.set_pace(Pace::Manual);
        assert!(up.is_ok(), "`up` does not end");
        assert_eq!(self.decided().await, before, "`up` has moved what CodeDeploy decides");
        let left = self.world.plan(&self.want).await.plan;
        assert!(left.is_empty(), "left by `up`: {:#?}", left.steps);
        if left.notices.is_empty() {
            self.built = self.want.clone();
        }
        self.site = site(&self.world, &self.want, None).await;
    }

    /// What holds in every state.
    async fn check(&mut self) -> Result<(), String> {
        let latest = self.latest().await;
        let decided = self.decided().await;
        self.reached.extend(self.state(latest.clone(), &decided).await);
        let sets = decided.sets;
        let plan = self.world.plan(&self.want).await.plan;
        let running = latest.as_ref().filter(|it| !it.status.is_over());
        let halved = sets.values().any(|(status, _, _)| status == "ACTIVE");
        let half_way = latest.as_ref().filter(|it| halved && matches!(it.status, Status::Failed | Status::Stopped));
        let group = address(GROUP);
        let says = |wanted: Option<&Deployment>, over: bool| {
            let told = plan.notices.iter().filter_map(|notice| match notice {
                Notice::Deploying { address, deployment, .. } if !over => Some((address, deployment)),
                Notice::Unfinished { address, deployment, .. } if over => Some((address, deployment)),
                _ => None,
            });
            let told: Vec<_> = told.collect();
            match wanted {
                Some(wanted) => {
                    told.iter().any(|(at, _)| **at == group) && told.iter().all(|(_, id)| **id == wanted.id)
                }
                None => told.is_empty(),
            }
        };
        if !says(running, false) || !says(half_way, true) {
            return Err(format!("running {running:?}, half way {half_way:?}, and told {:#?}", plan.notices));
        }
        if self.want == self.built && !plan.is_empty() {
            return Err(format!("a deployment is called drift: {:#?}", plan.steps));
        }
        self.legal(&plan, running.is_some())
    }

    /// A name for the state of the latest deployment.
    async fn state(&self, latest: Option<Deployment>, decided: &Decided) -> Option<String> {
        let deployment = latest?;
        let target = self.world.aws.target(&deployment.id, &self.site.at).await.expect("an answer");
        let both = decided.sets.values().any(|(status, ..)| status == "ACTIVE");
        let kind = if deployment.rolls_back.is_some() { "rollback " } else { "" };
        let stage = Progress { deployment, target }.stage(&self.pair().timings(None));
        let left = if stage.is_over() && both { ", both sides left" } else { "" };
        Some(format!("{kind}{}{left}", stage.name()))
    }

    /// Whatever was edited, a plan leaves alone what CodeDeploy decides, and what it moves at the moment.
    fn legal(&self, plan: &Plan, running: bool) -> Result<(), String> {
        use KindName::{DeploymentGroup, EcsService, Listener, ListenerRule, TargetGroup};
        for step in &plan.steps {
            let moved = matches!(step.kind, DeploymentGroup | EcsService | Listener | ListenerRule | TargetGroup);
            if moved && running {
                return Err(format!("written to in the middle of a deployment: {step:#?}"));
            }
            if matches!(step.kind, EcsService | Listener | TargetGroup) && step.action != Action::Update {
                return Err(format!("not an update: {step:#?}"));
            }
            for change in step.changes.iter().filter(|_| step.action == Action::Update) {
                let name = change.field.as_str();
                let theirs = match step.kind {
                    EcsService => {
                        name.starts_with("network_configuration")
                            || ["task_definition", "load_balancer", "platform_version"].contains(&name)
                    }
                    Listener | ListenerRule => name.starts_with("action"),
                    _ => false,
                };
                if theirs {
                    return Err(format!("CodeDeploy's: {step:#?}"));
                }
            }
        }
        Ok(())
    }

    /// Whatever was left, one deployment of a sound revision repairs; then nothing is left to say.
    async fn repair(&mut self) {
        let clock = self.world.local.clock();
        alarm(&self.world, "Action=SetAlarmState&StateValue=OK&StateReason=walk").await;
        // Longer than anything that CodeDeploy waits for.
        clock.advance(Duration::from_secs(4 * 3600));
        let latest = self.latest().await;
        assert!(latest.as_ref().is_none_or(|it| it.status.is_over()), "{latest:?}");
        if let Err(why) = self.check().await {
            panic!("{why}");
        }
        let found = generations(&self.world.aws, &self.site).await.expect("generations");
        let sound = |arn: &str| {
            self.log.iter().any(|line| {
                line.starts_with("register")
                    && line.ends_with(arn)
                    && !line.contains("never-healthy")
                    && !line.contains("crash")
            })
        };
        let back = back_to(&found, None).map(|it| it.task_definition.clone()).filter(|arn| sound(arn));
        let arn = match back {
            Some(arn) => arn,
            None => registered(&self.world, &self.site, "red").await.1,
        };
        let end = self.deploy(&arn).await;
        assert_eq!(end.status, Status::Succeeded, "{end:?}");
        clock.advance(Duration::from_secs(600));
        let decided = self.decided().await;
        let primary: Vec<_> = decided.sets.values().collect();
        let [(status, of, Some(group))] = primary.as_slice() else { panic!("one side is left: {decided:?}") };
        assert_eq!((status.as_str(), of), ("PRIMARY", &arn));
        let live =
            |weights: &BTreeMap<String, u32>| weights.iter().filter(|it| *it.1 > 0).map(|it| it.0.clone()).collect();
        let all: Vec<Vec<String>> = decided.weights.iter().map(live).collect();
        assert!(all.iter().all(|live| live == std::slice::from_ref(group)), "{decided:?}");
        let notices = self.world.plan(&self.built).await.plan.notices;
        assert!(
            !notices.iter().any(|it| matches!(it, Notice::Unfinished { .. } | Notice::Deploying { .. })),
            "{notices:?}"
        );
    }

    /// Carries a deployment through, all at once, without waiting for anything in real time.
    async fn deploy(&self, arn: &str) -> Deployment {
        let (aws, clock) = (&self.world.aws, self.world.local.clock());
        let id = aws.create_deployment(&self.deployment(arn, CONFIGS[0])).await.expect("a deployment");
        for _ in 0..400 {
            clock.advance(Duration::from_secs(15));
            let found = aws.deployment(&id).await.expect("an answer").expect("a deployment");
            match found.status {
                Status::Ready => aws.continue_deployment(&id, WaitType::Ready).await.expect("it waits"),
                status if status.is_over() => return found,
                _ => {}
            }
        }
        panic!("{id} does not end")
    }

    fn deployment(&self, arn: &str, config: &str) -> NewDeployment {
        NewDeployment {
            group: self.pair().group.clone(),
            appspec: self.site.appspec(arn).expect("an AppSpec").to_json(),
            config: Some(config.to_owned()),
            description: "a walk".to_owned(),
            token: "a walk".to_owned(),
        }
    }
}

async fn walk(seed: u64) -> BTreeSet<String> {
    let mut walk = Walk::begin(seed).await;
    for _ in 0..60 {
        walk.step().await;
        if let Err(why) = walk.check().await {
            panic!("seed {seed}: {why}");
        }
    }
    // Half of them are torn down as they are.
    let clock = walk.world.local.clock();
    if seed.is_multiple_of(2) {
        walk.repair().await;
    }
    clock.set_pace(Pace::Rate(SPEED));
    walk.world.down(&walk.want).await;
    walk.reached
}

#[tokio::test(flavor = "multi_thread")]
async fn in_every_state_of_a_deployment_plan_is_empty_or_says_why() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let mut reached = BTreeSet::new();
    let first = number("AOMIDORI_SEED").unwrap_or(1);
    for seed in first..first + number("AOMIDORI_WALKS").unwrap_or(2) {
        println!("seed {seed}");
        reached.extend(walk(seed).await);
    }
    println!("reached {}: {reached:?}", reached.len());
}
