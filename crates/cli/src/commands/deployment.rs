//! The commands over deployments: `register`, `deploy`, `reroute`, `rollback` and what looks at them.

mod desk;
mod follow;
mod look;
mod register;
mod scale;
mod start;
mod watch;

pub(super) use follow::{attach, reroute, wait};
pub(super) use look::{appspec, generations, tasks};
pub(super) use register::run as register;
pub(super) use scale::run as scale;
pub(super) use start::{deploy, rollback};
