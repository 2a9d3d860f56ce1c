//! `scale`: another number of tasks.

use aomidori_deploy::scale::{Scaled, scale};
use aomidori_deploy::{Deployer, Events};
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use super::follow::setting;
use super::start::confirm;
use super::watch::{Asker, watch};
use crate::app::App;
use crate::args;
use crate::commands::done;
use crate::error::{Error, Failure};
use crate::exit::Exit;
use crate::settings::Environment;
use crate::view::Printer;
use crate::view::deployment::screen::Screen;
use crate::view::deployment::{self as view, ScaleResult};

pub(in crate::commands) async fn run(
    app: &App,
    args: &args::Scale,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Scale { service, tasks, no_wait, confirm: yes, cloud } = args;
    let (mut desk, environment) = Desk::open(app, cloud, service.service.as_deref(), environment, printer).await?;
    let takes = "how many tasks it shall have";
    let tasks = environment.parsed(tasks.as_ref(), "AOMIDORI_TASKS", takes, str::parse::<u32>)?;
    let tasks = &tasks.ok_or_else(|| setting("--tasks", "", takes))?;
    let wait = !environment.on(*no_wait, "AOMIDORI_NO_WAIT")?;
    let timings = match &desk.site.deployer {
        Deployer::CodeDeploy(pair) => desk.timings(pair, None).await?,
        Deployer::Rolling { timings, .. } => *timings,
    };
    printer.result(&desk.header.line(printer.out_paint()));
    let declared = desk.site.desired.filter(|declared| declared != tasks);
    if let Some(declared) = declared {
        printer.note(&view::scaled_away(&desk.name(), declared));
    }
    let question = format!("Have {} run {tasks} tasks?", desk.name());
    confirm(printer, yes, &environment, "scale", &question).await?;
    desk.go_on()?;
    let (place, options) = (desk.place(), desk.options());
    let (events, records) = Events::channel();
    // Nothing is asked of whoever interrupts: ECS goes on either way.
    let (_asker, questions) = Asker::new();
    let cancel = CancellationToken::new();
    let ended = {
        let run = scale(desk.cloud(), &place, (*tasks, wait), &timings, &options, &events, &cancel);
        let mut screen = Screen::new(printer, desk.clock, desk.session.speed);
        watch(&mut screen, records, questions, &cancel, run).await
    };
    let interrupted = || Error::Interrupted {
        why: vec![format!("ECS goes on until {tasks} tasks run")],
        help: vec!["`tasks` shows how far it is".to_owned()],
    };
    let service = match ended {
        Ok(Ok(Scaled::Done(service))) => service,
        Ok(Ok(Scaled::Stuck(service))) => {
            let events = service.events.into_iter().map(|event| event.message).collect();
            let (running, desired) = (service.running, service.desired);
            return Err(Failure::NotSteady { service: desk.name(), running, desired, events }.into());
        }
        Ok(Ok(Scaled::Left(_))) | Err(_) => return Err(interrupted()),
        Ok(Err(error)) => return Err(desk.explain(error).await),
    };
    let running = service.running;
    printer.result(&format!("{} has {running} of {tasks} tasks running.\n", desk.name()));
    let result = ScaleResult { service: desk.name(), desired: *tasks, running, declared: desk.site.desired };
    Ok(done(printer, "scale", Exit::Done, result))
}
