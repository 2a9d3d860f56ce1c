//! Exit codes: what a script can branch on.

use std::process::{ExitCode, Termination};

/// How a command ended. Nothing in this crate calls `process::exit`; a host returns this from its `main`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use]
pub enum Exit {
    /// 0: done, or nothing to do.
    Done,
    /// 1: an error.
    Error,
    /// 2: changes are pending (`plan --detailed-exitcode`).
    ChangesPending,
    /// 3: something was left over by `down`, or somebody else changed something (`plan --detailed-exitcode`).
    LeftoversOrDrift,
    /// 4: deployed, but rolled back.
    RolledBack,
    /// 5: refused by a guard: lock, account, unconfirmed, stale plan, missing images.
    Refused,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// All of them, in order of their codes.
    pub const ALL: [Exit; 7] = [
        Exit::Done,
        Exit::Error,
        Exit::ChangesPending,
        Exit::LeftoversOrDrift,
        Exit::RolledBack,
        Exit::Refused,
        Exit::Interrupted,
    ];

    /// The process's exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Error => 1,
            Exit::ChangesPending => 2,
            Exit::LeftoversOrDrift => 3,
            Exit::RolledBack => 4,
            Exit::Refused => 5,
            Exit::Interrupted => 130,
        }
    }

    /// What it means, for help texts.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done, or no changes",
            Exit::Error => "error",
            Exit::ChangesPending => "changes are pending (`plan --detailed-exitcode`)",
            Exit::LeftoversOrDrift => "leftovers after `down`, or foreign drift (`plan --detailed-exitcode`)",
            Exit::RolledBack => "deployed, but rolled back",
            Exit::Refused => "refused by a guard: lock, account, unconfirmed, stale plan, missing images",
            Exit::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}
