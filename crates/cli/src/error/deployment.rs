//! What can go wrong with a deployment.

use aomidori_deploy::generations::Obstacle;
use aomidori_deploy::register::{InvalidImage, RegisterError};
use aomidori_deploy::{Cause, Outcome, SiteError, Stage};
use aomidori_engine::CloudError;

use crate::exit::Exit;

/// An expected failure of a command over deployments.
///
/// `Display` says what happened, [`Error`](crate::Error) the rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The service cannot be deployed to.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// An image that is none.
    #[error(transparent)]
    Image(#[from] InvalidImage),
    /// Nothing can be registered.
    #[error("{0}")]
    Register(RegisterError),
    /// A service that ECS deploys, where CodeDeploy is needed.
    #[error("`{verb}` is for services that CodeDeploy deploys, and `{service}` is rolling")]
    Rolling {
        /// The command.
        verb: &'static str,
        /// The service.
        service: String,
    },
    /// A flag that means nothing to a rolling service.
    #[error("`{flag}` means nothing to `{service}`, which is rolling")]
    RollingFlag {
        /// The flag.
        flag: &'static str,
        /// The service.
        service: String,
    },
    /// No deployment runs.
    #[error("no deployment of `{service}` runs")]
    NothingRuns {
        /// The service.
        service: String,
        /// The latest one and how it ended, if there is any.
        latest: Option<String>,
    },
    /// A deployment does not wait for the word to re-route.
    #[error("the deployment {id} does not wait to be re-routed: it is {}", .stage.name())]
    NotReady {
        /// The deployment.
        id: String,
        /// Where it is.
        stage: Stage,
    },
    /// A deployment runs where none may.
    #[error("the deployment {id} runs")]
    Running {
        /// The deployment.
        id: String,
    },
    /// There is no such generation.
    #[error("there is no generation {number}")]
    NoGeneration {
        /// What was asked for.
        number: u32,
        /// How many there are.
        known: usize,
    },
    /// There is no generation to go back to.
    #[error("`{service}` has no earlier generation to go back to")]
    NoEarlier {
        /// The service.
        service: String,
    },
    /// One cannot go back to a generation.
    #[error("one cannot go back to generation {number}")]
    Obstacle {
        /// Which.
        number: u32,
        /// Why.
        obstacle: Obstacle,
    },
    /// It is what is live.
    #[error("generation {number} is live")]
    Live {
        /// Which.
        number: u32,
    },
    /// There is no such revision, or it cannot be deployed any more.
    #[error("there is no active revision `{name}`")]
    NoRevision {
        /// What was asked for.
        name: String,
    },
    /// A revision of another family.
    #[error("`{name}` is a revision of another family than `{family}`")]
    OtherFamily {
        /// What was asked for.
        name: String,
        /// The service's family.
        family: String,
    },
    /// There is no such deployment configuration.
    #[error("there is no deployment configuration `{name}` for ECS")]
    NoConfig {
        /// What was asked for.
        name: String,
    },
    /// The probe has nothing to ask.
    #[error("there is no test listener to probe through")]
    NoTestListener,
    /// The deployment did not end as asked.
    #[error("{}", headline(.outcome))]
    Ended {
        /// How it ended.
        outcome: Box<Outcome>,
    },
    /// The tasks asked for do not come.
    #[error("`{service}` has {running} of {desired} tasks, and it does not get better")]
    NotSteady {
        /// The service.
        service: String,
        /// Tasks that run.
        running: u32,
        /// Tasks wanted.
        desired: u32,
        /// What its scheduler says, the newest first.
        events: Vec<String>,
    },
    /// Nobody can be asked any more; what was started goes on.
    #[error("the deployment {} goes on, and AWS cannot be asked about it: {error}", .id.as_deref().unwrap_or("that was perhaps created"))]
    Lost {
        /// The deployment.
        id: Option<String>,
        /// Why.
        error: CloudError,
    },
}

