//! What was measured, as tables for people and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::io::BufRead;

use serde::Serialize;
use serde_json::Value;

use super::measure::Usage;
use super::profile::Profile;
use super::{Operation, Tool, plural};

/// The version of the JSON.
const VERSION: u32 = 1;

/// How many times faster than Terraform's a plan has to be, at [`FAR`].
const FASTER: f64 = 10.0;
/// How many of Terraform's calls a plan may make.
const CALLS: f64 = 1.0 / 3.0;
/// How much longer than its critical path a run may take.
const OVER: f64 = 1.2;
/// The most memory that a run may have, in bytes.
const MEMORY: f64 = 80e6;
/// Milliseconds per call that speed is judged at.
const FAR: u32 = 50;

/// How it was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Setup {
    /// The command.
    pub(crate) command: String,
    /// The build profile of this program.
    pub(crate) profile: Profile,
    /// How often.
    pub(crate) runs: u32,
    /// How much faster than AWS the server for the stated times is.
    pub(crate) speed: u32,
    /// On what.
    pub(crate) machine: Machine,
    /// Terraform's version, or why there is none.
    pub(crate) terraform: Result<String, String>,
}

/// The machine.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    /// Processors.
    pub(crate) cores: usize,
    /// Operating system and architecture.
    pub(crate) system: String,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Machine {
        Machine {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// One measurement, side by side.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Run {
    /// Whose.
    pub(crate) tool: Tool,
    /// Of what.
    pub(crate) operation: Operation,
    /// Environments in the stack.
    pub(crate) environments: u8,
    /// Milliseconds per call.
    pub(crate) latency: u32,
    /// The number of the run, from 1.
    pub(crate) run: u32,
    /// Calls by `service:Operation`, as the server counted them.
    pub(crate) calls: BTreeMap<String, u64>,
    /// What it used, or why it failed.
    pub(crate) usage: Result<Usage, String>,
}

/// One measurement against the time that the plan states.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Stated {
    /// Of what.
    pub(crate) operation: Operation,
    /// Environments in the stack.
    pub(crate) environments: u8,
    /// Resources in the stack.
    pub(crate) resources: usize,
    /// Milliseconds per call, in the server's time.
    pub(crate) latency: u32,
    /// The number of the run, from 1.
    pub(crate) run: u32,
    /// Calls by `service:Operation`, as the server counted them.
    pub(crate) calls: BTreeMap<String, u64>,
    /// What the plan states and what it took, in seconds of the server's time; or why it failed.
    pub(crate) result: Result<(f64, f64), String>,
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    version: u32,
    /// How it was measured.
    pub(crate) setup: Setup,
    /// Side by side.
    pub(crate) runs: Vec<Run>,
    /// Against the stated time.
    pub(crate) stated: Vec<Stated>,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, theirs) = self.operation.names();
        let name = if self.tool == Tool::Aomidori { ours } else { theirs };
        let calls: u64 = self.calls.values().sum();
        let environments = plural(self.environments.into(), "environment");
        write!(f, "{environments}, {} ms, run {}: {} {name}: {calls} calls, ", self.latency, self.run, self.tool)?;
        match &self.usage {
            Ok(Usage { wall, cpu, memory }) => {
                write!(f, "{} wall, {} CPU, {}", seconds(*wall), seconds(*cpu), megabytes(*memory as f64))
            }
            Err(why) => write!(f, "FAILED: {why}"),
        }
    }
}

impl fmt::Display for Stated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let environments = plural(self.environments.into(), "environment");
        let (name, _) = self.operation.names();
        write!(f, "{environments}, {} ms, run {}: {name} on AWS's time: ", self.latency, self.run)?;
        match &self.result {
            Ok((stated, took)) => write!(f, "{} of {} stated", seconds(*took), seconds(*stated)),
            Err(why) => write!(f, "FAILED: {why}"),
        }
    }
}

/// The time that a plan states, from the lines that `--json` printed.
pub(crate) fn stated(out: impl BufRead) -> Option<f64> {
    let mut lines = out.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let plan = lines.find(|line| line.get("type").and_then(Value::as_str) == Some("plan"))?;
    plan.get("estimate_seconds")?.as_f64()
}

/// The middle of several measurements; of an even number, the mean of the two in the middle.
fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some((low + high) / 2.0)
}

/// A row of the first table: the medians of one tool.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cells {
    calls: f64,
    wall: f64,
    cpu: f64,
    memory: f64,
}

/// What came of a measurement that was repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Measured(Cells),
    Failed,
    Missing,
}

