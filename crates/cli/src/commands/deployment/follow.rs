//! Deployments that run: `reroute`, `wait`, `attach`; and following one to where somebody wants it, for all commands.

use aomidori_deploy::cloud::{DeployCloud as _, Deployment, Status};
use aomidori_deploy::decision::{AtReady, OnTrouble, Probe, Start, Until};
use aomidori_deploy::rolling::RollingGoal;
use aomidori_deploy::{Cause, Deployer, Events, Goal, Outcome, Pair, Stage, Timings, deploy, roll};
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::watch::{Asker, watch};
use crate::app::App;
use crate::args;
use crate::commands::done;
use crate::commands::session::AtOnce;
use crate::error::{Error, Failure};
use crate::exit::Exit;
use crate::settings::Environment;
use crate::view::Printer;
use crate::view::deployment::screen::Screen;
use crate::view::deployment::{self as view, DeploymentResult};

/// Right answers in a row that a probe wants, and how often it asks at most.
const ENOUGH: u32 = 3;
const TRIES: u32 = 24;

/// How far a deployment is followed, and what is done on the way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Following {
    pub(super) until: Option<Until>,
    pub(super) auto_reroute: bool,
    /// A path, or a whole address, and the status that is expected.
    pub(super) probe: Option<(String, u16)>,
    pub(super) on_trouble: OnTrouble,
}

impl Following {
    pub(super) fn new(args: &args::Follow, environment: &Environment) -> Result<Following, Error> {
        let args::Follow { wait, auto_reroute, probe, expect, no_rollback } = args;
        let probe = environment.text(probe.as_ref(), "AOMIDORI_PROBE");
        if let Some(path) = &probe
            && !path.starts_with('/')
            && !path.starts_with("http://")
            && !path.starts_with("https://")
        {
            return Err(setting("--probe", path, "a path (`/health`) or a whole address"));
        }
        let takes = "a status from 100 to 599";
        let expect = environment.parsed(expect.as_ref(), "AOMIDORI_EXPECT", takes, str::parse::<u16>)?.unwrap_or(200);
        if !(100..600).contains(&expect) {
            return Err(setting("--expect", &expect.to_string(), takes));
        }
        let auto_reroute = environment.on(*auto_reroute, "AOMIDORI_AUTO_REROUTE")?;
        if auto_reroute && probe.is_some() {
            return Err(setting("--auto-reroute", "true", "to be combined with `--probe`: either looks or does not"));
        }
        let keep = environment.on(*no_rollback, "AOMIDORI_NO_ROLLBACK")?;
        Ok(Following {
            until: until(wait.as_ref(), environment)?,
            auto_reroute,
            probe: probe.map(|path| (path, expect)),
            on_trouble: if keep { OnTrouble::Leave } else { OnTrouble::RollBack },
        })
    }

    /// It re-routes by itself, if all is well.
    pub(super) fn acts(&self) -> bool {
        self.auto_reroute || self.probe.is_some()
    }

    /// How far to wait.
    pub(super) fn until(&self) -> Until {
        self.until.unwrap_or(if self.acts() { Until::Rerouted } else { Until::Ready })
    }

    /// What to do at the wait for the word.
    ///
    /// # Errors
    /// There is no test listener to probe through.
    pub(super) fn at_ready(&self, desk: &Desk) -> Result<AtReady, Error> {
        let Some((path, expect)) = &self.probe else {
            return Ok(if self.auto_reroute { AtReady::Reroute } else { AtReady::Nothing });
        };
        let url = match (path.strip_prefix('/'), &desk.urls.test) {
            (None, _) => path.clone(),
            (Some(rest), Some(test)) => format!("{test}{rest}"),
            (Some(_), None) => return Err(Failure::NoTestListener.into()),
        };
        Ok(AtReady::Probe(Probe { url, expect: *expect, enough: ENOUGH, tries: TRIES }))
    }

    /// Refuses what means nothing to a rolling service.
    pub(super) fn rolling(&self, desk: &Desk) -> Result<(), Error> {
        let flag = match (self.auto_reroute, &self.probe) {
            (true, _) => "--auto-reroute",
            (_, Some(_)) => "--probe",
            _ => return Ok(()),
        };
        Err(Failure::RollingFlag { flag, service: desk.name() }.into())
    }
}

pub(super) fn setting(origin: &str, value: &str, takes: &str) -> Error {
    Error::Setting { origin: origin.to_owned(), value: value.to_owned(), takes: takes.to_owned() }
}

/// `--wait`, or its variable.
pub(super) fn until(flag: Option<&String>, environment: &Environment) -> Result<Option<Until>, Error> {
    let Some(text) = environment.text(flag, "AOMIDORI_WAIT") else { return Ok(None) };
    Ok(Some(match text.as_str() {
        "none" => Until::Created,
        "ready" => Until::Ready,
        "rerouted" => Until::Rerouted,
        "terminated" => Until::Terminated,
        other => return Err(setting("--wait", other, "`ready`, `rerouted`, `terminated` or `none`")),
    }))
}

