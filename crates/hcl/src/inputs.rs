//! What a user of an emitted module may choose: each input with its type, its meaning, and the model's own limits as
//! `validation`.

/// One input.
#[derive(Debug)]
pub(crate) struct Input {
    /// Its name in a table, or after the name of a family.
    pub(crate) name: &'static str,
    /// Its name where there is only one.
    pub(crate) alone: &'static str,
    /// What it is.
    pub(crate) about: &'static str,
    /// Terraform's type.
    pub(crate) ty: &'static str,
    /// What holds if nothing is said, as HCL: what AWS or most people would take.
    pub(crate) default: Option<&'static str>,
    /// One for all that have the same value.
    pub(crate) shared: bool,
    /// What it must keep.
    pub(crate) checks: &'static [Rule],
}

impl PartialEq for Input {
    fn eq(&self, other: &Input) -> bool {
        self.name == other.name && self.alone == other.alone
    }
}

/// One limit.
#[derive(Debug)]
pub(crate) struct Rule {
    /// The condition on the expression that stands for the value.
    pub(crate) holds: fn(&str) -> String,
    /// What is said if it does not hold: a sentence, as Terraform demands.
    pub(crate) message: &'static str,
    /// A value, as HCL, that it refuses.
    pub(crate) bad: &'static str,
}

const NETWORK: Rule = Rule {
    holds: |x| format!("can(cidrnetmask({x})) && try(cidrsubnet({x}, 0, 0) == {x}, false)"),
    message: "An IPv4 network in CIDR notation without host bits, such as 10.0.0.0/16.",
    bad: "\"10.0.0.1/16\"",
};
const NETWORK_SIZE: Rule = Rule {
    holds: |x| format!("can(regex(\"/(1[6-9]|2[0-8])$\", {x}))"),
    message: "AWS takes networks from /16 to /28.",
    bad: "\"10.0.0.0/8\"",
};
const MINUTES_MESSAGE: &str = "CodeDeploy waits for two days, 2880 minutes, at most.";

