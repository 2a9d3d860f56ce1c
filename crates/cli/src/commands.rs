//! The commands: settings in, exit code out. What they show goes through the views.

mod adopt;
mod change;
mod deployment;
mod emit;
mod local;
mod look;
mod plan;
mod session;
mod status;

use std::sync::Arc;

use aomidori_aws::{Aws, S3Place};
use aomidori_engine::run::Difference;
use aomidori_plan::Mode;

use crate::app::{App, Origin};
use crate::args::{self, Command, Target};
use crate::connect;
use crate::error::Error;
use crate::exit::Exit;
use crate::images::{Guarded, Missing};
use crate::local_cloud;
use crate::settings::{self, Change, Environment, Load, Output};
use crate::view::json::ResultLine;
use crate::view::{self, Printer};

pub(crate) use session::Session;
use session::prepare;

/// Runs a command on a runtime of its own.
pub(crate) fn block_on(app: &App, command: &Command, environment: &Environment, printer: &mut Printer) -> Exit {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(run(app, command, environment, printer));
            // A second Ctrl-C must not wait for what is still in flight.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            let error = Error::Bug(format!("no async runtime: {error}"));
            printer.note(&view::error::human(&error, printer.err_paint()));
            Exit::Error
        }
    }
}

/// Runs a command and reports how it ended.
pub(crate) async fn run(app: &App, command: &Command, environment: &Environment, printer: &mut Printer) -> Exit {
    let (name, output) = describe(command);
    printer.configure(&Output::early(output, environment));
    let result = dispatch(app, command, environment, printer).await;
    match result {
        Ok(exit) => exit,
        Err(error) => {
            let exit = error.exit();
            printer.note(&view::error::human(&error, printer.err_paint()));
            printer.json(&ResultLine::<()>::new(name, exit, None, Some(&error)));
            exit
        }
    }
}

fn describe(command: &Command) -> (&'static str, &args::Output) {
    match command {
        Command::Plan(args) => ("plan", &args.cloud.output),
        Command::Up(args) => ("up", &args.cloud.output),
        Command::Down(args) => ("down", &args.cloud.output),
        Command::Adopt(args) => ("adopt", &args.cloud.output),
        Command::Status(args) => ("status", &args.cloud.output),
        Command::Register(args) => ("register", &args.cloud.output),
        Command::Deploy(args) => ("deploy", &args.cloud.output),
        Command::Reroute(args) => ("reroute", &args.cloud.output),
        Command::Rollback(args) => ("rollback", &args.cloud.output),
        Command::Generations(args) => ("generations", &args.cloud.output),
        Command::Wait(args) => ("wait", &args.cloud.output),
        Command::Attach(args) => ("attach", &args.cloud.output),
        Command::AppSpec(args) => ("appspec", &args.cloud.output),
        Command::Scale(args) => ("scale", &args.cloud.output),
        Command::Tasks(args) => ("tasks", &args.cloud.output),
        Command::Show(args) => ("show", &args.output),
        Command::Validate(args) => ("validate", &args.output),
        Command::Graph(args) => ("graph", &args.output),
        Command::IamPolicy(args) => ("iam-policy", &args.cloud.output),
        Command::Emit(args::Emit::Terraform(args)) => ("emit terraform", &args.cloud.output),
        Command::Emit(args::Emit::Ecspresso(args)) => ("emit ecspresso", &args.cloud.output),
        Command::Emit(args::Emit::Pipeline(args)) => ("emit pipeline", &args.cloud.output),
        Command::Local(args::Local::Start(args)) => ("local start", &args.output),
        Command::Local(args::Local::Stop(args)) => ("local stop", &args.output),
        Command::Local(args::Local::Status(args)) => ("local status", &args.output),
        Command::Local(args::Local::Reset(args)) => ("local reset", &args.output),
        Command::Local(args::Local::Serve(args)) => ("local serve", &args.local.output),
    }
}

async fn dispatch(
    app: &App,
    command: &Command,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    match command {
        Command::Plan(args) => plan_command(app, args, environment, printer).await,
        Command::Up(args) => up_command(app, args, environment, printer).await,
        Command::Down(args) => down_command(app, args, environment, printer).await,
        Command::Status(args) => {
            let (source, settings, _) = prepare(app, &args.cloud, environment, printer, Load::Valid)?;
            let session = connect::open(app, source, settings, printer).await?;
            named(&session, status::run(&session, &app.groups, printer).await).await
        }
        Command::Adopt(args) => adopt::run(app, args, environment, printer).await,
        Command::Show(args) => look::show(app, args, environment, printer),
        Command::Validate(args) => look::validate(app, args, environment, printer),
        Command::Graph(args) => look::graph(app, args, environment, printer),
        Command::IamPolicy(args) => look::iam_policy(app, args, environment, printer),
        Command::Emit(args::Emit::Terraform(args)) => emit::terraform(app, args, environment, printer).await,
        Command::Emit(args::Emit::Ecspresso(args)) => emit::ecspresso(app, args, environment, printer).await,
        Command::Emit(args::Emit::Pipeline(args)) => emit::pipeline(app, args, environment, printer),
        Command::Local(args) => local::run(app, args, environment, printer),
        Command::Register(args) => deployment::register(app, args, environment, printer).await,
        Command::Deploy(args) => deployment::deploy(app, args, environment, printer).await,
        Command::Reroute(args) => deployment::reroute(app, args, environment, printer).await,
        Command::Rollback(args) => deployment::rollback(app, args, environment, printer).await,
        Command::Generations(args) => deployment::generations(app, args, environment, printer).await,
        Command::Wait(args) => deployment::wait(app, args, environment, printer).await,
        Command::Attach(args) => deployment::attach(app, args, environment, printer).await,
        Command::AppSpec(args) => deployment::appspec(app, args, environment, printer).await,
        Command::Scale(args) => deployment::scale(app, args, environment, printer).await,
        Command::Tasks(args) => deployment::tasks(app, args, environment, printer).await,
    }
}

