//! Progress of a run: appended lines where nobody can be redrawn for, a live board on a terminal.
//!
//! [`Board`] is a function of the run's events; [`Live`] draws it. Both get the same events.

use std::collections::BTreeMap;
use std::time::Duration;

use aomidori_engine::event::{Counts, Doing, Event, Interruption, Phase, Record, Running, Slots, StepInfo};
use aomidori_engine::{CloudError, ErrorKind};
use aomidori_plan::{Action, StepId};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Paint;
use super::schedule::{about, duration};
use crate::error::count;

/// Waits that are usually shorter than this are not worth a line.
const LONG_WAIT: u64 = 10_000;
/// Retries younger than this are not worth a line.
const LONG_RETRY: u64 = 5_000;

/// The line that an event is worth on a stream; `None` for none. `verbose` 1 adds every start, wait and retry.
pub(crate) fn line(record: &Record, verbose: u8, paint: Paint) -> Option<String> {
    let said = verbose > 0;
    let text = match &record.event {
        Event::Phase { phase } => return if said { Some(phase_words(*phase).to_owned()) } else { None },
        Event::RunStarted { steps, estimate_ms, parallelism, .. } => {
            let steps = count(*steps, "step");
            match estimate_ms / 1000 {
                0..=4 => steps,
                seconds => format!("{steps}, up to {parallelism} calls at once, about {}", about(seconds)),
            }
        }
        Event::StepStarted { step } if said => format!("{}: {}", step.address, doing(step.action)),
        Event::StepCalled { step, id, took_ms } if said => {
            format!("{}: {} {id} ({})", step.address, called(step.action), took(*took_ms))
        }
        Event::StepWaiting { step, waits_for, usually_ms } if said || *usually_ms >= LONG_WAIT => {
            format!("{}: {}{}", step.address, waits_for, usually(*usually_ms))
        }
        Event::StepRetrying { step, error, tries, since_ms, next_ms, holders } if said || *since_ms >= LONG_RETRY => {
            let again = if *next_ms >= 1000 { format!(", again in {}", took(*next_ms)) } else { String::new() };
            let held = if holders.is_empty() { String::new() } else { format!("; held by {}", holders.join(", ")) };
            format!(
                "{} {}: {}, try {} in {}{again}{held}",
                paint.warn("retry"),
                step.address,
                failure(error),
                tries + 1,
                took(*since_ms),
            )
        }
        Event::StepStarted { .. }
        | Event::StepCalled { .. }
        | Event::StepWaiting { .. }
        | Event::StepRetrying { .. } => return None,
        Event::StepFinished { step, id, took_ms } => finished(step, id.as_deref(), *took_ms, paint),
        Event::StepFailed { step, error, holders, took_ms } => {
            let held = holders.iter().map(|line| format!("\n    held by {line}")).collect::<String>();
            format!(
                "{} {} failed after {}: {}{held}",
                paint.bad("!"),
                paint.name(step.address.as_str()),
                took(*took_ms),
                failure(error)
            )
        }
        Event::StepSkipped { step, because } => {
            if said {
                format!("{}: skipped, it needs step {}", step.address, because.0)
            } else {
                return None;
            }
        }
        Event::Heartbeat { slots, running, left, eta_ms } => heartbeat(*slots, running, *left, *eta_ms),
        Event::Interrupted { why, in_flight, left } => {
            let why = match why {
                Interruption::Asked => "interrupted",
                Interruption::LeaseLost => "the lock is lost",
            };
            format!(
                "{}: finishing {}; {} will not be started (interrupt again to stop at once)",
                paint.warn(why),
                count(*in_flight, "call"),
                count(*left, "step")
            )
        }
        Event::LeaseTrouble { error, expires_in_ms } => format!(
            "{}: the lock could not be renewed ({}); it expires in {}",
            paint.warn("warning"),
            failure(error),
            took(*expires_in_ms)
        ),
        Event::CallRetrying { error, tries, next_ms } if said || *tries > 2 => {
            format!("{}: {}, try {}, again in {}", paint.warn("retry"), failure(error), tries + 1, took(*next_ms))
        }
        Event::CallRetrying { .. } => return None,
        // The summary says it.
        Event::RunFinished { .. } | Event::Leftover { .. } => return None,
    };
    Some(text)
}

fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Lease => "taking the lock",
        Phase::Observe => "reading what is live",
        Phase::Plan => "planning",
        Phase::Approve => "asking",
        Phase::Apply => "carrying out the plan",
        Phase::Confirm => "reading what is live, to confirm",
    }
}

/// `creating`, …
pub(crate) fn doing(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update => "changing",
        Action::Delete => "deleting",
        Action::Await => "waiting for",
    }
}

