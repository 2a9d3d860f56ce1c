//! The one place that knows how a cloud is reached: AWS's clients, for AWS itself or for the local cloud.

use aomidori_aws::{Aws, Settings};
use aomidori_engine::{CloudError, ErrorKind};

use crate::app::App;
use crate::args::Target;
use crate::commands::Session;
use crate::error::{Error, Whom};
use crate::local_cloud;
use crate::settings::{self, Source};
use crate::view::Printer;

/// The region of the local cloud if nothing names one: no flag, no stack and no variable.
const LOCAL_REGION: &str = "us-east-1";

/// Connects: starts the local cloud if it is the target and does not run. No call to AWS is made yet.
pub(crate) async fn open(
    app: &App,
    source: Source,
    settings: settings::Cloud,
    printer: &mut Printer,
) -> Result<Session<Aws>, Error> {
    let variable = |name: &str| settings.variables.get(name).filter(|value| !value.is_empty()).cloned();
    let (chosen, speed) = match settings.target {
        Target::Local => {
            let paint = printer.err_paint();
            let running = local_cloud::ensure(app, &settings.local, settings.region.as_deref(), &mut |note| {
                printer.note(&format!("{}\n", paint.dim(note)));
            })?;
            let speed = local_cloud::speed(&running).unwrap_or(1.0);
            let region = settings.region.clone().unwrap_or_else(|| LOCAL_REGION.to_owned());
            (Settings::local(running.endpoint, region), speed)
        }
        Target::Aws => {
            if variable("AWS_ACCESS_KEY_ID").or(variable("AWS_SECRET_ACCESS_KEY")).is_some() {
                printer.note(
                    "note: keys in env files are not used; name a profile (AWS_PROFILE), or put them into the environment\n",
                );
            }
            let chosen = Settings {
                region: settings.region.clone().or(variable("AWS_REGION")).or(variable("AWS_DEFAULT_REGION")),
                profile: settings.profile.clone().or(variable("AWS_PROFILE")),
                endpoint: settings.endpoint.clone(),
                ..Settings::default()
            };
            (chosen, 1.0)
        }
    };
    let mut whom = Whom::new(&settings, chosen.endpoint.clone());
    whom.profile = chosen.profile.clone().filter(|_| settings.target == Target::Aws);
    let cloud = match Aws::connect(chosen).await {
        Ok(cloud) => cloud,
        Err(error) => return Err(Error::Cloud { error, whom: Box::new(whom) }),
    };
    whom.region = Some(cloud.region().to_owned());
    Ok(Session { source, settings, cloud, whom, speed })
}

/// The words by which an image's tag asks the local cloud for a colour or for trouble.
pub(crate) fn practice_words() -> Vec<&'static str> {
    aomidori_local::practice_words().collect()
}

/// An image of this tag can be made for practice: it holds one of the words, `green-2` for example.
pub(crate) fn is_practice_tag(tag: &str) -> bool {
    !tag.starts_with("sha256:") && aomidori_local::practice_words().any(|word| tag.contains(word))
}

/// Adds to an error who the caller is, where that is what somebody has to know.
pub(crate) async fn name_caller(cloud: &Aws, error: Error) -> Error {
    let denied = |error: &CloudError| error.kind == ErrorKind::Denied;
    match error {
        Error::Cloud { error, mut whom } if denied(&error) && whom.caller.is_none() => {
            whom.caller = cloud.caller().await.ok();
            Error::Cloud { error, whom }
        }
        Error::Steps(mut failures) if failures.failed.iter().any(|failure| denied(&failure.error)) => {
            failures.caller = cloud.caller().await.ok();
            Error::Steps(failures)
        }
        other => other,
    }
}
