//! A service with what belongs to it, as both emitters need it.

use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::ReadyOption;
use aomidori_model::kinds::task_definition::{Container, Image};
use aomidori_model::kinds::{
    CodeDeployApplication, DeploymentGroup, EcrRepository, EcsCluster, EcsService, TaskDefinition,
};
use aomidori_model::{Address, Ref, Stack, Target};

use crate::EmitError;

/// A service of a stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) address: &'a Address,
    pub(crate) service: &'a EcsService,
    pub(crate) definition_address: &'a Address,
    pub(crate) definition: &'a TaskDefinition,
    /// The deployment group, of a service that CodeDeploy deploys.
    pub(crate) group: Option<&'a DeploymentGroup>,
}

impl<'a> Subject<'a> {
    /// All services of a stack, in order of address.
    pub(crate) fn all(stack: &'a Stack) -> Result<Vec<Subject<'a>>, EmitError> {
        stack.of::<EcsService>().map(|(address, service)| Subject::new(stack, address, service)).collect()
    }

    /// The service of this name or address; without one, the only one that CodeDeploy deploys, or the only one.
    pub(crate) fn choose(stack: &'a Stack, name: Option<&str>) -> Result<Subject<'a>, EmitError> {
        let all: Vec<_> = stack.of::<EcsService>().collect();
        let known = || all.iter().map(|(_, service)| service.name.to_string()).collect();
        let by_code_deploy: Vec<_> = all.iter().filter(|(_, service)| service.is_code_deploy()).collect();
        let (address, service) = match (name, by_code_deploy.as_slice(), all.as_slice()) {
            (_, _, []) => return Err(EmitError::NoServices),
            (Some(name), _, _) => {
                let is_it = |(address, service): &&(&Address, &EcsService)| {
                    service.name.as_str() == name || address.as_str() == name
                };
                let found = all.iter().find(is_it);
                *found.ok_or_else(|| EmitError::NoService { name: name.to_owned(), known: known() })?
            }
            (None, [only], _) => **only,
            (None, _, [only]) => *only,
            (None, _, _) => return Err(EmitError::Which { known: known() }),
        };
        Subject::new(stack, address, service)
    }

    fn new(stack: &'a Stack, address: &'a Address, service: &'a EcsService) -> Result<Subject<'a>, EmitError> {
        let unsupported = |what: &str| EmitError::Unsupported { address: address.clone(), what: what.to_owned() };
        let (definition_address, definition) = stack
            .find(&service.task_definition)
            .ok_or_else(|| unsupported("its task definition is not part of the stack"))?;
        let group = stack
            .of::<DeploymentGroup>()
            .map(|(_, group)| group)
            .find(|group| group.service.address() == Some(address));
        if service.is_code_deploy() && group.is_none() {
            return Err(unsupported("CodeDeploy deploys it, and no deployment group of the stack is for it"));
        }
        Ok(Subject { stack, address, service, definition_address, definition, group })
    }

    pub(crate) fn unsupported(&self, what: impl Into<String>) -> EmitError {
        EmitError::Unsupported { address: self.address.clone(), what: what.into() }
    }

    /// The name of its cluster.
    pub(crate) fn cluster(&self) -> String {
        name_of(&self.service.cluster, |cluster| {
            self.stack.find::<EcsCluster>(cluster).map(|(_, it)| it.name.to_string())
        })
    }

    /// The names of its CodeDeploy application and deployment group.
    pub(crate) fn code_deploy(&self) -> Option<(String, String)> {
        let group = self.group?;
        let application = name_of(&group.application, |application| {
            self.stack.find::<CodeDeployApplication>(application).map(|(_, it)| it.name.to_string())
        });
        Some((application, group.name.to_string()))
    }

    /// The container whose image a deployment changes: the one behind the load balancer, else the only one that has an
    /// image of a repository, else the only one.
    pub(crate) fn container(&self) -> Option<&'a Container> {
        let containers = &self.definition.containers;
        if let Some((_, name, _)) = self.service.targets().first() {
            return containers.iter().find(|container| container.name == **name);
        }
        let built: Vec<_> = containers.iter().filter(|it| !matches!(it.image, Image::Uri(_))).collect();
        match (built.as_slice(), containers.as_slice()) {
            ([only], _) => Some(only),
            (_, [only]) => Some(only),
            _ => None,
        }
    }

    /// The name of a repository.
    pub(crate) fn repository(&self, repository: &Ref<EcrRepository>) -> String {
        match (repository.target(), self.stack.find(repository)) {
            (_, Some((_, it))) => it.name.to_string(),
            (Target::Id(name), None) => name.clone(),
            (Target::Address(address), None) => address.to_string(),
        }
    }

    /// Minutes for which CodeDeploy waits until somebody re-routes; `None` if it does not wait.
    pub(crate) fn waits(&self) -> Option<u32> {
        match self.group?.ready {
            ReadyOption::Continue => None,
            ReadyOption::Wait { minutes } => Some(minutes),
        }
    }

    /// Minutes in which a deployment ends, with a reserve: start and health checks, the wait for a person, the shift, and
    /// until blue is terminated.
    pub(crate) fn minutes(&self) -> u32 {
        const START: u32 = 15;
        let Some(group) = self.group else { return START };
        let own = self.stack.find(&group.config).map(|(_, config)| config.routing);
        let routing = own.or_else(|| match group.config.target() {
            Target::Id(name) => TrafficRouting::predefined(name),
            Target::Address(_) => None,
        });
        let shift = routing.map_or(0, TrafficRouting::minutes);
        START + self.waits().unwrap_or_default() + shift + group.terminate_blue_after
    }
}

/// A name: that of the resource in the stack, else the last part of an id or ARN.
fn name_of<K>(reference: &Ref<K>, find: impl FnOnce(&Ref<K>) -> Option<String>) -> String {
    find(reference).unwrap_or_else(|| match reference.target() {
        Target::Id(id) => id.rsplit('/').next().unwrap_or(id).to_owned(),
        Target::Address(address) => address.to_string(),
    })
}