fn called(action: Action) -> &'static str {
    match action {
        Action::Create => "made",
        Action::Update => "changed",
        Action::Delete => "deletion of",
        Action::Await => "found",
    }
}

fn finished(step: &StepInfo, id: Option<&str>, took_ms: u64, paint: Paint) -> String {
    let (glyph, word) = match step.action {
        Action::Create => (paint.good("+"), "created"),
        Action::Update => (paint.warn("~"), "changed"),
        Action::Delete => (paint.bad("-"), "deleted"),
        Action::Await => (paint.dim("."), "ready"),
    };
    let id = match (id, step.action) {
        (Some(id), Action::Create | Action::Update) => paint.dim(&format!("  {}", short(id))),
        _ => String::new(),
    };
    format!("{glyph} {} {word} in {}{id}", paint.name(step.address.as_str()), took(took_ms))
}

/// An id that fits a line: of an ARN what comes after account and region.
pub(crate) fn short(id: &str) -> &str {
    match id.strip_prefix("arn:") {
        Some(_) => id.splitn(6, ':').nth(5).unwrap_or(id),
        None => id,
    }
}

/// A failed call in one line.
pub(crate) fn failure(error: &CloudError) -> String {
    let why = match error.kind {
        ErrorKind::Throttled => "throttled",
        ErrorKind::NotYet => "not visible everywhere yet",
        ErrorKind::Underway => "not finished yet",
        ErrorKind::InUse => "still in use",
        ErrorKind::Unknown => "not answered",
        ErrorKind::NotFound
        | ErrorKind::AlreadyExists
        | ErrorKind::Denied
        | ErrorKind::Credentials
        | ErrorKind::Unreachable
        | ErrorKind::Quota
        | ErrorKind::Refused
        | ErrorKind::Unsupported
        | ErrorKind::Bug => {
            let code = error.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
            return format!("{}: {code}{}", error.operation, error.message);
        }
    };
    match &error.code {
        Some(code) => format!("{} {why} ({code})", error.operation),
        None => format!("{} {why}", error.operation),
    }
}

fn took(ms: u64) -> String {
    match ms {
        0..=9_999 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => duration(ms / 1000),
    }
}

fn usually(ms: u64) -> String {
    if ms >= 2000 { format!(", usually {}", about(ms / 1000)) } else { String::new() }
}

fn heartbeat(slots: Slots, running: &[Running], left: usize, eta_ms: u64) -> String {
    const SHOWN: usize = 3;
    let mut what: Vec<String> = running.iter().take(SHOWN).map(|one| running_words(one, 0)).collect();
    if running.len() > SHOWN {
        what.push(format!("{} more", running.len() - SHOWN));
    }
    let queued = if slots.queued > 0 { format!(" ({} wait for a slot)", slots.queued) } else { String::new() };
    let eta = if eta_ms >= 1000 { format!(", about {}", about(eta_ms / 1000)) } else { String::new() };
    format!("… {} left{eta}{queued}: {}", count(left, "step"), what.join("; "))
}

fn running_words(running: &Running, extra_ms: u64) -> String {
    let Running { step, doing: now, since_ms, usually_ms } = running;
    let what = match now {
        Doing::Calling => doing(step.action).to_owned(),
        Doing::Waiting(waits_for) => waits_for.clone(),
        Doing::Retrying(kind) => match kind {
            ErrorKind::InUse => "still in use, trying again".to_owned(),
            ErrorKind::NotYet => "not visible everywhere yet, trying again".to_owned(),
            ErrorKind::Throttled => "throttled, trying again".to_owned(),
            _ => "trying again".to_owned(),
        },
    };
    let usually = if *usually_ms >= 2000 { format!(" of about {}", about(usually_ms / 1000)) } else { String::new() };
    format!("{} {what}, {}{usually}", step.address, duration((since_ms + extra_ms) / 1000))
}

/// What is going on, as a function of the events so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board {
    steps: usize,
    counts: Counts,
    /// What runs: since when in the run's milliseconds, and what it does.
    running: BTreeMap<StepId, (u64, Running)>,
    /// When the end was estimated, and how far it was then.
    eta: Option<(u64, u64)>,
    phase: Option<Phase>,
    interrupted: bool,
}

