//! New deployments: `deploy`, and `rollback` to an earlier generation.

use std::collections::BTreeSet;

use aomidori_deploy::cloud::{DeployCloud as _, NewDeployment, Revision};
use aomidori_deploy::decision::{AtReady, OnTrouble, Start, Until};
use aomidori_deploy::digests::record;
use aomidori_deploy::generations::{Ended, Generation, back_to, generations};
use aomidori_deploy::protect::protect;
use aomidori_deploy::register::{ImageRef, Registration, register};
use aomidori_deploy::rolling::RollingGoal;
use aomidori_deploy::{Deployer, Goal, Outcome, Pair};

use super::desk::Desk;
use super::follow::{Following, carry, carry_rolling, finish, result, setting, until};
use super::register::{Image, prepared, registered};
use crate::app::App;
use crate::args;
use crate::commands::done;
use crate::commands::session::run_id;
use crate::error::{Error, Failure};
use crate::exit::Exit;
use crate::settings::Environment;
use crate::view::Printer;
use crate::view::deployment::{self as view, DeployPlan, DryRunResult};

/// What is to be deployed.
enum What {
    /// What is to be registered first, unless it is already.
    New(Box<Registration>),
    /// A revision as it is.
    Revision(Box<Revision>),
}

/// How it is deployed.
struct How {
    verb: &'static str,
    config: Option<String>,
    following: Following,
    dry_run: bool,
    force: bool,
    /// What was said about it: `maintenance:7`, a tag.
    about: String,
    /// What is asked before it begins.
    question: String,
}

/// `deploy`: an image or a revision goes live.
pub(in crate::commands) async fn deploy(
    app: &App,
    args: &args::Deploy,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Deploy { service, image, task_definition, latest, config, force, dry_run, follow, confirm: yes, cloud } =
        args;
    let (mut desk, environment) = Desk::open(app, cloud, service.service.as_deref(), environment, printer).await?;
    let following = Following::new(follow, &environment)?;
    let dry_run = environment.on(*dry_run, "AOMIDORI_DRY_RUN")?;
    let force = environment.on(*force, "AOMIDORI_FORCE")?;
    let config = environment.text(config.as_ref(), "AOMIDORI_CONFIG");
    let task_definition = environment.text(task_definition.as_ref(), "AOMIDORI_TASK_DEFINITION");
    let latest = environment.on(*latest, "AOMIDORI_LATEST")?;
    let image = Image::new(image, &environment)?;
    if usize::from(image.is_some()) + usize::from(task_definition.is_some()) + usize::from(latest) > 1 {
        return Err(setting(
            "--image",
            "",
            "to be combined with `--task-definition` or `--latest`: one of them says it",
        ));
    }
    if let Deployer::Rolling { .. } = &desk.site.deployer {
        following.rolling(&desk)?;
        if config.is_some() {
            return Err(Failure::RollingFlag { flag: "--config", service: desk.name() }.into());
        }
    }
    // Before anything is registered for it.
    if let Deployer::CodeDeploy(pair) = &desk.site.deployer
        && let Some(running) = desk.running(pair).await?
    {
        let outcome = Outcome::Busy { running: Some(running.id), description: running.description };
        return Err(Failure::Ended { outcome: Box::new(outcome) }.into());
    }
    let what = match (&task_definition, latest) {
        (Some(name), _) => What::Revision(Box::new(revision(&desk, name).await?)),
        (None, true) => What::Revision(Box::new(revision(&desk, desk.site.definition.family.as_str()).await?)),
        (None, false) => What::New(Box::new(prepared(&desk, image.as_ref(), dry_run, printer).await?)),
    };
    let about = match (&what, &image) {
        (What::Revision(revision), _) => format!("{}:{}", revision.family, revision.revision),
        (What::New(_), Some(image)) => image.text.clone(),
        (What::New(_), None) => "the stack's image".to_owned(),
    };
    let question = format!("Deploy that to {}?", desk.name());
    let how = How { verb: "deploy", config, following, dry_run, force, about, question };
    go(&mut desk, what, how, yes, &environment, printer).await
}

