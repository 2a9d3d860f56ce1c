//! What AWS has of the resources that a walk found, and no observation tells: named, so that nobody thinks it described.
//!
//! Judging is pure, one function for each of AWS's types; asking is here. What the caller may not ask, or an endpoint cannot
//! answer, is said instead.

mod access;
mod balancer;
mod network;
mod services;

use aomidori_adopt::{Beyond, Walk};
use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::KindName;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::call;
use crate::client::Cx;

/// Adds to a walk what is beyond the model of all that it found. Returned is what could not be asked.
pub(super) async fn read(cx: &Cx, walk: &mut Walk) -> Result<Vec<String>, CloudError> {
    let (mut network, mut balancer, mut services, mut access) =
        (Seen::default(), Seen::default(), Seen::default(), Seen::default());
    tokio::try_join!(
        network::read(cx, walk, &mut network),
        balancer::read(cx, walk, &mut balancer),
        services::read(cx, walk, &mut services),
        access::read(cx, walk, &mut access),
    )?;
    let mut unasked = Vec::new();
    for seen in [network, balancer, services, access] {
        walk.beyond.extend(seen.beyond);
        walk.passed.extend(seen.passed.into_iter().chain(seen.unasked.iter().cloned()));
        unasked.extend(seen.unasked);
    }
    unasked.sort();
    unasked.dedup();
    Ok(unasked)
}

/// How many things are asked about at once.
const AT_ONCE: usize = 16;

/// Asks about each of several things, some at once; what is seen keeps their order.
async fn each<'a, T>(
    items: Vec<T>,
    seen: &mut Seen,
    ask: impl Fn(T) -> BoxFuture<'a, Result<Seen, CloudError>>,
) -> Result<(), CloudError> {
    let asked: Vec<BoxFuture<'a, Result<Seen, CloudError>>> = items.into_iter().map(ask).collect();
    let mut answers = stream::iter(asked).buffered(AT_ONCE);
    while let Some(more) = answers.try_next().await? {
        seen.beyond.extend(more.beyond);
        seen.passed.extend(more.passed);
        seen.unasked.extend(more.unasked);
    }
    Ok(())
}

/// What was seen.
#[derive(Default)]
struct Seen {
    beyond: Vec<Beyond>,
    passed: Vec<String>,
    unasked: Vec<String>,
}

impl Seen {
    fn add(&mut self, of: Has) {
        let (kind, id) = (of.1, of.2);
        let beyond = |(what, shuts, arguments)| Beyond { kind, id: id.clone(), what, shuts, arguments };
        self.beyond.extend(of.0.into_iter().map(beyond));
    }

    /// An answer, unless what was asked for is gone, may not be read, or cannot be answered there.
    fn answer<T>(&mut self, answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
        match call::if_there(answer) {
            Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Unsupported) => {
                self.unasked.push(format!("{} could not be asked: {}", error.operation, error.message));
                Ok(None)
            }
            other => other,
        }
    }
}

/// Terraform leaves it as it is where a configuration does not say it: it is a resource of its own there, AWS decides it, or
/// the provider has no argument for it.
const LEFT: &[&str] = &[];

/// What one resource has beyond the model.
struct Has(Vec<(String, bool, &'static [&'static str])>, KindName, String);

impl Has {
    fn of(kind: KindName, id: Option<&str>) -> Has {
        Has(Vec::new(), kind, id.unwrap_or_default().to_owned())
    }

    /// Something that a description leaves unsaid, and the arguments of Terraform that say it.
    fn also(&mut self, there: bool, what: impl Into<String>, arguments: &'static [&'static str]) {
        if there {
            self.0.push((what.into(), false, arguments));
        }
    }

    /// Something without which a description would be of something else.
    fn shut(&mut self, there: bool, what: impl Into<String>, arguments: &'static [&'static str]) {
        if there {
            self.0.push((what.into(), true, arguments));
        }
    }

    #[cfg(test)]
    fn words(&self) -> Vec<&str> {
        self.0.iter().map(|(what, ..)| what.as_str()).collect()
    }
}

/// The ids of a kind that a walk found.
fn found(walk: &Walk, kind: KindName) -> Vec<String> {
    walk.found.iter().filter(|(of, _)| *of == kind).map(|(_, id)| id.clone()).collect()
}

/// A text that is there and is not what is usual.
fn unusual<'t>(text: Option<&'t str>, usual: &str) -> Option<&'t str> {
    text.filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case(usual))
}