impl Board {
    pub(crate) fn see(&mut self, record: &Record) {
        let at = record.at_ms;
        match &record.event {
            Event::Phase { phase } => self.phase = Some(*phase),
            Event::RunStarted { steps, estimate_ms, .. } => {
                self.steps = *steps;
                self.eta = Some((at, *estimate_ms));
            }
            Event::StepStarted { step } => {
                let running = Running { step: step.clone(), doing: Doing::Calling, since_ms: 0, usually_ms: 0 };
                self.running.insert(step.id, (at, running));
            }
            Event::StepWaiting { step, waits_for, usually_ms } => {
                if let Some((_, running)) = self.running.get_mut(&step.id) {
                    running.doing = Doing::Waiting(waits_for.clone());
                    running.usually_ms = *usually_ms;
                }
            }
            Event::StepRetrying { step, error, .. } => {
                if let Some((_, running)) = self.running.get_mut(&step.id) {
                    running.doing = Doing::Retrying(error.kind.clone());
                }
            }
            Event::StepFinished { step, .. } => {
                self.running.remove(&step.id);
                self.counts.done += 1;
            }
            Event::StepFailed { step, .. } => {
                self.running.remove(&step.id);
                self.counts.failed += 1;
            }
            Event::StepSkipped { .. } => self.counts.skipped += 1,
            Event::Heartbeat { running, eta_ms, .. } => {
                self.eta = Some((at, *eta_ms));
                for one in running {
                    if let Some((since, known)) = self.running.get_mut(&one.step.id) {
                        *since = at.saturating_sub(one.since_ms);
                        *known = one.clone();
                    }
                }
            }
            Event::Interrupted { .. } => self.interrupted = true,
            Event::RunFinished { counts, .. } => {
                self.counts = *counts;
                self.running.clear();
                self.phase = None;
            }
            Event::StepCalled { .. }
            | Event::CallRetrying { .. }
            | Event::LeaseTrouble { .. }
            | Event::Leftover { .. } => {}
        }
    }

    /// The board at a moment of the run, in at most `rows` lines of `width` columns.
    pub(crate) fn draw(&self, at_ms: u64, width: usize, rows: usize, paint: Paint) -> String {
        if self.steps == 0 || self.running.is_empty() {
            let words = self.phase.map_or("", phase_words);
            return if words.is_empty() { String::new() } else { paint.dim(&format!("{words} …")) };
        }
        let mut longest: Vec<&(u64, Running)> = self.running.values().collect();
        longest.sort_by_key(|(since, _)| *since);
        let room = rows.saturating_sub(2).max(1);
        let mut lines: Vec<String> = longest
            .iter()
            .take(room)
            .map(|(since, running)| {
                let since_ms = at_ms.saturating_sub(*since);
                let now = Running { since_ms, ..running.clone() };
                fit(&format!("  {}", running_words(&now, 0)), width)
            })
            .collect();
        if longest.len() > room {
            lines.push(format!("  and {} more", longest.len() - room));
        }
        let ended = self.counts.done + self.counts.failed + self.counts.skipped;
        let filled = (ended * 24).checked_div(self.steps).unwrap_or(0).min(24);
        let mut last = format!("[{}{}] {ended} of {}", "=".repeat(filled), " ".repeat(24 - filled), self.steps);
        if self.counts.failed > 0 {
            last.push_str(&format!(", {} failed", self.counts.failed));
        }
        match self.eta.map(|(at, eta)| eta.saturating_sub(at_ms.saturating_sub(at))) {
            _ if self.interrupted => last.push_str(", stopping"),
            Some(eta) if eta >= 1000 => last.push_str(&format!(", about {} left", about(eta / 1000))),
            _ => {}
        }
        lines.push(fit(&last, width));
        lines.join("\n")
    }
}

/// At most `width` columns of a plain text.
fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The board, drawn on stderr.
pub(crate) struct Live {
    bar: ProgressBar,
    board: Board,
    /// The run's clock at the last event, and when that was here.
    at: (u64, std::time::Instant),
    paint: Paint,
}

impl Live {
    pub(crate) fn start(paint: Paint) -> Live {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        // The template is a constant and valid; without it the bar would only look different.
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Live { bar, board: Board::default(), at: (0, std::time::Instant::now()), paint }
    }

    /// Takes an event in; `line` is what it leaves above the board.
    pub(crate) fn see(&mut self, record: &Record, line: Option<&str>) {
        self.board.see(record);
        self.at = (record.at_ms, std::time::Instant::now());
        if let Some(line) = line.filter(|_| !matches!(record.event, Event::Heartbeat { .. })) {
            self.bar.println(line);
        }
        self.tick();
    }

    /// Draws the board as it is now.
    pub(crate) fn tick(&self) {
        let (rows, columns) = console_size();
        let passed = u64::try_from(self.at.1.elapsed().as_millis()).unwrap_or(u64::MAX);
        let text = self.board.draw(self.at.0.saturating_add(passed), columns, rows.min(14), self.paint);
        self.bar.set_message(text);
        self.bar.tick();
    }

    /// Removes the board.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// How often the board is redrawn without an event.
pub(crate) const REDRAW: Duration = Duration::from_millis(250);

fn console_size() -> (usize, usize) {
    let (rows, columns) = console::Term::stderr().size();
    (usize::from(rows), usize::from(columns))
}
