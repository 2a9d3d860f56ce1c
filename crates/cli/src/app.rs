//! The program that a host makes of its stack.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::ffi::OsString;
use std::io;
use std::str::FromStr;

use aomidori_model::Stack;
use clap::{CommandFactory, FromArgMatches};

use crate::args::{Command, Program};
use crate::exit::Exit;
use crate::settings::Environment;
use crate::view::Printer;
use crate::{args, commands};

/// Any error that a host's stack function may return.
pub type BoxError = Box<dyn StdError + Send + Sync>;

type Build = Box<dyn Fn(&Inputs) -> Result<Stack, BoxError> + Send + Sync>;

/// A command line over one stack: all of Aomidori's commands, with the host's own inputs.
///
/// ```no_run
/// use aomidori_cli::{App, Exit};
/// use aomidori_model::Stack;
/// use aomidori_model::kinds::Vpc;
///
/// fn main() -> Exit {
///     App::new("shop", |inputs| {
///         let mut stack = Stack::new(format!("shop-{}", inputs.get("stage")).parse()?);
///         let cidr = inputs.parse("cidr")?;
///         stack.add("network/vpc", Vpc { cidr, dns_support: None, dns_hostnames: None });
///         Ok(stack)
///     })
///     .input("stage", "dev", "Which environment it is.")
///     .input("cidr", "10.0.0.0/16", "The VPC's addresses.")
///     .main()
/// }
/// ```
pub struct App {
    pub(crate) title: String,
    pub(crate) called: Option<String>,
    pub(crate) inputs: Vec<InputKey>,
    pub(crate) build: Build,
    pub(crate) groups: Vec<String>,
    pub(crate) local_serve: Vec<OsString>,
    pub(crate) practice_images: Option<Vec<String>>,
}

/// One input of a stack: what `--set KEY=VALUE` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputKey {
    /// Its name: lower-case words joined by `-` or `_`. Its variable is `AOMIDORI_` and the name in capitals, with `_`.
    pub key: String,
    /// What it is if nobody says otherwise.
    pub default: String,
    /// What it is for, in one line.
    pub help: String,
}

impl InputKey {
    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("AOMIDORI_{}", self.key.to_ascii_uppercase().replace(['-', '.'], "_"))
    }
}

/// The inputs of a stack, as one run has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    values: BTreeMap<String, Input>,
}

/// One input's value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// Where a value comes from, for error messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    Flag(String),
    Variable(String),
    File { variable: String, path: String },
}

/// An input's value is not what it takes.
#[derive(Debug, thiserror::Error)]
#[error("`{value}` is not a value of the input `{key}`: {source}")]
pub struct InvalidInput {
    /// The input.
    pub key: String,
    /// The value.
    pub value: String,
    /// What is wrong with it.
    pub source: BoxError,
}

/// Several inputs' values are not what they take.
#[derive(Debug, thiserror::Error)]
#[error("{} input(s) have a wrong value", .0.len())]
pub struct InvalidInputs(pub Vec<InvalidInput>);

impl Inputs {
    /// The value of a declared input; empty for one that is not declared.
    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        self.values.get(key).map_or("", |input| &input.value)
    }

    /// True if somebody set it (a flag, a variable, an env file).
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|input| input.origin != Origin::Default)
    }

    /// The value of an input as some type.
    ///
    /// # Errors
    /// It does not parse; the error names the input, and the command line says where it came from.
    pub fn parse<T>(&self, key: &str) -> Result<T, InvalidInput>
    where
        T: FromStr,
        T::Err: Into<BoxError>,
    {
        let value = self.get(key);
        value.parse().map_err(|source: T::Err| InvalidInput {
            key: key.to_owned(),
            value: value.to_owned(),
            source: source.into(),
        })
    }

    /// The inputs that somebody set, with their values.
    pub fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .filter(|(_, input)| input.origin != Origin::Default)
            .map(|(key, input)| (key.as_str(), input.value.as_str()))
    }

    /// Hands every input that somebody set to `set`, for hosts with a typed struct of their own. Tries all of them.
    ///
    /// # Errors
    /// All that were refused.
    pub fn apply<E: Into<BoxError>>(
        &self,
        mut set: impl FnMut(&str, &str) -> Result<(), E>,
    ) -> Result<(), InvalidInputs> {
        let refused: Vec<InvalidInput> = self
            .given()
            .filter_map(|(key, value)| {
                let source = set(key, value).err()?.into();
                Some(InvalidInput { key: key.to_owned(), value: value.to_owned(), source })
            })
            .collect();
        if refused.is_empty() { Ok(()) } else { Err(InvalidInputs(refused)) }
    }

    pub(crate) fn insert(&mut self, key: &str, value: String, origin: Origin) {
        self.values.insert(key.to_owned(), Input { value, origin });
    }

    pub(crate) fn origin(&self, key: &str) -> Option<&Origin> {
        self.values.get(key).map(|input| &input.origin)
    }
}

