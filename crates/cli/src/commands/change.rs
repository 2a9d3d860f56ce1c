//! `up` and `down`: a plan is shown, confirmed, carried out, and its result confirmed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use aomidori_engine::{Cloud, End, Events, Planned, Report, RunError};
use aomidori_plan::{Action, Mode, Plan, PlanFile, StepId};
use tokio_util::sync::CancellationToken;

use super::done;
use super::plan;
use super::session::{AtOnce, Session, drive};
use crate::error::{Error, Leftover, StepFailure, StepFailures};
use crate::exit::Exit;
use crate::local_cloud;
use crate::settings::Change;
use crate::view::json::{PlanLine, RunResult, VERSION};
use crate::view::plan::Show;
use crate::view::screen::Screen;
use crate::view::summary::Outputs;
use crate::view::{self, Printer, summary};

/// What `up` or `down` was asked for.
pub(crate) struct Asked<'a> {
    pub(crate) mode: Mode,
    pub(crate) change: Change,
    pub(crate) compact: bool,
    pub(crate) groups: &'a [String],
    /// A saved plan, and where it was.
    pub(crate) approved: Option<(PlanFile, &'a Path)>,
}

impl Asked<'_> {
    fn command(&self) -> &'static str {
        match self.mode {
            Mode::Converge => "up",
            Mode::Destroy => "down",
        }
    }

    fn question(&self, stack: &str) -> String {
        match self.mode {
            Mode::Converge => format!("Make {stack} so?"),
            Mode::Destroy => format!("Delete all of that? There is no way back for {stack}."),
        }
    }
}

/// How the question was answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// There was nobody to ask.
    Nobody,
}

/// Carries it out. `calls` tells how many calls were made by then.
pub(crate) async fn run<C: Cloud>(
    session: &Session<C>,
    asked: Asked<'_>,
    calls: impl Fn(&C) -> BTreeMap<String, u64>,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let command = asked.command();
    let mut options = session.options(asked.change.break_lock);
    let file = asked.approved.as_ref().map(|(_, path)| *path);
    if let Some((file, _)) = &asked.approved {
        if options.account.is_none() {
            options.account = Some(file.account.clone());
        }
        options.approved = Some(file.plan.clone());
        let answer = approve_file(session, &asked, file, printer).await;
        if answer != Answer::Yes {
            return Err(Error::Unconfirmed { action: command, nobody: answer == Answer::Nobody });
        }
    }
    let (events, records) = Events::channel();
    let cancel = CancellationToken::new();
    let answer = Cell::new(Answer::Yes);
    let report = {
        let screen = Screen::new(printer);
        let approve = async |planned: &Planned| {
            screen.with(|printer| show(session, &asked, planned, printer));
            answer.set(ask(&screen, asked.change.yes, &asked.question(session.source.stack.name().as_str())).await);
            answer.get() == Answer::Yes
        };
        let run = async {
            let (cloud, stack) = (&session.cloud, &session.source.stack);
            match asked.mode {
                Mode::Converge => aomidori_engine::up(cloud, stack, &options, approve, &events, &cancel).await,
                Mode::Destroy => aomidori_engine::down(cloud, stack, &options, approve, &events, &cancel).await,
            }
        };
        drive(&screen, records, &cancel, run).await
    };
    let report = match report {
        Ok(Ok(report)) => report,
        Ok(Err(RunError::NotApproved)) => {
            return Err(Error::Unconfirmed { action: command, nobody: answer.get() == Answer::Nobody });
        }
        Ok(Err(error)) => return Err(session.explain(error, file)),
        Err(AtOnce) => {
            return Err(Error::Interrupted {
                why: vec!["it was stopped with calls in flight: they may have been done or not".to_owned()],
                help: vec![format!("run `{command}` again: it finds what was done and goes on from there")],
            });
        }
    };
    finish(session, &asked, report, &calls(&session.cloud), printer)
}

