//! `status`: the environment as it is.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_aws::Aws;
use aomidori_deploy::cloud::{DeployCloud as _, Deployment, RolloutState, Service, ServiceAt, TargetHealth, Task};
use aomidori_deploy::time::predefined;
use aomidori_deploy::{Clock, Deployer, Moment, Pair, Progress, Site, Timings};
use aomidori_engine::Events;
use aomidori_engine::cloud::{Cloud as _, CloudError, Known as Live, Made};
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::{KindName, Stack};
use aomidori_plan::{Observation, Plan};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::done;
use super::session::{AtOnce, Session, drive};
use crate::error::Error;
use crate::exit::Exit;
use crate::local_cloud::{self, Here};
use crate::view::screen::Screen;
use crate::view::status::{Facts, Known, ServiceFacts};
use crate::view::{self, Printer};

/// How many of the latest deployments are looked at: one that runs, one that it rolls back, the last one that ended.
const RECENT: usize = 5;

/// Observes, asks for what no plan needs, and shows.
pub(crate) async fn run(session: &Session<Aws>, groups: &[String], printer: &mut Printer) -> Result<Exit, Error> {
    let stack = &session.source.stack;
    let (_events, records) = Events::channel();
    let cancel = CancellationToken::new();
    let seen = {
        let screen = Screen::new(printer);
        let look = async {
            let (observation, lease) =
                tokio::try_join!(session.cloud.observe(stack), session.cloud.lease(stack.name()))?;
            let facts = ask(&session.cloud, stack, &observation).await;
            Ok((observation, lease, facts))
        };
        let look = async {
            tokio::select! {
                seen = look => Some(seen),
                () = cancel.cancelled() => None,
            }
        };
        drive(&screen, records, &cancel, look).await
    };
    let (observation, lease, mut facts) = match seen {
        Ok(Some(seen)) => seen.map_err(|error| session.cloud_error(error))?,
        Ok(None) | Err(AtOnce) => return Err(Error::Interrupted { why: Vec::new(), help: Vec::new() }),
    };
    // As late as possible: what is left of a wait is told from now on.
    let Here { clock, ports } = local_cloud::here(&session.settings);
    facts.now = clock.map_or_else(|| Clock::system().now(), |(now, _)| Moment(now));
    facts.ports = ports;
    let plan: Option<Plan> = aomidori_plan::plan(stack, &observation).ok();
    let known =
        Known { stack, observation: &observation, plan: plan.as_ref(), lease: lease.as_ref(), facts: &facts, groups };
    let result = view::status::result(known);
    let header = session.header(&observation.account, &observation.region);
    printer.result(&view::status::human(&header, &result, printer.out_paint()));
    Ok(done(printer, "status", Exit::Done, result))
}

/// Answers, and the errors of what could not be asked: a part of a status is better than none.
#[derive(Default)]
struct Answers {
    errors: BTreeSet<String>,
}

impl Answers {
    fn or_default<T: Default>(&mut self, answer: Result<T, CloudError>) -> T {
        match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.errors.insert(error.to_string());
                T::default()
            }
        }
    }
}

