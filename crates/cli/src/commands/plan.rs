//! `plan`: what `up` or `down` would do.

use std::path::Path;

use aomidori_engine::{Cloud, Events, Planned, preview};
use aomidori_plan::{Mode, Notice, PlanFile};
use tokio_util::sync::CancellationToken;

use super::done;
use super::session::{AtOnce, Session, drive};
use crate::error::Error;
use crate::exit::Exit;
use crate::view::json::PlanResult;
use crate::view::plan::{Header, Show};
use crate::view::screen::Screen;
use crate::view::{self, Printer, schedule};

/// What `plan` was asked for.
pub(crate) struct Asked<'a> {
    pub(crate) mode: Mode,
    pub(crate) out: Option<&'a Path>,
    pub(crate) detailed_exitcode: bool,
    pub(crate) compact: bool,
    pub(crate) groups: &'a [String],
}

/// Observes, plans, shows and saves.
pub(crate) async fn run<C: Cloud>(
    session: &Session<C>,
    asked: &Asked<'_>,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let Planned { observation, plan } = planned(session, asked.mode, printer).await?;
    let header = session.header(&observation.account, &observation.region);
    let show = Show { compact: asked.compact, groups: asked.groups, observation: Some(&observation) };
    let text = view::plan::human(&header, &plan, show, printer.out_paint());
    printer.result(&text);
    if let Some(path) = asked.out {
        let file = PlanFile::new(&session.source.stack, &observation, plan.clone());
        let json = file.to_json().map_err(|error| Error::Bug(error.to_string()))?;
        std::fs::write(path, json).map_err(|source| Error::Write {
            what: "the plan file",
            path: path.to_owned(),
            source,
        })?;
        printer.note(&format!("Saved to {}. Carry it out with `up {0}`.\n", path.display()));
    }
    let result = result(&header, &plan);
    let exit = match (asked.detailed_exitcode, result.empty, result.foreign_drift) {
        (false, _, _) | (true, true, false) => Exit::Done,
        (true, true, true) => Exit::LeftoversOrDrift,
        (true, false, _) => Exit::ChangesPending,
    };
    Ok(done(printer, "plan", exit, result))
}

/// What is live, and what is to be done about it.
pub(crate) async fn planned<C: Cloud>(
    session: &Session<C>,
    mode: Mode,
    printer: &mut Printer,
) -> Result<Planned, Error> {
    let options = session.options(false);
    let (events, records) = Events::channel();
    let cancel = CancellationToken::new();
    let screen = Screen::new(printer);
    let run = async {
        tokio::select! {
            planned = preview(&session.cloud, &session.source.stack, mode, &options, &events) => Some(planned),
            () = cancel.cancelled() => None,
        }
    };
    match drive(&screen, records, &cancel, run).await {
        Ok(Some(planned)) => planned.map_err(|error| session.explain(error, None)),
        Ok(None) | Err(AtOnce) => {
            Err(Error::Interrupted { why: vec!["nothing was changed".to_owned()], help: Vec::new() })
        }
    }
}

/// A plan as the JSON result has it.
pub(crate) fn result<'a>(header: &'a Header, plan: &'a aomidori_plan::Plan) -> PlanResult<'a> {
    PlanResult {
        stack: &header.stack,
        account: &header.account,
        region: &header.region,
        summary: plan.summary(),
        empty: plan.is_empty(),
        foreign_drift: plan.notices.iter().any(|notice| matches!(notice, Notice::ForeignDrift { .. })),
        estimate_seconds: schedule::legs(plan).0,
        plan,
    }
}
