//! ECS task definition, for Fargate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ecs_cluster::EcsName;
use super::{EcrRepository, IamRole, Kind, KindInfo, KindName, Limit, Limits, LogGroup};
use crate::field::Fields;
use crate::network::Port;
use crate::problem::Check;
use crate::reference::Ref;
use crate::value::{ToValue, Value};

/// A task definition: what one task runs. Its id is the ARN of a revision, which changes with every update; outputs
/// `family`, `revision`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskDefinition {
    /// The family; revisions are counted in it.
    pub family: EcsName,
    /// CPU and memory of a task.
    pub size: FargateSize,
    /// The role with which ECS pulls images, reads secrets and writes logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role: Option<Ref<IamRole>>,
    /// The role that the containers have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_role: Option<Ref<IamRole>>,
    /// The processor. AWS's default is X86_64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_architecture: Option<CpuArchitecture>,
    /// The containers, at least one of them essential.
    pub containers: Vec<Container>,
}

/// The processor of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CpuArchitecture {
    /// 64-bit x86.
    #[serde(rename = "X86_64")]
    X86_64,
    /// 64-bit ARM (Graviton).
    Arm64,
}

impl CpuArchitecture {
    /// The value that ECS takes.
    pub fn as_str(self) -> &'static str {
        match self {
            CpuArchitecture::X86_64 => "X86_64",
            CpuArchitecture::Arm64 => "ARM64",
        }
    }
}

/// One container of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Its name in the task.
    pub name: EcsName,
    /// What it runs.
    pub image: Image,
    /// The task stops when it stops.
    #[serde(default = "yes")]
    pub essential: bool,
    /// TCP ports that it listens on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ports: BTreeSet<Port>,
    /// The command, instead of the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// The entry point, instead of the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<Vec<String>>,
    /// Environment variables; nothing secret belongs here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Environment variables from Parameter Store or Secrets Manager, by ARN. The values are never read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// CPU units of the task reserved for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// MiB of memory above which it is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// Where its output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<AwsLogs>,
    /// A health check inside the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ContainerHealthCheck>,
    /// It cannot write to its root file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readonly_root_filesystem: Option<bool>,
    /// An init process reaps children; ECS Exec wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_process: Option<bool>,
}

fn yes() -> bool {
    true
}

/// The image of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Image {
    /// A tag (`blue`) in an ECR repository of this account and region.
    Tag {
        /// The repository.
        repository: Ref<EcrRepository>,
        /// The tag.
        tag: ImageTag,
    },
    /// A digest (`sha256:…`) in an ECR repository of this account and region.
    Digest {
        /// The repository.
        repository: Ref<EcrRepository>,
        /// The digest.
        digest: String,
    },
    /// An image anywhere, as Docker writes it.
    Uri(String),
}

crate::name::name_type! {
    /// The tag of an image.
    ImageTag: "an image tag", 1..=128, "letters, digits, `_`, `.` and `-`",
    |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'),
    |text| text.starts_with(['.', '-']).then_some("it may not start with `.` or `-`")
}

/// The `awslogs` log driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsLogs {
    /// The log group.
    pub group: Ref<LogGroup>,
    /// Its region.
    pub region: String,
    /// What stream names start with; Fargate wants one.
    pub stream_prefix: String,
}

/// A health check inside a container. Defaults are AWS's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerHealthCheck {
    /// `CMD` or `CMD-SHELL`, and the command.
    pub command: Vec<String>,
    /// Seconds between checks.
    #[serde(default = "thirty")]
    pub interval: u32,
    /// Seconds until a check counts as failed.
    #[serde(default = "five")]
    pub timeout: u32,
    /// Failures in a row until unhealthy.
    #[serde(default = "three")]
    pub retries: u32,
    /// Seconds in which failures do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_period: Option<u32>,
}

fn thirty() -> u32 {
    30
}
fn five() -> u32 {
    5
}
fn three() -> u32 {
    3
}

