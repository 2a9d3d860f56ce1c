//! The seam between deployments and a cloud: what they read and what they call, in plain data.
//!
//! Times are the cloud's own. Nothing here waits, and nothing repeats what could be done twice.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use aomidori_engine::cloud::{CloudError, Known};
use aomidori_model::kinds::TaskDefinition;
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};
use aomidori_model::{Address, Fields, StackName};
use serde::{Deserialize, Serialize};

use crate::time::Moment;

/// A cloud that services can be deployed to: beside [`aomidori_engine::Cloud`], which builds what they stand on.
///
/// Reads answer `None` for what is not there. Writes are sent once; the driver decides by
/// [`ErrorKind`](aomidori_engine::ErrorKind) what comes after an error.
pub trait DeployCloud: Send + Sync + 'static {
    /// A service with its task sets, rolling deployments and latest events (`ecs:DescribeServices`).
    fn service(&self, at: &ServiceAt) -> impl Future<Output = Result<Option<Service>, CloudError>> + Send;

    /// The service deployments of a service that ECS deploys task by task, the newest first, at most `limit`
    /// (`ecs:ListServiceDeployments`; ECS keeps 90 days, from the end of October 2024 on). `None` from an endpoint that
    /// keeps none.
    fn history(
        &self,
        at: &ServiceAt,
        limit: usize,
    ) -> impl Future<Output = Result<Option<Vec<Rolled>>, CloudError>> + Send;

    /// A revision by its ARN or `FAMILY:REVISION`, or the latest active one of a family, with its tags
    /// (`ecs:DescribeTaskDefinition`).
    fn revision(&self, name: &str) -> impl Future<Output = Result<Option<Revision>, CloudError>> + Send;

    /// Every revision of a family that is still described, deregistered ones too, the newest first.
    fn revisions(&self, family: &str) -> impl Future<Output = Result<Vec<Revision>, CloudError>> + Send;

    /// Those of these images (tags, or digests that begin with `sha256:`) that an ECR repository has, by what was asked
    /// for (`ecr:BatchGetImage`, a hundred to a call).
    fn images(
        &self,
        repository: &str,
        references: &BTreeSet<String>,
    ) -> impl Future<Output = Result<BTreeMap<String, ImageFound>, CloudError>> + Send;

    /// The tags of a repository that begin with this, with their digests (`ecr:ListImages`).
    fn image_tags(
        &self,
        repository: &str,
        prefix: &str,
    ) -> impl Future<Output = Result<BTreeMap<String, String>, CloudError>> + Send;

    /// Gives an image another tag (`ecr:BatchGetImage`, `ecr:PutImage`); may be repeated.
    fn tag_image(
        &self,
        repository: &str,
        digest: &str,
        tag: &str,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Takes tags away (`ecr:BatchDeleteImage`). An image whose last tag it was is deleted by ECR.
    fn untag_images(
        &self,
        repository: &str,
        tags: &BTreeSet<String>,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// How a deployment configuration shifts traffic (`codedeploy:GetDeploymentConfig`).
    fn routing(&self, config: &str) -> impl Future<Output = Result<Option<TrafficRouting>, CloudError>> + Send;

    /// The deployments of a group (`APPLICATION/GROUP`), the newest first, at most `limit`.
    fn deployments(
        &self,
        group: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Deployment>, CloudError>> + Send;

    /// One deployment (`codedeploy:GetDeployment`).
    fn deployment(&self, id: &str) -> impl Future<Output = Result<Option<Deployment>, CloudError>> + Send;

    /// What a deployment does to its service; `None` before it starts (`codedeploy:GetDeploymentTarget`, whose id for
    /// ECS is `CLUSTER:SERVICE`).
    fn target(&self, id: &str, at: &ServiceAt) -> impl Future<Output = Result<Option<Target>, CloudError>> + Send;

    /// The AppSpec of a deployment, as it was sent (`codedeploy:GetApplicationRevision` by its hash).
    fn appspec(
        &self,
        application: &str,
        sha256: &str,
    ) -> impl Future<Output = Result<Option<String>, CloudError>> + Send;

    /// Where listeners forward, by ARN (`elasticloadbalancing:DescribeListeners`).
    fn forwards(&self, listeners: &[String]) -> impl Future<Output = Result<Vec<Forward>, CloudError>> + Send;

    /// The targets of a target group by ARN, with their health (`elasticloadbalancing:DescribeTargetHealth`).
    fn health(&self, target_group: &str) -> impl Future<Output = Result<Vec<TargetHealth>, CloudError>> + Send;

    /// The tasks of a service, stopped ones too as long as ECS remembers them (an hour).
    fn tasks(&self, at: &ServiceAt) -> impl Future<Output = Result<Vec<Task>, CloudError>> + Send;

    /// Registers a revision; each call makes one.
    fn register(&self, new: NewRevision<'_>) -> impl Future<Output = Result<Revision, CloudError>> + Send;

    /// Adds tags to a revision, by its ARN; may be repeated.
    fn tag_revision(
        &self,
        arn: &str,
        tags: &BTreeMap<String, String>,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Creates a deployment and returns its id. There is no client token (aws-facts 3.2): whoever gets no answer looks
    /// for its description.
    fn create_deployment(&self, new: &NewDeployment) -> impl Future<Output = Result<String, CloudError>> + Send;

    /// Ends one of the waits of a deployment.
    fn continue_deployment(&self, id: &str, wait: WaitType) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// Stops a deployment; with `rollback` CodeDeploy starts another one that goes back. True if it has stopped already.
    fn stop_deployment(&self, id: &str, rollback: bool) -> impl Future<Output = Result<bool, CloudError>> + Send;

    /// Changes a service. A task definition starts a rolling deployment unless the service runs it already; CodeDeploy's
    /// services refuse one.
    fn update_service(
        &self,
        at: &ServiceAt,
        change: &ServiceChange,
    ) -> impl Future<Output = Result<Service, CloudError>> + Send;
}

/// Which service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAt {
    /// The name of its cluster.
    pub cluster: String,
    /// Its own.
    pub name: String,
}

/// A service as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// `ACTIVE`, `DRAINING`, `INACTIVE`.
    pub status: String,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// Tasks that are about to.
    pub pending: u32,
    /// The ARN of the revision that it says it runs.
    pub task_definition: Option<String>,
    /// The task sets of a service that CodeDeploy deploys.
    pub task_sets: Vec<TaskSet>,
    /// The deployments of a rolling service, the newest first.
    pub rollouts: Vec<Rollout>,
    /// What its scheduler says, the newest first.
    pub events: Vec<ServiceEvent>,
    /// When it was created.
    pub created_at: Option<Moment>,
}

/// A task set of a service that CodeDeploy deploys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskSet {
    /// Its id (`ecs-svc/…`); its tasks are started by it.
    pub id: String,
    /// `PRIMARY`, `ACTIVE`, `DRAINING`.
    pub status: String,
    /// The ARN of its revision.
    pub task_definition: String,
    /// The ARN of the target group that its tasks register in.
    pub target_group: Option<String>,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// Tasks that are about to.
    pub pending: u32,
    /// It has all its tasks, and all are healthy.
    pub steady: bool,
    /// When it was created.
    pub created_at: Option<Moment>,
}

/// A deployment of a rolling service.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// Its id (`ecs-svc/…`).
    pub id: String,
    /// `PRIMARY`, `ACTIVE`, `INACTIVE`.
    pub status: String,
    /// How far it is.
    pub state: RolloutState,
    /// Why, in ECS's words.
    pub reason: Option<String>,
    /// The ARN of its revision.
    pub task_definition: String,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// Tasks that are about to.
    pub pending: u32,
    /// Tasks that failed to start.
    pub failed: u32,
    /// When it was created.
    pub created_at: Option<Moment>,
}

