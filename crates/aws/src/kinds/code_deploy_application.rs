//! CodeDeploy applications (aws-facts 2.25).

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::CodeDeployApplication;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_codedeploy::types::{ApplicationInfo, ComputePlatform};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::code_deploy::{self, application_arn};
use crate::services::{is_it, made};

impl Live for CodeDeployApplication {
    const WRITES: &'static [&'static str] = &[
        "codedeploy:CreateApplication",
        "codedeploy:DeleteApplication",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        // Without the platform it would be one for servers.
        let request = cx
            .codedeploy
            .create_application()
            .application_name(want.name.as_str())
            .compute_platform(ComputePlatform::Ecs)
            .set_tags(code_deploy::tag_list(w.tags));
        call::once("codedeploy:CreateApplication", request.send()).await?;
        Ok(made(want.name.as_str(), []))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let name = want.name.as_str();
        if read(cx, name).await?.is_none() {
            return Ok(None);
        }
        let ours = is_it(w, &code_deploy::tags_of(cx, &application_arn(cx, name).await?).await?);
        Ok(ours.then(|| made(name, [])))
    }

    async fn update(
        cx: &Cx,
        _want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        code_deploy::retag(cx, &application_arn(cx, &have.id).await?, w, have, changes).await?;
        Ok(made(&have.id, []))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let answer = call::idempotent("codedeploy:DeleteApplication", || {
            cx.codedeploy.delete_application().application_name(&have.id).send()
        })
        .await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        Ok(if read(cx, id).await?.is_some() { Progress::Ready } else { Progress::Gone })
    }
}

async fn read(cx: &Cx, name: &str) -> Result<Option<ApplicationInfo>, CloudError> {
    let answer =
        call::read("codedeploy:GetApplication", || cx.codedeploy.get_application().application_name(name).send()).await;
    Ok(call::if_there(answer)?.and_then(|answer| answer.application))
}
