//! `emit ecspresso`: files for those who keep ecspresso.

use aomidori_emit::{EcspressoOptions, Ids, Live, ecspresso as emit};
use aomidori_model::kinds::task_definition::ImageTag;
use aomidori_plan::Observation;

use super::{observed, save, setting};
use crate::app::App;
use crate::args;
use crate::commands::session::prepare;
use crate::error::Error;
use crate::exit::Exit;
use crate::settings::{Environment, Load};
use crate::view::Printer;

/// `emit ecspresso`: a folder for each service.
pub(in crate::commands) async fn ecspresso(
    app: &App,
    args: &args::EmitEcspresso,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::EmitEcspresso { out, ids, tfstate, images, force, cloud } = args;
    let (source, settings, environment) = prepare(app, cloud, environment, printer, Load::Valid)?;
    let Some(out) = environment.path(out.as_ref(), "AOMIDORI_OUT") else {
        return Err(setting("--out", "", "a folder to write to"));
    };
    let force = environment.on(*force, "AOMIDORI_FORCE")?;
    let region = settings.region.clone();
    let images = match images.as_slice() {
        [] => environment.get("AOMIDORI_IMAGES").unwrap_or_default().split(',').map(str::to_owned).collect(),
        images => images.to_vec(),
    };
    let images = tags(images.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()))?;
    let practice = tags(app.practice_images.iter().flatten().map(String::as_str))?;
    let state = environment.text(tfstate.as_ref(), "AOMIDORI_TFSTATE");
    let (stack, ids) = match environment.text(ids.as_ref(), "AOMIDORI_IDS").as_deref() {
        None | Some("live") => {
            let (session, observation) = observed(app, source, settings, "ecspresso", printer).await?;
            let ids = Ids::Live(live(&observation));
            (session.source.stack, ids)
        }
        Some("tfstate") => {
            let Some(state) = state else {
                return Err(setting("--tfstate", "", "where Terraform's state is, such as `s3://BUCKET/KEY`"));
            };
            (source.stack, Ids::TfState { state })
        }
        Some("env") => (source.stack, Ids::Env),
        Some(other) => return Err(setting("--ids", other, "`live`, `tfstate` or `env`")),
    };
    let options = EcspressoOptions { ids, region, images, practice };
    let files = emit(&stack, &options).map_err(|source| Error::EmitFor(Box::new(source)))?;
    save("emit ecspresso", &out, &files, force, printer)
}

fn tags<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<ImageTag>, Error> {
    texts.map(|text| text.parse().map_err(|_| setting("--images", text, ImageTag::RULE.what))).collect()
}

/// Live ids and outputs by address.
fn live(observation: &Observation) -> std::collections::BTreeMap<aomidori_model::Address, Live> {
    observation
        .ours()
        .map(|(address, found)| (address.clone(), Live { id: found.id.clone(), outputs: found.outputs.clone() }))
        .collect()
}