/// How far a rolling deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    /// On its way.
    InProgress,
    /// Steady.
    Completed,
    /// The circuit breaker has stopped it.
    Failed,
}

/// A service deployment: a rolling deployment as ECS remembers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rolled {
    /// Its ARN.
    pub id: String,
    /// The ARN of the revision that it brought.
    pub task_definition: Option<String>,
    /// The ARN of the revision that ran before, where that was asked for: of the oldest one only.
    pub before: Option<String>,
    /// How it ended.
    pub end: RolledEnd,
    /// Why, in ECS's words.
    pub reason: Option<String>,
    /// When it was created.
    pub created_at: Option<Moment>,
}

/// How a service deployment ended (`ServiceDeploymentStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolledEnd {
    /// It is on its way, or on its way back.
    AtWork,
    /// It became steady.
    Succeeded,
    /// A circuit breaker, an alarm or somebody had it taken back.
    RolledBack,
    /// It was stopped, or overtaken by another one; or taking it back failed.
    Stopped,
}

/// What a service's scheduler says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Option<Moment>,
    /// What.
    pub message: String,
}

/// A revision of a task definition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// Its ARN.
    pub arn: String,
    /// Its family.
    pub family: String,
    /// Its number in the family.
    pub revision: u32,
    /// It can be deployed; a deregistered one cannot.
    pub active: bool,
    /// The images that it runs, by container.
    pub images: BTreeMap<String, String>,
    /// Its fields as the observer has them: the images are those that the stack declared.
    pub fields: Fields,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was registered.
    pub registered_at: Option<Moment>,
    /// The ARN of who registered it.
    pub registered_by: Option<String>,
}

