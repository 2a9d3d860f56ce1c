//! A pipeline for a service: build, push, register, deploy, a gate for a person, then re-route or roll back.
//!
//! A service that waits for re-routing is deployed first and looked at on the test listener; the gate is before `reroute`.
//! Any other is gated before `deploy`. Every verb is one of our own command line, whose exit code decides: 4, rolled back,
//! fails the job as any other that is not 0.
//!
//! What comes from the stack stands in variables of the environment, and scripts name the variables; so it is never read
//! as part of a script.

mod bitbucket;
mod circleci;
mod github;

use std::collections::BTreeMap;

use aomidori_model::Stack;
use aomidori_model::kinds::EcsService;
use aomidori_model::kinds::task_definition::{CpuArchitecture, Image};

use crate::subject::Subject;
use crate::{EmitError, File, valid};

/// Whose pipeline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vendor {
    /// GitHub Actions.
    GitHub,
    /// CircleCI.
    CircleCi,
    /// Bitbucket Pipelines.
    Bitbucket,
}

impl Vendor {
    /// All of them.
    pub const ALL: [Vendor; 3] = [Vendor::GitHub, Vendor::CircleCi, Vendor::Bitbucket];

    /// Its name on a command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Vendor::GitHub => "github",
            Vendor::CircleCi => "circleci",
            Vendor::Bitbucket => "bitbucket",
        }
    }
}

/// What can be chosen about a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whose pipeline it is.
    pub vendor: Vendor,
    /// How people call the program (`cargo xtask`). What does not begin with `cargo` has to be on the runner.
    pub program: String,
    /// The service, by name or address; else the only one that CodeDeploy deploys, or the only one.
    pub service: Option<String>,
    /// The region, where the stack does not say it.
    pub region: Option<String>,
    /// The branch that is deployed.
    pub branch: String,
    /// The folder of the Dockerfile, in the repository.
    pub context: String,
    /// Variables with which the program finds the same stack again.
    pub variables: BTreeMap<String, String>,
}

/// A pipeline for a service.
///
/// # Errors
/// The stack is not valid, it is not clear which service, or its image is in no repository to push to.
pub fn pipeline(stack: &Stack, options: &Options) -> Result<File, EmitError> {
    valid(stack)?;
    let job = Job::new(stack, options)?;
    match options.vendor {
        Vendor::GitHub => github::workflow(&job),
        Vendor::CircleCi => circleci::config(&job),
        Vendor::Bitbucket => bitbucket::pipelines(&job),
    }
}

/// What all vendors' pipelines say, each in its words.
struct Job {
    /// What is locked, gated and trusted: the stack's name.
    environment: String,
    /// The service's name, for titles and files.
    service: String,
    branch: String,
    /// Variables of every job.
    variables: Vec<(String, String)>,
    /// The task's processor.
    arm: bool,
    /// Minutes in which somebody has to re-route; `None` where the gate is before the deployment.
    waits: Option<u32>,
    /// Minutes that a job may take.
    minutes: u32,
    /// The program's words, quoted for a shell.
    program: String,
    /// The program is built by cargo on the runner.
    cargo: bool,
    /// The end of `register` and `deploy`.
    container: &'static str,
    /// How far `deploy` is followed where nobody waits in between.
    wait: &'static str,
}

impl Job {
    fn new(stack: &Stack, options: &Options) -> Result<Job, EmitError> {
        let subject = Subject::choose(stack, options.service.as_deref())?;
        let region = stack.region().or_else(|| options.region.clone()).ok_or(EmitError::NoRegion)?;
        let container = subject
            .container()
            .ok_or_else(|| subject.unsupported("several containers have images, and none is behind a load balancer"))?;
        let (Image::Tag { repository, .. } | Image::Digest { repository, .. }) = &container.image else {
            return Err(subject.unsupported("its image is in no ECR repository that could be pushed to"));
        };
        let name = subject.service.name.to_string();
        let alone = stack.of::<EcsService>().filter(|(_, service)| service.name == subject.service.name).count() == 1;
        let mut variables = vec![
            ("AWS_REGION".to_owned(), region),
            ("AOMIDORI_TARGET".to_owned(), "aws".to_owned()),
            ("SERVICE".to_owned(), if alone { name.clone() } else { subject.address.to_string() }),
            ("REPOSITORY".to_owned(), subject.repository(repository)),
            ("CONTEXT".to_owned(), options.context.clone()),
        ];
        let several = subject.definition.containers.len() > 1;
        if several {
            variables.push(("CONTAINER".to_owned(), container.name.to_string()));
        }
        variables.extend(options.variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        let words: Vec<String> = options.program.split_whitespace().map(quote).collect();
        Ok(Job {
            environment: stack.name().to_string(),
            service: name,
            branch: options.branch.clone(),
            variables,
            arm: subject.definition.cpu_architecture == Some(CpuArchitecture::Arm64),
            waits: subject.waits(),
            minutes: subject.minutes() + 45,
            cargo: words.first().is_some_and(|word| word == "cargo"),
            program: words.join(" "),
            container: if several { " --container \"$CONTAINER\"" } else { "" },
            wait: if subject.service.is_code_deploy() { " --wait rerouted" } else { "" },
        })
    }

    fn platform(&self) -> &'static str {
        if self.arm { "linux/arm64" } else { "linux/amd64" }
    }

    fn register(&self) -> String {
        format!("{} register \"$SERVICE\" --image \"$IMAGE\"{} --yes", self.program, self.container)
    }

    /// Until test traffic is on green, where somebody looks at it there; else to the end.
    fn deploy(&self) -> String {
        let wait = if self.waits.is_some() { " --wait ready" } else { self.wait };
        format!("{} deploy \"$SERVICE\" --image \"$IMAGE\"{}{wait} --yes", self.program, self.container)
    }

    fn reroute(&self) -> String {
        format!("{} reroute \"$SERVICE\" --yes", self.program)
    }

    fn rollback(&self) -> String {
        // Never from one good generation to another, if the decision comes after CodeDeploy has given up.
        format!("{} rollback \"$SERVICE\" --running --yes", self.program)
    }

    /// Fails early where the program is not there.
    fn check(&self) -> Option<String> {
        let first = self.program.split(' ').next().unwrap_or_default();
        (!self.cargo).then(|| format!("command -v {first}"))
    }
}

/// Names the image after branch and commit: what a lifecycle policy tells apart.
fn tag(branch: &str, commit: &str) -> String {
    format!("TAG=\"$(printf %s \"${branch}\" | tr -c 'A-Za-z0-9_.-' '-' | cut -c1-100)-${{{commit}:0:12}}\"")
}

/// Where the image goes, with the account's registry as ECR itself says it.
const REPOSITORY_URI: &str = "URI=\"$(aws ecr describe-repositories --repository-names \"$REPOSITORY\" --query 'repositories[0].repositoryUri' --output text)\"";
/// The password goes from one program to the other and nowhere else.
const LOGIN: &str = "aws ecr get-login-password | docker login --username AWS --password-stdin \"${URI%%/*}\"";

/// A text as one word of a POSIX shell.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell() {
        assert_eq!(quote("cargo"), "cargo");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("it's $HOME"), "'it'\\''s $HOME'");
    }
}
