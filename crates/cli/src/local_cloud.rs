//! The local cloud as a process in the background: found, started, stopped.
//!
//! Its directory holds `endpoint.json` (written by the process itself once it answers), its log, and its state. A process
//! that does not answer at the recorded endpoint, or answers for another directory, counts as dead and is replaced. Two
//! commands at once do not start two: starting is done under a file lock.

mod http;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use aomidori_local::{Options, Pace, Quotas};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::Target;
use crate::error::Error;
use crate::settings::{self, LocalCloud, Speed, Traits};
use crate::view::json::LocalPort;

/// How long a start may take.
const START: Duration = Duration::from_secs(20);
/// How long a stop may take: it saves its state.
const STOP: Duration = Duration::from_secs(10);
const ENDPOINT: &str = "endpoint.json";
const LOG: &str = "log";
/// How fast it ran before it was slowed down for somebody who looks.
const SLOWED: &str = "slowed";

/// A local cloud that answers.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) endpoint: String,
    pub(crate) pid: Option<u32>,
    pub(crate) account: Option<String>,
    record: Record,
}

/// What the process says about itself in its directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    endpoint: String,
    port: u16,
    pid: u32,
    /// Nothing takes time in it; cannot be changed while it runs.
    instant: bool,
    /// The program that it is, and of when: another build of the same program replaces it.
    program: PathBuf,
    built: Option<u64>,
}

/// The directory of the local cloud: as set, else `aomidori-local` in the cargo target directory that this program was
/// built in, else the user's state directory.
pub(crate) fn directory(settings: &LocalCloud) -> Result<PathBuf, Error> {
    let chosen = settings.dir.clone().or_else(|| {
        let program = std::env::current_exe().ok()?;
        let target = program.ancestors().skip(1).find(|dir| dir.join("CACHEDIR.TAG").is_file())?;
        Some(target.join("aomidori-local"))
    });
    let chosen = chosen.or_else(|| Some(settings.state_home.as_ref()?.join("aomidori").join("local")));
    let Some(dir) = chosen else {
        return Err(Error::LocalCloud {
            what: "there is no directory for the local cloud's state".to_owned(),
            why: vec!["neither XDG_STATE_HOME nor HOME is set".to_owned()],
            help: vec!["name one: `--local-dir DIR`".to_owned()],
        });
    };
    fs::create_dir_all(&dir).and_then(|()| dir.canonicalize()).map_err(|source| Error::Write {
        what: "the local cloud's directory",
        path: dir,
        source,
    })
}

/// The local cloud of a directory, if it runs.
pub(crate) fn find(dir: &Path) -> Option<Running> {
    let record = record(dir)?;
    let health = http::call(&record.endpoint, "GET", "health", None).ok()?;
    let same = health.get("stateDirectory").and_then(Value::as_str).map(Path::new) == Some(dir);
    if !same {
        return None;
    }
    Some(Running {
        endpoint: record.endpoint.clone(),
        pid: health.get("pid").and_then(Value::as_u64).and_then(|pid| u32::try_from(pid).ok()),
        account: health.get("account").and_then(Value::as_str).map(str::to_owned),
        record,
    })
}

fn record(dir: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(dir.join(ENDPOINT)).ok()?).ok()
}

/// The local cloud, started if it does not run. `note` is told if that is done.
pub(crate) fn ensure(
    app: &App,
    settings: &LocalCloud,
    region: Option<&str>,
    note: &mut dyn FnMut(&str),
) -> Result<Running, Error> {
    let dir = directory(settings)?;
    let current = |running: &Running| {
        let (program, built) = program();
        running.record.program != program || running.record.built == built
    };
    if let Some(running) = find(&dir).filter(current) {
        return paced(running, settings);
    }
    // Whoever comes second waits here and finds what the first has started.
    let lock = File::options().create(true).truncate(false).write(true).open(dir.join("start.lock"));
    let locked = lock.and_then(|lock| lock.lock().map(|()| lock));
    let _lock = locked.map_err(|source| failed(&dir, &[source.to_string()]))?;
    let before = record(&dir);
    let mut settings = settings.clone();
    match find(&dir) {
        Some(running) if current(&running) => return paced(running, &settings),
        Some(old) => {
            note("the local cloud is of another build of this program: starting it anew, with its state");
            if settings.speed.is_none() && old.record.instant {
                settings.speed = Some(Speed::Instant);
            }
            stop(&dir)?;
        }
        None => {}
    }
    let port = settings.port.or(before.map(|record| record.port)).filter(|port| free(*port)).unwrap_or(0);
    let mut child = spawn(app, &dir, &settings, region, port)?;
    wait(&dir, &mut child)
}

