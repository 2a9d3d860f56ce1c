//! `adopt`: what others made becomes the stack's, by tags alone.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aomidori_adopt::{Candidate, Claims, Description, Left, LeftOut, Reading, State, Unsaid};
use aomidori_adopt::{declare, describe, differing, key, of_another, place, sketch, stray};
use aomidori_aws::{Aws, Claiming, S3Error, S3Place};
use aomidori_engine::{Cloud as _, End, Events, Planned, RunError};
use aomidori_model::{KindName, Stack, StackName};
use aomidori_plan::{Observation, Ownership, Plan};
use tokio_util::sync::CancellationToken;

use super::change::{Answer, ask, failures};
use super::session::{AtOnce, Session, drive};
use super::{done, in_s3, named, prepare};
use crate::app::App;
use crate::args;
use crate::connect;
use crate::error::Error;
use crate::exit::Exit;
use crate::settings::{Change, Environment, Load};
use crate::view::adopt::{self as view, Found};
use crate::view::screen::Screen;
use crate::view::{Printer, summary};

pub(crate) async fn run(
    app: &App,
    args: &args::Adopt,
    environment: &Environment,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let args::Adopt { tfstate, service, out, name, dry_run, change, detail, cloud } = args;
    if !service.is_empty() {
        let services = Services::new(service, name.as_deref())?;
        let empty = Stack::new(services.name.clone());
        // The program's own stack says only the region and account, if it can be made at all.
        let own = prepare(app, cloud, environment, printer, Load::Any);
        let own = own.or_else(|_| prepare(app, cloud, environment, printer, Load::Given(&empty)));
        let (mut source, settings, environment) = own?;
        source.stack = Arc::new(empty);
        let asked = Asked {
            change: Change::new(change, &environment)?,
            dry_run: environment.on(*dry_run, "AOMIDORI_DRY_RUN")?,
            compact: environment.on(detail.compact, "AOMIDORI_COMPACT")?,
        };
        let out = environment.path(out.as_ref(), "AOMIDORI_OUT");
        let out = out.unwrap_or_else(|| PathBuf::from(format!("{}.json", services.name)));
        let session = connect::open(app, source, settings, printer).await?;
        return match from_services(session, &asked, &services, &out, printer).await {
            Ok(exit) => Ok(exit),
            Err((session, error)) => named(&session, Err(error)).await,
        };
    }
    let (source, settings, environment) = prepare(app, cloud, environment, printer, Load::Valid)?;
    let mut places = tfstate.clone();
    if places.is_empty() {
        places.extend(environment.get("AOMIDORI_TFSTATE").map(str::to_owned));
    }
    places.retain(|place| !place.is_empty());
    if places.is_empty() {
        return Err(Error::Setting {
            origin: "--tfstate".to_owned(),
            value: String::new(),
            takes: "a file or `s3://BUCKET/KEY` with a Terraform state to adopt from; or name a `--service`".to_owned(),
        });
    }
    let asked = Asked {
        change: Change::new(change, &environment)?,
        dry_run: environment.on(*dry_run, "AOMIDORI_DRY_RUN")?,
        compact: environment.on(detail.compact, "AOMIDORI_COMPACT")?,
    };
    // A place or a file that is none is told before any cloud is asked.
    let places = places.into_iter().map(|name| Ok((Place::new(&name)?, name))).collect::<Result<Vec<_>, Error>>()?;
    let session = connect::open(app, source, settings, printer).await?;
    let state = match read(&session, places, printer).await {
        Ok(state) => state,
        Err(error) => return named(&session, Err(error)).await,
    };
    match from_state(session, &asked, &state, printer).await {
        Ok(exit) => Ok(exit),
        Err((session, error)) => named(&session, Err(error)).await,
    }
}

/// A state that was named.
enum Place {
    File(State),
    S3(S3Place),
}

impl Place {
    /// Reads a file; a place in S3 is read later.
    fn new(name: &str) -> Result<Place, Error> {
        if name.contains("://") {
            return Ok(Place::S3(in_s3("--tfstate", name)?));
        }
        Ok(Place::File(state(&file(name)?, name)?))
    }
}

fn state(bytes: &[u8], place: &str) -> Result<State, Error> {
    State::read(bytes).map_err(|source| Error::State { place: place.to_owned(), source })
}

/// What all states hold together. Those in S3 are read with the credentials, region and endpoint of all else.
async fn read(session: &Session<Aws>, places: Vec<(Place, String)>, printer: &mut Printer) -> Result<State, Error> {
    let mut states = Vec::new();
    for (place, name) in places {
        let place = match place {
            Place::File(state) => {
                states.push((state, name));
                continue;
            }
            Place::S3(place) => place,
        };
        guard(session).await?;
        let object = session.cloud.s3_object(&place).await.map_err(|error| match error {
            S3Error::Cloud(error) => session.cloud_error(error),
            source => Error::StateObject { place: place.to_string(), source },
        })?;
        if let Some(region) = &object.elsewhere {
            printer.note(&format!("note: the bucket `{}` is in {region}, and was read there\n", place.bucket));
        }
        states.push((state(&object.bytes, &name)?, name));
    }
    Ok(State::together(states))
}