/// An image in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFound {
    /// Its digest (`sha256:…`).
    pub digest: String,
}

/// The state of a deployment (`DeploymentStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Accepted.
    Created,
    /// Waits for its turn.
    Queued,
    /// At work; also while blue waits to be terminated.
    InProgress,
    /// At work, after a shift.
    Baking,
    /// Waits for the word to re-route.
    Ready,
    /// Done.
    Succeeded,
    /// Failed.
    Failed,
    /// Stopped, by somebody, an alarm or the end of a wait.
    Stopped,
}

impl Status {
    /// True for one that will change no more.
    pub fn is_over(self) -> bool {
        matches!(self, Status::Succeeded | Status::Failed | Status::Stopped)
    }

    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Created => "Created",
            Status::Queued => "Queued",
            Status::InProgress => "InProgress",
            Status::Baking => "Baking",
            Status::Ready => "Ready",
            Status::Succeeded => "Succeeded",
            Status::Failed => "Failed",
            Status::Stopped => "Stopped",
        }
    }
}

/// A CodeDeploy deployment (`DeploymentInfo`).
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Its id (`d-…`).
    pub id: String,
    /// Its state.
    pub status: Status,
    /// What its creator said about it.
    pub description: String,
    /// `user`, `codeDeployRollback`, `autoscaling`, …
    pub creator: String,
    /// The configuration by which traffic shifts.
    pub config: String,
    /// When it was created.
    pub created_at: Option<Moment>,
    /// When it ended.
    pub completed_at: Option<Moment>,
    /// What went wrong.
    pub error: Option<DeploymentError>,
    /// The deployment that rolls this one back.
    pub rollback: Option<String>,
    /// The deployment that this one rolls back.
    pub rolls_back: Option<String>,
    /// Upon what it is rolled back by itself.
    pub auto_rollback: BTreeSet<RollbackEvent>,
    /// When production traffic is shifted.
    pub ready: ReadyOption,
    /// Minutes that blue stays up after the shift.
    pub terminate_after: u32,
    /// All traffic is on green, and blue waits to be terminated (`instanceTerminationWaitTimeStarted`).
    pub terminating: bool,
    /// The hash of its AppSpec.
    pub sha256: Option<String>,
}

/// What went wrong with a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentError {
    /// CodeDeploy's code (`HOOK_EXECUTION_FAILURE`, `ALARM_ACTIVE`, …).
    pub code: String,
    /// CodeDeploy's words.
    pub message: String,
}

/// What a deployment does to its service (`ECSTarget`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Its life-cycle events in order; those of test traffic only with a test listener.
    pub events: Vec<LifeCycle>,
    /// Its task sets.
    pub task_sets: Vec<WeighedTaskSet>,
}