impl Outcome {
    fn cells(self) -> Option<Cells> {
        match self {
            Outcome::Measured(cells) => Some(cells),
            Outcome::Failed | Outcome::Missing => None,
        }
    }

    fn show(self, show: impl Fn(Cells) -> String) -> String {
        match self {
            Outcome::Measured(cells) => show(cells),
            Outcome::Failed => "**failed**".to_owned(),
            Outcome::Missing => "-".to_owned(),
        }
    }
}

impl Report {
    /// One without measurements.
    pub(crate) fn new(setup: Setup) -> Report {
        Report { version: VERSION, setup, runs: Vec::new(), stated: Vec::new() }
    }

    /// How many measurements failed.
    pub(crate) fn failures(&self) -> usize {
        let failed = self.runs.iter().filter(|run| run.usage.is_err()).count();
        failed + self.stated.iter().filter(|run| run.result.is_err()).count()
    }

    /// The tables.
    pub(crate) fn markdown(&self) -> String {
        let mut text = self.heading();
        if !self.runs.is_empty() {
            text.push_str(&self.sides());
        }
        if !self.stated.is_empty() {
            text.push_str(&self.on_time());
        }
        text.push_str(&self.goals());
        text
    }

    fn heading(&self) -> String {
        let Setup { command, profile, runs, speed: _, machine: Machine { cores, system }, terraform } = &self.setup;
        let terraform = match terraform {
            Ok(version) => format!("Terraform {version} with its state in S3"),
            Err(why) => format!("**NO TERRAFORM: {why}**"),
        };
        let what = if *runs == 1 { "One run".to_owned() } else { format!("Medians of {runs} runs") };
        format!(
            "`{command}`\n\n{what} on {} ({system}), Aomidori built with the profile `{}`, {terraform}.\n",
            plural(*cores, "core"),
            profile.name()
        )
    }

    fn sides(&self) -> String {
        let mut text = "\nSide by side, on a local cloud where nothing takes time but the calls, without rate limits. Memory is \
                        the largest process's.\n\n\
                        | environments | ms per call | operation | calls | Terraform | wall | Terraform | CPU | Terraform | memory | Terraform |\n\
                        |---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
            .to_owned();
        let mut cases: Vec<(u8, u32)> = self.runs.iter().map(|run| (run.environments, run.latency)).collect();
        cases.dedup();
        for (environments, latency) in cases {
            for operation in Operation::ALL {
                let of = |tool| self.outcome(tool, operation, environments, latency);
                let (ours, theirs) = (of(Tool::Aomidori), of(Tool::Terraform));
                let (our_name, their_name) = operation.names();
                let name =
                    if our_name == their_name { our_name.to_owned() } else { format!("{our_name}, {their_name}") };
                let _ = write!(text, "| {environments} | {latency} | {name} ");
                for show in [
                    (|cells| format!("{}", cells.calls)) as fn(Cells) -> String,
                    |cells| seconds(cells.wall),
                    |cells| seconds(cells.cpu),
                    |cells| megabytes(cells.memory),
                ] {
                    let _ = write!(text, "| {} | {} ", ours.show(show), theirs.show(show));
                }
                text.push_str("|\n");
            }
        }
        text
    }

    fn outcome(&self, tool: Tool, operation: Operation, environments: u8, latency: u32) -> Outcome {
        let runs = || {
            self.runs.iter().filter(move |run| {
                (run.tool, run.operation, run.environments, run.latency) == (tool, operation, environments, latency)
            })
        };
        if runs().any(|run| run.usage.is_err()) {
            return Outcome::Failed;
        }
        let of = |value: fn(&Usage) -> f64| median(runs().filter_map(|run| run.usage.as_ref().ok()).map(value));
        let calls = median(runs().map(|run| run.calls.values().sum::<u64>() as f64));
        match (calls, of(|usage| usage.wall), of(|usage| usage.cpu), of(|usage| usage.memory as f64)) {
            (Some(calls), Some(wall), Some(cpu), Some(memory)) => Outcome::Measured(Cells { calls, wall, cpu, memory }),
            _ => Outcome::Missing,
        }
    }

