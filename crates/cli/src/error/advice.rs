//! Why an error happened and what to do about it, as far as this program can tell.

use aomidori_emit::EmitError;
use aomidori_engine::{CloudError, ErrorKind, Lease};
use aomidori_model::Address;
use aomidori_model::stack::ReadError;

use super::{Error, Whom, are, closest, expired};
use crate::args::Target;

impl Error {
    /// Why it happened, one line each; empty where the headline says it all.
    #[must_use]
    pub fn why(&self) -> Vec<String> {
        match self {
            Error::NotAnAssignment { .. } => vec!["an input is set as KEY=VALUE".to_owned()],
            Error::UnknownInput { origin, .. } => vec![format!("it was set by {origin}")],
            Error::InvalidInputs(inputs) => inputs
                .iter()
                .map(|input| match inputs.len() {
                    1 => format!("{} (set by {})", input.why, input.origin),
                    _ => format!("`{}` (set by {}): {}", input.key, input.origin, input.why),
                })
                .collect(),
            Error::Build(source) => chain(source.as_ref()),
            Error::Setting { .. } => Vec::new(),
            Error::NothingToImport { missing, region } => {
                let some: Vec<&str> = missing.iter().take(3).map(String::as_str).collect();
                let more = if missing.len() > some.len() { " …" } else { "" };
                vec![format!("they were looked for in {region} by the stack's tags: {}{more}", some.join(", "))]
            }
            Error::InputsWithStackFile { origins } => vec![format!("set by {}", origins.join(", "))],
            Error::EnvFile { source, .. } | Error::Read { source, .. } | Error::Write { source, .. } => {
                vec![source.to_string()]
            }
            Error::EnvLine { .. } => vec!["a line is NAME=VALUE, a comment or empty".to_owned()],
            Error::UnknownVariable { .. } => {
                vec!["variables that start with AOMIDORI_ are this program's, so it is probably misspelt".to_owned()]
            }
            Error::StackFile { source, .. } => match source {
                ReadError::Syntax(json) => vec![json.to_string()],
                ReadError::Format | ReadError::Version { .. } => vec![source.to_string()],
                ReadError::Problems(_) => Vec::new(),
            },
            Error::PlanFile { why, .. } => vec![why.clone()],
            Error::StalePlan { why, .. } | Error::Plan { why, .. } | Error::Interrupted { why, .. } => why.clone(),
            Error::LocalCloud { why, .. } | Error::LockLost { why } => why.clone(),
            Error::NotConverged(on) => {
                let on: Vec<&str> = on.iter().map(Address::as_str).collect();
                vec![format!("it concerns {}", on.join(", "))]
            }
            Error::Steps(failures) => {
                let mut why = Vec::new();
                if failures.skipped > 0 {
                    why.push(format!(
                        "{} not taken for want of what failed; {} done",
                        are(failures.skipped, "step"),
                        are(failures.done, "step")
                    ));
                }
                why.extend(failures.caller.iter().map(|caller| format!("the caller is {caller}")));
                why
            }
            Error::NoSuchAddress { .. } => Vec::new(),
            Error::Protected(on) => {
                on.iter().map(|address| format!("deletion protection is on for {address}")).collect()
            }
            Error::WrongAccount { origin, .. } => vec![format!("the account was fixed by {origin}")],
            Error::Unconfirmed { nobody: true, .. } => vec!["there is no terminal to ask on".to_owned()],
            Error::Unconfirmed { nobody: false, .. } => vec!["only `yes` is accepted".to_owned()],
            Error::Locked { lease, .. } => vec![match lease {
                None => "it was given back in the meantime".to_owned(),
                Some(Lease { holder, host, purpose, expires_in }) => {
                    let until = if *expires_in >= 0 {
                        format!("it expires in {} unless that run renews it", seconds(*expires_in))
                    } else {
                        format!("it expired {} ago", seconds(-expires_in))
                    };
                    format!("`{purpose}` on {host} holds the lock ({holder}); {until}")
                }
            }],
            Error::Cloud { error, whom } => cloud_why(error, whom),
            Error::InvalidStack(_) | Error::MissingImages(_) | Error::Leftovers(_) => Vec::new(),
            Error::Emit(source) => chain(source.as_ref()),
            Error::EmitFor(source) => chain(source.as_ref()),
            Error::Overwrite { why, .. } | Error::WouldDestroy { why, .. } | Error::OwnedByOthers(why) => why.clone(),
            Error::Deployment(failure) => failure.why(),
            Error::State { source, .. } => vec![source.to_string()],
            Error::StateObject { source, .. } => vec![source.to_string()],
            Error::Bug(_) => Vec::new(),
        }
    }

