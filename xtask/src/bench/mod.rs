//! `cargo xtask bench`: this program and Terraform side by side, on one local cloud, in one run.
//!
//! Two tables. **Side by side**: both tools believe that they talk to AWS; the server is one on which nothing takes time,
//! every answer takes as long as was asked for, and nothing is throttled. **Against the stated time**: this program alone,
//! on a server with AWS's durations and rate limits, both scaled down by one factor together with the way to AWS; what it
//! takes is compared with the critical path that its own plan states.
//!
//! Every measured command is a process of its own; calls are what the server has counted.

mod measure;
mod profile;
mod report;
mod server;
mod stacks;
mod terraform;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aomidori_cli::BoxError;
use clap::{Args, ValueEnum};

use measure::measured;
use profile::Profile;
use report::{Machine, Report, Run, Setup, Stated};
use server::Server;
use terraform::Terraform;

/// What `bench` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Bench {
    /// How often each measurement is made; medians are shown.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// How many environments the stack has.
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [1, 10, 50],
        value_parser = clap::value_parser!(u8).range(1..=200))]
    environments: Vec<u8>,
    /// How many milliseconds every call takes at the least.
    #[arg(long, value_name = "MS,MS", value_delimiter = ',', default_values_t = [0, 50])]
    latency: Vec<u32>,
    /// Who is measured.
    #[arg(long, value_name = "TOOL,TOOL", value_delimiter = ',', default_values_t = [Tool::Aomidori, Tool::Terraform])]
    tools: Vec<Tool>,
    /// How many resources Terraform works on at once [default: Terraform's own, 10].
    #[arg(long, value_name = "N")]
    parallelism: Option<NonZeroU16>,
    /// Which tables are made.
    #[arg(long, value_name = "TABLE,TABLE", value_delimiter = ',', default_values_t = [Table::Sides, Table::Stated])]
    tables: Vec<Table>,
    /// How much faster than AWS the server is against which the stated time is held.
    #[arg(long, value_name = "FACTOR", default_value_t = 20)]
    speed: u32,
    /// How this program is built for it [default: as it runs now].
    #[arg(long, value_name = "dev|release", hide_possible_values = true)]
    profile: Option<Profile>,
    /// Write everything measured to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tool {
    /// This program.
    Aomidori,
    /// Terraform, with what this program emits.
    Terraform,
}

/// What is made of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Table {
    /// Side by side.
    Sides,
    /// Against the time that the plan states.
    Stated,
}

impl std::fmt::Display for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Tool::Aomidori => "aomidori",
            Tool::Terraform => "terraform",
        })
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Table::Sides => "sides",
            Table::Stated => "stated",
        })
    }
}

/// What both tools do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Operation {
    /// `up`, or Terraform's `apply`, on nothing.
    Up,
    /// `plan` where there is nothing to do.
    Plan,
    /// `down`, or Terraform's `destroy`, of everything.
    Down,
}

impl Operation {
    const ALL: [Operation; 3] = [Operation::Up, Operation::Plan, Operation::Down];

    /// What it is called, by this program and by Terraform.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Operation::Up => ("up", "apply"),
            Operation::Plan => ("plan", "plan"),
            Operation::Down => ("down", "destroy"),
        }
    }
}

/// One stack to measure with, on disk.
struct Subject {
    environments: u8,
    resources: usize,
    /// The stack file.
    stack: PathBuf,
    /// The Terraform configuration.
    terraform: Option<PathBuf>,
}

/// A benchmark as it runs.
struct Bencher<'a> {
    asked: &'a Bench,
    program: PathBuf,
    folder: &'a Path,
    terraform: Result<Terraform, String>,
    report: Report,
}

/// Measures, prints the tables, writes the results.
pub(crate) fn run(asked: &Bench) -> Result<(), BoxError> {
    let (program, profile) = profile::program(asked.profile, &mut say)?;
    let folder = Scratch::new()?;
    let terraform = match asked.tools.contains(&Tool::Terraform) && asked.tables.contains(&Table::Sides) {
        true => Terraform::find(asked.parallelism),
        false => Err("it was not asked for".into()),
    };
    if let (Err(why), true) = (&terraform, asked.tools.contains(&Tool::Terraform)) {
        say(&format!("NO TERRAFORM: {why}. Its columns stay empty."));
    }
    let setup = Setup {
        command: command_line(std::env::args()),
        profile,
        runs: asked.runs,
        speed: asked.speed,
        machine: Machine::here(),
        terraform: terraform.as_ref().map(|found| found.version.clone()).map_err(Clone::clone),
    };
    let mut bencher = Bencher { asked, program, folder: &folder.0, terraform, report: Report::new(setup) };
    bencher.all()?;
    let text = bencher.report.markdown();
    writeln!(io::stdout(), "{text}")?;
    match bencher.report.failures() {
        0 => Ok(()),
        failures => Err(format!("{failures} measurements failed; they are in the tables").into()),
    }
}

/// The command as a person types it.
fn command_line(arguments: impl Iterator<Item = String>) -> String {
    ["cargo xtask".to_owned()].into_iter().chain(arguments.skip(1)).collect::<Vec<_>>().join(" ")
}

