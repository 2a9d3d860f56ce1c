//! What of a stack a deployment concerns, with the ids of what is live.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::Known;
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::ReadyOption;
use aomidori_model::kinds::ecs_service::Deployment;
use aomidori_model::kinds::target_group::HealthCheck;
use aomidori_model::kinds::task_definition::Image;
use aomidori_model::kinds::{DeploymentGroup, EcrRepository, EcsService, TaskDefinition};
use aomidori_model::{Address, Kind, Ref, Stack, StackName, Target};

use crate::appspec::AppSpec;
use crate::cloud::ServiceAt;
use crate::time::{Timings, predefined};

/// A service with everything that deploying it needs to know.
#[derive(Clone, Debug)]
pub struct Site {
    /// The stack's name.
    pub stack: StackName,
    /// The service's address.
    pub address: Address,
    /// Its cluster and name.
    pub at: ServiceAt,
    /// The address of its task definition.
    pub definition_address: Address,
    /// Its task definition, as the stack says.
    pub definition: TaskDefinition,
    /// The tags that the task definition is registered with.
    pub tags: BTreeMap<String, String>,
    /// Ids of what is live.
    pub known: Known,
    /// Names of ECR repositories and their URLs, by what the images refer to.
    pub repositories: BTreeMap<String, String>,
    /// How many generations of a service the lifecycle policies of those repositories keep, where they say so.
    pub generations: BTreeMap<String, u32>,
    /// Tasks wanted.
    pub desired: Option<u32>,
    /// The container that answers, and its port.
    pub answers: Option<(String, u16)>,
    /// Who deploys it.
    pub deployer: Deployer,
    platform_version: Option<String>,
    subnets: BTreeSet<String>,
    security_groups: BTreeSet<String>,
    assign_public_ip: bool,
}

/// Who deploys a service.
#[derive(Clone, Debug, PartialEq)]
pub enum Deployer {
    /// CodeDeploy, between two target groups.
    CodeDeploy(Box<Pair>),
    /// ECS, task by task.
    Rolling {
        /// ARNs of its target groups.
        target_groups: Vec<String>,
        /// How long a round takes.
        timings: Timings,
        /// Its circuit breaker goes back by itself.
        breaker: bool,
    },
}

/// What a blue/green deployment moves.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// `APPLICATION/GROUP`.
    pub group: String,
    /// How traffic shifts: the name of a configuration.
    pub config: String,
    /// The same, where the stack or the name says it.
    pub routing: Option<TrafficRouting>,
    /// When production traffic is shifted.
    pub ready: ReadyOption,
    /// Minutes that blue stays up after the shift.
    pub terminate_after: u32,
    /// ARN of the production listener.
    pub production: String,
    /// ARN of the test listener.
    pub test: Option<String>,
    /// Host name of the load balancer.
    pub host: Option<String>,
    /// ARNs of the two target groups; which of them is live is not known here.
    pub target_groups: [String; 2],
    /// The health check of the target groups.
    pub check: Option<HealthCheck>,
    /// The service's grace period.
    pub grace: Option<u32>,
}

/// Why a service cannot be deployed to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SiteError {
    /// There is no such service.
    #[error("the stack has no service `{name}`")]
    NoService {
        /// What was asked for.
        name: String,
        /// The services that there are.
        known: Vec<String>,
    },
    /// It has to be said which.
    #[error("the stack has several services; say which")]
    Which {
        /// The services that there are.
        known: Vec<String>,
    },
    /// The task definition of the service is not part of the stack.
    #[error("the task definition of `{0}` is not part of the stack")]
    NoDefinition(Address),
    /// CodeDeploy deploys the service, and no deployment group of the stack is for it.
    #[error("no deployment group of the stack is for `{0}`")]
    NoGroup(Address),
    /// Something that it needs is not live.
    #[error("{0} is not there yet")]
    NotLive(String),
}

impl Site {
    /// The service of this name or address; without one, the only one that CodeDeploy deploys, or the only one.
    ///
    /// # Errors
    /// It is not clear which service, or it is not complete, or not live.
    pub fn of(stack: &Stack, known: &Known, service: Option<&str>) -> Result<Site, SiteError> {
        let (address, service) = choose(stack, service)?;
        let (definition_address, definition) =
            stack.find(&service.task_definition).ok_or_else(|| SiteError::NoDefinition(address.clone()))?;
        let fields = aomidori_model::Resource::from(definition.clone()).fields();
        let lookup = |reference: &aomidori_model::Reference| known.lookup(reference);
        let cluster = id(known, &service.cluster)?;
        let cluster = cluster.rsplit('/').next().unwrap_or(&cluster).to_owned();
        let (mut repositories, mut generations) = (BTreeMap::new(), BTreeMap::new());
        for container in &definition.containers {
            let (Image::Tag { repository, .. } | Image::Digest { repository, .. }) = &container.image else { continue };
            let name = repository_name(stack, repository).unwrap_or_default();
            let url = known.lookup(&repository.output(Some("repository_url")));
            let policy = stack.find(repository).and_then(|(_, repository)| repository.lifecycle.as_ref());
            if let Some(keep) = policy.and_then(|policy| policy.generations) {
                generations.insert(name.clone(), keep);
            }
            repositories.insert(name, url.ok_or_else(|| not_live(repository))?);
        }
        let first = service.targets().first().map(|(_, container, port)| (container.to_string(), port.number()));
        Ok(Site {
            stack: stack.name().clone(),
            address: address.clone(),
            at: ServiceAt { cluster, name: service.name.to_string() },
            tags: stack.complete_tags(definition_address, &fields, &lookup),
            definition_address: definition_address.clone(),
            definition: definition.clone(),
            known: known.clone(),
            repositories,
            generations,
            desired: service.desired_count,
            answers: first,
            deployer: deployer(stack, known, address, service)?,
            platform_version: service.platform_version.clone(),
            subnets: ids(known, &service.subnets)?,
            security_groups: ids(known, &service.security_groups)?,
            assign_public_ip: service.assign_public_ip,
        })
    }