pub(crate) static VPC_CIDR: Input = Input {
    name: "cidr_block",
    alone: "vpc_cidr",
    about: "Network of the VPC",
    ty: "string",
    default: None,
    shared: false,
    checks: &[NETWORK, NETWORK_SIZE],
};
pub(crate) static SUBNET_CIDR: Input = Input {
    name: "cidr_block",
    alone: "subnet_cidr",
    about: "Network, inside the VPC's",
    ty: "string",
    default: None,
    shared: false,
    checks: &[NETWORK, NETWORK_SIZE],
};
pub(crate) static ZONE: Input = Input {
    name: "zone",
    alone: "zone",
    about: "Availability zone, without the region",
    ty: "string",
    default: None,
    shared: false,
    checks: &[Rule {
        holds: |x| format!("can(regex(\"^(-[a-z]+-[0-9]+)?[a-z]$\", {x}))"),
        message: "The last letter of an availability zone, such as a (or -lax-1a for a local zone).",
        bad: "\"ap-northeast-1a\"",
    }],
};
pub(crate) static RULE_CIDR: Input = Input {
    name: "cidr",
    alone: "rule_cidr",
    about: "Network outside the VPC that may be at the other side of the rule",
    ty: "string",
    default: None,
    shared: false,
    checks: &[NETWORK],
};
pub(crate) static RETENTION: Input = Input {
    name: "retention_in_days",
    alone: "log_retention_in_days",
    about: "How many days log events are kept",
    ty: "number",
    default: None,
    shared: false,
    checks: &[Rule {
        holds: |x| {
            let days: Vec<String> =
                aomidori_model::kinds::log_group::RETENTION_DAYS.iter().map(ToString::to_string).collect();
            format!("contains([\n  {},\n  {},\n], {x})", days[..11].join(", "), days[11..].join(", "))
        },
        message: "CloudWatch Logs keeps events for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, … days.",
        bad: "31",
    }],
};
pub(crate) static DESIRED_COUNT: Input = Input {
    name: "desired_count",
    alone: "desired_count",
    about: "How many tasks run",
    ty: "number",
    default: Some("1"),
    shared: false,
    checks: &[Rule {
        holds: |x| format!("{x} >= 0 && floor({x}) == {x}"),
        message: "A whole number of tasks from 0.",
        bad: "-1",
    }],
};
pub(crate) static TASK_SIZE: Input = Input {
    name: "size",
    alone: "task_size",
    about: "CPU units (1024 are one vCPU) and MiB of memory of a task",
    ty: "object({ cpu = number, memory = number })",
    default: Some("{ cpu = 256, memory = 512 }"),
    shared: true,
    checks: &[Rule {
        holds: |x| {
            format!(
                "contains(lookup({{
  256 = [512, 1024, 2048]
  512 = range(1024, 4097, 1024)
  1024 = range(2048, 8193, 1024)
  2048 = range(4096, 16385, 1024)
  4096 = range(8192, 30721, 1024)
  8192 = range(16384, 61441, 4096)
  16384 = range(32768, 122881, 8192)
}}, tostring({x}.cpu), []), {x}.memory)"
            )
        },
        message: "Fargate has no tasks with this pair of CPU units and memory; 256 CPU units go with 512, 1024 or 2048 MiB.",
        bad: "{ cpu = 256, memory = 513 }",
    }],
};
pub(crate) static IMAGE_TAG: Input = Input {
    name: "image_tag",
    alone: "image_tag",
    about: "Tag of the image that the first revision runs",
    ty: "string",
    default: None,
    shared: false,
    checks: &[Rule {
        holds: |x| format!("can(regex(\"^[a-zA-Z0-9_][a-zA-Z0-9_.-]{{0,127}}$\", {x}))"),
        message: "An image tag has 1 to 128 letters, digits, _, . and -, and does not start with . or -.",
        bad: "\".latest\"",
    }],
};
pub(crate) static PLATFORM_VERSION: Input = Input {
    name: "platform_version",
    alone: "platform_version",
    about: "Fargate platform version",
    ty: "string",
    default: Some("\"LATEST\""),
    shared: true,
    checks: &[Rule {
        holds: |x| format!("{x} == \"LATEST\" || can(regex(\"^[0-9]+\\\\.[0-9]+\\\\.[0-9]+$\", {x}))"),
        message: "A platform version such as 1.4.0, or LATEST.",
        bad: "\"newest\"",
    }],
};
pub(crate) static HEALTH_CHECK: Input = Input {
    name: "health_check",
    alone: "health_check",
    about: "When a target is healthy",
    ty: "object({
  path                = optional(string, \"/\")
  matcher             = optional(string, \"200\")
  interval            = optional(number, 30)
  timeout             = optional(number, 5)
  healthy_threshold   = optional(number, 5)
  unhealthy_threshold = optional(number, 2)
})",
    default: Some("{}"),
    shared: true,
    checks: &[
        Rule {
            holds: |x| format!("startswith({x}.path, \"/\") && length({x}.path) <= 1024"),
            message: "The path starts with / and has 1024 characters at most.",
            bad: "{ path = \"index.html\" }",
        },
        Rule {
            holds: |x| format!("{x}.interval >= 5 && {x}.interval <= 300"),
            message: "The interval is 5 to 300 seconds.",
            bad: "{ interval = 301 }",
        },
        Rule {
            holds: |x| format!("{x}.timeout >= 2 && {x}.timeout <= 120 && {x}.timeout < {x}.interval"),
            message: "The timeout is 2 to 120 seconds, and less than the interval.",
            bad: "{ interval = 5, timeout = 5 }",
        },
        Rule {
            holds: |x| {
                format!(
                    "{x}.healthy_threshold >= 2 && {x}.healthy_threshold <= 10 && {x}.unhealthy_threshold >= 2 && {x}.unhealthy_threshold <= 10"
                )
            },
            message: "The thresholds are 2 to 10.",
            bad: "{ healthy_threshold = 1 }",
        },
    ],
};
pub(crate) static PORT: Input = Input {
    name: "port",
    alone: "listener_port",
    about: "Port of the listener",
    ty: "number",
    default: None,
    shared: false,
    checks: &[Rule { holds: |x| format!("{x} >= 1 && {x} <= 65535"), message: "A port is 1 to 65535.", bad: "0" }],
};
pub(crate) static CERTIFICATE: Input = Input {
    name: "certificate_arn",
    alone: "certificate_arn",
    about: "ARN of the ACM certificate of the HTTPS listeners",
    ty: "string",
    default: None,
    shared: true,
    checks: &[Rule {
        holds: |x| format!("can(regex(\"^arn:[a-z-]+:(acm|iam):.*certificate/\", {x}))"),
        message: "An ARN of the form arn:aws:acm:REGION:ACCOUNT:certificate/ID.",
        bad: "\"certificate\"",
    }],
};
pub(crate) static HOSTED_ZONE: Input = Input {
    name: "zone_id",
    alone: "hosted_zone_id",
    about: "Id of the Route 53 hosted zone",
    ty: "string",
    default: None,
    shared: true,
    checks: &[Rule {
        holds: |x| format!("can(regex(\"^[A-Z0-9]{{1,32}}$\", {x}))"),
        message: "A hosted zone id has 1 to 32 upper-case letters and digits.",
        bad: "\"example.com\"",
    }],
};
pub(crate) static DOMAIN: Input = Input {
    name: "domain",
    alone: "domain",
    about: "Name of the DNS record",
    ty: "string",
    default: None,
    shared: false,
    checks: &[Rule {
        holds: |x| {
            format!("can(regex(\"^[a-z0-9*_-]{{1,63}}(\\\\.[a-z0-9_-]{{1,63}})*$\", {x})) && length({x}) <= 253")
        },
        message: "A domain name in lower case without a final dot.",
        bad: "\"Example.com.\"",
    }],
};
pub(crate) static REPOSITORY_NAME: Input = Input {
    name: "repository_name",
    alone: "repository_name",
    about: "Name of the ECR repository",
    ty: "string",
    default: None,
    shared: false,
    checks: &[Rule {
        holds: |x| {
            format!(
                "length({x}) >= 2 && length({x}) <= 256 && alltrue([\n  for part in split(\"/\", {x}) : can(regex(\"^[a-z0-9]+(([.]|_|__|-+)[a-z0-9]+)*$\", part))\n])"
            )
        },
        message: "2 to 256 lower-case letters and digits, with single separators ., _, - and / between words.",
        bad: "\"Team/App\"",
    }],
};
pub(crate) static FORCE_DELETE: Input = Input {
    name: "force_delete",
    alone: "repository_force_delete",
    about: "Whether destroying a repository deletes the images in it; counts once it is applied",
    ty: "bool",
    default: Some("false"),
    shared: true,
    checks: &[],
};
pub(crate) static CONFIG_NAME: Input = Input {
    name: "deployment_config_name",
    alone: "deployment_config_name",
    about: "CodeDeploy deployment configuration: how traffic is shifted",
    ty: "string",
    default: Some("\"CodeDeployDefault.ECSAllAtOnce\""),
    shared: false,
    checks: &[Rule {
        holds: |x| format!("can(regex(\"^[a-zA-Z0-9._+=,@-]{{1,100}}$\", {x}))"),
        message: "1 to 100 letters, digits and ._+=,@-.",
        bad: "\"all at once\"",
    }],
};
pub(crate) static REROUTE_WAIT: Input = Input {
    name: "reroute_wait_minutes",
    alone: "reroute_wait_minutes",
    about: "Minutes that a deployment waits for somebody to re-route traffic before it stops",
    ty: "number",
    default: None,
    shared: false,
    checks: &[Rule {
        holds: |x| format!("{x} >= 1 && {x} <= 2880 && floor({x}) == {x}"),
        message: MINUTES_MESSAGE,
        bad: "2881",
    }],
};
pub(crate) static TERMINATE_WAIT: Input = Input {
    name: "terminate_wait_minutes",
    alone: "terminate_wait_minutes",
    about: "Minutes that the old tasks stay up after traffic was shifted",
    ty: "number",
    default: None,
    shared: false,
    checks: &[Rule {
        holds: |x| format!("{x} >= 0 && {x} <= 2880 && floor({x}) == {x}"),
        message: MINUTES_MESSAGE,
        bad: "2881",
    }],
};