/// Shows the plan, and says what it is to scripts.
fn show<C: Cloud>(session: &Session<C>, asked: &Asked<'_>, planned: &Planned, printer: &mut Printer) {
    let Planned { observation, plan } = planned;
    let header = session.header(&observation.account, &observation.region);
    let show = Show { compact: asked.compact, groups: asked.groups, observation: Some(observation) };
    let text = view::plan::human(&header, plan, show, printer.out_paint());
    printer.result(&text);
    printer.json(&PlanLine { r#type: "plan", version: VERSION, plan: plan::result(&header, plan) });
}

async fn approve_file<C: Cloud>(
    session: &Session<C>,
    asked: &Asked<'_>,
    file: &PlanFile,
    printer: &mut Printer,
) -> Answer {
    let header = session.header(&file.account, &file.region);
    let show = Show { compact: asked.compact, groups: asked.groups, observation: None };
    let text = view::plan::human(&header, &file.plan, show, printer.out_paint());
    printer.result(&text);
    printer.json(&PlanLine { r#type: "plan", version: VERSION, plan: plan::result(&header, &file.plan) });
    if file.plan.is_empty() {
        return Answer::Yes;
    }
    let screen = Screen::quiet(printer);
    ask(&screen, asked.change.yes, &asked.question(file.stack.name().as_str())).await
}

/// Asks, unless nobody wants to be asked. Only `yes` is a yes.
pub(super) async fn ask(screen: &Screen<'_>, yes: bool, what: &str) -> Answer {
    if yes {
        return Answer::Yes;
    }
    let can_ask = screen.with(|printer| {
        if !printer.can_ask() {
            return false;
        }
        let paint = printer.err_paint();
        printer.note(&format!("\n{} Only `yes` is accepted: ", paint.bold(what)));
        true
    });
    if !can_ask {
        return Answer::Nobody;
    }
    // The run goes on renewing its lock meanwhile, and can be interrupted.
    let line = tokio::task::spawn_blocking(Printer::read_line).await;
    match line {
        Ok(Some(line)) if line == "yes" => Answer::Yes,
        Ok(_) | Err(_) => Answer::No,
    }
}

fn finish<C: Cloud>(
    session: &Session<C>,
    asked: &Asked<'_>,
    report: Report,
    calls: &BTreeMap<String, u64>,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let command = asked.command();
    let plan = &report.planned.plan;
    let total = calls.values().sum();
    printer.note(&summary::line(&report, total, printer.err_paint()));
    let observation = report.after.as_ref().unwrap_or(&report.planned.observation);
    match report.end {
        End::NothingToDo | End::Done => {}
        End::Failed => return Err(Error::Steps(failures(&report))),
        End::NotConverged => {
            let left = report.left.iter().flat_map(|left| &left.steps).map(|step| step.address.clone());
            return Err(Error::NotConverged(left.collect()));
        }
        End::Leftovers => {
            let failures = failures(&report);
            if !failures.failed.is_empty() {
                let paint = printer.err_paint();
                printer.note(&view::error::steps(&failures.failed, paint));
            }
            return Err(Error::Leftovers(leftovers(&report)));
        }
        End::LeaseLost => return Err(Error::LockLost { why: summary::stopped(plan, report.outcome.as_ref()) }),
        End::Interrupted => {
            return Err(Error::Interrupted {
                why: summary::stopped(plan, report.outcome.as_ref()),
                help: vec![format!("run `{command}` again: it goes on from here")],
            });
        }
    }
    if report.end == End::NothingToDo && asked.approved.is_none() {
        // Nobody was asked, so nothing was shown yet.
        show(session, asked, &report.planned, printer);
    }
    let outputs = match asked.mode {
        Mode::Converge => summary::outputs(observation, &local_cloud::here(&session.settings).ports),
        Mode::Destroy => Outputs::default(),
    };
    match asked.mode {
        Mode::Converge => {
            let text = summary::after_up(&outputs, session.settings.target, true, printer.out_paint());
            printer.result(&text);
        }
        Mode::Destroy if report.end == End::Done => {
            printer.result(&format!("Nothing is left of {}.\n", session.source.stack.name()));
        }
        Mode::Destroy => {}
    }
    let result = RunResult {
        stack: session.source.stack.name().to_string(),
        account: observation.account.clone(),
        region: observation.region.clone(),
        summary: plan.summary(),
        counts: report.outcome.as_ref().map(aomidori_engine::Outcome::counts).unwrap_or_default(),
        took_seconds: report.outcome.as_ref().map_or(0.0, |outcome| outcome.took.as_secs_f64()),
        outputs: outputs.open,
        aws_names: outputs.aws_names,
        calls: calls.clone(),
    };
    Ok(done(printer, command, Exit::Done, result))
}

pub(super) fn failures(report: &Report) -> StepFailures {
    let Some(outcome) = &report.outcome else { return StepFailures::default() };
    let plan: &Plan = &report.planned.plan;
    let step = |id: StepId| plan.step(id);
    let failed = outcome.failed.iter().filter_map(|failure| {
        let step = step(failure.step)?;
        Some(StepFailure {
            address: step.address.clone(),
            doing: doing(step.action),
            error: failure.error.clone(),
            held_by: failure.holders.clone(),
        })
    });
    StepFailures { failed: failed.collect(), skipped: outcome.skipped.len(), done: outcome.done.len(), caller: None }
}

fn doing(action: Action) -> &'static str {
    view::progress::doing(action)
}

fn leftovers(report: &Report) -> Vec<Leftover> {
    report
        .leftovers
        .iter()
        .map(|left| Leftover {
            what: format!("{} ({} {})", left.address, left.kind.info().title, left.id),
            held_by: left.holders.clone(),
        })
        .collect()
}