impl Failure {
    /// The exit code that it means.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::NotReady { .. } | Failure::Running { .. } | Failure::Obstacle { .. } => Exit::Refused,
            Failure::Ended { outcome } => match &**outcome {
                Outcome::RolledBack { .. } => Exit::RolledBack,
                Outcome::Busy { .. } => Exit::Refused,
                Outcome::NotStarted | Outcome::Left { cause: Cause::Asked, .. } => Exit::Interrupted,
                _ => Exit::Error,
            },
            _ => Exit::Error,
        }
    }

    /// A stable short name, for scripts.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Failure::Site(SiteError::NotLive(_)) => "not_live",
            Failure::Site(_) => "service",
            Failure::Image(_) => "invalid_input",
            Failure::Register(RegisterError::NoImage { .. }) => "missing_images",
            Failure::Register(_) => "register",
            Failure::Rolling { .. } | Failure::RollingFlag { .. } => "rolling",
            Failure::NothingRuns { .. } => "nothing_runs",
            Failure::NotReady { .. } => "not_ready",
            Failure::Running { .. } => "deployment_runs",
            Failure::NoGeneration { .. } | Failure::NoEarlier { .. } | Failure::Live { .. } => "no_generation",
            Failure::Obstacle { .. } => "generation_gone",
            Failure::NoRevision { .. } | Failure::OtherFamily { .. } => "no_revision",
            Failure::NoConfig { .. } => "no_config",
            Failure::NoTestListener => "no_test_listener",
            Failure::NotSteady { .. } => "not_steady",
            Failure::Lost { .. } => "lost",
            Failure::Ended { outcome } => match &**outcome {
                Outcome::RolledBack { .. } => "rolled_back",
                Outcome::RollbackFailed { .. } => "rollback_failed",
                Outcome::Busy { .. } => "deployment_runs",
                Outcome::NotStarted | Outcome::Left { cause: Cause::Asked, .. } => "interrupted",
                Outcome::Left { .. } => "stalled",
                Outcome::Failed { .. } => "deployment_failed",
                Outcome::Unknown { .. } => "no_deployment",
                _ => "refused",
            },
        }
    }

    /// Why it happened, one line each.
    pub(crate) fn why(&self) -> Vec<String> {
        match self {
            Failure::Register(RegisterError::Cloud(error)) => vec![words(error)],
            Failure::NothingRuns { latest, .. } => latest.iter().cloned().collect(),
            Failure::Obstacle { obstacle, .. } => vec![match obstacle {
                Obstacle::RevisionInactive => "its revision was deregistered".to_owned(),
                Obstacle::RevisionGone => "its revision is not there any more".to_owned(),
                Obstacle::ImageGone(image) => format!("its image {image} is not in the repository any more"),
            }],
            Failure::NotSteady { events, .. } => events.iter().take(3).cloned().collect(),
            Failure::Ended { outcome } => match &**outcome {
                Outcome::RolledBack { cause, .. } | Outcome::Failed { cause, .. } | Outcome::Left { cause, .. } => {
                    because(cause)
                }
                Outcome::RollbackFailed { cause, why, .. } => {
                    let mut lines = because(cause);
                    lines.extend(because(why).into_iter().map(|line| format!("the rollback: {line}")));
                    lines
                }
                Outcome::Busy { description, .. } if !description.is_empty() => {
                    vec![format!("it is described as `{description}`"), "CodeDeploy runs one at a time".to_owned()]
                }
                Outcome::Busy { .. } => vec!["CodeDeploy runs one at a time".to_owned()],
                Outcome::Refused { error, .. } => vec![words(error)],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// What to do next, one line each.
    pub(crate) fn help(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match self {
            Failure::Site(SiteError::NoService { known, .. } | SiteError::Which { known }) => {
                vec![format!("its services are {}", known.join(", "))]
            }
            Failure::Site(SiteError::NotLive(_)) => one("stand the environment up first: `up`"),
            Failure::Site(SiteError::NoGroup(_)) => one("add a deployment group for it to the stack"),
            Failure::Site(SiteError::NoDefinition(_)) => one("add the task definition to the stack"),
            Failure::Register(RegisterError::NoImage { repository, reference }) => {
                vec![
                    format!("push it: `docker push …/{repository}:{reference}`"),
                    format!(
                        "on the local cloud tags that name a colour or a trouble are there by themselves ({})",
                        crate::connect::practice_words().join(", ")
                    ),
                ]
            }
            Failure::Register(RegisterError::NoContainer { known, .. } | RegisterError::Which { known }) => {
                vec![format!("name one with `--container`: {}", known.join(", "))]
            }
            Failure::Register(_) => Vec::new(),
            Failure::Image(_) => one("write TAG, REPOSITORY:TAG, REPOSITORY@sha256:… or a whole reference"),
            Failure::Rolling { .. } => {
                one("`deploy` follows a rolling deployment, `rollback` goes back to what ran before")
            }
            Failure::RollingFlag { .. } => one("leave it out"),
            Failure::NothingRuns { .. } => one("`deploy` starts one; `generations` lists what was live"),
            Failure::NotReady { stage: Stage::Shifted { .. }, .. } => {
                one("production is on green already; `wait` waits until blue is terminated")
            }
            Failure::NotReady { .. } => {
                one("`attach --auto-reroute` re-routes it as soon as green is up; `attach` follows it up to there")
            }
            Failure::Running { .. } => {
                one("`rollback` without `--to` stops it and goes back; `attach` follows it to its end")
            }
            Failure::NoGeneration { .. } | Failure::Live { .. } | Failure::Obstacle { .. } => {
                one("`generations` lists them")
            }
            Failure::NoEarlier { .. } => one("`deploy --image …` deploys another image"),
            Failure::NoRevision { .. } | Failure::OtherFamily { .. } => {
                one("name one as FAMILY:REVISION; `generations` and `register --dry-run` show revisions")
            }
            Failure::NoConfig { .. } => one(
                "AWS has CodeDeployDefault.ECSAllAtOnce, …ECSCanary10Percent5Minutes, …ECSLinear10PercentEvery1Minutes and others; your own are resources of the stack",
            ),
            Failure::NoTestListener => one("add a test listener to the deployment group, or use `--auto-reroute`"),
            Failure::NotSteady { .. } => one("`tasks` shows why they stopped"),
            Failure::Lost { .. } => one("`attach` finds it and follows it from where it is"),
            Failure::Ended { .. } => self.help_after(),
        }
    }

    fn help_after(&self) -> Vec<String> {
        let Failure::Ended { outcome } = self else { return Vec::new() };
        let text = match &**outcome {
            Outcome::RolledBack { .. } => "production is on what was live before; correct the image and `deploy` again",
            Outcome::RollbackFailed { .. } => {
                "look at `status`; `deploy` with an image that works puts both sides in order"
            }
            Outcome::Failed { stopped: true, .. } => {
                "nothing takes it back by itself: `rollback` deploys the last good generation, `deploy` another image"
            }
            Outcome::Failed { .. } => "`rollback` deploys the last good generation; `status` shows where traffic is",
            Outcome::Busy { running: Some(_), .. } => "`attach` follows it, `rollback` stops it",
            Outcome::Busy { running: None, .. } => "try again in a minute",
            Outcome::Left { .. } => "`attach` follows it, `rollback` stops it and goes back",
            Outcome::Unknown { .. } => "`status` shows the one that runs",
            Outcome::NotStarted => "nothing was started; run the command again",
            _ => return Vec::new(),
        };
        vec![text.to_owned()]
    }
}

/// How it ended, in one line.
fn headline(outcome: &Outcome) -> String {
    match outcome {
        Outcome::RolledBack { id, by: Some(by), .. } => format!("the deployment {id} was rolled back (by {by})"),
        Outcome::RolledBack { id, by: None, .. } => format!("the deployment {id} was rolled back"),
        Outcome::RollbackFailed { id, by, .. } => {
            format!("the deployment {id} did not last, and neither did its rollback {by}")
        }
        Outcome::Failed { id, stopped: true, percent, .. } => {
            format!("the deployment {id} was stopped, and nothing takes it back{}", on_green(*percent))
        }
        Outcome::Failed { id, stopped: false, percent, .. } => {
            format!("the deployment {id} failed, and nothing takes it back{}", on_green(*percent))
        }
        Outcome::Left { id, stage, .. } => format!("the deployment {id} goes on by itself ({})", stage.name()),
        Outcome::NotStarted => "interrupted before anything was started".to_owned(),
        Outcome::Busy { running: Some(running), .. } => format!("the deployment {running} is still running"),
        Outcome::Busy { running: None, .. } => "another deployment is still running".to_owned(),
        Outcome::Refused { error, .. } => format!("`{}` was refused", error.operation),
        Outcome::Unknown { id } => format!("there is no deployment {id}"),
        Outcome::Created { id }
        | Outcome::Ready { id, .. }
        | Outcome::Rerouted { id, .. }
        | Outcome::Succeeded { id } => format!("the deployment {id} went well"),
    }
}

fn on_green(percent: Option<f64>) -> String {
    percent
        .filter(|percent| *percent > 0.0)
        .map(|percent| format!("; {percent:.0} % of production is on green"))
        .unwrap_or_default()
}

/// A cloud's error in one line.
fn words(error: &CloudError) -> String {
    let code = error.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
    format!("{code}{}", error.message)
}

/// Why a deployment did not last, one line each.
pub(crate) fn because(cause: &Cause) -> Vec<String> {
    match cause {
        Cause::Asked => vec!["it was asked for".to_owned()],
        Cause::Stall(evidence) => {
            let times = |(text, times): &(String, usize)| {
                format!("{times} × {}", crate::view::deployment::progress::brief(text))
            };
            let stopped = evidence.stopped.iter().map(|one| format!("tasks stopped: {}", times(one)));
            let targets = evidence.targets.iter().map(|one| format!("targets: {}", times(one)));
            let mut lines = vec!["its tasks keep stopping for the same reason".to_owned()];
            lines.extend(stopped.chain(targets));
            lines
        }
        Cause::TimedOut { stage, after_s } => {
            vec![format!("it was {stage} for {}, longer than it can take", crate::view::schedule::duration(*after_s))]
        }
        Cause::Probe { url, expect, got } => vec![format!("{url} answered {got}, and {expect} was expected")],
        Cause::NobodyRerouted => vec!["nobody re-routed it in time".to_owned()],
        Cause::CodeDeploy { error, diagnostics } => {
            let error = error.iter().map(|error| match error.message.is_empty() {
                true => error.code.clone(),
                false => format!("{}: {}", error.code, error.message),
            });
            error.chain(diagnostics.iter().cloned()).collect()
        }
        Cause::Ecs { reason } => vec![reason.clone()],
    }
}