impl Bencher<'_> {
    fn all(&mut self) -> Result<(), BoxError> {
        let (environments, latencies): (BTreeSet<u8>, BTreeSet<u32>) =
            (self.asked.environments.iter().copied().collect(), self.asked.latency.iter().copied().collect());
        for count in environments {
            let subject = self.subject(count)?;
            for latency in &latencies {
                if self.asked.tables.contains(&Table::Sides) {
                    self.sides(&subject, *latency)?;
                }
                if self.asked.tables.contains(&Table::Stated) && self.asked.tools.contains(&Tool::Aomidori) {
                    self.stated(&subject, *latency)?;
                }
            }
        }
        Ok(())
    }

    /// Writes a stack, and Terraform's configuration of it.
    fn subject(&self, environments: u8) -> Result<Subject, BoxError> {
        let stack = stacks::of(environments)?;
        let file = self.folder.join(format!("stack-{environments}.json"));
        fs::write(&file, stack.to_json()?)?;
        let configuration = match &self.terraform {
            Err(_) => None,
            Ok(_) => {
                let folder = self.folder.join(format!("terraform-{environments}"));
                let mut emit = self.ours(&["emit", "terraform", "--out"]);
                emit.arg(&folder).args(["--backend", &terraform::backend()]).arg("--stack").arg(&file);
                measured(emit, 0, self.folder)?;
                Some(folder)
            }
        };
        Ok(Subject { environments, resources: stack.len(), stack: file, terraform: configuration })
    }

    /// This program, with nothing of the surroundings' settings.
    fn ours(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        server::clean(&mut command);
        command.args(arguments);
        command
    }

    fn sides(&mut self, subject: &Subject, latency: u32) -> Result<(), BoxError> {
        let folder = self.folder.join("cloud");
        let delay = Duration::from_millis(latency.into());
        let server = Server::start(&self.program, &folder, "instant", delay)?;
        for run in 1..=self.asked.runs {
            for tool in [Tool::Aomidori, Tool::Terraform] {
                if !self.asked.tools.contains(&tool) || tool == Tool::Terraform && subject.terraform.is_none() {
                    continue;
                }
                server.reset()?;
                if let (Tool::Terraform, Ok(terraform), Some(configuration)) =
                    (tool, &self.terraform, &subject.terraform)
                {
                    terraform.init(configuration, &server, self.folder)?;
                }
                let before = server.census()?;
                for operation in Operation::ALL {
                    server.forget_calls()?;
                    let command = self.side(tool, operation, subject, &server);
                    let usage = measured(command, 0, self.folder).map_err(|error| error.to_string());
                    let usage = match (usage, operation) {
                        (Ok(usage), Operation::Down) => server.is_as(&before).map(|()| usage),
                        (usage, _) => usage,
                    };
                    let calls = server.calls()?;
                    let run = Run { tool, operation, environments: subject.environments, latency, run, calls, usage };
                    say(&run.to_string());
                    let failed = run.usage.is_err();
                    self.report.runs.push(run);
                    self.save()?;
                    if failed {
                        break;
                    }
                }
            }
        }
        server.stop(&folder)
    }

    fn side(&self, tool: Tool, operation: Operation, subject: &Subject, server: &Server) -> Command {
        match (tool, &self.terraform, &subject.terraform) {
            (Tool::Terraform, Ok(terraform), Some(folder)) => terraform.command(operation, folder, server),
            _ => {
                let mut command = match operation {
                    Operation::Up => self.ours(&["up", "--yes", "--compact"]),
                    // Changes would be an exit code of 2, and a failure.
                    Operation::Plan => self.ours(&["plan", "--detailed-exitcode"]),
                    Operation::Down => self.ours(&["down", "--yes", "--compact"]),
                };
                command.args(["--target", "aws"]).arg("--stack").arg(&subject.stack).envs(server.environment());
                command
            }
        }
    }

    fn stated(&mut self, subject: &Subject, latency: u32) -> Result<(), BoxError> {
        let folder = self.folder.join("cloud");
        let delay = Duration::from_millis(latency.into()) / self.asked.speed.max(1);
        let server = Server::start(&self.program, &folder, &self.asked.speed.to_string(), delay)?;
        for run in 1..=self.asked.runs {
            server.reset()?;
            for operation in [Operation::Up, Operation::Down] {
                server.forget_calls()?;
                let mut command = self.ours(&[operation.names().0, "--yes", "--json", "--local-dir"]);
                command.arg(&folder).args(["--region", server.region()]).arg("--stack").arg(&subject.stack);
                let usage = measured(command, 0, self.folder).map_err(|error| error.to_string());
                let result = usage.and_then(|usage| -> Result<_, String> {
                    let out = File::open(measure::output(self.folder)).map_err(|error| error.to_string())?;
                    let seconds = report::stated(BufReader::new(out)).ok_or("its output does not state a time")?;
                    Ok((seconds, usage.wall * f64::from(self.asked.speed)))
                });
                let (calls, resources) = (server.calls()?, subject.resources);
                let environments = subject.environments;
                let stated = Stated { operation, environments, resources, latency, run, calls, result };
                say(&stated.to_string());
                let failed = stated.result.is_err();
                self.report.stated.push(stated);
                self.save()?;
                if failed {
                    break;
                }
            }
        }
        server.stop(&folder)
    }

    /// Writes what is known by now: a long run that is stopped has not been for nothing.
    fn save(&self) -> Result<(), BoxError> {
        if let Some(file) = &self.asked.out {
            fs::write(file, serde_json::to_vec_pretty(&self.report)?)?;
        }
        Ok(())
    }
}

/// A folder that is gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Scratch> {
        let folder = std::env::temp_dir().join(format!("aomidori-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Scratch(folder.canonicalize()?))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in the way of nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Progress, for whoever looks.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
