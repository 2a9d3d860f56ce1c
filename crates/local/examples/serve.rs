//! A local cloud in the foreground: `cargo run -p aomidori-local --example serve -- [PORT] [STATE_DIRECTORY]`.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let options = aomidori_local::Options {
        port: arguments.next().and_then(|port| port.parse().ok()).unwrap_or(4577),
        state_dir: arguments.next().map(Into::into),
        quotas: aomidori_local::Quotas::generous(),
        ..aomidori_local::Options::default()
    };
    aomidori_local::serve(options, |cloud| {
        // Nobody may be reading; the cloud runs all the same.
        let _ = writeln!(io::stdout(), "{}", cloud.endpoint());
    })
}