    fn on_time(&self) -> String {
        let speed = self.setup.speed;
        let mut text = format!(
            "\nAomidori against the critical path that its plan states, on a local cloud with AWS's durations and rate \
             limits. It, they and the way to it are {speed} times as fast as AWS; seconds are AWS's.\n\n\
             | environments | resources | ms per call | operation | calls | stated | took | ratio |\n\
             |---:|---:|---:|---|---:|---:|---:|---:|\n"
        );
        for (environments, latency, operation) in self.stated_cases() {
            let runs: Vec<&Stated> = self.stated_of(environments, latency, operation).collect();
            let resources = runs.first().map_or(0, |run| run.resources);
            let calls = median(runs.iter().map(|run| run.calls.values().sum::<u64>() as f64)).unwrap_or_default();
            let _ = write!(text, "| {environments} | {resources} | {latency} | {} | {calls} ", operation.names().0);
            let _ = match self.ratio(environments, latency, operation) {
                Some((stated, took)) => {
                    writeln!(text, "| {} | {} | {:.2} |", seconds(stated), seconds(took), took / stated)
                }
                None => writeln!(text, "| **failed** | - | - |"),
            };
        }
        text
    }

    fn stated_cases(&self) -> Vec<(u8, u32, Operation)> {
        let mut cases: Vec<_> = self.stated.iter().map(|run| (run.environments, run.latency, run.operation)).collect();
        cases.sort_unstable();
        cases.dedup();
        cases
    }

    fn stated_of(&self, environments: u8, latency: u32, operation: Operation) -> impl Iterator<Item = &Stated> {
        self.stated
            .iter()
            .filter(move |run| (run.environments, run.latency, run.operation) == (environments, latency, operation))
    }

    /// What was stated and what it took, as medians; none if a run failed.
    fn ratio(&self, environments: u8, latency: u32, operation: Operation) -> Option<(f64, f64)> {
        let runs = || self.stated_of(environments, latency, operation);
        if runs().any(|run| run.result.is_err()) {
            return None;
        }
        let of = |value: fn(&(f64, f64)) -> f64| median(runs().filter_map(|run| run.result.as_ref().ok()).map(value));
        Some((of(|result| result.0)?, of(|result| result.1)?))
    }

    fn goals(&self) -> String {
        let mut text = "\n| goal | result |\n|---|---|\n".to_owned();
        for Goal { what, results } in self.judged() {
            let results = match &results[..] {
                [] => "not measured".to_owned(),
                results => results.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            };
            let _ = writeln!(text, "| {what} | {results} |");
        }
        text
    }

    fn judged(&self) -> Vec<Goal> {
        let mut environments: Vec<u8> = self.runs.iter().map(|run| run.environments).collect();
        environments.dedup();
        let plans = |latency| {
            let plans = environments.iter().filter_map(move |count| {
                let of = |tool| self.outcome(tool, Operation::Plan, *count, latency).cells();
                Some((*count, of(Tool::Aomidori)?, of(Tool::Terraform)?))
            });
            plans.collect::<Vec<_>>()
        };
        let faster = plans(FAR).into_iter().map(|(count, ours, theirs)| {
            let times = theirs.wall / ours.wall;
            Judged { met: times >= FASTER, text: format!("{count}: {times:.1} times") }
        });
        let calls = plans(FAR).into_iter().map(|(count, ours, theirs)| {
            let share = ours.calls / theirs.calls;
            Judged { met: share <= CALLS, text: format!("{count}: {:.0} %", share * 100.0) }
        });
        let memory = environments.iter().filter_map(|count| {
            let most = self
                .runs
                .iter()
                .filter(|run| run.tool == Tool::Aomidori && run.environments == *count)
                .filter_map(|run| run.usage.as_ref().ok())
                .map(|usage| usage.memory as f64)
                .max_by(f64::total_cmp)?;
            Some(Judged { met: most < MEMORY, text: format!("{count}: {}", megabytes(most)) })
        });
        let on_time = self.stated_cases().into_iter().filter_map(|(count, latency, operation)| {
            let (stated, took) = self.ratio(count, latency, operation)?;
            let (name, _) = operation.names();
            let text = format!("{count} at {latency} ms, {name}: {:.2}", took / stated);
            Some(Judged { met: took <= stated * OVER, text })
        });
        vec![
            Goal {
                what: format!("plan {FASTER} times as fast as Terraform's at {FAR} ms per call"),
                results: faster.collect(),
            },
            Goal { what: "plan with at most a third of Terraform's calls".to_owned(), results: calls.collect() },
            Goal {
                what: format!("up and down within {OVER} times the stated critical path"),
                results: on_time.collect(),
            },
            Goal { what: format!("peak memory under {}", megabytes(MEMORY)), results: memory.collect() },
        ]
    }
}

/// A goal, and how it went by the number of environments.
#[derive(Debug)]
struct Goal {
    what: String,
    results: Vec<Judged>,
}

