//! `cargo xtask`: the practice environment on Aomidori's command line.

use aomidori_cli::{App, BoxError, Exit, InvalidInput};
use aomidori_practice::{InputError, Inputs};

fn main() -> Exit {
    let mut app = App::new("the practice environment", |given| {
        let mut inputs = Inputs::default();
        given.apply(|key, value| inputs.set(key, value).map_err(why))?;
        aomidori_practice::stack(&inputs).map_err(|error| blame(error, given.given()))
    })
    .called("cargo xtask")
    .groups(["across", "network", "security", "platform", "discovery", "services", "code-deploy"])
    .practice_images(["blue", "green"]);
    for input in Inputs::KEYS {
        app = app.input(input.key, input.default, input.help);
    }
    app.main()
}

/// What is wrong with a value; the command line itself says with which.
fn why(error: InputError) -> BoxError {
    match error {
        InputError::Value { reason, .. } => reason.into(),
        other => other.into(),
    }
}

/// Inputs that do not fit together, blamed on one of them.
fn blame<'a>(error: InputError, mut given: impl Iterator<Item = (&'a str, &'a str)>) -> BoxError {
    match error {
        InputError::Misfit { key, reason } => {
            let value = given.find(|(name, _)| *name == key).map_or("", |(_, value)| value).to_owned();
            Box::new(InvalidInput { key: key.to_owned(), value, source: reason.into() })
        }
        other => other.into(),
    }
}
