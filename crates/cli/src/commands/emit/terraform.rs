//! `emit terraform`: modules and roots, and import blocks for what is live.

use std::collections::BTreeMap;

use aomidori_hcl::{Backend, Layout, Live, Options, emit};
use aomidori_model::Address;
use aomidori_plan::Observation;

use super::{observed, save, setting};
use crate::app::App;
use crate::args;
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
    let wrong = || setting("--backend", text, "`s3://BUCKET/KEY`, or `s3://BUCKET/KEY?region=REGION`");
    let (place, own) = text.split_once("?region=").map_or((text, None), |(place, own)| (place, Some(own)));
    let (bucket, key) = place.strip_prefix("s3://").and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
    let region = own.or(region).filter(|region| !region.is_empty()).ok_or_else(wrong)?;
    if bucket.is_empty() || key.is_empty() {
        return Err(wrong());
    }
    Ok(Backend::S3 { bucket: bucket.to_owned(), key: key.to_owned(), region: region.to_owned() })
}

/// Live ids by address.
fn live(observation: &Observation) -> BTreeMap<Address, Live> {
    observation.ours().map(|(address, found)| (address.clone(), Live { id: found.id.clone() })).collect()
}
