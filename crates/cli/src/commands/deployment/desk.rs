//! What the commands over deployments share: a service of the stack, with the ids of what is live, and the cloud's clock.

use aomidori_aws::Aws;
use aomidori_deploy::cloud::{DeployCloud as _, Deployment};
use aomidori_deploy::{Clock, Deployer, DriveOptions, Moment, Pair, Place, Progress, Site, Timings};
use aomidori_engine::cloud::{Cloud as _, CloudError, Known, Made};
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_plan::Observation;

use crate::app::App;
use crate::args::{self, Target};
use crate::commands::session::{Session, prepare};
use crate::connect;
use crate::error::{Error, Failure};
use crate::local_cloud;
use crate::settings::{self, Environment, Load};
use crate::view::deployment::Urls;
use crate::view::json::LocalPort;
use crate::view::plan::Header;
use crate::view::{Printer, summary};

/// How many of the latest deployments are looked at for one that runs.
const RECENT: usize = 5;

/// One service, ready to be deployed to.
pub(super) struct Desk {
    pub(super) session: Session<Aws>,
    pub(super) site: Site,
    pub(super) header: Header,
    /// Where its listeners are to be found.
    pub(super) urls: Urls,
    pub(super) clock: Clock,
    /// Practice images are made where somebody asks for one that is missing.
    pub(super) practice: bool,
}

impl Desk {
    /// Looks at what is live and finds the service in it.
    pub(super) async fn open(
        app: &App,
        cloud: &args::Cloud,
        service: Option<&str>,
        environment: &Environment,
        printer: &mut Printer,
    ) -> Result<(Desk, Environment), Error> {
        let (source, settings, environment) = prepare(app, cloud, environment, printer, Load::Valid)?;
        let service = service.map(str::to_owned).or_else(|| environment.get("AOMIDORI_SERVICE").map(str::to_owned));
        let practice = app.practice_images.is_some() && settings.target == Target::Local;
        let session = connect::open(app, source, settings, printer).await?;
        let observation = match session.cloud.observe(&session.source.stack).await {
            Ok(observation) => observation,
            Err(error) => {
                return Err(connect::name_caller(&session.cloud, session.cloud_error(error)).await);
            }
        };
        guard(&session, &observation)?;
        let mut known = Known::default();
        for (address, found) in observation.ours() {
            known.insert(address.clone(), Made { id: found.id.clone(), outputs: found.outputs.clone() });
        }
        let site = Site::of(&session.source.stack, &known, service.as_deref())?;
        let here = here(&session.settings);
        let urls = match &site.deployer {
            Deployer::CodeDeploy(pair) => urls(pair, &observation, &here.ports),
            Deployer::Rolling { .. } => Urls::default(),
        };
        let header = session.header(&observation.account, &observation.region);
        Ok((Desk { session, site, header, urls, clock: here.clock, practice }, environment))
    }

    pub(super) fn cloud(&self) -> &Aws {
        &self.session.cloud
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        self.site.at.name.clone()
    }

    /// Has the local cloud run as fast as before somebody looked.
    pub(super) fn go_on(&mut self) -> Result<(), Error> {
        local_cloud::hurry(&self.session.settings)?;
        self.see_clock();
        Ok(())
    }

    /// Has the local cloud run as fast as AWS while somebody looks. True if it is slower now.
    pub(super) fn pause(&mut self) -> Result<bool, Error> {
        let slower =
            self.session.settings.target == Target::Local && local_cloud::slow_down(&self.session.settings.local)?;
        if slower {
            self.see_clock();
        }
        Ok(slower)
    }

    fn see_clock(&mut self) {
        let Here { clock, rate, ports: _ } = here(&self.session.settings);
        self.clock = clock;
        // An instant one stays so: only its waits take time.
        if self.session.speed.is_finite() {
            self.session.speed = rate;
        }
    }

    /// What CodeDeploy moves.
    ///
    /// # Errors
    /// ECS deploys it.
    pub(super) fn pair(&self, verb: &'static str) -> Result<&Pair, Error> {
        match &self.site.deployer {
            Deployer::CodeDeploy(pair) => Ok(pair),
            Deployer::Rolling { .. } => Err(Failure::Rolling { verb, service: self.name() }.into()),
        }
    }