/// What `adopt` was asked for.
struct Asked {
    change: Change,
    dry_run: bool,
    compact: bool,
}

fn file(path: &str) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { what: "the Terraform state", path: PathBuf::from(path), source })
}

/// Services to start from, and the stack that they shall be.
struct Services {
    services: Vec<(String, String)>,
    name: StackName,
}

impl Services {
    fn new(given: &[String], name: Option<&str>) -> Result<Services, Error> {
        let services: Vec<(String, String)> = given
            .iter()
            .map(|text| {
                let parts = text.split_once('/').filter(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains('/'));
                let (cluster, service) = parts.ok_or_else(|| Error::Setting {
                    origin: "--service".to_owned(),
                    value: text.clone(),
                    takes: "a cluster and a service: `CLUSTER/SERVICE`".to_owned(),
                })?;
                Ok((cluster.to_owned(), service.to_owned()))
            })
            .collect::<Result<_, Error>>()?;
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let from_cluster =
            || services.first().map_or_else(String::new, |(cluster, _)| cluster.chars().map(letter).collect());
        let name = name.map_or_else(from_cluster, str::to_owned);
        let wrong = |error: aomidori_model::name::InvalidName| Error::Setting {
            origin: "--name".to_owned(),
            value: name.clone(),
            takes: format!("{}: {}", error.what, error.reason),
        };
        let name = name.trim_matches('-').parse().map_err(wrong)?;
        Ok(Services { services, name })
    }
}

/// Walks from services, writes the stack that describes what was found, shows it, asks, and marks it.
async fn from_services(
    session: Session<Aws>,
    asked: &Asked,
    services: &Services,
    out: &Path,
    printer: &mut Printer,
) -> Result<Exit, Failed> {
    let (stack, found) = match described(&session, services).await {
        Ok(described) => described,
        Err(error) => return Err((session, error)),
    };
    if let Err(error) = write(&stack, out) {
        return Err((session, error));
    }
    printer.note(&format!("Written to {}, for `--stack {0}`.\n", out.display()));
    let claims = found.placement.claims();
    let mut session = session.map(|aws| Claiming { aws, claims });
    session.source.stack = Arc::new(stack);
    let result = take_over(&session, asked, found, printer).await;
    result.map_err(|error| (session.map(|claiming| claiming.aws), error))
}

/// The stack that describes what belongs to the services.
async fn described(session: &Session<Aws>, services: &Services) -> Result<(Stack, Found), Error> {
    guard(session).await?;
    let (name, empty) = (&services.name, &session.source.stack);
    let cloud_error = |error| session.cloud_error(error);
    let observe =
        async |stack: &Stack, claims: &Claims| session.cloud.observe_claiming(stack, claims).await.map_err(cloud_error);
    let walk = session.cloud.walk(empty, &services.services).await.map_err(cloud_error)?;
    let have = observe(empty, &walk.claims).await?;
    // What stands around may be another stack's: it is referred to. What was asked for may not.
    let asked = have
        .resources
        .iter()
        .filter(|seen| seen.kind == KindName::EcsService && walk.found.contains(&(seen.kind, seen.id.clone())));
    let theirs: Vec<String> = asked
        .filter_map(|seen| Some(format!("{} is of the stack `{}`", short(&seen.id), of_another(seen, name)?)))
        .collect();
    if !theirs.is_empty() {
        return Err(Error::OwnedByOthers(theirs));
    }
    // Once more, with what is read only where it is declared.
    let first = sketch(name, &have, &walk);
    let read = observe(&declare(&first.stack, &walk), &first.claims_of(&walk)).await?;
    let mut left_out = LeftOut::new();
    let (described, have) = loop {
        let described = describe(name, &read, &walk, &left_out);
        // As a plan will see it.
        let have = observe(&described.stack, &described.claims).await?;
        let wrong = differing(&described, &have);
        left_out.clone_from(&described.left_out);
        let before = left_out.len();
        left_out.extend(wrong);
        if left_out.len() == before {
            break (described, have);
        }
    };
    let Description { stack, places, claims, unsaid, left_out } = described;
    let problems = stack.validate();
    if !problems.is_empty() {
        return Err(Error::InvalidStack(problems));
    }
    let mut found = Found::default();
    let mut others = Vec::new();
    for (address, (kind, id)) in places {
        let seen = have.resources.iter().find(|seen| seen.kind == kind && key(kind, &seen.id) == id);
        let marks = seen.map(|seen| seen.marks()).unwrap_or_default();
        match &marks.stack {
            Some(stack) if *stack != name.as_str() => {
                others.push(format!("{address} ({id}) is of the stack `{stack}`"))
            }
            Some(_) if marks.address.as_ref() == Some(&address) => {
                found.placement.settled.insert(address.clone());
            }
            // It needs no mark, for it takes none.
            _ if claims.address(kind, &id).is_none() => {
                found.placement.settled.insert(address.clone());
            }
            _ => {}
        }
        let id = seen.map_or(id, |seen| seen.id.clone());
        found.placement.placed.insert(address, Candidate { kind, id: id.clone(), name: id });
    }
    if !others.is_empty() {
        return Err(Error::OwnedByOthers(others));
    }
    found.unsaid = unsaid.into_iter().map(|Unsaid { address, what }| (address.to_string(), what)).collect();
    found.left_out = left_out.into_iter().map(|((kind, id), why)| (kind, id, why)).collect();
    found.passed = walk.passed;
    Ok((stack, found))
}

