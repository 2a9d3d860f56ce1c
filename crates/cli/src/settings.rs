//! Settings: what a command shall do, decided once from flags, variables, env files and defaults, in this order.

mod environment;
mod stack;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use aomidori_model::Stack;
use clap::ValueEnum;

pub(crate) use environment::Environment;
pub(crate) use stack::{Load, Source, load};

use crate::app::{App, Origin};
use crate::args::{self, Color, Target};
use crate::error::Error;

/// Every variable that a flag has. Inputs have their own beside them.
pub(crate) const VARIABLES: [&str; 52] = [
    "AOMIDORI_ACCOUNT",
    "AOMIDORI_AUTO_REROUTE",
    "AOMIDORI_BACKEND",
    "AOMIDORI_BRANCH",
    "AOMIDORI_BREAK_LOCK",
    "AOMIDORI_COLOR",
    "AOMIDORI_COMPACT",
    "AOMIDORI_CONFIG",
    "AOMIDORI_CONTAINER",
    "AOMIDORI_CONTEXT",
    "AOMIDORI_DEPLOY_ONLY",
    "AOMIDORI_DESTROY",
    "AOMIDORI_DETAILED_EXITCODE",
    "AOMIDORI_DRY_RUN",
    "AOMIDORI_ENV_FILE",
    "AOMIDORI_EXPECT",
    "AOMIDORI_FOR",
    "AOMIDORI_FORCE",
    "AOMIDORI_FORMAT",
    "AOMIDORI_IDS",
    "AOMIDORI_IMAGE",
    "AOMIDORI_IMAGES",
    "AOMIDORI_IMPORT",
    "AOMIDORI_JSON",
    "AOMIDORI_LATEST",
    "AOMIDORI_LAYOUT",
    "AOMIDORI_LOCAL_DIR",
    "AOMIDORI_LOCAL_GENEROUS",
    "AOMIDORI_LOCAL_LATENCY",
    "AOMIDORI_LOCAL_PORT",
    "AOMIDORI_LOCAL_REGION",
    "AOMIDORI_LOCAL_SPEED",
    "AOMIDORI_NAME",
    "AOMIDORI_NO_IMAGE_CHECK",
    "AOMIDORI_NO_ROLLBACK",
    "AOMIDORI_NO_WAIT",
    "AOMIDORI_OUT",
    "AOMIDORI_PARALLELISM",
    "AOMIDORI_PROBE",
    "AOMIDORI_PROFILE",
    "AOMIDORI_REGION",
    "AOMIDORI_RUNNING",
    "AOMIDORI_SERVICE",
    "AOMIDORI_STACK",
    "AOMIDORI_TARGET",
    "AOMIDORI_TASKS",
    "AOMIDORI_TASK_DEFINITION",
    "AOMIDORI_TFSTATE",
    "AOMIDORI_TO",
    "AOMIDORI_VERBOSE",
    "AOMIDORI_WAIT",
    "AOMIDORI_YES",
];

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) color: Color,
    /// `NO_COLOR` is set.
    pub(crate) no_color: bool,
    pub(crate) verbose: u8,
}

/// Which cloud, as whom, and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cloud {
    pub(crate) target: Target,
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) account: Option<(String, Origin)>,
    pub(crate) parallelism: usize,
    pub(crate) local: LocalCloud,
    /// AWS's variables from env files.
    pub(crate) variables: std::collections::BTreeMap<String, String>,
}

/// How the local cloud runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LocalCloud {
    pub(crate) dir: Option<PathBuf>,
    pub(crate) speed: Option<Speed>,
    pub(crate) port: Option<u16>,
    /// Directories that the default is looked for in.
    pub(crate) state_home: Option<PathBuf>,
}

/// What a local cloud is like that is not asked for by the commands which use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    /// How long every answer takes at the least.
    pub(crate) latency: Duration,
    /// Account limits are out of the way.
    pub(crate) generous: bool,
}

/// How fast the local cloud's time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    /// So many times real time.
    Factor(f64),
    /// What takes time on AWS takes none.
    Instant,
}

impl FromStr for Speed {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "instant" {
            return Ok(Speed::Instant);
        }
        let factor: f64 = text.parse().map_err(|_| ())?;
        if factor.is_finite() && factor > 0.0 { Ok(Speed::Factor(factor)) } else { Err(()) }
    }
}

