//! `cargo xtask`: the practice environment on Aomidori's command line, and the repository's own chores.

mod bench;
mod fuzz;

use std::io::Write;

use aomidori_cli::{App, BoxError, Command, Exit, InvalidInput};
use aomidori_practice::{InputError, Inputs};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

#[derive(Parser)]
#[command(disable_help_subcommand = true, arg_required_else_help = true, max_term_width = 110)]
struct Xtask {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one value of it, at the start")]
enum Verb {
    #[command(flatten)]
    Environment(Command),
    /// Measure this program and Terraform side by side, on the local cloud.
    Bench(bench::Bench),
    /// Go round with random stacks between this program and Terraform, on the local cloud, until one fails.
    FuzzRoundtrip(fuzz::Fuzz),
}

fn main() -> Exit {
    let app = app();
    let command = Xtask::command().name("xtask").bin_name("cargo xtask");
    let command = app.clap(command.about("The practice environment: stand up, look at and tear down"));
    let parsed = command.try_get_matches().and_then(|matches| Xtask::from_arg_matches(&matches));
    match parsed.map(|xtask| xtask.verb) {
        Ok(Verb::Environment(command)) => app.run(&command),
        Ok(Verb::Bench(asked)) => told(bench::run(&asked).map(|()| true)),
        Ok(Verb::FuzzRoundtrip(asked)) => told(fuzz::run(&asked)),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { Exit::Error } else { Exit::Done }
        }
    }
}

/// How a chore ended.
fn told<E: std::fmt::Display>(result: Result<bool, E>) -> Exit {
    match result {
        Ok(true) => Exit::Done,
        Ok(false) => Exit::Error,
        Err(error) => {
            // Nobody may be reading; the exit code says it all the same.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            Exit::Error
        }
    }
}

fn app() -> App {
    let mut app = App::new("the practice environment", |given| {
        let mut inputs = Inputs::default();
        given.apply(|key, value| inputs.set(key, value).map_err(why))?;
        aomidori_practice::stack(&inputs).map_err(|error| blame(error, given.given()))
    })
    .called("cargo xtask")
    .groups(["across", "network", "security", "platform", "discovery", "services", "code-deploy"])
    .practice_images(["blue", "green"]);
    for input in Inputs::KEYS {
        app = app.input(input.key, input.default, input.help);
    }
    app
}

/// What is wrong with a value; the command line itself says with which.
fn why(error: InputError) -> BoxError {
    match error {
        InputError::Value { reason, .. } => reason.into(),
        other => other.into(),
    }
}

/// Inputs that do not fit together, blamed on one of them.
fn blame<'a>(error: InputError, mut given: impl Iterator<Item = (&'a str, &'a str)>) -> BoxError {
    match error {
        InputError::Misfit { key, reason } => {
            let value = given.find(|(name, _)| *name == key).map_or("", |(_, value)| value).to_owned();
            Box::new(InvalidInput { key: key.to_owned(), value, source: reason.into() })
        }
        other => other.into(),
    }
}
