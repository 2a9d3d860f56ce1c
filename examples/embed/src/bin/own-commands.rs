//! An xtask that has commands of its own beside Aomidori's.

use aomidori::cli::{App, Command, Exit};
use aomidori::prelude::*;
use clap::Parser;

#[derive(Parser)]
#[command(name = "own-commands")]
#[expect(clippy::large_enum_variant, reason = "there is one value of it, at the start")]
enum Xtask {
    /// The shop's environment.
    #[command(subcommand)]
    Cloud(Command),
    /// Something else altogether.
    Lint,
}

fn main() -> Exit {
    let app = App::new("the shop", |_| {
        let mut stack = Stack::new("shop-dev".parse()?);
        stack.add("platform/logs", LogGroup { name: "/shop/dev".parse()?, retention_in_days: Some(14) });
        Ok(stack)
    })
    .under(["cloud"]);
    match Xtask::parse() {
        Xtask::Cloud(command) => app.run(&command),
        Xtask::Lint => Exit::Done,
    }
}
