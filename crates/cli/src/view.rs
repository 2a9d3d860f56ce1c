//! Everything that is printed. Nothing outside this module writes to a stream.
//!
//! The result goes to stdout, everything else to stderr. Views are functions from data to text, so that each is tested
//! without a cloud or a terminal.

pub(crate) mod adopt;
pub(crate) mod deployment;
pub(crate) mod error;
pub(crate) mod graph;
pub(crate) mod json;
pub(crate) mod local;
pub(crate) mod paint;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod schedule;
pub(crate) mod screen;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod summary;
pub(crate) mod value;

use std::io::{self, BufRead, IsTerminal, Write};

use serde::Serialize;

use crate::args::Color;
use crate::settings::Output;
pub(crate) use paint::Paint;

/// Where results and progress are printed.
pub(crate) struct Printer {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// Both streams and stdin are the process's own.
    process: bool,
    json: bool,
    out_paint: Paint,
    err_paint: Paint,
    verbose: u8,
}

impl Printer {
    /// Prints to the process's streams.
    pub(crate) fn process() -> Printer {
        Printer { process: true, ..Printer::new(Box::new(io::stdout()), Box::new(io::stderr())) }
    }

    /// Prints to these streams, neither of which is a terminal.
    pub(crate) fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Printer {
        let plain = Paint::new(false);
        Printer { out, err, process: false, json: false, out_paint: plain, err_paint: plain, verbose: 0 }
    }

    /// Prints as the settings say.
    pub(crate) fn configure(&mut self, output: &Output) {
        let on = |terminal: bool| match output.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !output.no_color,
        };
        self.json = output.json;
        self.verbose = output.verbose;
        self.out_paint = Paint::new(on(self.process && io::stdout().is_terminal()));
        self.err_paint = Paint::new(on(self.process && io::stderr().is_terminal()));
    }

    /// The result is printed as JSON lines.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// How much more is to be said.
    pub(crate) fn verbose(&self) -> u8 {
        self.verbose
    }

    /// Somebody looks at stderr, on a terminal that can be drawn on.
    pub(crate) fn is_live(&self) -> bool {
        self.process && io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Somebody can be asked.
    pub(crate) fn can_ask(&self) -> bool {
        self.process && !self.json && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// How the result is painted.
    pub(crate) fn out_paint(&self) -> Paint {
        self.out_paint
    }

    /// How everything else is painted.
    pub(crate) fn err_paint(&self) -> Paint {
        self.err_paint
    }

    /// Prints a part of the result for people; with `--json` nothing.
    pub(crate) fn result(&mut self, text: &str) {
        if !self.json {
            put(&mut self.out, &paint::shown(text));
        }
    }

    /// Prints what clap has to say: help as a result, anything else as an error.
    pub(crate) fn clap(&mut self, error: &clap::Error) {
        let (text, terminal) =
            (error.render(), if error.use_stderr() { io::stderr().is_terminal() } else { io::stdout().is_terminal() });
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || !(self.process && terminal);
        let text = if plain { text.to_string() } else { text.ansi().to_string() };
        if error.use_stderr() { self.note(&text) } else { self.raw(&text) }
    }

    /// Prints text that is the result in whichever form (a graph).
    pub(crate) fn raw(&mut self, text: &str) {
        put(&mut self.out, text);
    }

    /// Prints one line of the JSON result; without `--json` nothing.
    pub(crate) fn json(&mut self, line: &impl Serialize) {
        if self.json
            && let Ok(text) = serde_json::to_string(line)
        {
            put(&mut self.out, &(text + "\n"));
        }
    }

    /// Prints progress, a note or an error.
    pub(crate) fn note(&mut self, text: &str) {
        put(&mut self.err, &paint::shown(text));
    }

    /// One line of stdin; `None` at its end. Blocks.
    pub(crate) fn read_line() -> Option<String> {
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim().to_owned()),
        }
    }
}

/// Whoever reads may have gone; the work goes on all the same.
fn put(stream: &mut impl Write, text: &str) {
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}