/// A service as it was asked for: CLUSTER/SERVICE.
fn short(arn: &str) -> &str {
    arn.split_once(":service/").map_or(arn, |(_, service)| service)
}

/// Writes a stack file, over none that is there, unless it says the same.
fn write(stack: &Stack, out: &Path) -> Result<(), Error> {
    let text = stack.to_json().map_err(|error| Error::Bug(error.to_string()))?;
    match std::fs::read_to_string(out) {
        Ok(there) if there == text => return Ok(()),
        Ok(_) => {
            return Err(Error::Setting {
                origin: "--out".to_owned(),
                value: out.display().to_string(),
                takes: "a new file: this one says something else, and is not written over".to_owned(),
            });
        }
        Err(_) => {}
    }
    let written = std::fs::File::create_new(out).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| Error::Write { what: "the stack file", path: out.to_owned(), source })
}

/// Refuses any account but the one that was asked for; the account.
async fn guard(session: &Session<Aws>) -> Result<String, Error> {
    let account = session.cloud.account().await.map_err(|error| session.cloud_error(error))?;
    match &session.settings.account {
        Some((wanted, origin)) if *wanted != account => {
            Err(Error::WrongAccount { found: account, wanted: wanted.clone(), origin: origin.words() })
        }
        _ => Ok(account),
    }
}

type Failed = (Session<Aws>, Error);

/// Places what a state holds, shows it, asks, and marks it.
async fn from_state(
    session: Session<Aws>,
    asked: &Asked,
    state: &State,
    printer: &mut Printer,
) -> Result<Exit, Failed> {
    let found = match look(&session, state).await {
        Ok(found) => found,
        Err(error) => return Err((session, error)),
    };
    let claims = found.placement.claims();
    let session = session.map(|aws| Claiming { aws, claims });
    let result = take_over(&session, asked, found, printer).await;
    result.map_err(|error| (session.map(|claiming| claiming.aws), error))
}

/// What of the state is what of the stack.
async fn look(session: &Session<Aws>, state: &State) -> Result<Found, Error> {
    let account = guard(session).await?;
    let region = session.cloud.region().to_owned();
    let mut found = Found { from_state: true, ..Found::default() };
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut names: BTreeMap<(KindName, String), &str> = BTreeMap::new();
    for instance in &state.instances {
        let mut left = |why| found.unread.push((instance.address.clone(), instance.terraform.clone(), why));
        match instance.read(&account, &region) {
            Reading::Candidate { kind, id } => match names.get(&(kind, id.clone())) {
                Some(first) => left(Left::Again((*first).to_owned())),
                None => {
                    names.insert((kind, id.clone()), &instance.address);
                    candidates.push(Candidate { kind, id, name: instance.address.clone() });
                }
            },
            Reading::Part(_) => found.parts += 1,
            Reading::Data => found.data += 1,
            Reading::Left(why) => left(why),
        }
    }
    let mut claims = Claims::default();
    // Of what the stack has none of nothing is asked: a state may hold thousands.
    let stack = &session.source.stack;
    let kinds: BTreeSet<KindName> = stack.iter().map(|(_, entry)| entry.resource.kind()).collect();
    for candidate in candidates.iter().filter(|candidate| kinds.contains(&candidate.kind)) {
        if let Some(address) = stray(candidate.kind, &candidate.id) {
            claims.add(candidate.kind, &candidate.id, address);
        }
    }
    let have = session.cloud.observe_claiming(stack, &claims).await.map_err(|error| session.cloud_error(error))?;
    inside(&mut candidates, &have, &claims);
    found.placement = place(stack, &candidates, &have);
    let others: Vec<String> = found
        .placement
        .others()
        .map(|(candidate, stack)| format!("{} ({}) is of the stack `{stack}`", candidate.name, candidate.id))
        .collect();
    if !others.is_empty() {
        return Err(Error::OwnedByOthers(others));
    }
    Ok(found)
}