/// One life-cycle event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifeCycle {
    /// `Install`, `AllowTraffic`, …
    pub name: String,
    /// How far it is.
    pub status: LifeCycleStatus,
    /// When it began.
    pub start: Option<Moment>,
    /// When it ended.
    pub end: Option<Moment>,
    /// What went wrong in it.
    pub diagnostics: Option<String>,
}

/// How far a life-cycle event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifeCycleStatus {
    /// Not begun.
    Pending,
    /// At work.
    InProgress,
    /// Done.
    Succeeded,
    /// Failed.
    Failed,
    /// Left out.
    Skipped,
    /// CodeDeploy does not say.
    Unknown,
}

/// A task set with its share of production traffic (`ECSTaskSet`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeighedTaskSet {
    /// Its id (`ecs-svc/…`).
    pub id: String,
    /// `PRIMARY`, `ACTIVE`, `DRAINING`.
    pub status: String,
    /// Which side it is, where CodeDeploy says so.
    pub side: Option<Side>,
    /// Percent of production traffic.
    pub weight: f64,
    /// The name of its target group.
    pub target_group: Option<String>,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks that are about to run.
    pub pending: u32,
    /// Tasks that run.
    pub running: u32,
}

/// A side of a deployment: blue is what was live before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What was live before.
    Blue,
    /// What is deployed.
    Green,
}

/// Where a listener's requests go by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// The listener's ARN.
    pub listener: String,
    /// Its port.
    pub port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// Target groups by ARN, with their weights.
    pub weights: BTreeMap<String, u32>,
}

/// A target with its health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealth {
    /// Its address.
    pub address: String,
    /// `healthy`, `unhealthy`, `initial`, `draining`, …
    pub state: String,
    /// The code of the reason (`Target.ResponseCodeMismatch`, …).
    pub reason: Option<String>,
    /// The reason in words.
    pub description: Option<String>,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// The ARN of its revision.
    pub task_definition: String,
    /// The task set or rolling deployment that started it.
    pub started_by: String,
    /// `PENDING`, `RUNNING`, `STOPPED`, …
    pub status: String,
    /// `HEALTHY`, `UNHEALTHY`, `UNKNOWN`.
    pub health: String,
    /// Its private address.
    pub address: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// When it was created.
    pub created_at: Option<Moment>,
    /// When it stopped.
    pub stopped_at: Option<Moment>,
    /// Why it stopped (`stoppedReason`).
    pub stopped_reason: Option<String>,
    /// `EssentialContainerExited`, `TaskFailedToStart`, …
    pub stop_code: Option<String>,
    /// The digests of the images that its containers run, by container.
    pub digests: BTreeMap<String, String>,
    /// Why its containers stopped, with their exit codes: `maintenance: exit code 1`.
    pub containers: Vec<String>,
}

/// A revision to register.
#[derive(Clone, Copy, Debug)]
pub struct NewRevision<'a> {
    /// The stack that it belongs to.
    pub stack: &'a StackName,
    /// The address of its task definition.
    pub address: &'a Address,
    /// What the stack says.
    pub definition: &'a TaskDefinition,
    /// Images by container, where they are not the stack's.
    pub images: &'a BTreeMap<String, String>,
    /// Every tag that it shall have.
    pub tags: &'a BTreeMap<String, String>,
    /// Ids of what it refers to.
    pub known: &'a Known,
}

/// A deployment to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeployment {
    /// `APPLICATION/GROUP`.
    pub group: String,
    /// The AppSpec, as JSON.
    pub appspec: String,
    /// Another configuration than the group's.
    pub config: Option<String>,
    /// At most 256 characters; holds [`NewDeployment::token`].
    pub description: String,
    /// Unique to the run: by it a deployment is found whose creation was not answered.
    pub token: String,
}

/// The waits of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitType {
    /// Before production traffic shifts.
    Ready,
    /// Before blue is terminated.
    Termination,
}

/// A change of a service. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceChange {
    /// Another revision, by ARN.
    pub task_definition: Option<String>,
    /// Another number of tasks.
    pub desired: Option<u32>,
}
