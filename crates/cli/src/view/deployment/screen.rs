//! What shows the progress of a deployment: one live line below the others on a terminal, lines elsewhere, JSON lines
//! with `--json`.

use aomidori_deploy::event::{Event, Record};
use aomidori_deploy::{Clock, Moment};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::progress;
use crate::view::Printer;
use crate::view::json::EventLine;
use crate::view::schedule::{about, duration};

/// The printer while a deployment is followed.
pub(crate) struct Screen<'p> {
    printer: &'p mut Printer,
    bar: Option<ProgressBar>,
    clock: Clock,
    speed: f64,
    /// What goes on, since when by the cloud's clock, and how long it usually takes in seconds.
    now: Option<(String, Moment, u64)>,
    /// What was said last of a call that fails: once is enough.
    failing: Option<String>,
}

impl<'p> Screen<'p> {
    pub(crate) fn new(printer: &'p mut Printer, clock: Clock, speed: f64) -> Screen<'p> {
        let bar = (printer.is_live() && !printer.is_json()).then(bar);
        Screen { printer, bar, clock, speed, now: None, failing: None }
    }

    /// Shows an event.
    pub(crate) fn see(&mut self, record: &Record) {
        self.printer.json(&EventLine::new(record));
        let now = self.clock.now();
        match &record.event {
            Event::Stage { stage, usually_ms, .. } => {
                self.now = (!stage.is_over()).then(|| (progress::now_at(stage), now, usually_ms / 1000));
            }
            Event::Heartbeat { stage: Some(stage), left_ms, .. } => {
                let since = self.now.as_ref().map_or(now, |(_, since, _)| *since);
                let usually = now.since(since).as_secs() + left_ms / 1000;
                self.now = Some((progress::now_at(stage), since, usually));
            }
            _ => {}
        }
        let paint = self.printer.err_paint();
        let line = progress::line(record, self.printer.verbose(), now, self.speed, paint);
        match &record.event {
            Event::Retrying { .. } if line.is_some() && self.failing == line => return,
            Event::Retrying { .. } => self.failing.clone_from(&line),
            Event::Heartbeat { .. } => {}
            _ => self.failing = None,
        }
        match (&self.bar, line) {
            (Some(bar), Some(line)) if !matches!(record.event, Event::Heartbeat { .. }) => bar.println(line),
            // With `--json` the events are the progress.
            (None, Some(line)) if !self.printer.is_json() => self.printer.note(&format!("{line}\n")),
            _ => {}
        }
        self.tick();
    }

    /// Draws what goes on as it is now.
    pub(crate) fn tick(&self) {
        let (Some(bar), Some((what, since, usually))) = (&self.bar, &self.now) else { return };
        let spent = self.clock.now().since(*since).as_secs();
        let usually = if *usually >= 2 { format!(" of about {}", about(*usually)) } else { String::new() };
        bar.set_message(format!("{what}, {}{usually}", duration(spent)));
    }

    /// Takes the live line away, and prints.
    pub(crate) fn with<T>(&mut self, print: impl FnOnce(&mut Printer) -> T) -> T {
        if let Some(bar) = &self.bar {
            bar.set_message(String::new());
            bar.finish_and_clear();
        }
        let printed = print(self.printer);
        if self.bar.is_some() {
            self.bar = Some(bar());
        }
        printed
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
    // The template is a constant and valid; without it the line would only look different.
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}