/// `rollback`: what runs is stopped, or an earlier generation deployed.
pub(in crate::commands) async fn rollback(
    app: &App,
    args: &args::Rollback,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Rollback { service, to, running, config, dry_run, wait, confirm: yes, cloud } = args;
    let (mut desk, environment) = Desk::open(app, cloud, service.service.as_deref(), environment, printer).await?;
    let dry_run = environment.on(*dry_run, "AOMIDORI_DRY_RUN")?;
    let wait = until(wait.as_ref(), &environment)?;
    let config = environment.text(config.as_ref(), "AOMIDORI_CONFIG");
    let to = environment.parsed(to.as_ref(), "AOMIDORI_TO", "the number of a generation", str::parse::<u32>)?;
    if let Deployer::CodeDeploy(pair) = desk.site.deployer.clone()
        && let Some(running) = desk.running(&pair).await?
    {
        if to.is_some() {
            return Err(Failure::Running { id: running.id }.into());
        }
        return stop(&mut desk, &pair, running, dry_run, yes, &environment, printer).await;
    }
    if environment.on(*running, "AOMIDORI_RUNNING")? {
        printer.result(&desk.header.line(printer.out_paint()));
        printer.result(&view::nothing_runs(&desk.name(), printer.out_paint()));
        return Ok(done(printer, "rollback", Exit::Done, result(&desk, None, None)));
    }
    let found = desk.asked(generations(desk.cloud(), &desk.site).await).await?;
    let generation = choose(&desk, &found, to)?;
    let what = restored(&desk, generation, dry_run, printer).await?;
    // It has served before: nobody has to look at it first, unless they want to.
    let until = wait.unwrap_or(Until::Rerouted);
    let by_code_deploy = matches!(desk.site.deployer, Deployer::CodeDeploy(_));
    let following = Following {
        until: Some(until),
        auto_reroute: by_code_deploy && until != Until::Ready,
        probe: None,
        on_trouble: OnTrouble::RollBack,
    };
    let about = format!("generation {}", generation.number);
    let question = format!("Go back to that on {}?", desk.name());
    let how = How { verb: "rollback", config, following, dry_run, force: true, about, question };
    printer.result(&view::going_back(generation, printer.out_paint()));
    go(&mut desk, what, how, yes, &environment, printer).await
}

/// What brings a generation's image back: its revision, as long as that means the same image still.
async fn restored(desk: &Desk, generation: &Generation, dry_run: bool, printer: &mut Printer) -> Result<What, Error> {
    let then = revision(desk, &generation.task_definition).await?;
    let (Some(by_tag), Some(image)) = (&generation.by_tag, &generation.image) else {
        return Ok(What::Revision(Box::new(then)));
    };
    if by_tag == image {
        printer.note(&view::unknown_digest(generation, by_tag, printer.err_paint()));
        return Ok(What::Revision(Box::new(then)));
    }
    let now = by_tag.parse::<ImageRef>().map_err(Failure::Image)?;
    let repository = now.repository.clone().unwrap_or_default();
    let found = desk.cloud().images(&repository, &BTreeSet::from([now.reference.clone()])).await;
    let found = desk.asked(found).await?;
    if found.get(&now.reference).is_some_and(|found| image.ends_with(&found.digest)) {
        return Ok(What::Revision(Box::new(then)));
    }
    // The tag is another image by now, or none.
    printer.note(&view::moved(generation, by_tag, printer.err_paint()));
    let image = Image::of(image).map_err(Failure::Image)?;
    Ok(What::New(Box::new(prepared(desk, Some(&image), dry_run, printer).await?)))
}

/// The generation to go back to.
fn choose<'a>(desk: &Desk, found: &'a [Generation], to: Option<u32>) -> Result<&'a Generation, Error> {
    let generation = match (back_to(found, to), to) {
        (Some(generation), _) => generation,
        (None, Some(number)) => return Err(Failure::NoGeneration { number, known: found.len() }.into()),
        (None, None) => return Err(Failure::NoEarlier { service: desk.name() }.into()),
    };
    let number = generation.number;
    match &generation.obstacle {
        Some(obstacle) => Err(Failure::Obstacle { number, obstacle: obstacle.clone() }.into()),
        None if generation.end == Ended::Live => Err(Failure::Live { number }.into()),
        None => Ok(generation),
    }
}

