//! Errors and problems as people read them: what, why, and what to do.

use std::collections::BTreeSet;

use aomidori_model::Problem;

use super::Paint;
use super::paint::wrap;
use crate::error::{Error, Leftover, MissingImage, StepFailure};

const WIDTH: usize = 110;

/// An error: `error: …`, `why: …`, `help: …`, with its parts in full.
pub(crate) fn human(error: &Error, paint: Paint) -> String {
    let mut text = headed(&paint.error("error"), 5, &error.to_string());
    text.push_str(&problems(error.problems(), paint));
    match error {
        Error::Steps(failures) => text.push_str(&steps(&failures.failed, paint)),
        Error::MissingImages(images) => text.push_str(&images_text(images, paint)),
        Error::Leftovers(leftovers) => text.push_str(&leftovers_text(leftovers, paint)),
        _ => {}
    }
    for line in error.why() {
        text.push_str(&headed(&paint.bold("why"), 3, &line));
    }
    for line in error.help() {
        text.push_str(&headed(&paint.good("help"), 4, &line));
    }
    text
}

fn headed(head: &str, columns: usize, body: &str) -> String {
    let head = format!("{}{head}", " ".repeat(5_usize.saturating_sub(columns)));
    let lines: Vec<String> = body.lines().map(|line| wrap(line, 7, WIDTH)).collect();
    format!("{head}: {}\n", lines.join("\n       "))
}

/// All problems of a stack: code, address, field, what is wrong and what to do.
pub(crate) fn problems(problems: &[Problem], paint: Paint) -> String {
    let mut text = String::new();
    for problem in problems {
        let Problem { address, field, code, message, help } = problem;
        let at = match (address, field) {
            (Some(address), Some(field)) => format!("{} {field}", paint.name(address.as_str())),
            (Some(address), None) => paint.name(address.as_str()),
            (None, Some(field)) => field.clone(),
            (None, None) => "the stack".to_owned(),
        };
        text.push_str(&format!("  {} {at}\n", paint.bad(code.0)));
        text.push_str(&format!("      {}\n", wrap(message, 6, WIDTH)));
        text.push_str(&format!("      {} {}\n", paint.good("help:"), wrap(help, 12, WIDTH)));
    }
    text
}

/// The steps that failed, with AWS's words and what holds them.
pub(crate) fn steps(failures: &[StepFailure], paint: Paint) -> String {
    let mut text = String::new();
    for StepFailure { address, doing, error, held_by } in failures {
        let code = error.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
        text.push_str(&format!("  {} {}\n", paint.bad(doing), paint.name(address.as_str())));
        text.push_str(&format!("      {}\n", wrap(&format!("{}: {code}{}", error.operation, error.message), 6, WIDTH)));
        for line in held_by {
            text.push_str(&format!("      held by {}\n", wrap(line, 14, WIDTH)));
        }
    }
    text
}

fn images_text(images: &[MissingImage], paint: Paint) -> String {
    let mut text = String::new();
    for MissingImage { image, needed_by, .. } in images {
        text.push_str(&format!("  {image}  {}\n", paint.dim(&format!("# needed by {needed_by}"))));
    }
    let registries: BTreeSet<&str> = images.iter().map(|image| image.registry.as_str()).collect();
    let region = |registry: &str| registry.split('.').nth(3).unwrap_or("REGION").to_owned();
    text.push_str("  push with:\n");
    for registry in registries {
        text.push_str(&format!(
            "    aws ecr get-login-password --region {} | docker login --username AWS --password-stdin {registry}\n",
            region(registry)
        ));
    }
    let unique: BTreeSet<&str> = images.iter().map(|image| image.image.as_str()).collect();
    for image in unique {
        text.push_str(&format!("    docker build --tag {image} DIRECTORY\n    docker push {image}\n"));
    }
    text
}

fn leftovers_text(leftovers: &[Leftover], paint: Paint) -> String {
    let mut text = String::new();
    for Leftover { what, held_by } in leftovers {
        text.push_str(&format!("  {}\n", paint.bad(what)));
        for line in held_by {
            text.push_str(&format!("      held by {}\n", wrap(line, 14, WIDTH)));
        }
    }
    text
}