/// How a change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) yes: bool,
    pub(crate) break_lock: bool,
}

impl Environment {
    /// A flag that is on or off.
    ///
    /// # Errors
    /// Its variable is neither.
    pub(crate) fn on(&self, flag: bool, name: &str) -> Result<bool, Error> {
        let Some((value, origin)) = self.find(name).filter(|_| !flag) else { return Ok(flag) };
        match value.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "y" | "on" | "t" => Ok(true),
            "0" | "false" | "no" | "n" | "off" | "f" => Ok(false),
            _ => Err(wrong(&origin, value, "true or false")),
        }
    }

    /// A flag with a text.
    pub(crate) fn text(&self, flag: Option<&String>, name: &str) -> Option<String> {
        flag.cloned().or_else(|| self.get(name).map(str::to_owned))
    }

    /// A flag with a file's path.
    pub(crate) fn path(&self, flag: Option<&PathBuf>, name: &str) -> Option<PathBuf> {
        flag.cloned().or_else(|| self.get(name).map(PathBuf::from))
    }

    /// A flag whose value parses.
    pub(crate) fn parsed<T: Clone, E>(
        &self,
        flag: Option<&T>,
        name: &str,
        takes: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Error> {
        if let Some(value) = flag {
            return Ok(Some(value.clone()));
        }
        let Some((value, origin)) = self.find(name) else { return Ok(None) };
        parse(value).map(Some).map_err(|_| wrong(&origin, value, takes))
    }
}

/// Refuses a region in which the stack's zones are not: it would look like an environment of which nothing is there.
///
/// # Errors
/// The region was named, and is another one.
pub(crate) fn in_region(stack: &Stack, args: &args::Cloud, environment: &Environment) -> Result<(), Error> {
    let flag = args.region.as_ref().map(|region| (region.as_str(), Origin::Flag("--region".to_owned())));
    let Some((named, origin)) = flag.or_else(|| environment.find("AOMIDORI_REGION")) else { return Ok(()) };
    match stack.zones_region() {
        Some(zones) if zones != named => {
            let takes = format!("the stack's region: the zones of its subnets are in `{zones}`");
            Err(wrong(&origin, named, &takes))
        }
        _ => Ok(()),
    }
}

fn wrong(origin: &Origin, value: &str, takes: &str) -> Error {
    Error::Setting { origin: origin.words(), value: value.to_owned(), takes: takes.to_owned() }
}

/// The environment of a command: the process's, and its env files.
///
/// # Errors
/// An env file that is none, or that sets a variable of ours that nothing reads.
pub(crate) fn environment(app: &App, base: &Environment, files: &args::EnvFiles) -> Result<Environment, Error> {
    let environment = base.clone().with_files(&files.env_file)?;
    let inputs: Vec<String> = app.inputs.iter().map(crate::InputKey::variable).collect();
    let known: Vec<String> = VARIABLES.iter().map(|name| (*name).to_owned()).chain(inputs).collect();
    if let Some((variable, path)) = environment.ours_in_files().find(|(name, _)| !known.iter().any(|k| k == name)) {
        return Err(Error::UnknownVariable { variable: variable.to_owned(), path: path.to_owned(), known });
    }
    Ok(environment)
}

impl Output {
    /// Before anything else is known: what the command line itself says, for the errors of all the rest.
    pub(crate) fn early(args: &args::Output, environment: &Environment) -> Output {
        Output {
            json: args.json,
            color: args.color.unwrap_or(Color::Auto),
            no_color: environment.get("NO_COLOR").is_some(),
            verbose: args.verbose,
        }
    }

    pub(crate) fn new(args: &args::Output, environment: &Environment) -> Result<Output, Error> {
        let color = environment.parsed(args.color.as_ref(), "AOMIDORI_COLOR", "auto, always or never", |text| {
            Color::from_str(text, true)
        })?;
        let verbose = environment.parsed(
            Some(&args.verbose).filter(|n| **n > 0),
            "AOMIDORI_VERBOSE",
            "a number",
            str::parse::<u8>,
        )?;
        Ok(Output {
            json: environment.on(args.json, "AOMIDORI_JSON")?,
            color: color.unwrap_or(Color::Auto),
            no_color: environment.get("NO_COLOR").is_some(),
            verbose: verbose.unwrap_or(0),
        })
    }
}