/// Stops the deployment that runs; CodeDeploy goes back.
async fn stop(
    desk: &mut Desk,
    pair: &Pair,
    running: aomidori_deploy::cloud::Deployment,
    dry_run: bool,
    yes: &args::Confirm,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let timings = desk.timings_of(pair, &running).await?;
    let id = running.id.clone();
    let stage = desk.progress(running).await?.stage(&timings);
    printer.result(&desk.header.line(printer.out_paint()));
    printer.result(&view::stopping(&desk.name(), &id, &stage, printer.out_paint()));
    if dry_run {
        return Ok(done(printer, "rollback", Exit::Done, result(desk, None, None)));
    }
    confirm(printer, yes, environment, "rollback", "Stop it and go back?").await?;
    let goal = Goal {
        start: Start::Follow(id),
        at_ready: AtReady::Nothing,
        until: Until::Terminated,
        on_trouble: OnTrouble::Leave,
        abandon: true,
        timings,
    };
    let outcome = carry(desk, &goal, printer).await?;
    finish(desk, "rollback", outcome, None, printer)
}

/// An active revision of the service's family: its number, `FAMILY:REVISION`, an ARN, or the family for the latest.
async fn revision(desk: &Desk, name: &str) -> Result<Revision, Error> {
    let full = full_name(desk, name)?;
    let found = desk.asked(desk.cloud().revision(&full).await).await?;
    let active = found.filter(|revision| revision.active);
    active.ok_or_else(|| Failure::NoRevision { name: name.to_owned() }.into())
}

/// The name of a revision as ECS takes it.
///
/// # Errors
/// It is of another family.
pub(super) fn full_name(desk: &Desk, name: &str) -> Result<String, Error> {
    let family = desk.site.definition.family.as_str();
    let full = match name.bytes().all(|b| b.is_ascii_digit()) {
        true => format!("{family}:{name}"),
        false => name.to_owned(),
    };
    let leaf = full.rsplit('/').next().unwrap_or(&full);
    if leaf.split(':').next() != Some(family) {
        return Err(Failure::OtherFamily { name: name.to_owned(), family: family.to_owned() }.into());
    }
    Ok(full)
}