/// One result of a goal.
#[derive(Debug)]
struct Judged {
    met: bool,
    text: String,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.met { f.write_str(&self.text) } else { write!(f, "{} **missed**", self.text) }
    }
}

fn seconds(seconds: f64) -> String {
    match seconds {
        ..1.0 => format!("{seconds:.2} s"),
        ..100.0 => format!("{seconds:.1} s"),
        _ => format!("{seconds:.0} s"),
    }
}

fn megabytes(bytes: f64) -> String {
    format!("{:.0} MB", bytes / 1e6)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it finds something wrong")]

    use super::*;

    #[test]
    fn the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([5.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn a_plan_line_states_its_time() {
        let out = "{\"type\":\"event\",\"version\":1}\n{\"type\":\"plan\",\"version\":1,\"estimate_seconds\":236}\n";
        assert_eq!(stated(out.as_bytes()), Some(236.0));
        assert_eq!(stated("Done.\n".as_bytes()), None);
    }

    fn report(terraform: Result<String, String>) -> Report {
        let machine = Machine { cores: 2, system: "linux x86_64".into() };
        let command = "cargo xtask bench".into();
        let mut report = Report::new(Setup { command, profile: Profile::Dev, runs: 3, speed: 20, machine, terraform });
        for run in 1..=3 {
            for (operation, calls, wall) in
                [(Operation::Up, 300, 6.0), (Operation::Plan, 40, 0.5), (Operation::Down, 200, 5.0)]
            {
                let usage = |times: f64, memory| {
                    Ok(Usage { wall: wall * times + f64::from(run) / 100.0, cpu: 0.4 * times, memory })
                };
                let calls = |times: u64| BTreeMap::from([("ec2:DescribeVpcs".to_owned(), calls * times)]);
                let of = |tool, calls, usage| Run { tool, operation, environments: 1, latency: 50, run, calls, usage };
                report.runs.push(of(Tool::Aomidori, calls(1), usage(1.0, 40_000_000)));
                if report.setup.terraform.is_ok() {
                    report.runs.push(of(Tool::Terraform, calls(4), usage(12.0, 500_000_000)));
                }
            }
            let (operation, calls) = (Operation::Up, BTreeMap::from([("ec2:CreateVpc".to_owned(), 300)]));
            let result = Ok((200.0, 230.0 + f64::from(run)));
            report.stated.push(Stated { operation, environments: 1, resources: 64, latency: 50, run, calls, result });
        }
        report
    }

    #[test]
    fn tables_have_medians_of_both_and_goals() {
        let text = report(Ok("1.11.4".into())).markdown();
        for line in [
            "Medians of 3 runs on 2 cores (linux x86_64), Aomidori built with the profile `dev`, Terraform 1.11.4 with its state in S3.",
            "| 1 | 50 | plan | 40 | 160 | 0.52 s | 6.0 s | 0.40 s | 4.8 s | 40 MB | 500 MB |",
            "| 1 | 64 | 50 | up | 300 | 200 s | 232 s | 1.16 |",
            "| plan 10 times as fast as Terraform's at 50 ms per call | 1: 11.6 times |",
            "| plan with at most a third of Terraform's calls | 1: 25 % |",
            "| up and down within 1.2 times the stated critical path | 1 at 50 ms, up: 1.16 |",
            "| peak memory under 80 MB | 1: 40 MB |",
        ] {
            assert!(text.lines().any(|have| have == line), "no `{line}` in\n{text}");
        }
    }

    #[test]
    fn what_is_missed_or_failed_says_so() {
        let mut report = report(Ok("1.11.4".into()));
        for run in &mut report.runs {
            if let (Tool::Aomidori, Ok(usage)) = (run.tool, &mut run.usage) {
                usage.wall *= 2.0;
                usage.memory *= 3;
            }
        }
        let terraform = report.runs.iter_mut().rfind(|run| run.tool == Tool::Terraform).unwrap();
        terraform.usage = Err("it ended".into());
        let text = report.markdown();
        for part in ["1: 5.8 times **missed**", "1: 120 MB **missed**", "| 200 | **failed** | 10.0 s | **failed** |"] {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
        assert_eq!(report.failures(), 1);
    }

    #[test]
    fn without_terraform_its_columns_are_empty_and_the_goals_open() {
        let text = report(Err("`terraform` cannot be run".into())).markdown();
        for part in [
            "**NO TERRAFORM: `terraform` cannot be run**",
            "| 1 | 50 | up, apply | 300 | - | 6.0 s | - |",
            "per call | not measured |",
            "| peak memory under 80 MB | 1: 40 MB |",
        ] {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
    }
}
