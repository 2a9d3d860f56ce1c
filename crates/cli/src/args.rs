//! The command line, as clap sees it. Only types; their documentation is the help text.
//!
//! Nothing has a default here: an absent flag can still come from its variable or an env file, which
//! [`settings`](crate::settings) decides.

mod deployment;

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use deployment::*;

use crate::app::InputKey;
use crate::exit::Exit;

/// A whole program around [`Command`]; what [`App::main`](crate::App::main) parses.
#[derive(Clone, Debug, Parser)]
#[command(disable_help_subcommand = true, arg_required_else_help = true, max_term_width = 110)]
pub struct Program {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands over a stack. A host takes them into its own command line with `#[command(flatten)]` or
/// `#[command(subcommand)]`.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show what `up` (or `down`) would do, and change nothing.
    ///
    /// Compares the stack with what is live. Takes no lock and asks nothing.
    Plan(Plan),
    /// Stand the environment up, or bring it to what the stack says.
    ///
    /// Shows the plan, asks, and carries it out. May be repeated at any time, also after a crash: it goes on where the
    /// last one stopped.
    Up(Up),
    /// Tear the environment down, and leave nothing.
    ///
    /// Deletes what carries this stack's mark and nothing else, then looks for leftovers.
    Down(Down),
    /// Show the environment as it is: services, traffic, deployments, images.
    Status(Status),
    /// Make a new revision of a service's task definition, with another image.
    ///
    /// What is registered already makes no new revision. Nothing that runs is touched.
    Register(Register),
    /// Deploy an image or a revision to a service.
    ///
    /// CodeDeploy's services go from blue to green: by default it stops where the test listener shows green and
    /// production is still on blue, for `reroute` or `rollback`. Rolling services are followed to the end.
    Deploy(Deploy),
    /// Shift production traffic to green, where a deployment waits for that.
    Reroute(Reroute),
    /// Go back: stop the deployment that runs, or deploy an earlier generation.
    Rollback(Rollback),
    /// List every generation of a service that served, and whether one can go back to it.
    Generations(OfService),
    /// Wait for the deployment that runs.
    Wait(Wait),
    /// Follow a deployment, whoever started it, and take it over.
    Attach(Attach),
    /// Print the AppSpec with which CodeDeploy is told what to deploy.
    #[command(name = "appspec")]
    AppSpec(AppSpec),
    /// Change how many tasks a service has.
    Scale(Scale),
    /// List the tasks of a service, with why they stopped.
    Tasks(OfService),
    /// Show what the stack is: all resources by group, one in detail, or a saved plan.
    Show(Show),
    /// Check the stack without asking any cloud.
    Validate(Validate),
    /// Print the dependency graph in Graphviz's dot language.
    Graph(Graph),
    /// Print the IAM policy that whoever works on the stack needs.
    ///
    /// Asks no cloud. Whatever this program asks of AWS for this stack is in it, and what AWS asks on the caller's behalf then.
    IamPolicy(IamPolicy),
    /// Write the stack in another tool's language.
    #[command(subcommand)]
    Emit(Emit),
    /// Take over what others made: by tags alone, nothing is created again.
    ///
    /// Shows what of a Terraform state is what of the stack, what differs and what has no place, asks, and marks it as this
    /// stack's. What differs is changed by the next `up`, which shows it before.
    Adopt(Adopt),
    /// Start, stop or look at the local cloud.
    ///
    /// `--target local` starts it by itself; it keeps running between commands.
    #[command(subcommand)]
    Local(Local),
}

