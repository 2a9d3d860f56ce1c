//! What shows the progress of a run: a live board on a terminal, lines elsewhere, JSON lines with `--json`.

use std::cell::RefCell;

use aomidori_engine::event::Phase;
use aomidori_engine::{Event, Record};

use super::Printer;
use super::json::EventLine;
use super::progress::{self, Live};

/// The printer while something runs. Shared by the run's own task: what asks and what shows take turns.
pub(crate) struct Screen<'p> {
    inner: RefCell<Inner<'p>>,
}

struct Inner<'p> {
    printer: &'p mut Printer,
    live: Option<Live>,
}

impl<'p> Screen<'p> {
    /// Takes the printer; a board is drawn only if somebody looks.
    pub(crate) fn new(printer: &'p mut Printer) -> Screen<'p> {
        let live = start(printer);
        Screen { inner: RefCell::new(Inner { printer, live }) }
    }

    /// As [`Screen::new`], without a board.
    pub(crate) fn quiet(printer: &'p mut Printer) -> Screen<'p> {
        Screen { inner: RefCell::new(Inner { printer, live: None }) }
    }

    /// Shows an event.
    pub(crate) fn see(&self, record: &Record) {
        let Inner { printer, live } = &mut *self.inner.borrow_mut();
        printer.json(&EventLine::new(record));
        if matches!(record.event, Event::Phase { phase: Phase::Apply | Phase::Confirm }) && live.is_none() {
            *live = start(printer);
        }
        let line = progress::line(record, printer.verbose(), printer.err_paint());
        match live {
            Some(live) => live.see(record, line.as_deref()),
            // With `--json` the events are the progress.
            None if printer.is_json() => {}
            None => {
                if let Some(line) = line {
                    printer.note(&format!("{line}\n"));
                }
            }
        }
    }

    /// Draws the board as it is now.
    pub(crate) fn tick(&self) {
        if let Some(live) = &self.inner.borrow().live {
            live.tick();
        }
    }

    /// Takes the board away until the plan is carried out, and prints.
    pub(crate) fn with<T>(&self, print: impl FnOnce(&mut Printer) -> T) -> T {
        let Inner { printer, live } = &mut *self.inner.borrow_mut();
        if let Some(live) = live.take() {
            live.finish();
        }
        print(printer)
    }
}

fn start(printer: &Printer) -> Option<Live> {
    (printer.is_live() && !printer.is_json()).then(|| Live::start(printer.err_paint()))
}

impl Drop for Inner<'_> {
    fn drop(&mut self) {
        if let Some(live) = self.live.take() {
            live.finish();
        }
    }
}