    pub(super) fn place(&self) -> Place {
        let group = match &self.site.deployer {
            Deployer::CodeDeploy(pair) => Some(pair.group.clone()),
            Deployer::Rolling { .. } => None,
        };
        Place { group, at: self.site.at.clone(), target_groups: self.site.target_groups() }
    }

    pub(super) fn options(&self) -> DriveOptions {
        DriveOptions::new(self.clock)
    }

    /// A cloud's error with whom it came from.
    pub(super) async fn explain(&self, error: CloudError) -> Error {
        connect::name_caller(self.cloud(), self.session.cloud_error(error)).await
    }

    /// An answer of the cloud, or its error explained.
    pub(super) async fn asked<T>(&self, answer: Result<T, CloudError>) -> Result<T, Error> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.explain(error).await),
        }
    }

    /// The group's latest deployments, the newest first.
    pub(super) async fn recent(&self, pair: &Pair) -> Result<Vec<Deployment>, Error> {
        self.asked(self.cloud().deployments(&pair.group, RECENT).await).await
    }

    /// The deployment that runs, if one does.
    pub(super) async fn running(&self, pair: &Pair) -> Result<Option<Deployment>, Error> {
        Ok(self.recent(pair).await?.into_iter().find(|it| !it.status.is_over()))
    }

    /// A deployment with what it does.
    pub(super) async fn progress(&self, deployment: Deployment) -> Result<Progress, Error> {
        let target = self.asked(self.cloud().target(&deployment.id, &self.site.at).await).await?;
        Ok(Progress { deployment, target })
    }

    /// How a configuration shifts traffic.
    pub(super) async fn routing(&self, config: &str) -> Result<TrafficRouting, Error> {
        if let Some(routing) = aomidori_deploy::time::predefined(config) {
            return Ok(routing);
        }
        let found = self.asked(self.cloud().routing(config).await).await?;
        found.ok_or_else(|| Failure::NoConfig { name: config.to_owned() }.into())
    }

    /// How long the parts of a deployment take: with the group's own configuration, or another one.
    pub(super) async fn timings(&self, pair: &Pair, config: Option<&str>) -> Result<Timings, Error> {
        let routing = match (config, pair.routing) {
            (None, Some(routing)) => routing,
            (None, None) => self.routing(&pair.config).await?,
            (Some(config), _) => self.routing(config).await?,
        };
        Ok(pair.timings(Some(routing)))
    }

    /// How a deployment that exists takes its time: by its own settings, which may not be the group's of today.
    pub(super) async fn timings_of(&self, pair: &Pair, deployment: &Deployment) -> Result<Timings, Error> {
        let routing = match deployment.config.is_empty() {
            true => pair.routing.unwrap_or(TrafficRouting::AllAtOnce),
            false => self.routing(&deployment.config).await?,
        };
        let (ready, terminate_after) = (deployment.ready, deployment.terminate_after);
        Ok(Pair { ready, terminate_after, ..pair.clone() }.timings(Some(routing)))
    }
}

/// Refuses an account other than the one asked for.
fn guard(session: &Session<Aws>, observation: &Observation) -> Result<(), Error> {
    match &session.settings.account {
        Some((wanted, origin)) if *wanted != observation.account => Err(Error::WrongAccount {
            found: observation.account.clone(),
            wanted: wanted.clone(),
            origin: origin.words(),
        }),
        _ => Ok(()),
    }
}

/// The cloud's clock, how fast it runs, and the ports of this machine at which listeners of the local cloud answer.
struct Here {
    clock: Clock,
    rate: f64,
    ports: Vec<LocalPort>,
}

fn here(settings: &settings::Cloud) -> Here {
    let local_cloud::Here { clock, ports } = local_cloud::here(settings);
    let (clock, rate) =
        clock.map_or_else(|| (Clock::system(), 1.0), |(now, rate)| (Clock::at(Moment(now), rate), rate));
    Here { clock, rate, ports }
}

/// Where production and test traffic can be asked for: on this machine for the local cloud.
fn urls(pair: &Pair, observation: &Observation, ports: &[LocalPort]) -> Urls {
    let url = |listener: &str| match summary::local(ports, listener) {
        Some(url) => Some(url.to_owned()),
        None => {
            let found = observation.resources.iter().find(|found| found.id == listener)?;
            summary::url(observation, found)
        }
    };
    Urls { production: url(&pair.production), test: pair.test.as_deref().and_then(url) }
}