/// Shows it, asks, and carries it out.
async fn go(
    desk: &mut Desk,
    what: What,
    how: How,
    yes: &args::Confirm,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let service = desk.asked(desk.cloud().service(&desk.site.at).await).await?;
    let primary = service.as_ref().and_then(|it| it.task_sets.iter().find(|set| set.status == "PRIMARY"));
    let live = primary.map(|set| set.task_definition.clone());
    let live = live.or_else(|| service.as_ref().and_then(|it| it.task_definition.clone()));
    let (arn, current) = match &what {
        What::Revision(revision) => (revision.arn.clone(), None),
        What::New(it) if it.changes.is_empty() => {
            (it.current.as_ref().map(|it| it.arn.clone()).unwrap_or_default(), it.current.as_ref())
        }
        What::New(it) => {
            let family = it.current.as_ref().and_then(|it| it.arn.rsplit_once(':')).map(|(family, _)| family);
            let family = family.unwrap_or(desk.site.definition.family.as_str());
            (format!("{family}:<the new revision>"), it.current.as_ref())
        }
    };
    let timings = match &desk.site.deployer {
        Deployer::CodeDeploy(pair) => desk.timings(pair, how.config.as_deref()).await?,
        Deployer::Rolling { timings, .. } => *timings,
    };
    let (changes, tags) = match &what {
        What::New(registration) => (registration.changes.clone(), registration.asked()),
        What::Revision(_) => Default::default(),
    };
    let plan = DeployPlan {
        service: desk.name(),
        config: match &desk.site.deployer {
            Deployer::CodeDeploy(pair) => Some(how.config.clone().unwrap_or_else(|| pair.config.clone())),
            Deployer::Rolling { .. } => None,
        },
        from: live.clone(),
        to: arn.clone(),
        compared_with: current.map(|current| format!("{}:{}", current.family, current.revision)),
        changes,
        tags,
        timings,
        until: how.following.until(),
        acts: how.following.acts(),
    };
    printer.result(&desk.header.line(printer.out_paint()));
    let appspec = desk.site.appspec(&arn);
    let shown = how.dry_run.then_some(()).and(appspec.as_ref()).map(aomidori_deploy::appspec::AppSpec::to_yaml);
    printer.result(&view::plan(&plan, desk.session.speed, shown.as_deref(), printer.out_paint()));
    if how.dry_run {
        let appspec = appspec.as_ref().and_then(|it| serde_json::from_str(&it.to_json()).ok());
        return Ok(done(printer, how.verb, Exit::Done, DryRunResult { dry_run: true, plan, appspec }));
    }
    if live.as_ref() == Some(&arn) && !how.force {
        printer.result(&format!(
            "{} runs that already: nothing to deploy (`--force` does it all the same).\n",
            desk.name()
        ));
        return Ok(done(printer, how.verb, Exit::Done, result(desk, None, live)));
    }
    confirm(printer, yes, environment, how.verb, &how.question).await?;
    if let Some(live) = &live
        && let Err(error) = record(desk.cloud(), &desk.site, live).await
    {
        printer.note(&view::not_recorded(live, &error, printer.err_paint()));
    }
    let revision = match what {
        What::Revision(revision) => *revision,
        What::New(registration) => {
            let revision = desk.asked(register(desk.cloud(), &desk.site, &registration).await).await?;
            if !registration.changes.is_empty() {
                printer.note(&registered(&revision));
            }
            revision
        }
    };
    if let Some(live) = &live
        && let Err(error) = protect(desk.cloud(), &desk.site, live, &revision).await
    {
        printer.note(&view::not_protected(&error, printer.err_paint()));
    }
    let arn = revision.arn;
    let outcome = match desk.site.deployer.clone() {
        Deployer::CodeDeploy(pair) => {
            let token = run_id();
            let about: String = how.about.chars().take(160).collect();
            let appspec = desk.site.appspec(&arn).map(|appspec| appspec.to_json());
            let goal = Goal {
                start: Start::Create(Box::new(NewDeployment {
                    group: pair.group.clone(),
                    appspec: appspec
                        .ok_or_else(|| Error::Bug("a service of CodeDeploy's without an AppSpec".to_owned()))?,
                    config: how.config.clone(),
                    description: format!("{about} (aomidori {}, run {token})", how.verb),
                    token,
                })),
                at_ready: how.following.at_ready(desk)?,
                until: how.following.until(),
                on_trouble: how.following.on_trouble,
                abandon: false,
                timings,
            };
            carry(desk, &goal, printer).await?
        }
        Deployer::Rolling { timings, .. } => {
            let goal = RollingGoal {
                task_definition: arn.clone(),
                detached: how.following.until == Some(Until::Created),
                on_trouble: how.following.on_trouble,
                timings,
            };
            carry_rolling(desk, &goal, printer).await?
        }
    };
    finish(desk, how.verb, outcome, Some(arn), printer)
}

/// Asks, unless nobody wants to be asked. Only `yes` is a yes.
pub(super) async fn confirm(
    printer: &mut Printer,
    args: &args::Confirm,
    environment: &Environment,
    action: &'static str,
    question: &str,
) -> Result<(), Error> {
    if environment.on(args.yes, "AOMIDORI_YES")? {
        return Ok(());
    }
    if !printer.can_ask() {
        return Err(Error::Unconfirmed { action, nobody: true });
    }
    let paint = printer.err_paint();
    printer.note(&format!("\n{} Only `yes` is accepted: ", paint.bold(question)));
    match tokio::task::spawn_blocking(Printer::read_line).await {
        Ok(Some(line)) if line == "yes" => Ok(()),
        Ok(_) | Err(_) => Err(Error::Unconfirmed { action, nobody: false }),
    }
}