impl Change {
    pub(crate) fn new(args: &args::Change, environment: &Environment) -> Result<Change, Error> {
        Ok(Change {
            yes: environment.on(args.yes, "AOMIDORI_YES")?,
            break_lock: environment.on(args.break_lock, "AOMIDORI_BREAK_LOCK")?,
        })
    }
}

impl LocalCloud {
    pub(crate) fn new(args: &args::LocalCloud, environment: &Environment) -> Result<LocalCloud, Error> {
        let takes = "a positive number or `instant`";
        let speed = match &args.local_speed {
            Some(text) => {
                let flag = Origin::Flag("--local-speed".to_owned());
                Some(text.parse().map_err(|()| wrong(&flag, text, takes))?)
            }
            None => environment.parsed(None, "AOMIDORI_LOCAL_SPEED", takes, str::parse)?,
        };
        let port = environment.parsed(args.local_port.as_ref(), "AOMIDORI_LOCAL_PORT", "a port", str::parse)?;
        let home = || Some(PathBuf::from(environment.get("HOME")?).join(".local/state"));
        Ok(LocalCloud {
            dir: environment.path(args.local_dir.as_ref(), "AOMIDORI_LOCAL_DIR"),
            speed,
            port,
            state_home: environment.get("XDG_STATE_HOME").map(PathBuf::from).or_else(home),
        })
    }
}

impl Traits {
    pub(crate) fn new(args: &args::LocalServe, environment: &Environment) -> Result<Traits, Error> {
        let takes = "a number of milliseconds";
        let parse = |text: &str| Duration::try_from_secs_f64(text.parse::<f64>().ok()? / 1000.0).ok();
        let latency = match &args.local_latency {
            Some(text) => {
                let flag = Origin::Flag("--local-latency".to_owned());
                Some(parse(text).ok_or_else(|| wrong(&flag, text, takes))?)
            }
            None => environment.parsed(None, "AOMIDORI_LOCAL_LATENCY", takes, |text| parse(text).ok_or(()))?,
        };
        let generous = environment.on(args.local_generous, "AOMIDORI_LOCAL_GENEROUS")?;
        Ok(Traits { latency: latency.unwrap_or_default(), generous })
    }
}

impl Cloud {
    /// `region` is what the stack's own input says, or the stack itself.
    pub(crate) fn new(args: &args::Cloud, environment: &Environment, region: Option<&str>) -> Result<Cloud, Error> {
        let target = environment
            .parsed(args.target.as_ref(), "AOMIDORI_TARGET", "`local` or `aws`", |text| Target::from_str(text, true))?;
        let account = match &args.account {
            Some(account) => Some((account.clone(), Origin::Flag("--account".to_owned()))),
            None => environment.find("AOMIDORI_ACCOUNT").map(|(value, origin)| (value.to_owned(), origin)),
        };
        if let Some((account, origin)) = &account
            && (account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(wrong(origin, account, "an account id: twelve digits"));
        }
        let parallelism =
            environment.parsed(args.parallelism.as_ref(), "AOMIDORI_PARALLELISM", "a number", str::parse::<usize>)?;
        let parallelism = parallelism.unwrap_or(10);
        if parallelism == 0 || parallelism > 256 {
            let origin = Origin::Flag("--parallelism".to_owned());
            return Err(wrong(&origin, &parallelism.to_string(), "a number from 1 to 256"));
        }
        let target = target.unwrap_or(Target::Local);
        // On AWS the SDK looks there, and into AWS's configuration files.
        let usual = || {
            let local = Some(environment).filter(|_| target == Target::Local)?;
            local.get("AWS_REGION").or_else(|| local.get("AWS_DEFAULT_REGION"))
        };
        Ok(Cloud {
            target,
            profile: environment.text(args.profile.as_ref(), "AOMIDORI_PROFILE"),
            region: environment
                .text(args.region.as_ref(), "AOMIDORI_REGION")
                .or_else(|| region.filter(|region| !region.is_empty()).map(str::to_owned))
                .or_else(|| usual().map(str::to_owned)),
            endpoint: (target == Target::Aws).then(|| environment.get("AWS_ENDPOINT_URL").map(str::to_owned)).flatten(),
            account,
            parallelism,
            local: LocalCloud::new(&args.local, environment)?,
            variables: environment.aws_in_files(),
        })
    }
}
