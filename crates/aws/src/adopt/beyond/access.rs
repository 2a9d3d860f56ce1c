//! Roles and repositories.

use aomidori_adopt::Walk;
use aomidori_engine::cloud::CloudError;
use aomidori_model::KindName;
use futures_util::FutureExt as _;

use super::{Has, LEFT, Seen, each, found};
use crate::call;
use crate::client::Cx;
use crate::kinds::iam_role;
use crate::services::leaf;

pub(super) async fn read(cx: &Cx, walk: &Walk, seen: &mut Seen) -> Result<(), CloudError> {
    each(found(walk, KindName::IamRole), seen, move |arn: String| {
        async move {
            let mut seen = Seen::default();
            let mut has = Has::of(KindName::IamRole, Some(&arn));
            let role = seen.answer(iam_role::read(cx, leaf(&arn)).await)?.flatten();
            let boundary = role.and_then(|role| role.permissions_boundary?.permissions_boundary_arn);
            has.also(
                boundary.is_some(),
                format!("its permissions boundary {}", boundary.as_deref().map_or("", leaf)),
                &["permissions_boundary"],
            );
            seen.add(has);
            Ok(seen)
        }
        .boxed()
    })
    .await?;
    each(found(walk, KindName::EcrRepository), seen, move |name: String| {
        async move {
            let mut seen = Seen::default();
            let mut has = Has::of(KindName::EcrRepository, Some(&name));
            let answer =
                call::read("ecr:GetRepositoryPolicy", || cx.ecr.get_repository_policy().repository_name(&name).send());
            has.also(seen.answer(answer.await)?.is_some(), "its repository policy", LEFT);
            let answer = call::read("ecr:DescribeRepositories", || {
                cx.ecr.describe_repositories().repository_names(&name).send()
            });
            let live = seen.answer(answer.await)?.and_then(|it| it.repositories).unwrap_or_default();
            let excluded = live.iter().filter_map(|it| it.image_tag_mutability_exclusion_filters.as_ref());
            has.also(excluded.flatten().next().is_some(), "the tags that its mutability does not hold for", LEFT);
            seen.add(has);
            Ok(seen)
        }
        .boxed()
    })
    .await
}