    /// What to do next, one line each.
    #[must_use]
    pub fn help(&self) -> Vec<String> {
        match self {
            Error::NotAnAssignment { given } => vec![format!("write `--set {given}=VALUE`")],
            Error::UnknownInput { key, known, .. } => {
                let mut help = did_you_mean(key, known);
                help.push(match known.as_slice() {
                    [] => "this stack has no inputs".to_owned(),
                    known => format!("its inputs are {}", known.join(", ")),
                });
                help
            }
            Error::InvalidInputs(inputs) => inputs
                .iter()
                .filter_map(|input| input.help.as_ref().map(|help| format!("`{}`: {help}", input.key)))
                .collect(),
            Error::Build(_) => vec!["correct the inputs, or the function that makes the stack".to_owned()],
            Error::Setting { .. } => Vec::new(),
            Error::NothingToImport { .. } => vec![
                "run `up` first; what others made is taken over with `adopt`".to_owned(),
                "name another place with `--region`, `--profile` or `--target`".to_owned(),
            ],
            Error::InputsWithStackFile { .. } => {
                vec!["leave them out, or change the file".to_owned()]
            }
            Error::EnvFile { .. } => vec!["name a file that exists, or leave `--env-file` out".to_owned()],
            Error::EnvLine { .. } => vec![
                "quote values with blanks; shell commands are never executed (`.envrc` files are no env files)"
                    .to_owned(),
            ],
            Error::UnknownVariable { variable, known, .. } => did_you_mean(variable, known),
            Error::Read { .. } | Error::Write { .. } => vec!["check the path and its permissions".to_owned()],
            Error::StackFile { source, .. } => match source {
                ReadError::Version { .. } => {
                    vec!["write it again with this program's version (`show --out FILE`), or use the version that wrote it".to_owned()]
                }
                ReadError::Syntax(_) | ReadError::Format => {
                    vec!["`show --out FILE` writes a stack file; start from one".to_owned()]
                }
                ReadError::Problems(_) => Vec::new(),
            },
            Error::InvalidStack(_) => vec!["nothing was changed; correct these and run the command again".to_owned()],
            Error::PlanFile { .. } => vec!["make it again with `plan --out FILE`".to_owned()],
            Error::StalePlan { .. } => {
                vec!["nothing was changed; look at a new plan (`plan --out FILE`) and carry that out".to_owned()]
            }
            Error::Plan { help, .. } | Error::LocalCloud { help, .. } | Error::Interrupted { help, .. } => help.clone(),
            Error::NoSuchAddress { closest, .. } => {
                let mut help: Vec<String> =
                    closest.first().map(|best| format!("did you mean `{best}`?")).into_iter().collect();
                help.push("`show` lists all of them".to_owned());
                help
            }
            Error::Protected(_) => vec![
                "switch it off first (a load balancer's attribute `deletion_protection.enabled`), by an `up` that changes nothing \
                 else or in the console; then run this again"
                    .to_owned(),
            ],
            Error::WrongAccount { wanted, .. } => vec![
                format!("nothing was changed; choose credentials of account {wanted} (`--profile NAME`)"),
                "or correct the account that was fixed".to_owned(),
            ],
            Error::Unconfirmed { nobody: true, action: "adopt" } => {
                vec!["look at it with `adopt --dry-run`, then run `adopt --yes`".to_owned()]
            }
            Error::Unconfirmed { nobody: true, action: action @ ("up" | "down") } => vec![
                format!("look at the plan, then run `{action} --yes`"),
                "or save a plan (`plan --out FILE`) and run `up FILE --yes`".to_owned(),
            ],
            Error::Unconfirmed { nobody: true, action } => vec![format!("look at it, then run `{action} --yes`")],
            Error::Unconfirmed { nobody: false, .. } => Vec::new(),
            Error::Locked { lease: None, .. } => vec!["run the command again".to_owned()],
            Error::Locked { lease: Some(_), .. } => vec![
                "nothing was changed; wait for that run to end".to_owned(),
                "if it is surely dead, take its lock with `--break-lock`".to_owned(),
            ],
            Error::Cloud { error, whom } => cloud_help(error, whom),
            Error::NotConverged(_) => {
                vec!["run `plan` to see what differs; if it says the same again, please report it".to_owned()]
            }
            Error::LockLost { .. } => {
                vec!["see who has it (`status`), and run the command again when that run has ended".to_owned()]
            }
            Error::Steps(_) => {
                vec!["correct the cause and run the command again: it goes on from here".to_owned()]
            }
            Error::MissingImages(_) => vec![
                "everything that does not need them is done; push them and run `up` again".to_owned(),
                "or go on without (`--no-image-check`): services start once the images are there".to_owned(),
            ],
            Error::Leftovers(_) => {
                vec!["run `down` again once nothing holds them; it removes what carries this stack's mark".to_owned()]
            }
            Error::Emit(_) => vec!["change the stack, or leave out what cannot be said".to_owned()],
            Error::EmitFor(source) => emit(source),
            Error::WouldDestroy { .. } => vec![
                "nothing was written; name another folder".to_owned(),
                "write it with `--force` if nothing was ever applied from there, or once `terraform state mv` has moved it"
                    .to_owned(),
            ],
            Error::Overwrite { .. } => {
                vec!["nothing was written; name another folder, or overwrite them with `--force`".to_owned()]
            }
            Error::Deployment(failure) => failure.help(),
            Error::State { source, .. } => vec![source.help().to_owned()],
            Error::StateObject { source, .. } => source.help(),
            Error::OwnedByOthers(_) => vec![
                "nothing was marked; what carries another stack's mark is that stack's, and its `down` deletes it"
                    .to_owned(),
                "remove the tags `aomidori:stack` and `aomidori:address` from it if that stack is no more".to_owned(),
            ],
            Error::Bug(_) => vec!["please report it, with what you did".to_owned()],
        }
    }
}

