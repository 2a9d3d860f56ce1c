//! An account on a local cloud.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aomidori_adopt::undescribed;
use aomidori_aws::{Aws, Settings};
use aomidori_engine::run::{End, Planned, Report, RunOptions};
use aomidori_engine::{ApplyOptions, Events, RunError, down, preview, up};
use aomidori_hcl::Live;
use aomidori_local::{LocalCloud, Options};
use aomidori_model::kinds::EcrRepository;
use aomidori_model::kinds::task_definition::Image;
use aomidori_model::{Address, Stack};
use aomidori_plan::{Action, Mode};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::stacks::{OUTSIDE_TAGS, Outside, Surroundings, outside};

/// The local cloud's account.
pub const ACCOUNT: &str = "123456789012";

/// The region of everything.
pub const REGION: &str = "ap-northeast-1";

/// How many resources of each kind there are, by service.
pub type Census = BTreeMap<String, BTreeMap<String, usize>>;

/// An account, and this program in it.
pub struct Account {
    /// The cloud.
    pub local: LocalCloud,
    /// The client.
    pub aws: Aws,
    runtime: Runtime,
    speed: f64,
}

impl Account {
    /// An empty account in which nothing takes time.
    ///
    /// # Errors
    /// The machine's.
    pub fn new() -> Result<Account, String> {
        Account::with(Options::instant(), 1000.0)
    }