/// What `plan` takes.
#[derive(Clone, Debug, Args)]
pub struct Plan {
    /// Plan the teardown.
    #[arg(long, env = "AOMIDORI_DESTROY", value_parser = BoolishValueParser::new())]
    pub destroy: bool,
    /// Save the plan; `up FILE` carries out exactly that, or refuses if the environment has changed since.
    #[arg(long, value_name = "FILE", env = "AOMIDORI_OUT")]
    pub out: Option<PathBuf>,
    /// Exit with 2 if there are changes, with 3 if somebody else changed something.
    #[arg(long, env = "AOMIDORI_DETAILED_EXITCODE", value_parser = BoolishValueParser::new())]
    pub detailed_exitcode: bool,
    /// How it is shown.
    #[command(flatten)]
    pub detail: Detail,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `up` takes.
#[derive(Clone, Debug, Args)]
pub struct Up {
    /// A plan saved by `plan --out`: carried out as it was seen, or refused as stale.
    #[arg(value_name = "PLANFILE")]
    pub plan: Option<PathBuf>,
    /// Do not stop where a container image is not in its repository yet.
    #[arg(long, env = "AOMIDORI_NO_IMAGE_CHECK", value_parser = BoolishValueParser::new())]
    pub no_image_check: bool,
    /// How the change is made.
    #[command(flatten)]
    pub change: Change,
    /// How it is shown.
    #[command(flatten)]
    pub detail: Detail,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `down` takes.
#[derive(Clone, Debug, Args)]
pub struct Down {
    /// How the change is made.
    #[command(flatten)]
    pub change: Change,
    /// How it is shown.
    #[command(flatten)]
    pub detail: Detail,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `adopt` takes.
#[derive(Clone, Debug, Args)]
pub struct Adopt {
    /// A Terraform state, version 4: a file (`terraform state pull` writes one), or `s3://BUCKET/KEY`. Repeatable: what
    /// several roots hold is taken together. A bucket in another region is found; `?region=REGION` names it,
    /// `?versionId=ID` an earlier version.
    #[arg(long, value_name = "FILE|s3://BUCKET/KEY", env = "AOMIDORI_TFSTATE", action = ArgAction::Append)]
    pub tfstate: Vec<String>,
    /// An ECS service to describe with all that belongs to it, where there is no state; repeatable.
    #[arg(long, value_name = "CLUSTER/SERVICE", action = ArgAction::Append, conflicts_with = "tfstate")]
    pub service: Vec<String>,
    /// The file that the described stack is written to, for `--stack` [default: the stack's name and `.json`].
    #[arg(long, value_name = "FILE", env = "AOMIDORI_OUT")]
    pub out: Option<PathBuf>,
    /// The name of the described stack [default: the cluster's].
    #[arg(long, value_name = "NAME", env = "AOMIDORI_NAME")]
    pub name: Option<String>,
    /// Show it, and mark nothing.
    #[arg(long, env = "AOMIDORI_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// How the change is made.
    #[command(flatten)]
    pub change: Change,
    /// How it is shown.
    #[command(flatten)]
    pub detail: Detail,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `status` takes.
#[derive(Clone, Debug, Args)]
pub struct Status {
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `show` takes.
#[derive(Clone, Debug, Args)]
pub struct Show {
    /// The address of one resource (`network/vpc`), or a plan saved by `plan --out`; everything if left out.
    #[arg(value_name = "ADDRESS|PLANFILE")]
    pub what: Option<String>,
    /// Write the stack to this file, for `--stack`.
    #[arg(long, value_name = "FILE", env = "AOMIDORI_OUT")]
    pub out: Option<PathBuf>,
    /// Where the stack comes from.
    #[command(flatten)]
    pub stack: StackSource,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// What `validate` takes.
#[derive(Clone, Debug, Args)]
pub struct Validate {
    /// Where the stack comes from.
    #[command(flatten)]
    pub stack: StackSource,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// What `graph` takes.
#[derive(Clone, Debug, Args)]
pub struct Graph {
    /// Where the stack comes from.
    #[command(flatten)]
    pub stack: StackSource,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// What `iam-policy` takes.
#[derive(Clone, Debug, Args)]
pub struct IamPolicy {
    /// Only what plans and deployments need: for a pipeline's role.
    #[arg(long, env = "AOMIDORI_DEPLOY_ONLY", value_parser = BoolishValueParser::new())]
    pub deploy_only: bool,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// The languages that a stack is written in.
#[derive(Clone, Debug, Subcommand)]
pub enum Emit {
    /// Write Terraform modules and what applies them.
    ///
    /// Asks no cloud, unless live resources are to be imported. A folder with edited files is left alone.
    Terraform(Box<EmitTerraform>),
    /// Write ecspresso's files for every service.
    ///
    /// A configuration, a service definition and task definitions, in a folder for each service. Ids are those of what is
    /// live, unless ecspresso is to find them itself. A folder with edited files is left alone.
    Ecspresso(Box<EmitEcspresso>),
    /// Write a pipeline that deploys a service with this program.
    ///
    /// Build, push, register, deploy, a gate for a person, then re-route or roll back; an OIDC role, and no stored key.
    /// Asks no cloud. A file that was edited is left alone.
    Pipeline(Box<EmitPipeline>),
}

/// What `emit terraform` takes.
#[derive(Clone, Debug, Args)]
pub struct EmitTerraform {
    /// The folder to write to.
    #[arg(long, value_name = "DIR", env = "AOMIDORI_OUT")]
    pub out: Option<PathBuf>,
    /// One root, or one each for what outlives environments, the environment, and CodeDeploy [default: single].
    #[arg(long, value_name = "single|split", env = "AOMIDORI_LAYOUT")]
    pub layout: Option<String>,
    /// Add import blocks for what is live, so that Terraform takes it over without a change.
    #[arg(long, env = "AOMIDORI_IMPORT", value_parser = BoolishValueParser::new())]
    pub import: bool,
    /// Keep Terraform's state in S3, in a bucket that is there, under S3's own lock (Terraform 1.11); `?region=REGION` where
    /// the bucket is not in the stack's region [default: in files].
    #[arg(long, value_name = "s3://BUCKET/KEY", env = "AOMIDORI_BACKEND")]
    pub backend: Option<String>,
    /// Overwrite files that were edited.
    #[arg(long, env = "AOMIDORI_FORCE", value_parser = BoolishValueParser::new())]
    pub force: bool,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `emit ecspresso` takes.
#[derive(Clone, Debug, Args)]
pub struct EmitEcspresso {
    /// The folder to write to.
    #[arg(long, value_name = "DIR", env = "AOMIDORI_OUT")]
    pub out: Option<PathBuf>,
    /// Where ids come from: what is live now, Terraform's state (by ecspresso's `tfstate`), or the environment (by its
    /// `must_env`) [default: live].
    #[arg(long, value_name = "live|tfstate|env", env = "AOMIDORI_IDS")]
    pub ids: Option<String>,
    /// Where `--ids tfstate` finds the state that `emit terraform` leads to: a URL, or a path below the folder.
    #[arg(long, value_name = "URL|PATH", env = "AOMIDORI_TFSTATE")]
    pub tfstate: Option<String>,
    /// Image tags that get a task definition each, for every service [default: what the stack declares; for practice
    /// images blue and green].
    #[arg(long, value_name = "TAG,TAG", value_delimiter = ',', env = "AOMIDORI_IMAGES")]
    pub images: Vec<String>,
    /// Overwrite files that were edited.
    #[arg(long, env = "AOMIDORI_FORCE", value_parser = BoolishValueParser::new())]
    pub force: bool,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// What `emit pipeline` takes.
#[derive(Clone, Debug, Args)]
pub struct EmitPipeline {
    /// Which service.
    #[command(flatten)]
    pub service: Service,
    /// Whose pipeline it is.
    #[arg(long = "for", value_name = "github|circleci|bitbucket", env = "AOMIDORI_FOR")]
    pub vendor: Option<String>,
    /// The file to write (`.yml`), or the repository's folder, where it gets its usual name [default: print it].
    #[arg(long, value_name = "FILE|DIR", env = "AOMIDORI_OUT")]
    pub out: Option<PathBuf>,
    /// The branch that is deployed [default: main].
    #[arg(long, value_name = "NAME", env = "AOMIDORI_BRANCH")]
    pub branch: Option<String>,
    /// The folder of the Dockerfile, in the repository [default: its root].
    #[arg(long, value_name = "DIR", env = "AOMIDORI_CONTEXT")]
    pub context: Option<String>,
    /// Overwrite a file that was edited.
    #[arg(long, env = "AOMIDORI_FORCE", value_parser = BoolishValueParser::new())]
    pub force: bool,
    /// What all commands over a cloud take.
    #[command(flatten)]
    pub cloud: Cloud,
}

/// The commands over the local cloud.
#[derive(Clone, Debug, Subcommand)]
pub enum Local {
    /// Start it, if it does not run.
    Start(LocalArgs),
    /// Stop it. What was made in it is kept.
    Stop(LocalArgs),
    /// Show whether it runs, its address, its clock and what is in it.
    Status(LocalArgs),
    /// Forget everything that was made in it.
    Reset(LocalArgs),
    /// Run it in the foreground (what `start` runs in the background).
    #[command(hide = true)]
    Serve(LocalServe),
}

/// What `local serve` takes.
#[derive(Clone, Debug, Args)]
pub struct LocalServe {
    /// How many milliseconds every answer takes at the least, in real time [default: 0].
    #[arg(long, value_name = "MS", env = "AOMIDORI_LOCAL_LATENCY")]
    pub local_latency: Option<String>,
    /// Account limits that nothing runs into, in place of AWS's defaults.
    #[arg(long, env = "AOMIDORI_LOCAL_GENEROUS", value_parser = BoolishValueParser::new())]
    pub local_generous: bool,
    /// What all commands over the local cloud take.
    #[command(flatten)]
    pub local: LocalArgs,
}

/// What the commands over the local cloud take.
#[derive(Clone, Debug, Args)]
pub struct LocalArgs {
    /// How the local cloud runs.
    #[command(flatten)]
    pub local: LocalCloud,
    /// Variables from files.
    #[command(flatten)]
    pub env: EnvFiles,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// Where the stack comes from.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Stack")]
pub struct StackSource {
    /// Read the stack from this file (`show --out FILE` writes one) in place of the program's own.
    #[arg(long, value_name = "FILE", env = "AOMIDORI_STACK")]
    pub stack: Option<PathBuf>,
    /// Set an input of the stack; repeatable. Each input also has a variable: `AOMIDORI_` and its name in capitals.
    #[arg(long, value_name = "KEY=VALUE", action = ArgAction::Append)]
    pub set: Vec<String>,
    /// Variables from files.
    #[command(flatten)]
    pub env: EnvFiles,
}

/// Variables from files.
#[derive(Clone, Debug, Default, Args)]
pub struct EnvFiles {
    /// Read variables (`AOMIDORI_*`, `AWS_*`) from this dotenv file; repeatable, a later one wins, the environment wins
    /// over all. The file is parsed, never executed.
    #[arg(long, value_name = "FILE", env = "AOMIDORI_ENV_FILE", action = ArgAction::Append)]
    pub env_file: Vec<PathBuf>,
}

/// What all commands over a cloud take.
#[derive(Clone, Debug, Default, Args)]
pub struct Cloud {
    /// Where the stack comes from.
    #[command(flatten)]
    pub stack: StackSource,
    /// Which cloud [default: local].
    #[arg(
        long,
        value_name = "local|aws",
        env = "AOMIDORI_TARGET",
        help_heading = "Cloud",
        hide_possible_values = true
    )]
    pub target: Option<Target>,
    /// The profile of AWS's configuration files.
    #[arg(long, value_name = "NAME", env = "AOMIDORI_PROFILE", help_heading = "Cloud")]
    pub profile: Option<String>,
    /// The region [default: that of the stack's zones, else AWS's configuration].
    #[arg(long, value_name = "REGION", env = "AOMIDORI_REGION", help_heading = "Cloud")]
    pub region: Option<String>,
    /// Refuse to touch any account but this one.
    #[arg(long, value_name = "ID", env = "AOMIDORI_ACCOUNT", help_heading = "Cloud")]
    pub account: Option<String>,
    /// How many calls run at once [default: 10].
    #[arg(long, value_name = "N", env = "AOMIDORI_PARALLELISM", help_heading = "Cloud")]
    pub parallelism: Option<usize>,
    /// How the local cloud runs.
    #[command(flatten)]
    pub local: LocalCloud,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// How the local cloud runs.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Local cloud")]
pub struct LocalCloud {
    /// Where it keeps its state [default: `aomidori-local` in cargo's target directory, else in the user's state
    /// directory].
    #[arg(long, value_name = "DIR", env = "AOMIDORI_LOCAL_DIR")]
    pub local_dir: Option<PathBuf>,
    /// How much faster than real time it runs, or `instant` [default: 60].
    #[arg(long, value_name = "FACTOR", env = "AOMIDORI_LOCAL_SPEED")]
    pub local_speed: Option<String>,
    /// Its port [default: a free one, kept].
    #[arg(long, value_name = "PORT", env = "AOMIDORI_LOCAL_PORT")]
    pub local_port: Option<u16>,
}

/// How a change is made.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Change")]
pub struct Change {
    /// Do not ask.
    #[arg(long, short = 'y', env = "AOMIDORI_YES", value_parser = BoolishValueParser::new())]
    pub yes: bool,
    /// Take the stack's lock, whoever holds it. Only if that run is surely dead.
    #[arg(long, env = "AOMIDORI_BREAK_LOCK", value_parser = BoolishValueParser::new())]
    pub break_lock: bool,
}

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Detail {
    /// Show one line for each resource, without its fields.
    #[arg(long, env = "AOMIDORI_COMPACT", value_parser = BoolishValueParser::new())]
    pub compact: bool,
}

/// How results are printed.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Print newline-delimited JSON: events, and last the result.
    #[arg(long, env = "AOMIDORI_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Colour: auto (on a terminal, unless NO_COLOR is set), always, never [default: auto].
    #[arg(long, value_name = "WHEN", env = "AOMIDORI_COLOR", hide_possible_values = true)]
    pub color: Option<Color>,
    /// Say more: every start, wait and retry.
    #[arg(long, short = 'v', action = ArgAction::Count)]
    pub verbose: u8,
}

/// Which cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// The local cloud on this machine, started by itself.
    Local,
    /// AWS (or whatever `AWS_ENDPOINT_URL` names), with the SDK's standard credentials.
    Aws,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Adds to the help texts what only the program knows: the stack's inputs and the exit codes.
pub(crate) fn decorate(command: clap::Command, inputs: &[InputKey]) -> clap::Command {
    let codes = exit_codes();
    let inputs = inputs_help(inputs);
    let long = if inputs.is_empty() { codes.clone() } else { format!("{inputs}\n\n{codes}") };
    decorate_all(command.after_help(codes).after_long_help(long), &inputs)
}

fn decorate_all(command: clap::Command, inputs: &str) -> clap::Command {
    // A variable's value may be a secret of the host, and makes the help text differ from machine to machine.
    let command = command.mut_args(|arg| arg.hide_env_values(true));
    let takes_inputs = command.get_arguments().any(|arg| arg.get_id() == "set");
    let command = if takes_inputs && !inputs.is_empty() { command.after_long_help(inputs.to_owned()) } else { command };
    command.mut_subcommands(|sub| decorate_all(sub, inputs))
}

fn exit_codes() -> String {
    let lines: Vec<String> = Exit::ALL.iter().map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning())).collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}

/// The inputs as a help section; empty without inputs.
fn inputs_help(inputs: &[InputKey]) -> String {
    if inputs.is_empty() {
        return String::new();
    }
    let mut text = "Inputs (--set KEY=VALUE, or the variable):".to_owned();
    for input in inputs {
        let default = if input.default.is_empty() { String::new() } else { format!(" [default: {}]", input.default) };
        text.push_str(&format!("\n  {}{default} [env: {}]\n      {}", input.key, input.variable(), input.help));
    }
    text
}
