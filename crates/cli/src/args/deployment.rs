//! What the commands over deployments take.

use clap::Args;
use clap::builder::BoolishValueParser;

use super::Cloud;

/// What `register` takes.
#[derive(Clone, Debug, Args)]
pub struct Register {
    /// Which service.
    #[command(flatten)]
    pub service: Service,
    /// Which image.
    #[command(flatten)]
    pub image: ImageChoice,
    /// Show what would be registered, and register nothing.
    #[arg(long, env = "AOMIDORI_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub confirm: Confirm,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `deploy` takes.
#[derive(Clone, Debug, Args)]
pub struct Deploy {
    /// Which service.
    #[command(flatten)]
    pub service: Service,
    /// Which image.
    #[command(flatten)]
    pub image: ImageChoice,
    /// Deploy this revision as it is registered: `FAMILY:REVISION`, its ARN, or its number alone.
    #[arg(long, value_name = "FAMILY:REV", env = "AOMIDORI_TASK_DEFINITION")]
    pub task_definition: Option<String>,
    /// Deploy the latest revision as it is registered.
    #[arg(long, env = "AOMIDORI_LATEST", value_parser = BoolishValueParser::new())]
    pub latest: bool,
    /// Shift traffic by this CodeDeploy configuration in place of the deployment group's
    /// (`CodeDeployDefault.ECSCanary10Percent5Minutes`, or your own).
    #[arg(long, value_name = "NAME", env = "AOMIDORI_CONFIG")]
    pub config: Option<String>,
    /// Deploy even what is live already.
    #[arg(long, env = "AOMIDORI_FORCE", value_parser = BoolishValueParser::new())]
    pub force: bool,
    /// Show the AppSpec, what is different and how long it takes; change nothing.
    #[arg(long, env = "AOMIDORI_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// How far it is followed, and what is done on the way.
    #[command(flatten)]
    pub follow: Follow,
    /// Whether to ask.
    #[command(flatten)]
    pub confirm: Confirm,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `reroute` takes.
#[derive(Clone, Debug, Args)]
pub struct Reroute {
    /// Which service.
    #[command(flatten)]
    pub service: Service,
    /// How far to wait: until all production traffic is on green, until blue is terminated, or not at all
    /// [default: rerouted].
    #[arg(long, value_name = "rerouted|terminated|none", env = "AOMIDORI_WAIT")]
    pub wait: Option<String>,
    /// Whether to ask.
    #[command(flatten)]
    pub confirm: Confirm,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `rollback` takes.
#[derive(Clone, Debug, Args)]
pub struct Rollback {
    /// Which service.
    #[command(flatten)]
    pub service: Service,
    /// Go back to this generation (`generations` lists them), with a deployment of its own.
    #[arg(long, value_name = "GENERATION", env = "AOMIDORI_TO")]
    pub to: Option<u32>,
    /// Only stop the deployment that runs; where none does, do nothing. For pipelines, which may come too late.
    #[arg(long, env = "AOMIDORI_RUNNING", value_parser = BoolishValueParser::new(), conflicts_with = "to")]
    pub running: bool,
    /// Shift traffic by this CodeDeploy configuration in place of the deployment group's.
    #[arg(long, value_name = "NAME", env = "AOMIDORI_CONFIG")]
    pub config: Option<String>,
    /// Show what it would do, and change nothing.
    #[arg(long, env = "AOMIDORI_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// How far a new deployment is followed. `ready` stops at test traffic; anything else re-routes by itself, since the
    /// generation has served before [default: rerouted].
    #[arg(long, value_name = "ready|rerouted|terminated|none", env = "AOMIDORI_WAIT")]
    pub wait: Option<String>,
    /// Whether to ask.
    #[command(flatten)]
    pub confirm: Confirm,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `wait` takes.
#[derive(Clone, Debug, Args)]
pub struct Wait {
    /// Which service.
    #[command(flatten)]
    pub service: Service,
    /// How far: until it waits for `reroute`, until all production traffic is on green, or to its end
    /// [default: terminated].
    #[arg(long, value_name = "ready|rerouted|terminated", env = "AOMIDORI_WAIT")]
    pub wait: Option<String>,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `attach` takes.
#[derive(Clone, Debug, Args)]
pub struct Attach {
    /// A deployment (`d-…`), or the service whose running deployment is meant [default: the only service that CodeDeploy
    /// deploys].
    #[arg(value_name = "DEPLOYMENT|SERVICE")]
    pub what: Option<String>,
    /// How far it is followed, and what is done on the way.
    #[command(flatten)]
    pub follow: Follow,
    /// Whether to ask.
    #[command(flatten)]
    pub confirm: Confirm,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `appspec` takes.
#[derive(Clone, Debug, Args)]
pub struct AppSpec {
    /// Which service.
    #[command(flatten)]
    pub service: Service,
    /// Of which revision: the one that is live, the latest one, or this one [default: current].
    #[arg(long, value_name = "current|latest|FAMILY:REV", env = "AOMIDORI_TASK_DEFINITION")]
    pub task_definition: Option<String>,
    /// As `yaml` or as `json` [default: yaml].
    #[arg(long, value_name = "yaml|json", env = "AOMIDORI_FORMAT")]
    pub format: Option<String>,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `scale` takes.
#[derive(Clone, Debug, Args)]
pub struct Scale {
    /// Which service.
    #[command(flatten)]
    pub service: Service,
    /// How many tasks it shall have.
    #[arg(long, value_name = "N", env = "AOMIDORI_TASKS")]
    pub tasks: Option<u32>,
    /// Do not wait until they run.
    #[arg(long, env = "AOMIDORI_NO_WAIT", value_parser = BoolishValueParser::new())]
    pub no_wait: bool,
    /// Whether to ask.
    #[command(flatten)]
    pub confirm: Confirm,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `generations` and `tasks` take.
#[derive(Clone, Debug, Args)]
pub struct OfService {
    /// Which service.
    #[command(flatten)]
    pub service: Service,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// Which service.
#[derive(Clone, Debug, Default, Args)]
pub struct Service {
    /// The service, by its name or its address [default: the only one that CodeDeploy deploys].
    #[arg(value_name = "SERVICE", env = "AOMIDORI_SERVICE")]
    pub service: Option<String>,
}

/// Which image.
#[derive(Clone, Debug, Default, Args)]
pub struct ImageChoice {
    /// The image to run: `TAG`, `REPOSITORY:TAG`, `REPOSITORY@sha256:…` or a whole reference; without a registry in this
    /// account's ECR. A tag is resolved to its digest, and both are recorded [default: the stack's].
    #[arg(long, value_name = "REF", env = "AOMIDORI_IMAGE")]
    pub image: Option<String>,
    /// The container that it is for [default: the one behind the load balancer, or the only one].
    #[arg(long, value_name = "NAME", env = "AOMIDORI_CONTAINER")]
    pub container: Option<String>,
}

/// How far a deployment is followed, and what is done on the way.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Deployment")]
pub struct Follow {
    /// How far to wait: until the test listener shows green and production waits for `reroute`, until all production
    /// traffic is on green, until blue is terminated, or not at all [default: ready; rerouted if it re-routes by itself].
    #[arg(long, value_name = "ready|rerouted|terminated|none", env = "AOMIDORI_WAIT")]
    pub wait: Option<String>,
    /// Re-route as soon as green is up, without a look.
    #[arg(long, env = "AOMIDORI_AUTO_REROUTE", value_parser = BoolishValueParser::new())]
    pub auto_reroute: bool,
    /// Ask for this path through the test listener: three right answers in a row re-route, wrong ones roll back.
    #[arg(long, value_name = "PATH", env = "AOMIDORI_PROBE")]
    pub probe: Option<String>,
    /// The status that the probe expects [default: 200].
    #[arg(long, value_name = "STATUS", env = "AOMIDORI_EXPECT")]
    pub expect: Option<u16>,
    /// Leave a deployment that gets nowhere to CodeDeploy, in place of rolling it back at once.
    #[arg(long, env = "AOMIDORI_NO_ROLLBACK", value_parser = BoolishValueParser::new())]
    pub no_rollback: bool,
}

/// Whether to ask.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Change")]
pub struct Confirm {
    /// Do not ask.
    #[arg(long, short = 'y', env = "AOMIDORI_YES", value_parser = BoolishValueParser::new())]
    pub yes: bool,
}