    /// An empty account of any sort; how fast its clock runs is for waits.
    ///
    /// # Errors
    /// The machine's.
    pub fn with(options: Options, speed: f64) -> Result<Account, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let local = LocalCloud::start(options).map_err(|error| error.to_string())?;
        let settings = Settings::local(local.endpoint(), REGION);
        let aws = runtime.block_on(Aws::connect(settings)).map_err(|error| error.to_string())?;
        Ok(Account { local, aws, runtime, speed })
    }

    /// Waits for something.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// What is there that stacks may point at, made now.
    ///
    /// # Errors
    /// The local cloud's.
    pub fn surroundings(&self) -> Result<Surroundings, String> {
        let zone = hosted_zone(&self.local.endpoint(), "example.com")?;
        let stack = outside(REGION);
        let mut options = self.options();
        // One after the other: the ids are the same every time.
        options.apply.parallelism = 1;
        let cancel = CancellationToken::new();
        ended(self.wait(up(&self.aws, &stack, &options, async |_| true, &Events::none(), &cancel)))?;
        let live = self.live(&stack)?;
        let ids: BTreeMap<&str, &str> =
            live.iter().map(|(address, live)| (address.as_str(), live.id.as_str())).collect();
        let outside = Outside::of(|address| ids.get(address).copied().unwrap_or_default().to_owned());
        for tag in OUTSIDE_TAGS {
            let pushed = self.wait(self.aws.push_practice_image(&outside.repository, tag, tag));
            pushed.map_err(|error| error.to_string())?;
        }
        Ok(Surroundings { zone, region: REGION.to_owned(), account: ACCOUNT.to_owned(), outside })
    }

    fn options(&self) -> RunOptions {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let run = format!("round-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let mut apply = ApplyOptions::new(run).at_speed(self.speed);
        // What is refused in a cloud without time is refused for good.
        apply.retry.not_yet = Duration::from_secs(5);
        apply.retry.in_use = Duration::from_secs(5);
        RunOptions::new(apply)
    }

    /// `up`, images and all.
    ///
    /// # Errors
    /// What went wrong.
    pub fn up(&self, stack: &Stack) -> Result<(), String> {
        let mut repositories = Stack::new(stack.name().clone());
        repositories.tags.clone_from(&stack.tags);
        for (address, repository) in stack.of::<EcrRepository>() {
            repositories.add(address.as_str(), repository.clone());
            if let (Some(from), Some(to)) = (stack.get(address), repositories.get_mut(address)) {
                to.tags.clone_from(&from.tags);
            }
        }
        let cancel = CancellationToken::new();
        if !repositories.is_empty() {
            ended(self.wait(up(&self.aws, &repositories, &self.options(), async |_| true, &Events::none(), &cancel)))?;
            self.push_images(stack)?;
        }
        ended(self.wait(up(&self.aws, stack, &self.options(), async |_| true, &Events::none(), &cancel)))
    }

    /// Puts practice images under all tags that the stack's task definitions name.
    ///
    /// # Errors
    /// What went wrong.
    pub fn push_images(&self, stack: &Stack) -> Result<(), String> {
        let definitions = stack.of::<aomidori_model::kinds::TaskDefinition>();
        for (_, container) in
            definitions.flat_map(|(at, it)| it.containers.iter().map(move |container| (at, container)))
        {
            let Image::Tag { repository, tag } = &container.image else { continue };
            let Some((_, found)) = stack.find(repository) else { continue };
            let (name, tag) = (found.name.as_str(), tag.as_str());
            match self.wait(self.aws.push_practice_image(name, tag, tag)) {
                Ok(()) => {}
                // It is there, and stays.
                Err(error) if error.code.as_deref() == Some("ImageTagAlreadyExistsException") => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(())
    }

    /// `down`.
    ///
    /// # Errors
    /// What went wrong, or is left.
    pub fn down(&self, stack: &Stack) -> Result<(), String> {
        let cancel = CancellationToken::new();
        ended(self.wait(down(&self.aws, stack, &self.options(), async |_| true, &Events::none(), &cancel)))
    }

    /// What our `plan` says.
    ///
    /// # Errors
    /// What went wrong.
    pub fn plan(&self, stack: &Stack) -> Result<Planned, String> {
        self.wait(preview(&self.aws, stack, Mode::Converge, &self.options(), &Events::none()))
            .map_err(|error| chain(&error))
    }

    /// Nothing, if our `plan` is empty.
    ///
    /// # Errors
    /// The steps that it has.
    pub fn nothing_to_do(&self, stack: &Stack) -> Result<(), String> {
        let planned = self.plan(stack)?;
        if planned.plan.is_empty() {
            return Ok(());
        }
        let steps =
            planned.plan.steps.iter().map(|step| format!("{} {:?}: {:?}", step.address, step.action, step.changes));
        Err(format!("our plan has steps:\n{}", steps.collect::<Vec<_>>().join("\n")))
    }

    /// Nothing, if our `plan` is empty once nothing is on its way any more.
    ///
    /// # Errors
    /// The steps that it has.
    pub fn settled(&self, stack: &Stack) -> Result<(), String> {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let planned = self.plan(stack)?;
            let waits = !planned.plan.is_empty() && planned.plan.steps.iter().all(|step| step.action == Action::Await);
            if !waits || Instant::now() > patience {
                return self.nothing_to_do(stack);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Live ids by address, as `emit terraform --import` has them.
    ///
    /// # Errors
    /// What went wrong.
    pub fn live(&self, stack: &Stack) -> Result<BTreeMap<Address, Live>, String> {
        let planned = self.plan(stack)?;
        let ours = || planned.observation.ours();
        let beyond = self.wait(self.aws.beyond(ours().map(|(_, found)| (found.kind, found.id.clone()))));
        let (beyond, _) = beyond.map_err(|error| chain(&error))?;
        let mut undescribed = undescribed(stack, &planned.observation, &beyond);
        let mut live = |address: &Address, id: &str| {
            let undescribed = undescribed.remove(address).unwrap_or_default();
            (address.clone(), Live { id: id.to_owned(), undescribed })
        };
        Ok(ours().map(|(address, found)| live(address, &found.id)).collect())
    }

    /// What there is, without kinds of which there is none.
    pub fn census(&self) -> Census {
        let mut census = self.local.census();
        for kinds in census.values_mut() {
            kinds.retain(|_, count| *count > 0);
        }
        census.retain(|_, kinds| !kinds.is_empty());
        census
    }
}

fn ended(run: Result<Report, RunError>) -> Result<(), String> {
    let report = run.map_err(|error| chain(&error))?;
    if matches!(report.end, End::Done | End::NothingToDo) {
        return Ok(());
    }
    let step = |id| report.planned.plan.step(id).map(|step| (step.address.to_string(), step.action));
    let failed: Vec<_> = report
        .outcome
        .iter()
        .flat_map(|outcome| &outcome.failed)
        .map(|failure| (step(failure.step), &failure.error, &failure.holders))
        .collect();
    Err(format!("{:?}: failed {failed:#?}, left {:#?}, leftovers {:#?}", report.end, report.left, report.leftovers))
}

/// An error with all that it stands on.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

/// A hosted zone is nobody's stack's: one request by hand makes it.
fn hosted_zone(endpoint: &str, name: &str) -> Result<String, String> {
    let host = endpoint.trim_start_matches("http://");
    let body = format!(
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{name}</Name>\
         <CallerReference>round</CallerReference></CreateHostedZoneRequest>"
    );
    let request = format!(
        "POST /2013-04-01/hostedzone HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/xml\r\nauthorization: \
         AWS4-HMAC-SHA256 Credential=AKIALOCAL/20260101/us-east-1/route53/aws4_request, SignedHeaders=host, \
         Signature=0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut answer = String::new();
    let asked = TcpStream::connect(host).and_then(|mut stream| {
        stream.write_all(request.as_bytes())?;
        stream.read_to_string(&mut answer)
    });
    asked.map_err(|error| error.to_string())?;
    let id = answer.split("<Id>/hostedzone/").nth(1).and_then(|rest| rest.split('<').next());
    id.map(str::to_owned).ok_or(answer)
}