/// CPU units (1024 are one vCPU) and MiB of memory: a pair that Fargate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "WrittenSize", into = "WrittenSize")]
pub struct FargateSize {
    cpu: u32,
    memory: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSize {
    cpu: u32,
    memory: u32,
}

/// Fargate has no such pair.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFargateSize {
    /// No such amount of CPU.
    #[error("Fargate has no tasks with {0} CPU units; it has 256, 512, 1024, 2048, 4096, 8192 and 16384")]
    Cpu(u32),
    /// Not with this amount of memory.
    #[error("with {cpu} CPU units Fargate has {legal} MiB of memory, not {memory}")]
    Memory {
        /// CPU units.
        cpu: u32,
        /// MiB asked for.
        memory: u32,
        /// What there is, in words.
        legal: String,
    },
}

impl FargateSize {
    /// A pair of CPU units and MiB.
    ///
    /// # Errors
    /// Fargate has no such pair (ECS developer guide, task CPU and memory).
    pub fn new(cpu: u32, memory: u32) -> Result<FargateSize, InvalidFargateSize> {
        let (least, most, step) = match cpu {
            256 if matches!(memory, 512 | 1024 | 2048) => return Ok(FargateSize { cpu, memory }),
            256 => return Err(InvalidFargateSize::Memory { cpu, memory, legal: "512, 1024 or 2048".into() }),
            512 => (1024, 4096, 1024),
            1024 => (2048, 8192, 1024),
            2048 => (4096, 16384, 1024),
            4096 => (8192, 30720, 1024),
            8192 => (16384, 61440, 4096),
            16384 => (32768, 122_880, 8192),
            _ => return Err(InvalidFargateSize::Cpu(cpu)),
        };
        if (least..=most).contains(&memory) && (memory - least).is_multiple_of(step) {
            return Ok(FargateSize { cpu, memory });
        }
        Err(InvalidFargateSize::Memory { cpu, memory, legal: format!("{least} to {most} in steps of {step}") })
    }

    /// CPU units.
    pub fn cpu(self) -> u32 {
        self.cpu
    }

    /// MiB of memory.
    pub fn memory(self) -> u32 {
        self.memory
    }
}

impl TryFrom<WrittenSize> for FargateSize {
    type Error = InvalidFargateSize;
    fn try_from(written: WrittenSize) -> Result<Self, Self::Error> {
        FargateSize::new(written.cpu, written.memory)
    }
}
impl From<FargateSize> for WrittenSize {
    fn from(size: FargateSize) -> Self {
        WrittenSize { cpu: size.cpu, memory: size.memory }
    }
}
impl fmt::Display for FargateSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cpu, self.memory)
    }
}

impl Image {
    /// The image as Docker writes it, once the repository is known.
    pub fn to_uri(&self) -> Value {
        let url = |repository: &Ref<EcrRepository>| Value::from(repository.output(Some("repository_url")));
        match self {
            Image::Tag { repository, tag } => {
                Value::Join(vec![url(repository), Value::str(":"), Value::str(tag.as_str())])
            }
            Image::Digest { repository, digest } => {
                Value::Join(vec![url(repository), Value::str("@"), Value::str(digest)])
            }
            Image::Uri(uri) => Value::str(uri),
        }
    }
}

impl ToValue for Container {
    fn to_value(&self) -> Value {
        let Container {
            name,
            image,
            essential,
            ports,
            command,
            entry_point,
            environment,
            secrets,
            cpu,
            memory,
            logs,
            health_check,
            readonly_root_filesystem,
            init_process,
        } = self;
        let unless_empty = |value: Value| match &value {
            Value::Map(map) if map.is_empty() => Value::Null,
            Value::Set(set) if set.is_empty() => Value::Null,
            _ => value,
        };
        let logs = logs.as_ref().map(|AwsLogs { group, region, stream_prefix }| {
            Value::map([
                ("awslogs-group", group.to_value()),
                ("awslogs-region", region.to_value()),
                ("awslogs-stream-prefix", stream_prefix.to_value()),
            ])
        });
        let health_check = health_check.as_ref().map(
            |ContainerHealthCheck { command, interval, timeout, retries, start_period }| {
                Value::map([
                    ("command", command.to_value()),
                    ("interval", interval.to_value()),
                    ("timeout", timeout.to_value()),
                    ("retries", retries.to_value()),
                    ("start_period", start_period.to_value()),
                ])
            },
        );
        // What is absent and what AWS fills in for it are one thing: cpu 0, no init process, a writable file system.
        Value::map([
            ("name", name.to_value()),
            ("image", image.to_uri()),
            ("essential", essential.to_value()),
            ("port_mappings", unless_empty(ports.to_value())),
            ("command", command.clone().filter(|words| !words.is_empty()).to_value()),
            ("entry_point", entry_point.clone().filter(|words| !words.is_empty()).to_value()),
            ("environment", unless_empty(environment.to_value())),
            ("secrets", unless_empty(secrets.to_value())),
            ("cpu", cpu.filter(|cpu| *cpu > 0).to_value()),
            ("memory", memory.to_value()),
            ("log_configuration", logs.to_value()),
            ("health_check", health_check.to_value()),
            ("readonly_root_filesystem", readonly_root_filesystem.filter(|flag| *flag).to_value()),
            ("init_process_enabled", init_process.filter(|flag| *flag).to_value()),
        ])
    }
}

