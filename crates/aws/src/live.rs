//! What every kind can do on AWS, and the way from a kind's name to it.

use std::future::Future;

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::{self, Kind};
use aomidori_model::{KindName, Resource};
use aomidori_plan::{FieldChange, Observed};

use crate::client::Cx;

/// One kind on AWS: implemented once per kind, in `kinds/<name>.rs`.
pub(crate) trait Live: Kind {
    /// The IAM actions of all writes that are made for one, and of what AWS does on the caller's behalf then; not those for
    /// tags, which [`permissions`](crate::permissions) adds.
    const WRITES: &'static [&'static str];

    /// Creates one, with its tags in the create call. Once that call is answered, an error of a later call goes
    /// through [`call::half_made`](crate::call::half_made), so that nobody creates a second one.
    fn create(cx: &Cx, want: &Self, w: Want<'_>) -> impl Future<Output = Result<Made, CloudError>> + Send;

    /// Finds what an unanswered create has made: it carries the marks and has what `want` says as far as that cannot be
    /// changed, and is not on its way out. It need not be complete: the engine observes, plans and updates it then.
    fn find(cx: &Cx, want: &Self, w: Want<'_>) -> impl Future<Output = Result<Option<Made>, CloudError>> + Send;

    /// Sends what `changes` names, tags included ([`tags::retag`](crate::tags)). Safe to repeat. What a crash left half
    /// made arrives here as a change like any other, because the observer sees it.
    fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> impl Future<Output = Result<Made, CloudError>> + Send;

    /// Starts its deletion, with its parts. Gone is a success. Safe to repeat.
    fn delete(cx: &Cx, have: &Observed) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// How far it is; [`Progress::Gone`] once it is deleted.
    fn progress(cx: &Cx, id: &str) -> impl Future<Output = Result<Progress, CloudError>> + Send;
}

macro_rules! dispatch {
    ($($type:ident => $module:ident,)*) => {
        /// [`Live::WRITES`] of a kind.
        pub(crate) fn writes(kind: KindName) -> &'static [&'static str] {
            match kind { $(KindName::$type => <kinds::$type as Live>::WRITES,)* }
        }

        pub(crate) async fn create(cx: &Cx, w: Want<'_>) -> Result<Made, CloudError> {
            match w.resource { $(Resource::$type(want) => <kinds::$type as Live>::create(cx, want, w).await,)* }
        }

        pub(crate) async fn find(cx: &Cx, w: Want<'_>) -> Result<Option<Made>, CloudError> {
            match w.resource { $(Resource::$type(want) => <kinds::$type as Live>::find(cx, want, w).await,)* }
        }

        pub(crate) async fn update(
            cx: &Cx,
            w: Want<'_>,
            have: &Observed,
            changes: &[FieldChange],
        ) -> Result<Made, CloudError> {
            match w.resource {
                $(Resource::$type(want) => <kinds::$type as Live>::update(cx, want, w, have, changes).await,)*
            }
        }

        pub(crate) async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
            cx.leaves(have.kind, &have.id);
            match have.kind { $(KindName::$type => <kinds::$type as Live>::delete(cx, have).await,)* }
        }

        pub(crate) async fn progress(cx: &Cx, kind: KindName, id: &str) -> Result<Progress, CloudError> {
            // A kind that is ready as soon as it is made is asked only whether it is gone.
            if kind.info().timing.ready == 0 && !cx.is_leaving(kind, id) {
                return Ok(Progress::Ready);
            }
            match kind { $(KindName::$type => <kinds::$type as Live>::progress(cx, id).await,)* }
        }
    };
}
aomidori_model::for_each_kind!(dispatch);
