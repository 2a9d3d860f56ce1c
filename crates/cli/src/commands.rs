//! The commands: settings in, exit code out. What they show goes through the views.

mod local;
mod look;

use crate::app::App;
use crate::args::{self, Command};
use crate::error::Error;
use crate::exit::Exit;
use crate::settings::{Environment, Output};
use crate::view;
use crate::view::Printer;
use crate::view::json::ResultLine;

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
        Command::Status(args) => ("status", &args.cloud.output),
        Command::Show(args) => ("show", &args.output),
        Command::Validate(args) => ("validate", &args.output),
        Command::Graph(args) => ("graph", &args.output),
        Command::Local(args::Local::Start(args)) => ("local start", &args.output),
        Command::Local(args::Local::Stop(args)) => ("local stop", &args.output),
        Command::Local(args::Local::Status(args)) => ("local status", &args.output),
        Command::Local(args::Local::Reset(args)) => ("local reset", &args.output),
        Command::Local(args::Local::Serve(args)) => ("local serve", &args.output),
    }
}

async fn dispatch(
    app: &App,
    command: &Command,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    match command {
        Command::Plan(_) | Command::Up(_) | Command::Down(_) | Command::Status(_) => {
            Err(Error::Bug("not wired yet".to_owned()))
        }
        Command::Show(args) => look::show(app, args, environment, printer),
        Command::Validate(args) => look::validate(app, args, environment, printer),
        Command::Graph(args) => look::graph(app, args, environment, printer),
        Command::Local(args) => local::run(app, args, environment, printer),
    }
}

/// Prints the result line of a command that went well.
fn done<T: serde::Serialize>(printer: &mut Printer, command: &'static str, exit: Exit, result: T) -> Exit {
    printer.json(&ResultLine::new(command, exit, Some(result), None));
    exit
}
