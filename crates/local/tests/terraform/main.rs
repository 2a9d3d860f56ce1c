//! Judges that we did not write: HashiCorp's Terraform and AWS provider on configurations of `fixtures/terraform-hand`,
//! written by hand as one would for AWS; moto, and fakecloud where it is installed, as other clouds.
//!
//! Where Terraform is missing the tests say so and pass.

#![expect(clippy::unwrap_used, reason = "in a test, what goes wrong fails it")]

mod fakecloud;
mod hand;
mod moto;

use std::path::{Path, PathBuf};

/// A configuration.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/terraform-hand").join(name)
}
