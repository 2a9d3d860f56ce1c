//! What changes nothing: `generations`, `appspec`, `tasks`.

use aomidori_deploy::cloud::DeployCloud;
use aomidori_deploy::{Deployer, generations as history};
use futures_util::future::try_join_all;

use super::desk::Desk;
use super::follow::setting;
use crate::app::App;
use crate::args;
use crate::commands::done;
use crate::error::{Error, Failure};
use crate::exit::Exit;
use crate::settings::Environment;
use crate::view::Printer;
use crate::view::deployment::{self as view, AppSpecResult, GenerationsResult, TasksResult};

/// `generations`: every one that served.
pub(in crate::commands) async fn generations(
    app: &App,
    args: &args::OfService,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::OfService { service, cloud } = args;
    let (desk, _) = Desk::open(app, cloud, service.service.as_deref(), environment, printer).await?;
    let generations = desk.asked(history::generations(desk.cloud(), &desk.site).await).await?;
    let now = desk.clock.now();
    printer.result(&desk.header.line(printer.out_paint()));
    printer.result(&view::generations(&desk.name(), &generations, now, printer.out_paint()));
    let back_to = history::back_to(&generations, None).map(|generation| generation.number);
    let result = GenerationsResult { service: desk.name(), back_to, generations };
    Ok(done(printer, "generations", Exit::Done, result))
}

/// `appspec`: what CodeDeploy is told.
pub(in crate::commands) async fn appspec(
    app: &App,
    args: &args::AppSpec,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::AppSpec { service, task_definition, format, cloud } = args;
    let (desk, environment) = Desk::open(app, cloud, service.service.as_deref(), environment, printer).await?;
    let yaml = match environment.text(format.as_ref(), "AOMIDORI_FORMAT").as_deref() {
        None | Some("yaml") => true,
        Some("json") => false,
        Some(other) => return Err(setting("--format", other, "`yaml` or `json`")),
    };
    desk.pair("appspec")?;
    let task_definition = environment.text(task_definition.as_ref(), "AOMIDORI_TASK_DEFINITION");
    let name = match task_definition.as_deref() {
        None | Some("current") => {
            let service = desk.asked(desk.cloud().service(&desk.site.at).await).await?;
            let primary = service.as_ref().and_then(|it| it.task_sets.iter().find(|set| set.status == "PRIMARY"));
            let live = primary.map(|set| set.task_definition.clone());
            live.or_else(|| service?.task_definition).unwrap_or_else(|| desk.site.definition.family.to_string())
        }
        Some("latest") => desk.site.definition.family.to_string(),
        Some(name) => super::start::full_name(&desk, name)?,
    };
    let revision = desk.asked(desk.cloud().revision(&name).await).await?;
    let revision = revision.ok_or(Failure::NoRevision { name })?;
    let Some(appspec) = desk.site.appspec(&revision.arn) else {
        return Err(Error::Bug("a service of CodeDeploy's without an AppSpec".to_owned()));
    };
    let json: serde_json::Value = serde_json::from_str(&appspec.to_json()).unwrap_or_default();
    let text = if yaml { appspec.to_yaml() } else { format!("{json:#}\n") };
    printer.result(&text);
    let result =
        AppSpecResult { service: desk.name(), task_definition: revision.arn, appspec: json, yaml: appspec.to_yaml() };
    Ok(done(printer, "appspec", Exit::Done, result))
}

/// `tasks`: those that run, and why others stopped.
pub(in crate::commands) async fn tasks(
    app: &App,
    args: &args::OfService,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::OfService { service, cloud } = args;
    let (desk, _) = Desk::open(app, cloud, service.service.as_deref(), environment, printer).await?;
    let mut groups = desk.site.target_groups();
    groups.dedup();
    let targets = try_join_all(groups.iter().map(|group| DeployCloud::health(desk.cloud(), group)));
    let all =
        async { tokio::try_join!(desk.cloud().tasks(&desk.site.at), desk.cloud().service(&desk.site.at), targets) };
    let (tasks, live, targets) = desk.asked(all.await).await?;
    let sets = live.map(|service| service.task_sets).unwrap_or_default();
    let rolling = matches!(desk.site.deployer, Deployer::Rolling { .. });
    let result = TasksResult::new(desk.name(), tasks, &sets, &targets.concat());
    printer.result(&desk.header.line(printer.out_paint()));
    printer.result(&view::tasks(&result, rolling, desk.clock.now(), printer.out_paint()));
    Ok(done(printer, "tasks", Exit::Done, result))
}
