//! `local …`: the local cloud's process.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::done;
use crate::app::App;
use crate::args::{Local, LocalArgs};
use crate::error::Error;
use crate::exit::Exit;
use crate::local_cloud::{self, Running};
use crate::settings::{self, Environment, LocalCloud, Output, Traits};
use crate::view::json::LocalResult;
use crate::view::{self, Printer};

/// Runs one of them. Nothing in here is async: the process is talked to over a few blocking calls.
pub(crate) fn run(app: &App, local: &Local, environment: &Environment, printer: &mut Printer) -> Result<Exit, Error> {
    let args = match local {
        Local::Start(args) | Local::Stop(args) | Local::Status(args) | Local::Reset(args) => args,
        Local::Serve(serve) => &serve.local,
    };
    let LocalArgs { local: cloud, env, output } = args;
    let environment = settings::environment(app, environment, env)?;
    printer.configure(&Output::new(output, &environment)?);
    let settings = LocalCloud::new(cloud, &environment)?;
    let dir = local_cloud::directory(&settings)?;
    match local {
        Local::Start(_) => {
            let paint = printer.err_paint();
            let running = local_cloud::ensure(app, &settings, region(app).as_deref(), &mut |note| {
                printer.note(&format!("{}\n", paint.dim(note)));
            })?;
            let result = describe(&dir, Some(&running))?;
            printer.result(&format!("The local cloud runs at {}.\n", running.endpoint));
            Ok(done(printer, "local start", Exit::Done, result))
        }
        Local::Stop(_) => {
            let stopped = local_cloud::stop(&dir)?;
            printer.result(if stopped { "The local cloud is stopped.\n" } else { "The local cloud does not run.\n" });
            Ok(done(printer, "local stop", Exit::Done, describe(&dir, None)?))
        }
        Local::Status(_) => {
            let result = describe(&dir, local_cloud::find(&dir).as_ref())?;
            printer.result(&view::local::human(&result, printer.out_paint()));
            Ok(done(printer, "local status", Exit::Done, result))
        }
        Local::Reset(_) => {
            local_cloud::reset(&dir)?;
            printer.result("The local cloud has forgotten everything.\n");
            Ok(done(printer, "local reset", Exit::Done, describe(&dir, local_cloud::find(&dir).as_ref())?))
        }
        Local::Serve(serve) => {
            let region = environment.get("AOMIDORI_LOCAL_REGION").map(str::to_owned).or_else(|| region(app));
            let traits = Traits::new(serve, &environment)?;
            local_cloud::serve(&settings, &traits, region.as_deref())?;
            Ok(Exit::Done)
        }
    }
}

/// The region that the host's stack is in by default.
fn region(app: &App) -> Option<String> {
    let input = app.inputs.iter().find(|input| input.key == "region")?;
    Some(input.default.clone()).filter(|region| !region.is_empty())
}

fn describe(dir: &Path, running: Option<&Running>) -> Result<LocalResult, Error> {
    let mut result = LocalResult {
        running: running.is_some(),
        endpoint: None,
        pid: None,
        directory: dir.display().to_string(),
        account: None,
        speed: None,
        now: None,
        resources: Value::Null,
        traffic: Vec::new(),
        environment: BTreeMap::new(),
    };
    let Some(running) = running else { return Ok(result) };
    let status = local_cloud::ask(running, "status")?;
    let health = local_cloud::ask(running, "health")?;
    let text = |json: &Value, key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
    let clock = status.get("clock").cloned().unwrap_or_default();
    result.endpoint = Some(running.endpoint.clone());
    result.pid = running.pid;
    result.account = running.account.clone();
    result.speed = local_cloud::speed(running).filter(|speed| speed.is_finite());
    result.now = text(&clock, "now");
    result.resources = status.get("resources").cloned().unwrap_or_default();
    result.traffic = local_cloud::ports(&status);
    let region = text(&health, "region").unwrap_or_default();
    result.environment = [
        ("AWS_ENDPOINT_URL", running.endpoint.clone()),
        ("AWS_ACCESS_KEY_ID", "AKIALOCALCLOUD000000".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_REGION", region),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    Ok(result)
}