/// Adds the rules inside the groups of a state: it may hold them as arguments of their group.
fn inside(candidates: &mut Vec<Candidate>, have: &Observation, claims: &Claims) {
    for seen in have.resources.iter().filter(|seen| seen.kind == KindName::SecurityGroupRule) {
        let Ownership::Added { inside } = &seen.owner else { continue };
        let group = candidates.iter().find(|candidate| {
            candidate.kind == KindName::SecurityGroup
                && claims.address(candidate.kind, &candidate.id).is_some_and(|address| address == inside)
        });
        if let Some(group) = group {
            let name = format!("{} ({})", group.name, seen.id);
            candidates.push(Candidate { kind: seen.kind, id: seen.id.clone(), name });
        }
    }
}

/// A plan as it will be once all is adopted; what is foreign and in its way apart.
fn afterwards(session: &Session<Claiming>, have: &Observation) -> Result<(Plan, Vec<String>), Error> {
    let stack = &session.source.stack;
    match aomidori_plan::plan(stack, have) {
        Ok(plan) => Ok((plan, Vec::new())),
        Err(error) => {
            let mut others = have.clone();
            others.resources.retain(|seen| !matches!(seen.owner, Ownership::Foreign { .. }));
            let plan =
                aomidori_plan::plan(stack, &others).map_err(|error| session.explain(RunError::Plan(error), None))?;
            Ok((plan, error.obstacles.iter().map(ToString::to_string).collect()))
        }
    }
}

async fn take_over(
    session: &Session<Claiming>,
    asked: &Asked,
    mut found: Found,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let stack = &session.source.stack;
    let have = session.cloud.observe(stack).await.map_err(|error| session.cloud_error(error))?;
    let (plan, in_the_way) = afterwards(session, &have)?;
    found.in_the_way = in_the_way;
    let header = session.header(&have.account, &have.region);
    let text = view::human(&header, &found, &plan, &have, asked.compact, printer.out_paint());
    let result = |adopted| view::result(&header, &found, &plan, adopted);
    if asked.dry_run || found.placement.claims().is_empty() {
        printer.result(&text);
        return Ok(done(printer, "adopt", Exit::Done, result(false)));
    }
    let mut options = session.options(asked.change.break_lock);
    options.tags_only = true;
    let (events, records) = Events::channel();
    let cancel = CancellationToken::new();
    let answer = Cell::new(Answer::Yes);
    let report = {
        let screen = Screen::new(printer);
        let approve = async |_: &Planned| {
            screen.with(|printer| printer.result(&text));
            let what = format!("Mark {} as {}'s?", view::resources(found.placement.claims().len()), stack.name());
            answer.set(ask(&screen, asked.change.yes, &what).await);
            answer.get() == Answer::Yes
        };
        let run = aomidori_engine::up(&session.cloud, stack, &options, approve, &events, &cancel);
        drive(&screen, records, &cancel, run).await
    };
    let report = match report {
        Ok(Ok(report)) => report,
        Ok(Err(RunError::NotApproved)) => {
            return Err(Error::Unconfirmed { action: "adopt", nobody: answer.get() == Answer::Nobody });
        }
        Ok(Err(error)) => return Err(session.explain(error, None)),
        Err(AtOnce) => {
            return Err(Error::Interrupted {
                why: vec!["it was stopped with calls in flight: they may have been done or not".to_owned()],
                help: vec!["run `adopt` again: it finds what was done and goes on from there".to_owned()],
            });
        }
    };
    printer.note(&summary::line(&report, session.cloud.calls().values().sum(), printer.err_paint()));
    match report.end {
        End::NothingToDo | End::Done => {}
        End::NotConverged => {
            let left = report.left.iter().flat_map(|left| &left.steps).map(|step| step.address.clone());
            return Err(Error::NotConverged(left.collect()));
        }
        End::LeaseLost => {
            return Err(Error::LockLost { why: summary::stopped(&report.planned.plan, report.outcome.as_ref()) });
        }
        End::Interrupted => {
            let help = vec!["run `adopt` again: it goes on from here".to_owned()];
            return Err(Error::Interrupted {
                why: summary::stopped(&report.planned.plan, report.outcome.as_ref()),
                help,
            });
        }
        End::Failed | End::Leftovers => return Err(Error::Steps(failures(&report))),
    }
    printer.result(&view::after(stack.name(), &found, &plan));
    Ok(done(printer, "adopt", Exit::Done, result(true)))
}
