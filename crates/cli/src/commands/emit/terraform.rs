//! `emit terraform`: modules and roots, and import blocks for what is live.

use std::collections::BTreeMap;

use aomidori_aws::S3Place;
use aomidori_hcl::{Backend, Layout, Live, Options, emit};
use aomidori_model::Address;
use aomidori_plan::Observation;

use super::{observed, save, setting};
use crate::app::App;
use crate::args;
use crate::commands::in_s3;
use crate::commands::session::prepare;
use crate::error::Error;
use crate::exit::Exit;
use crate::settings::{Environment, Load};
use crate::view::Printer;

/// `emit terraform`: modules and roots, and import blocks for what is live.
pub(in crate::commands) async fn terraform(
    app: &App,
    args: &args::EmitTerraform,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::EmitTerraform { out, layout, import, backend, force, cloud } = args;
    let (source, settings, environment) = prepare(app, cloud, environment, printer, Load::Valid)?;
    let Some(out) = environment.path(out.as_ref(), "AOMIDORI_OUT") else {
        return Err(setting("--out", "", "a folder to write to"));
    };
    let region = settings.region.clone();
    let given = |flag: &Option<String>, variable: &str| flag.clone().or(environment.get(variable).map(str::to_owned));
    let mut options = Options {
        layout: match given(layout, "AOMIDORI_LAYOUT").as_deref() {
            None | Some("single") => Layout::Single,
            Some("split") => Layout::Split,
            Some(other) => return Err(setting("--layout", other, "`single` or `split`")),
        },
        backend: match given(backend, "AOMIDORI_BACKEND") {
            None => Backend::Local,
            Some(text) => s3(&text, region.as_deref())?,
        },
        region,
        import: None,
    };
    let force = environment.on(*force, "AOMIDORI_FORCE")?;
    let stack = if environment.on(*import, "AOMIDORI_IMPORT")? {
        let (stack, observation) = observed(app, source, settings, "Terraform", printer).await?;
        options.import = Some(live(&observation));
        stack
    } else {
        source.stack
    };
    let files = emit(&stack, &options).map_err(|source| Error::Emit(Box::new(source)))?;
    save("emit terraform", &out, &files, force, printer)
}

/// `s3://BUCKET/KEY`, with the bucket's region behind `?region=` if it is not the stack's.
fn s3(text: &str, region: Option<&str>) -> Result<Backend, Error> {
    let S3Place { bucket, key, region: own, version } = in_s3("--backend", text)?;
    if version.is_some() {
        return Err(setting("--backend", text, "where Terraform keeps states: it chooses versions by itself"));
    }
    match own.or(region.map(str::to_owned)).filter(|region| !region.is_empty()) {
        Some(region) => Ok(Backend::S3 { bucket, key, region }),
        None => Err(setting("--backend", text, "enough: add the bucket's region, `?region=REGION`")),
    }
}

/// Live ids by address.
fn live(observation: &Observation) -> BTreeMap<Address, Live> {
    observation.ours().map(|(address, found)| (address.clone(), Live { id: found.id.clone() })).collect()
}