/// `reroute`: production traffic goes to green.
pub(in crate::commands) async fn reroute(
    app: &App,
    args: &args::Reroute,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Reroute { service, wait, confirm, cloud } = args;
    let (mut desk, environment) = Desk::open(app, cloud, service.service.as_deref(), environment, printer).await?;
    let until = match until(wait.as_ref(), &environment)? {
        Some(Until::Ready) => return Err(setting("--wait", "ready", "`rerouted`, `terminated` or `none`")),
        until => until.unwrap_or(Until::Rerouted),
    };
    let pair = desk.pair("reroute")?;
    let deployment = latest(&desk, pair).await?;
    let running = deployment.filter(|it| !it.status.is_over());
    let Some(running) = running else { return Err(nothing_runs(&desk, pair).await?.into()) };
    let timings = desk.timings_of(pair, &running).await?;
    let id = running.id.clone();
    let stage = desk.progress(running).await?.stage(&timings);
    if !matches!(stage, Stage::Ready { .. }) {
        return Err(Failure::NotReady { id, stage }.into());
    }
    printer.result(&desk.header.line(printer.out_paint()));
    printer.result(&view::rerouting(&desk.name(), &id, &timings, printer.out_paint()));
    super::start::confirm(printer, confirm, &environment, "reroute", "Shift production traffic to green?").await?;
    let goal = Goal {
        start: Start::Follow(id),
        at_ready: AtReady::Reroute,
        until,
        on_trouble: OnTrouble::RollBack,
        abandon: false,
        timings,
    };
    let outcome = carry(&mut desk, &goal, printer).await?;
    finish(&mut desk, "reroute", outcome, None, printer)
}

/// `wait`: until the deployment that runs is where somebody wants it.
pub(in crate::commands) async fn wait(
    app: &App,
    args: &args::Wait,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Wait { service, wait, cloud } = args;
    let (mut desk, environment) = Desk::open(app, cloud, service.service.as_deref(), environment, printer).await?;
    let following = Following {
        until: Some(match until(wait.as_ref(), &environment)? {
            Some(Until::Created) => return Err(setting("--wait", "none", "`ready`, `rerouted` or `terminated`")),
            until => until.unwrap_or(Until::Terminated),
        }),
        auto_reroute: false,
        probe: None,
        on_trouble: OnTrouble::Leave,
    };
    join(&mut desk, "wait", None, &following, printer).await
}

/// `attach`: as `deploy` would have gone on.
pub(in crate::commands) async fn attach(
    app: &App,
    args: &args::Attach,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Attach { what, follow, confirm, cloud } = args;
    let id = what.as_deref().filter(|what| what.starts_with("d-"));
    let service = what.as_deref().filter(|_| id.is_none());
    let (mut desk, environment) = Desk::open(app, cloud, service, environment, printer).await?;
    let following = Following::new(follow, &environment)?;
    if following.acts() {
        let question = "Shift production traffic to green once it is up?";
        super::start::confirm(printer, confirm, &environment, "attach", question).await?;
    }
    // Whoever only looks changes nothing.
    let on_trouble = if following.acts() { following.on_trouble } else { OnTrouble::Leave };
    join(&mut desk, "attach", id, &Following { on_trouble, ..following }, printer).await
}

/// Follows a deployment that is there: this one, or the latest.
async fn join(
    desk: &mut Desk,
    verb: &'static str,
    id: Option<&str>,
    following: &Following,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let pair = match &desk.site.deployer {
        Deployer::CodeDeploy(pair) => pair.clone(),
        Deployer::Rolling { timings, .. } => {
            let timings = *timings;
            following.rolling(desk)?;
            return join_rolling(desk, verb, timings, following, printer).await;
        }
    };
    let found = match id {
        None => latest(desk, &pair).await?,
        Some(id) => desk.asked(desk.cloud().deployment(id).await).await?,
    };
    let deployment = match (found, id, verb) {
        (Some(deployment), _, _) => deployment,
        (None, Some(id), _) => {
            let outcome = Box::new(Outcome::Unknown { id: id.to_owned() });
            return Err(Failure::Ended { outcome }.into());
        }
        // Nothing to wait for.
        (None, None, "wait") => {
            printer.result(&format!("No deployment of {} runs.\n", desk.name()));
            return Ok(done(printer, verb, Exit::Done, result(desk, None, None)));
        }
        (None, None, _) => return Err(nothing_runs(desk, &pair).await?.into()),
    };
    let timings = desk.timings_of(&pair, &deployment).await?;
    printer.result(&desk.header.line(printer.out_paint()));
    let goal = Goal {
        start: Start::Follow(deployment.id),
        at_ready: following.at_ready(desk)?,
        until: following.until(),
        on_trouble: following.on_trouble,
        abandon: false,
        timings,
    };
    let outcome = carry(desk, &goal, printer).await?;
    finish(desk, verb, outcome, None, printer)
}