async fn plan_command(
    app: &App,
    args: &args::Plan,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Plan { destroy, out, detailed_exitcode, detail, cloud } = args;
    let base = settings::environment(app, environment, &cloud.stack.env)?;
    let destroy = base.on(*destroy, "AOMIDORI_DESTROY")?;
    let load = if destroy { Load::Any } else { Load::Valid };
    let (source, settings, environment) = prepare(app, cloud, environment, printer, load)?;
    let out = environment.path(out.as_ref(), "AOMIDORI_OUT");
    let asked = plan::Asked {
        mode: if destroy { Mode::Destroy } else { Mode::Converge },
        out: out.as_deref(),
        detailed_exitcode: environment.on(*detailed_exitcode, "AOMIDORI_DETAILED_EXITCODE")?,
        compact: environment.on(detail.compact, "AOMIDORI_COMPACT")?,
        groups: &app.groups,
    };
    let session = connect::open(app, source, settings, printer).await?;
    named(&session, plan::run(&session, &asked, printer).await).await
}

async fn up_command(
    app: &App,
    args: &args::Up,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Up { plan, no_image_check, change, detail, cloud } = args;
    let file = plan.as_deref().map(|path| Ok::<_, Error>((look::plan_file(path)?, path))).transpose()?;
    let load = match &file {
        Some((file, _)) => Load::Given(&file.stack),
        None => Load::Valid,
    };
    let (source, mut settings, environment) = prepare(app, cloud, environment, printer, load)?;
    let mode = file.as_ref().map_or(Mode::Converge, |(file, _)| file.plan.mode);
    if let Some((file, path)) = &file {
        settings.region.get_or_insert_with(|| file.region.clone());
        let origin = || (file.account.clone(), Origin::Flag(path.display().to_string()));
        settings.account.get_or_insert_with(origin);
    }
    let asked = change::Asked {
        mode,
        change: Change::new(change, &environment)?,
        compact: environment.on(detail.compact, "AOMIDORI_COMPACT")?,
        groups: &app.groups,
        approved: file,
    };
    let missing = match (environment.on(*no_image_check, "AOMIDORI_NO_IMAGE_CHECK")?, settings.target) {
        (true, _) => Missing::Ignore,
        (false, Target::Local) => app.practice_images.clone().map_or(Missing::Refuse, Missing::Practice),
        (false, Target::Aws) => Missing::Refuse,
    };
    local_cloud::hurry(&settings)?;
    let session = connect::open(app, source, settings, printer).await?;
    if let Some((file, path)) = &asked.approved
        && file.region != session.cloud.region()
    {
        let why = vec![format!("it is for region {}, and this is {}", file.region, session.cloud.region())];
        return Err(Error::StalePlan { path: path.to_path_buf(), why });
    }
    let stack = Arc::clone(&session.source.stack);
    let session = session.map(|aws| Guarded::new(aws, stack, missing));
    match change::run(&session, asked, |guarded| guarded.aws.calls(), printer).await {
        Ok(exit) => Ok(exit),
        Err(error) => {
            let error = session.cloud.explain(error).await;
            Err(connect::name_caller(&session.cloud.aws, error).await)
        }
    }
}

async fn down_command(
    app: &App,
    args: &args::Down,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Down { change, detail, cloud } = args;
    let (source, settings, environment) = prepare(app, cloud, environment, printer, Load::Any)?;
    let asked = change::Asked {
        mode: Mode::Destroy,
        change: Change::new(change, &environment)?,
        compact: environment.on(detail.compact, "AOMIDORI_COMPACT")?,
        groups: &app.groups,
        approved: None,
    };
    local_cloud::hurry(&settings)?;
    let session = connect::open(app, source, settings, printer).await?;
    named(&session, change::run(&session, asked, Aws::calls, printer).await).await
}

/// An error with the caller's name where that matters.
async fn named(session: &Session<Aws>, result: Result<Exit, Error>) -> Result<Exit, Error> {
    match result {
        Ok(exit) => Ok(exit),
        Err(error) => Err(connect::name_caller(&session.cloud, error).await),
    }
}

/// A place in S3 that a flag names.
fn in_s3(flag: &str, text: &str) -> Result<S3Place, Error> {
    text.parse().map_err(|why| Error::Setting {
        origin: flag.to_owned(),
        value: text.to_owned(),
        takes: format!("`s3://BUCKET/KEY`, or that with `?region=REGION`: {why}"),
    })
}

/// Prints the result line of a command that went well.
fn done<T: serde::Serialize>(printer: &mut Printer, command: &'static str, exit: Exit, result: T) -> Exit {
    printer.json(&ResultLine::new(command, exit, Some(result), None));
    exit
}

/// What differs between an approved plan and the one that would be carried out now, one line each.
fn stale(differences: &[Difference]) -> Vec<String> {
    let step = |step: &aomidori_plan::Step| format!("{} {}", view::plan::glyph(step), step.address);
    differences
        .iter()
        .map(|difference| match difference {
            Difference::Stack => "it is for another stack".to_owned(),
            Difference::Mode => "one builds up, the other tears down".to_owned(),
            Difference::Gone(gone) => format!("not needed any more: {}", step(gone)),
            Difference::New(new) => format!("needed now and not in it: {}", step(new)),
            Difference::Changed { approved, now: _ } => format!("to be done in another way now: {}", step(approved)),
        })
        .collect()
}