impl App {
    /// A program called `title` over the stack that `build` makes of its inputs.
    ///
    /// `build` runs once per command. What it cannot parse it returns as an error ([`Inputs::parse`] and [`Inputs::apply`]
    /// make good ones); what is wrong with the stack itself is found by [`Stack::validate`], all of it at once.
    pub fn new(
        title: impl Into<String>,
        build: impl Fn(&Inputs) -> Result<Stack, BoxError> + Send + Sync + 'static,
    ) -> App {
        App {
            title: title.into(),
            called: None,
            inputs: Vec::new(),
            build: Box::new(build),
            groups: Vec::new(),
            local_serve: vec!["local".into(), "serve".into()],
            practice_images: None,
        }
    }

    /// How people call the program, for help texts (`cargo xtask`); else the name of its file.
    #[must_use]
    pub fn called(mut self, name: impl Into<String>) -> App {
        self.called = Some(name.into());
        self
    }

    /// Declares an input.
    #[must_use]
    pub fn input(mut self, key: impl Into<String>, default: impl Into<String>, help: impl Into<String>) -> App {
        self.inputs.push(InputKey { key: key.into(), default: default.into(), help: help.into() });
        self
    }

    /// The order in which groups of resources are shown; others follow in order of their dependencies.
    #[must_use]
    pub fn groups<S: Into<String>>(mut self, groups: impl IntoIterator<Item = S>) -> App {
        self.groups = groups.into_iter().map(Into::into).collect();
        self
    }

    /// Where a host has put [`Command`] in its own command line: what comes before `local serve` there. The local cloud's
    /// process is started as this program with these arguments.
    #[must_use]
    pub fn under<S: Into<OsString>>(mut self, path: impl IntoIterator<Item = S>) -> App {
        self.local_serve = path.into_iter().map(Into::into).collect();
        self.local_serve.extend(["local".into(), "serve".into()]);
        self
    }

    /// On the local cloud, `up` puts practice images where the stack's images are missing, and under these tags beside
    /// them. Elsewhere it says what to push.
    #[must_use]
    pub fn practice_images<S: Into<String>>(mut self, tags: impl IntoIterator<Item = S>) -> App {
        self.practice_images = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// The stack with these inputs and nothing else set, for hosts' own tests.
    ///
    /// # Errors
    /// What the host's function returns.
    pub fn stack(&self, given: &[(&str, &str)]) -> Result<Stack, BoxError> {
        let mut inputs = Inputs::default();
        for InputKey { key, default, help: _ } in &self.inputs {
            inputs.insert(key, default.clone(), Origin::Default);
        }
        for (key, value) in given {
            inputs.insert(key, (*value).to_owned(), Origin::Flag(format!("--set {key}")));
        }
        (self.build)(&inputs)
    }

    /// The whole program: parses the process's arguments, runs the command, prints to the process's streams.
    pub fn main(&self) -> Exit {
        self.main_from(std::env::args_os())
    }

    /// As [`App::main`], with these arguments (the first is the program's name).
    pub fn main_from<S: Into<OsString> + Clone>(&self, arguments: impl IntoIterator<Item = S>) -> Exit {
        let mut command =
            self.clap(Program::command().about(format!("{}: stand up, look at and tear down", self.title)));
        if let Some(called) = &self.called {
            command = command.bin_name(called.clone());
        }
        let parsed = command.try_get_matches_from(arguments).and_then(|matches| Program::from_arg_matches(&matches));
        match parsed {
            Ok(Program { command }) => self.run(&command),
            Err(error) => {
                let mut printer = Printer::process();
                printer.clap(&error);
                if error.use_stderr() { Exit::Error } else { Exit::Done }
            }
        }
    }

    /// Adds the inputs and the exit codes to the help texts of a command line that holds [`Command`]. Hosts that take
    /// [`Command`] into their own may call it on theirs.
    #[must_use]
    pub fn clap(&self, command: clap::Command) -> clap::Command {
        args::decorate(command, &self.inputs)
    }

    /// Runs a command, printing to the process's streams. For hosts without an async runtime; makes its own.
    pub fn run(&self, command: &Command) -> Exit {
        let mut printer = Printer::process();
        commands::block_on(self, command, &Environment::process(), &mut printer)
    }

    /// As [`App::run`], inside a tokio runtime.
    pub async fn run_async(&self, command: &Command) -> Exit {
        let mut printer = Printer::process();
        commands::run(self, command, &Environment::process(), &mut printer).await
    }

    /// As [`App::run`], with the environment and the two streams given: for hosts that own their terminal, and for
    /// tests. Neither stream is taken for a terminal.
    pub fn run_with(
        &self,
        command: &Command,
        environment: BTreeMap<String, String>,
        out: impl io::Write + Send + 'static,
        err: impl io::Write + Send + 'static,
    ) -> Exit {
        let mut printer = Printer::new(Box::new(out), Box::new(err));
        commands::block_on(self, command, &Environment::from(environment), &mut printer)
    }
}
