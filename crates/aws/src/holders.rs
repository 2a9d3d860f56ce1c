//! What keeps a resource from being deleted.

use aomidori_plan::Observed;

use crate::client::Cx;

/// One line per holder, for people.
pub(crate) async fn holders(_: &Cx, _: &Observed) -> Vec<String> {
    Vec::new()
}