/// What helps a tool that deploys to get its files.
fn emit(error: &EmitError) -> Vec<String> {
    let one_of = |known: &[String]| format!("name one of: {}", known.join(", "));
    match error {
        EmitError::NotLive(_) => {
            vec!["run `up` first, or let ecspresso find them: `--ids tfstate` or `--ids env`".to_owned()]
        }
        EmitError::NoService { name, known } => {
            let mut help = did_you_mean(name, known);
            help.push(one_of(known));
            help
        }
        EmitError::Which { known } => vec![one_of(known)],
        EmitError::NoRegion => vec!["say it with `--region`".to_owned()],
        EmitError::Bug(_) => vec!["please report it, with what you did".to_owned()],
        EmitError::Invalid(_) | EmitError::NoServices | EmitError::Unsupported { .. } | EmitError::Terraform(_) => {
            vec!["change the stack, or leave out what cannot be said".to_owned()]
        }
    }
}

fn did_you_mean(text: &str, known: &[String]) -> Vec<String> {
    let best = closest(text, known.iter().map(String::as_str));
    best.first().map(|best| format!("did you mean `{best}`?")).into_iter().collect()
}

/// An error and its causes, one line each.
fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut lines = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        lines.push(cause.to_string());
        next = cause.source();
    }
    lines.dedup();
    lines
}

fn seconds(seconds: i64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

fn cloud_why(error: &CloudError, whom: &Whom) -> Vec<String> {
    let mut why = Vec::new();
    match (&error.code, error.kind == ErrorKind::Bug) {
        (_, true) => {}
        (Some(code), _) => why.push(format!("{code}: {}", error.message)),
        (None, _) => why.push(error.message.clone()),
    }
    if error.kind == ErrorKind::Credentials {
        why.push(match &whom.profile {
            Some(profile) => format!("profile `{profile}`, operation `{}`", error.operation),
            None => format!(
                "no profile was named; AWS's standard chain was asked (environment, files, SSO, container, instance), \
                 operation `{}`",
                error.operation
            ),
        });
    }
    if let (ErrorKind::Denied, Some(caller)) = (&error.kind, &whom.caller) {
        why.push(format!("the caller is {caller}"));
    }
    if let (ErrorKind::Unreachable | ErrorKind::Unknown | ErrorKind::Unsupported, Some(endpoint)) =
        (&error.kind, &whom.endpoint)
    {
        why.push(format!("the endpoint is {endpoint}"));
    }
    why
}

fn cloud_help(error: &CloudError, whom: &Whom) -> Vec<String> {
    let profile = whom.profile.as_deref();
    let one = |line: &str| vec![line.to_owned()];
    match error.kind {
        ErrorKind::Credentials if expired(error) => match profile {
            Some(profile) => vec![
                format!(
                    "log in again: `aws sso login --profile {profile}`, or however `{profile}` gets its credentials"
                ),
                "what is done stays done; then run the command again".to_owned(),
            ],
            None => vec![
                "get new credentials (`aws sso login`, `aws login`), then run the command again".to_owned(),
                "if they are in AWS_SESSION_TOKEN, replace all three AWS_* variables".to_owned(),
            ],
        },
        ErrorKind::Credentials => vec![
            "name a profile (`--profile NAME`), log in (`aws sso login`), or set AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY"
                .to_owned(),
            "to practise without an account leave `--target aws` out: the local cloud needs none".to_owned(),
        ],
        ErrorKind::Denied => vec![
            format!("let somebody allow `{}` for this caller, or use another profile", error.operation),
            "what is done stays done; then run the command again".to_owned(),
        ],
        ErrorKind::Unreachable => match (&whom.target, &whom.endpoint) {
            (Some(Target::Local), _) => one("`local status` shows how the local cloud is, `local start` starts it"),
            (_, Some(_)) => {
                one("start what should answer there, or correct AWS_ENDPOINT_URL (unset, it is AWS itself)")
            }
            (_, None) => {
                let region = whom.region.as_deref().unwrap_or("the region");
                vec![format!("check the network and whether {region} is a region that exists")]
            }
        },
        ErrorKind::Quota => one("ask AWS for more (Service Quotas), or remove what is not needed"),
        ErrorKind::Unsupported => one("use AWS or the local cloud for what this endpoint lacks"),
        ErrorKind::Throttled | ErrorKind::Unknown | ErrorKind::Underway => {
            one("run the command again: it finds what was done and goes on from there")
        }
        ErrorKind::Bug => one("please report it, with what you did"),
        ErrorKind::AlreadyExists => {
            one("something else has this name; rename one of the two, or remove the other if nobody needs it")
        }
        ErrorKind::InUse | ErrorKind::NotYet | ErrorKind::NotFound | ErrorKind::Refused => {
            one("correct the cause and run the command again: it goes on from here")
        }
    }
}