async fn join_rolling(
    desk: &mut Desk,
    verb: &'static str,
    timings: Timings,
    following: &Following,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let service = desk.asked(desk.cloud().service(&desk.site.at).await).await?;
    let primary = service.and_then(|service| service.rollouts.into_iter().find(|it| it.status == "PRIMARY"));
    let Some(primary) = primary else {
        return Err(Failure::NothingRuns { service: desk.name(), latest: None }.into());
    };
    printer.result(&desk.header.line(printer.out_paint()));
    let goal = RollingGoal {
        task_definition: primary.task_definition.clone(),
        detached: following.until == Some(Until::Created),
        on_trouble: following.on_trouble,
        timings,
    };
    let outcome = carry_rolling(desk, &goal, printer).await?;
    finish(desk, verb, outcome, Some(primary.task_definition), printer)
}

/// The deployment that runs, else the latest one; of a rollback the one that it rolls back.
async fn latest(desk: &Desk, pair: &Pair) -> Result<Option<Deployment>, Error> {
    let recent = desk.recent(pair).await?;
    let Some(first) = recent.iter().find(|it| !it.status.is_over()).or(recent.first()) else { return Ok(None) };
    let origin = first.rolls_back.as_ref().and_then(|of| recent.iter().find(|it| it.id == *of));
    Ok(Some(origin.unwrap_or(first).clone()))
}

async fn nothing_runs(desk: &Desk, pair: &Pair) -> Result<Failure, Error> {
    let latest = latest(desk, pair).await?.map(|it| {
        let how = match it.status {
            Status::Succeeded => "succeeded",
            Status::Failed => "failed",
            _ => "was stopped",
        };
        format!("the latest one, {}, {how}", it.id)
    });
    Ok(Failure::NothingRuns { service: desk.name(), latest })
}

/// Carries a blue/green deployment to what the goal says, with its progress shown.
pub(super) async fn carry(desk: &mut Desk, goal: &Goal, printer: &mut Printer) -> Result<Outcome, Error> {
    desk.go_on()?;
    let (place, options) = (desk.place(), desk.options());
    let (events, records) = Events::channel();
    let (asker, questions) = Asker::new();
    let cancel = CancellationToken::new();
    let run = deploy(desk.cloud(), &place, goal, &options, &asker, &events, &cancel);
    let mut screen = Screen::new(printer, desk.clock, desk.session.speed);
    let ended = watch(&mut screen, records, questions, &cancel, run).await;
    drop(screen);
    ended_with(desk, ended).await
}

/// As [`carry`], of a rolling deployment.
pub(super) async fn carry_rolling(
    desk: &mut Desk,
    goal: &RollingGoal,
    printer: &mut Printer,
) -> Result<Outcome, Error> {
    desk.go_on()?;
    let (place, options) = (desk.place(), desk.options());
    let (events, records) = Events::channel();
    let (asker, questions) = Asker::new();
    let cancel = CancellationToken::new();
    let run = roll(desk.cloud(), &place, goal, &options, &asker, &events, &cancel);
    let mut screen = Screen::new(printer, desk.clock, desk.session.speed);
    let ended = watch(&mut screen, records, questions, &cancel, run).await;
    drop(screen);
    ended_with(desk, ended).await
}

async fn ended_with(
    desk: &Desk,
    ended: Result<Result<Outcome, aomidori_deploy::drive::Lost>, AtOnce>,
) -> Result<Outcome, Error> {
    use aomidori_engine::ErrorKind::{Credentials, Denied};
    match ended {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(lost)) if lost.id.is_none() || matches!(lost.error.kind, Credentials | Denied) => {
            Err(desk.explain(lost.error).await)
        }
        Ok(Err(lost)) => Err(Failure::Lost { id: lost.id, error: lost.error }.into()),
        Err(AtOnce) => Err(Error::Interrupted {
            why: vec!["what was started goes on by itself".to_owned()],
            help: vec!["`attach` follows it, `rollback` stops it and goes back".to_owned()],
        }),
    }
}

/// Says how it ended. To go back is a success only where that was the command.
pub(super) fn finish(
    desk: &mut Desk,
    verb: &'static str,
    outcome: Outcome,
    task_definition: Option<String>,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let asked = verb == "rollback" && matches!(outcome, Outcome::RolledBack { cause: Cause::Asked, .. });
    if !outcome.is_success() && !asked {
        return Err(Failure::Ended { outcome: Box::new(outcome) }.into());
    }
    // Whoever is to look shall have the time for it.
    let slower = matches!(outcome, Outcome::Ready { .. }) && desk.pause()?;
    let deployer = matches!(desk.site.deployer, Deployer::CodeDeploy(_));
    let now = desk.clock.now();
    let text = view::ended(&desk.name(), &outcome, deployer, now, desk.session.speed, &desk.urls, printer.out_paint());
    printer.result(&text);
    if slower {
        printer.note(&view::slower(printer.err_paint()));
    }
    Ok(done(printer, verb, Exit::Done, result(desk, Some(outcome), task_definition)))
}

/// The result for scripts.
pub(super) fn result(desk: &Desk, outcome: Option<Outcome>, task_definition: Option<String>) -> DeploymentResult {
    DeploymentResult {
        stack: desk.site.stack.to_string(),
        service: desk.name(),
        deployment: outcome.as_ref().and_then(|outcome| outcome.id().map(str::to_owned)),
        outcome,
        task_definition,
        urls: desk.urls.clone(),
        calls: desk.cloud().calls(),
    }
}
