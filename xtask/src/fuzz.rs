//! `fuzz-roundtrip`: random stacks between this program and Terraform, open-ended.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aomidori_roundtrip::fuzz::{Asked, fuzz};
use clap::Args;

/// What is asked of a run.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// The first seed; by default one of the clock's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Stop after so many seeds, each of which goes both ways
    #[arg(long, value_name = "N")]
    cases: Option<u64>,
    /// Stop after so many minutes
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,
    /// Make a stack that fails smaller for so many minutes
    #[arg(long, value_name = "M", default_value_t = 20)]
    shrink_minutes: u64,
}

/// Goes round; true if nothing failed.
pub(crate) fn run(asked: &Fuzz) -> Result<bool, Box<dyn std::error::Error>> {
    let Fuzz { seed, cases, minutes, shrink_minutes } = asked;
    let clock = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let asked = Asked {
        seed: seed.unwrap_or(clock),
        cases: *cases,
        time: minutes.map(|minutes| Duration::from_secs(minutes * 60)),
        shrink: Duration::from_secs(shrink_minutes * 60),
        keep: Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fuzz-roundtrip"),
    };
    fuzz(&asked, &mut std::io::stdout())
}