fn free(port: u16) -> bool {
    std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn program() -> (PathBuf, Option<u64>) {
    let program = std::env::current_exe().unwrap_or_default();
    let modified = fs::metadata(&program).and_then(|data| data.modified()).ok();
    let built = modified.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    (program, built.and_then(|since| u64::try_from(since.as_millis()).ok()))
}

/// A running one, at the speed that is asked for.
fn paced(running: Running, settings: &LocalCloud) -> Result<Running, Error> {
    match settings.speed {
        Some(Speed::Instant) if !running.record.instant => Err(Error::LocalCloud {
            what: "the local cloud runs and is not instant".to_owned(),
            why: vec!["that can be chosen only when it starts".to_owned()],
            help: vec!["`local stop`, then run the command again".to_owned()],
        }),
        Some(Speed::Factor(_)) if running.record.instant => Err(Error::LocalCloud {
            what: "the local cloud runs and is instant".to_owned(),
            why: vec!["that can be chosen only when it starts".to_owned()],
            help: vec!["`local stop`, then run the command again".to_owned()],
        }),
        Some(Speed::Factor(rate)) => {
            set_rate(&running, rate)?;
            Ok(running)
        }
        Some(Speed::Instant) | None => Ok(running),
    }
}

fn silent(running: &Running, error: &io::Error) -> Error {
    Error::LocalCloud {
        what: format!("the local cloud at {} does not answer", running.endpoint),
        why: vec![error.to_string()],
        help: vec!["`local stop` and `local start`".to_owned()],
    }
}

fn failed(dir: &Path, why: &[String]) -> Error {
    Error::LocalCloud {
        what: "the local cloud could not be started".to_owned(),
        why: why.to_vec(),
        help: vec![
            format!("its log is {}", dir.join(LOG).display()),
            "another directory: `--local-dir DIR`; to start from nothing: `local reset`".to_owned(),
        ],
    }
}

fn spawn(app: &App, dir: &Path, settings: &LocalCloud, region: Option<&str>, port: u16) -> Result<Child, Error> {
    let start = || -> io::Result<Child> {
        let _ = fs::remove_file(dir.join(ENDPOINT));
        let log = File::create(dir.join(LOG))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(&app.local_serve).arg("--local-dir").arg(dir).arg("--local-port").arg(port.to_string());
        if let Some(speed) = settings.speed {
            command.arg("--local-speed").arg(match speed {
                Speed::Instant => "instant".to_owned(),
                Speed::Factor(rate) => rate.to_string(),
            });
        }
        if let Some(region) = region {
            command.env("AOMIDORI_LOCAL_REGION", region);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // It outlives this command; the user's working directory must not be held by it, nor Ctrl-C end it.
        command.current_dir(dir);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn()
    };
    start().map_err(|source| failed(dir, &[source.to_string()]))
}

fn wait(dir: &Path, child: &mut Child) -> Result<Running, Error> {
    let begin = Instant::now();
    loop {
        if let Some(running) = find(dir).filter(|running| running.record.pid == child.id()) {
            return Ok(running);
        }
        let log = || {
            let log = fs::read_to_string(dir.join(LOG)).unwrap_or_default();
            log.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).take(6).collect::<Vec<_>>()
        };
        match child.try_wait() {
            Ok(Some(status)) => {
                let mut why = log();
                if why.is_empty() {
                    why.push(format!("its process ended: {status}"));
                }
                return Err(failed(dir, &why));
            }
            Ok(None) if begin.elapsed() < START => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let mut why = vec![format!("it does not answer after {} s", START.as_secs())];
                why.extend(log());
                return Err(failed(dir, &why));
            }
            Err(source) => return Err(failed(dir, &[source.to_string()])),
        }
    }
}

/// Stops the local cloud of a directory. False if it did not run.
pub(crate) fn stop(dir: &Path) -> Result<bool, Error> {
    let Some(running) = find(dir) else { return Ok(false) };
    http::call(&running.endpoint, "POST", "shutdown", None).map_err(|error| silent(&running, &error))?;
    let begin = Instant::now();
    let held = || {
        let lock = File::options().create(true).truncate(false).write(true).open(dir.join("lock"));
        lock.is_ok_and(|lock| lock.try_lock().is_err())
    };
    // The state is saved once its lock is free.
    while held() && begin.elapsed() < STOP {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// Forgets everything that was made in the local cloud of a directory, whether it runs or not.
pub(crate) fn reset(dir: &Path) -> Result<(), Error> {
    if let Some(running) = find(dir) {
        http::call(&running.endpoint, "POST", "reset", None).map_err(|error| silent(&running, &error))?;
        return Ok(());
    }
    match fs::remove_file(dir.join("state.json")) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Write { what: "the local cloud's state", path: dir.join("state.json"), source })
        }
        _ => Ok(()),
    }
}

/// What a running one says about `what` (`status`, `clock`, `calls`).
pub(crate) fn ask(running: &Running, what: &str) -> Result<Value, Error> {
    http::call(&running.endpoint, "GET", what, None).map_err(|error| silent(running, &error))
}

/// What of the local cloud cannot be asked over AWS's own protocols.
#[derive(Clone, Debug, Default)]
pub(crate) struct Here {
    /// Its time, in milliseconds since 1970, and how many times faster than real time it runs.
    pub(crate) clock: Option<(i64, f64)>,
    /// Its listeners' ports on this machine.
    pub(crate) ports: Vec<LocalPort>,
}

