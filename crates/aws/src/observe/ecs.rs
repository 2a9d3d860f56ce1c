//! Not written yet.

use aomidori_engine::cloud::CloudError;
use aomidori_plan::Observed;

use super::Scope;
use crate::client::Cx;

pub(super) async fn observe(_: &Cx, _: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    Ok(Vec::new())
}