/// Asks for what no plan needs, in two rounds: services, targets and deployments; then what those name. At most ten
/// services of a cluster to a call, a call for each target group, deployment group, revision and running deployment, and
/// tasks only where some are missing.
async fn ask(aws: &Aws, stack: &Stack, observation: &Observation) -> Facts {
    let mut answers = Answers::default();
    let ids = |kind: KindName| -> Vec<String> {
        observation.ours().filter(|(_, found)| found.kind == kind).map(|(_, found)| found.id.clone()).collect()
    };
    let (arns, groups) = (ids(KindName::EcsService), ids(KindName::TargetGroup));
    let sites = sites(stack, observation);
    let targets =
        async { join_all(groups.iter().map(|group| async move { (group.clone(), aws.health(group).await) })).await };
    let deployments = async {
        let pairs = sites.iter().filter_map(|(id, site)| Some((id, pair(site)?)));
        let all = pairs.map(|(id, pair)| async move { (id.clone(), aws.deployments(&pair.group, RECENT).await) });
        join_all(all).await
    };
    let services = async { if arns.is_empty() { Ok(BTreeMap::new()) } else { aws.services(&arns).await } };
    let (services, targets, deployments) = tokio::join!(services, targets, deployments);
    let services: BTreeMap<String, Service> = answers.or_default(services);
    let targets: BTreeMap<String, Vec<TargetHealth>> =
        targets.into_iter().map(|(group, found)| (group, answers.or_default(found))).collect();
    let mut deployments: BTreeMap<String, Vec<Deployment>> =
        deployments.into_iter().map(|(id, found)| (id, answers.or_default(found))).collect();

    let revisions: BTreeSet<&String> = services.values().flat_map(revisions).collect();
    let revisions = async { join_all(revisions.into_iter().map(|arn| aws.revision(arn))).await };
    let running = async {
        let all = deployments.iter().filter_map(|(id, all)| {
            let deployment = all.iter().find(|it| !it.status.is_over())?;
            let site = sites.get(id)?;
            Some((id, deployment, site, pair(site)?))
        });
        join_all(all.map(|(id, deployment, site, pair)| async move {
            (id.clone(), progress(aws, deployment, &site.at, pair).await)
        }))
        .await
    };
    let tasks = async {
        let short = services.iter().filter(|(_, service)| is_short(service));
        join_all(short.map(|(id, _)| async move { (id.clone(), aws.tasks(&at(id)).await) })).await
    };
    let (revisions, running, tasks) = tokio::join!(revisions, running, tasks);
    let revisions = revisions.into_iter().filter_map(|found| answers.or_default(found));
    let revisions = revisions.map(|revision| (revision.arn.clone(), revision)).collect();
    let mut running: BTreeMap<String, Option<(Progress, Timings)>> =
        running.into_iter().map(|(id, found)| (id, answers.or_default(found.map(Some)))).collect();
    let mut tasks: BTreeMap<String, Vec<Task>> =
        tasks.into_iter().map(|(id, found)| (id, answers.or_default(found))).collect();
    let services = services.into_iter().map(|(id, service)| {
        let site = sites.get(&id);
        let facts = ServiceFacts {
            service,
            container: site.and_then(|site| site.answers.as_ref()).map(|(container, _)| container.clone()),
            pair: site.and_then(pair).cloned(),
            deployments: deployments.remove(&id).unwrap_or_default(),
            running: running.remove(&id).flatten(),
            tasks: tasks.remove(&id).unwrap_or_default(),
        };
        (id, facts)
    });
    let services = services.collect();
    Facts { services, targets, revisions, unanswered: answers.errors.into_iter().collect(), ..Facts::default() }
}

/// What of the stack its live services concern, by their ids; not for those of which a part is missing.
fn sites(stack: &Stack, observation: &Observation) -> BTreeMap<String, Site> {
    let mut live = Live::default();
    for (address, found) in observation.ours() {
        live.insert(address.clone(), Made { id: found.id.clone(), outputs: found.outputs.clone() });
    }
    let services = observation.ours().filter(|(_, found)| found.kind == KindName::EcsService);
    services
        .filter_map(|(address, found)| Some((found.id.clone(), Site::of(stack, &live, Some(address.as_str())).ok()?)))
        .collect()
}

fn pair(site: &Site) -> Option<&Pair> {
    match &site.deployer {
        Deployer::CodeDeploy(pair) => Some(pair),
        Deployer::Rolling { .. } => None,
    }
}

/// Cluster and name in a service's ARN (`arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME`).
fn at(arn: &str) -> ServiceAt {
    let rest = arn.split_once(":service/").map_or(arn, |(_, rest)| rest);
    let (cluster, name) = rest.split_once('/').unwrap_or(("default", rest));
    ServiceAt { cluster: cluster.to_owned(), name: name.to_owned() }
}

/// The revisions that a service runs.
fn revisions(service: &Service) -> impl Iterator<Item = &String> {
    let sets = service.task_sets.iter().map(|set| &set.task_definition);
    let rollouts = service.rollouts.iter().map(|rollout| &rollout.task_definition);
    service.task_definition.iter().chain(sets).chain(rollouts)
}

/// True if it has fewer tasks than it wants, or some failed to start.
fn is_short(service: &Service) -> bool {
    let rollout = |it: &aomidori_deploy::cloud::Rollout| {
        it.running < it.desired || it.failed > 0 || it.state == RolloutState::Failed
    };
    service.running < service.desired
        || service.task_sets.iter().any(|set| set.running < set.desired)
        || service.rollouts.iter().any(rollout)
}

/// A deployment with what it does, and how long its parts take by its own settings.
async fn progress(
    aws: &Aws,
    deployment: &Deployment,
    at: &ServiceAt,
    pair: &Pair,
) -> Result<(Progress, Timings), CloudError> {
    let routing = async {
        match (deployment.config.is_empty(), predefined(&deployment.config)) {
            (true, _) => Ok(pair.routing),
            (_, Some(routing)) => Ok(Some(routing)),
            (_, None) => aws.routing(&deployment.config).await,
        }
    };
    let (target, routing) = tokio::try_join!(aws.target(&deployment.id, at), routing)?;
    let (ready, terminate_after) = (deployment.ready, deployment.terminate_after);
    let timings =
        Pair { ready, terminate_after, ..pair.clone() }.timings(Some(routing.unwrap_or(TrafficRouting::AllAtOnce)));
    Ok((Progress { deployment: deployment.clone(), target }, timings))
}