/// What the local cloud of a session says about itself; nothing for AWS, or if it does not answer.
pub(crate) fn here(settings: &settings::Cloud) -> Here {
    if settings.target == Target::Aws {
        return Here::default();
    }
    let running = directory(&settings.local).ok().and_then(|dir| find(&dir));
    let Some(status) = running.and_then(|running| ask(&running, "status").ok()) else { return Here::default() };
    let clock = |name: &str| status.get("clock").and_then(|clock| clock.get(name));
    let now = clock("epochMillis").and_then(Value::as_i64);
    let rate = clock("rate").and_then(Value::as_f64).unwrap_or(0.0);
    Here { clock: now.map(|now| (now, rate)), ports: ports(&status) }
}

/// The ports in what it answers to `status`.
pub(crate) fn ports(status: &Value) -> Vec<LocalPort> {
    let ports = status.get("traffic").and_then(Value::as_array).into_iter().flatten();
    let mut ports: Vec<LocalPort> = ports.filter_map(|port| LocalPort::deserialize(port).ok()).collect();
    for port in ports.iter_mut().filter(|port| !port.url.ends_with('/')) {
        port.url.push('/');
    }
    ports
}

/// How many times faster than AWS it is; `None` if its clock is stepped by hand, infinite if it is instant.
pub(crate) fn speed(running: &Running) -> Option<f64> {
    if running.record.instant {
        return Some(f64::INFINITY);
    }
    http::call(&running.endpoint, "GET", "clock", None).ok()?.get("rate").and_then(Value::as_f64)
}

/// Has it run as fast as AWS while somebody looks at something that ends by itself, unless its speed was chosen. True if it
/// is slower now.
pub(crate) fn slow_down(settings: &LocalCloud) -> Result<bool, Error> {
    let dir = directory(settings)?;
    let (Some(running), None) = (find(&dir), settings.speed) else { return Ok(false) };
    let Some(rate) = speed(&running).filter(|rate| rate.is_finite() && *rate > 1.0) else { return Ok(false) };
    // A speed that cannot be kept in mind is not given up.
    if fs::write(dir.join(SLOWED), rate.to_string()).is_err() {
        return Ok(false);
    }
    set_rate(&running, 1.0).map(|()| true)
}

/// Ends what [`slow_down`] began.
pub(crate) fn speed_up(settings: &LocalCloud) -> Result<(), Error> {
    let dir = directory(settings)?;
    let Ok(text) = fs::read_to_string(dir.join(SLOWED)) else { return Ok(()) };
    let _ = fs::remove_file(dir.join(SLOWED));
    match (find(&dir), settings.speed, text.trim().parse::<f64>()) {
        (Some(running), None, Ok(rate)) => set_rate(&running, rate),
        _ => Ok(()),
    }
}

/// As [`speed_up`], where the local cloud is the target.
pub(crate) fn hurry(settings: &crate::settings::Cloud) -> Result<(), Error> {
    match settings.target {
        crate::args::Target::Local => speed_up(&settings.local),
        crate::args::Target::Aws => Ok(()),
    }
}

fn set_rate(running: &Running, rate: f64) -> Result<(), Error> {
    let set = http::call(&running.endpoint, "POST", "clock", Some(&json!({ "rate": rate })));
    set.map(|_| ()).map_err(|error| silent(running, &error))
}

/// The process itself: runs until it is told to stop.
pub(crate) fn serve(settings: &LocalCloud, traits: &Traits, region: Option<&str>) -> Result<(), Error> {
    let dir = directory(settings)?;
    let defaults = Options::default();
    let instant = settings.speed == Some(Speed::Instant);
    let options = Options {
        port: settings.port.unwrap_or(0),
        state_dir: Some(dir.clone()),
        pace: match settings.speed {
            Some(Speed::Factor(rate)) => Pace::Rate(rate),
            Some(Speed::Instant) | None => defaults.pace,
        },
        instant,
        throttle: !instant,
        region: region.unwrap_or(&defaults.region).to_owned(),
        quotas: if traits.generous { Quotas::generous() } else { defaults.quotas },
        latency: traits.latency,
        ..defaults
    };
    let mut recorded = Ok(());
    let served = aomidori_local::serve(options, |cloud| {
        let (program, built) = program();
        let record =
            Record { endpoint: cloud.endpoint(), port: cloud.port(), pid: std::process::id(), instant, program, built };
        let scratch = dir.join("endpoint.json.new");
        recorded = serde_json::to_vec_pretty(&record)
            .map_err(io::Error::other)
            .and_then(|bytes| fs::write(&scratch, bytes))
            .and_then(|()| fs::rename(&scratch, dir.join(ENDPOINT)));
    });
    recorded.and(served).map_err(|source| Error::LocalCloud {
        what: "the local cloud ended".to_owned(),
        why: vec![source.to_string()],
        help: Vec::new(),
    })
}