impl Kind for TaskDefinition {
    const INFO: KindInfo = KindInfo {
        revisioned: true,
        limits: {
            let calls = Some(Limit::new("ecs:task definition modify", 20, 1_000));
            Limits { create: calls, update: calls, delete: calls }
        },
        ..KindInfo::new(KindName::TaskDefinition, "task definition", "aws_ecs_task_definition")
    };

    fn fields(&self, fields: &mut Fields) {
        let TaskDefinition { family, size, execution_role, task_role, cpu_architecture, containers } = self;
        fields.add("family", family).replaces();
        fields.add("cpu", size.cpu());
        fields.add("memory", size.memory());
        fields.add("network_mode", "awsvpc");
        fields.add("requires_compatibilities", "FARGATE");
        fields.add("execution_role_arn", execution_role);
        fields.add("task_role_arn", task_role);
        fields.add("runtime_platform.cpu_architecture", cpu_architecture.map(CpuArchitecture::as_str));
        let by_name = containers.iter().map(|container| (container.name.to_string(), container.to_value()));
        fields.add("container_definitions", Value::map(by_name));
    }

    fn validate(&self, check: &mut Check<'_>) {
        if !self.containers.iter().any(|container| container.essential) {
            check.field(
                "E-TASK-ESSENTIAL",
                "container_definitions",
                "no container is essential",
                "mark the container whose end is the task's end as essential",
            );
        }
        let mut names = BTreeSet::new();
        let mut ports = BTreeMap::new();
        for container in &self.containers {
            if !names.insert(&container.name) {
                check.field(
                    "E-TASK-CONTAINER",
                    "container_definitions",
                    format!("two containers are named `{}`", container.name),
                    "name each container of the task differently",
                );
            }
            for port in &container.ports {
                if let Some(other) = ports.insert(port, &container.name) {
                    check.field(
                        "E-TASK-PORT",
                        "container_definitions",
                        format!("`{other}` and `{}` both listen on port {port}", container.name),
                        "containers of a task share one network interface; give each its own port",
                    );
                }
            }
            if container.environment.keys().any(|key| container.secrets.contains_key(key)) {
                check.field(
                    "E-TASK-ENVIRONMENT",
                    "container_definitions",
                    format!("`{}` has a variable both in its environment and in its secrets", container.name),
                    "keep one of the two",
                );
            }
        }
        let reserved: u32 = self.containers.iter().filter_map(|container| container.cpu).sum();
        if reserved > self.size.cpu() {
            check.field(
                "E-TASK-CPU",
                "container_definitions",
                format!("the containers reserve {reserved} CPU units of the task's {}", self.size.cpu()),
                "raise the task's CPU or lower the containers'",
            );
        }
        if let Some(container) =
            self.containers.iter().find(|container| container.memory.is_some_and(|mib| mib > self.size.memory()))
        {
            check.field(
                "E-TASK-MEMORY",
                "container_definitions",
                format!("`{}` may use more memory than the task's {} MiB", container.name, self.size.memory()),
                "raise the task's memory or lower the container's",
            );
        }
    }
}