    /// The AppSpec that deploys a revision; `None` for a service that CodeDeploy does not deploy.
    pub fn appspec(&self, task_definition: &str) -> Option<AppSpec> {
        let Deployer::CodeDeploy(_) = &self.deployer else { return None };
        let (container, port) = self.answers.clone()?;
        Some(AppSpec {
            task_definition: task_definition.to_owned(),
            container,
            port,
            platform_version: self.platform_version.clone(),
            subnets: self.subnets.clone(),
            security_groups: self.security_groups.clone(),
            assign_public_ip: self.assign_public_ip,
        })
    }

    /// ARNs of the target groups that its tasks register in.
    pub fn target_groups(&self) -> Vec<String> {
        match &self.deployer {
            Deployer::CodeDeploy(pair) => pair.target_groups.to_vec(),
            Deployer::Rolling { target_groups, .. } => target_groups.clone(),
        }
    }
}

impl Pair {
    /// How long the parts of a deployment take, with this way to shift.
    pub fn timings(&self, routing: Option<TrafficRouting>) -> Timings {
        let routing = routing.or(self.routing).unwrap_or(TrafficRouting::AllAtOnce);
        Timings::blue_green(self.check.as_ref(), self.grace, self.ready, self.terminate_after, routing)
    }
}

fn choose<'a>(stack: &'a Stack, name: Option<&str>) -> Result<(&'a Address, &'a EcsService), SiteError> {
    let all: Vec<(&Address, &EcsService)> = stack.of::<EcsService>().collect();
    let known = || all.iter().map(|(_, service)| service.name.to_string()).collect();
    if let Some(name) = name {
        let found = all.iter().find(|(address, service)| service.name.as_str() == name || address.as_str() == name);
        return found.copied().ok_or_else(|| SiteError::NoService { name: name.to_owned(), known: known() });
    }
    let by_code_deploy: Vec<_> = all.iter().filter(|(_, service)| service.is_code_deploy()).collect();
    match (by_code_deploy.as_slice(), all.as_slice()) {
        ([only], _) => Ok(**only),
        (_, [only]) => Ok(*only),
        _ => Err(SiteError::Which { known: known() }),
    }
}

fn deployer(stack: &Stack, known: &Known, address: &Address, service: &EcsService) -> Result<Deployer, SiteError> {
    let check = |group: &Ref<aomidori_model::kinds::TargetGroup>| {
        stack.find(group).map(|(_, group)| group.health_check.clone())
    };
    let (target, rolling) = match &service.deployment {
        Deployment::CodeDeploy { target, .. } => (Some(target), None),
        Deployment::Rolling(rolling) => (None, Some(rolling)),
    };
    if let Some(rolling) = rolling {
        let groups = &rolling.load_balancers;
        let slowest =
            groups.iter().filter_map(|to| check(&to.target_group)).max_by_key(HealthCheck::seconds_until_healthy);
        return Ok(Deployer::Rolling {
            target_groups: groups.iter().map(|to| id(known, &to.target_group)).collect::<Result<_, _>>()?,
            timings: Timings::rolling(slowest.as_ref(), service.health_check_grace_period),
            breaker: rolling.circuit_breaker.is_some_and(|breaker| breaker.rollback),
        });
    }
    let of_it = |group: &&DeploymentGroup| group.service.address() == Some(address);
    let (at, group) = stack
        .of::<DeploymentGroup>()
        .find(|(_, group)| of_it(group))
        .ok_or_else(|| SiteError::NoGroup(address.clone()))?;
    let config = id(known, &group.config).unwrap_or_default();
    let routing = stack.find(&group.config).map(|(_, config)| config.routing).or_else(|| predefined(&config));
    let balancer = stack.find(&group.pair.production).map(|(_, listener)| &listener.load_balancer);
    let live = |reference: &Ref<DeploymentGroup>| id(known, reference);
    Ok(Deployer::CodeDeploy(Box::new(Pair {
        group: live(&Ref::to(at.clone()))?,
        config,
        routing,
        ready: group.ready,
        terminate_after: group.terminate_blue_after,
        production: id(known, &group.pair.production)?,
        test: group.pair.test.as_ref().map(|test| id(known, test)).transpose()?,
        host: balancer.and_then(|balancer| known.lookup(&balancer.output(Some("dns_name")))),
        target_groups: [id(known, &group.pair.blue)?, id(known, &group.pair.green)?],
        check: target.and_then(|target| check(&target.blue)),
        grace: service.health_check_grace_period,
    })))
}

fn repository_name(stack: &Stack, repository: &Ref<EcrRepository>) -> Option<String> {
    match repository.target() {
        Target::Id(name) => Some(name.clone()),
        Target::Address(_) => stack.find(repository).map(|(_, repository)| repository.name.to_string()),
    }
}

fn not_live<K: Kind>(reference: &Ref<K>) -> SiteError {
    SiteError::NotLive(match reference.target() {
        Target::Address(address) => format!("`{address}`"),
        Target::Id(id) => format!("`{id}`"),
    })
}

fn id<K: Kind>(known: &Known, reference: &Ref<K>) -> Result<String, SiteError> {
    known.lookup(&reference.output(None)).ok_or_else(|| not_live(reference))
}

fn ids<'a, K: Kind>(
    known: &Known,
    references: impl IntoIterator<Item = &'a Ref<K>>,
) -> Result<BTreeSet<String>, SiteError> {
    references.into_iter().map(|reference| id(known, reference)).collect()
}
