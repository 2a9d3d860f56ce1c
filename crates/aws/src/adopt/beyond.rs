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

use crate::call;
use crate::client::Cx;

/// Adds to a walk what is beyond the model of all that it found.
pub(super) async fn read(cx: &Cx, walk: &mut Walk) -> Result<(), CloudError> {
    let mut seen = Seen { beyond: Vec::new(), passed: Vec::new() };
    network::read(cx, walk, &mut seen).await?;
    balancer::read(cx, walk, &mut seen).await?;
    services::read(cx, walk, &mut seen).await?;
    access::read(cx, walk, &mut seen).await?;
    walk.beyond.extend(seen.beyond);
    walk.passed.extend(seen.passed);
    Ok(())
}

/// What was seen.
struct Seen {
    beyond: Vec<Beyond>,
    passed: Vec<String>,
}

impl Seen {
    fn add(&mut self, of: Has) {
        self.beyond.extend(of.0.into_iter().map(|(what, shuts)| Beyond { kind: of.1, id: of.2.clone(), what, shuts }));
    }

    /// An answer, unless what was asked for is gone, may not be read, or cannot be answered there.
    fn answer<T>(&mut self, answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
        match call::if_there(answer) {
            Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Unsupported) => {
                self.passed.push(format!("{} could not be asked: {}", error.operation, error.message));
                Ok(None)
            }
            other => other,
        }
    }
}

/// What one resource has beyond the model.
struct Has(Vec<(String, bool)>, KindName, String);

impl Has {
    fn of(kind: KindName, id: Option<&str>) -> Has {
        Has(Vec::new(), kind, id.unwrap_or_default().to_owned())
    }

    /// Something that a description leaves unsaid.
    fn also(&mut self, there: bool, what: impl Into<String>) {
        if there {
            self.0.push((what.into(), false));
        }
    }

    /// Something without which a description would be of something else.
    fn shut(&mut self, there: bool, what: impl Into<String>) {
        if there {
            self.0.push((what.into(), true));
        }
    }

    #[cfg(test)]
    fn words(&self) -> Vec<&str> {
        self.0.iter().map(|(what, _)| what.as_str()).collect()
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
