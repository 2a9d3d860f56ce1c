//! `status`: the environment as it is.

use aomidori_engine::{Cloud, Events};
use aomidori_plan::{Observation, Plan};
use tokio_util::sync::CancellationToken;

use super::done;
use super::session::{AtOnce, Session, drive};
use crate::error::Error;
use crate::exit::Exit;
use crate::view::screen::Screen;
use crate::view::status::{Facts, Known};
use crate::view::{self, Printer};

/// Observes and shows. `facts` asks for what no plan needs.
pub(crate) async fn run<C: Cloud>(
    session: &Session<C>,
    groups: &[String],
    facts: impl AsyncFnOnce(&C, &Observation) -> Facts,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let stack = &session.source.stack;
    let (_events, records) = Events::channel();
    let cancel = CancellationToken::new();
    let seen = {
        let screen = Screen::new(printer);
        let look = async {
            let observation = session.cloud.observe(stack).await?;
            let lease = session.cloud.lease(stack.name()).await?;
            let facts = facts(&session.cloud, &observation).await;
            Ok((observation, lease, facts))
        };
        let look = async {
            tokio::select! {
                seen = look => Some(seen),
                () = cancel.cancelled() => None,
            }
        };
        drive(&screen, records, &cancel, look).await
    };
    let (observation, lease, facts) = match seen {
        Ok(Some(seen)) => seen.map_err(|error| session.cloud_error(error))?,
        Ok(None) | Err(AtOnce) => return Err(Error::Interrupted { why: Vec::new(), help: Vec::new() }),
    };
    let plan: Option<Plan> = aomidori_plan::plan(stack, &observation).ok();
    let known =
        Known { stack, observation: &observation, plan: plan.as_ref(), lease: lease.as_ref(), facts: &facts, groups };
    let result = view::status::result(known);
    let header = session.header(&observation.account, &observation.region);
    printer.result(&view::status::human(&header, &result, printer.out_paint()));
    Ok(done(printer, "status", Exit::Done, result))
}
