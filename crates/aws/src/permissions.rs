//! What a caller must be allowed to do, as an IAM policy: a gap in it is found here, not half way through a deployment.
//!
//! Reads are patterns: they change nothing. Writes are named one by one, for the kinds that the stack has, and held to names
//! where AWS knows a resource by its name before it is there (roles, policies, repositories, log groups, the lease). All
//! others get their ids from AWS and are held to the region.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::policy::{PolicyResource, Statement};
use aomidori_model::{KindName, PolicyDocument, Resource, Stack, Target};

use crate::lease;
use crate::live;

/// What is to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Everything: plans, `up`, deployments, `down`.
    All,
    /// Plans and deployments only, as a pipeline makes them: nothing is made but revisions of task definitions.
    Deploy,
}

/// Whose resources: each may be `*`.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The region.
    pub region: &'a str,
    /// The account, twelve digits.
    pub account: &'a str,
}

/// The longest that a managed policy may be, in characters without white space (IAM quotas).
pub const MANAGED_POLICY_LIMIT: usize = 6144;

const READS: &[&str] = &[
    "codedeploy:BatchGet*",
    "codedeploy:Get*",
    "codedeploy:List*",
    "ec2:Describe*",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:DescribeRepositories",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetLifecyclePolicy",
    "ecr:GetRepositoryPolicy",
    "ecr:ListImages",
    "ecr:ListTagsForResource",
    "ecs:Describe*",
    "ecs:List*",
    "elasticloadbalancing:Describe*",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:List*",
    "logs:DescribeLogGroups",
    "logs:ListTagsForResource",
    "route53:Get*",
    "route53:List*",
    "servicediscovery:Get*",
    "servicediscovery:List*",
    "sts:GetCallerIdentity",
    "tag:GetResources",
];

/// What a deployment by CodeDeploy writes; `RegisterApplicationRevision` is asked for by `CreateDeployment` (aws-facts 3.1).
const CODE_DEPLOY: &[&str] = &[
    "codedeploy:ContinueDeployment",
    "codedeploy:CreateDeployment",
    "codedeploy:RegisterApplicationRevision",
    "codedeploy:StopDeployment",
];
/// What every deployment writes.
const ECS: &[&str] = &["ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:UpdateService"];
/// Pushing an image, and the tags of those that are kept to go back to.
const IMAGES: &[&str] = &[
    "ecr:BatchDeleteImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
];
const LEASE: &[&str] = &["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"];

/// The actions for tags, by service.
const TAGS: &[(&str, &[&str])] = &[
    ("codedeploy", &["codedeploy:TagResource", "codedeploy:UntagResource"]),
    ("ec2", &["ec2:CreateTags", "ec2:DeleteTags"]),
    ("ecr", &["ecr:TagResource", "ecr:UntagResource"]),
    ("ecs", &["ecs:TagResource", "ecs:UntagResource"]),
    ("elasticloadbalancing", &["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"]),
    ("iam:Role", &["iam:TagRole", "iam:UntagRole"]),
    ("iam:Policy", &["iam:TagPolicy", "iam:UntagPolicy"]),
    ("logs", &["logs:TagResource", "logs:UntagResource"]),
    ("servicediscovery", &["servicediscovery:TagResource", "servicediscovery:UntagResource"]),
];

/// The services whose own role AWS makes with the account's first load balancer or cluster.
const LINKED: &[(KindName, &str)] = &[
    (KindName::LoadBalancer, "elasticloadbalancing.amazonaws.com"),
    (KindName::EcsCluster, "ecs.amazonaws.com"),
    (KindName::EcsService, "ecs.amazonaws.com"),
];
/// The services that a role is given to: with a revision of a task definition, also by a deployment.
const TAKERS: &[(KindName, &str)] =
    &[(KindName::TaskDefinition, "ecs-tasks.amazonaws.com"), (KindName::DeploymentGroup, "codedeploy.amazonaws.com")];

/// The policy of a caller that works on a stack.
pub fn permissions(stack: &Stack, purpose: Purpose, place: Place<'_>) -> PolicyDocument {
    let kinds: BTreeSet<KindName> = stack.iter().map(|(_, entry)| entry.resource.kind()).collect();
    let mut named: BTreeMap<BTreeSet<String>, BTreeSet<&str>> = BTreeMap::new();
    let mut others: BTreeSet<&str> = BTreeSet::new();
    for kind in kinds.iter().filter(|_| purpose == Purpose::All) {
        let arns = arns(stack, *kind, place);
        let set = if arns.is_empty() { &mut others } else { named.entry(arns).or_default() };
        set.extend(live::writes(*kind));
        set.extend(tags(*kind));
    }
    if kinds.contains(&KindName::EcsService) {
        others.extend(ECS);
    }
    if kinds.contains(&KindName::DeploymentGroup) {
        others.extend(CODE_DEPLOY);
    }
    let repositories = arns(stack, KindName::EcrRepository, place);
    if !repositories.is_empty() {
        named.entry(repositories).or_default().extend(IMAGES);
    }
    named
        .entry(BTreeSet::from([place.arn("ssm", &format!("parameter{}", lease::name(stack.name())))]))
        .or_default()
        .extend(LEASE);

    let mut statements = vec![Statement::allow(READS.iter().copied(), [PolicyResource::arn("*")])];
    statements.extend(
        named.into_iter().map(|(arns, actions)| Statement::allow(actions, arns.into_iter().map(PolicyResource::Arn))),
    );
    // IAM's and Route 53's requests go to no region of the stack's.
    let (global, regional): (Vec<&str>, Vec<&str>) =
        others.into_iter().partition(|action| action.starts_with("route53:"));
    for (actions, region) in [(regional, Some(place.region)), (global, None)] {
        let mut statement = Statement::allow(actions, [PolicyResource::arn("*")]);
        if let Some(region) = region.filter(|region| *region != "*") {
            statement.conditions = equals("aws:RequestedRegion", [region]);
        }
        statements.extend((!statement.actions.is_empty()).then_some(statement));
    }
    let services = |list: &[(KindName, &'static str)]| -> BTreeSet<&'static str> {
        list.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, service)| *service).collect()
    };
    let takers = services(if purpose == Purpose::All { TAKERS } else { &TAKERS[..1] });
    let roles = passed(stack, place);
    if !roles.is_empty() && !takers.is_empty() {
        let mut pass = Statement::allow(["iam:PassRole"], roles.into_iter().map(PolicyResource::Arn));
        pass.conditions = equals("iam:PassedToService", takers);
        statements.push(pass);
    }
    let linked = services(LINKED);
    if purpose == Purpose::All && !linked.is_empty() {
        let any = format!("arn:{}:iam::{}:role/aws-service-role/*", place.partition(), place.account);
        let mut make = Statement::allow(["iam:CreateServiceLinkedRole"], [PolicyResource::Arn(any)]);
        make.conditions = equals("iam:AWSServiceName", linked);
        statements.push(make);
    }
    PolicyDocument::of(statements)
}

impl Place<'_> {
    /// The partition that the region is in.
    fn partition(&self) -> &'static str {
        match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("us") if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{rest}", self.partition(), self.region, self.account)
    }

    fn iam(&self, sort: &str, path: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:{sort}{path}{name}", self.partition(), self.account)
    }
}

/// The ARNs of what a stack has of a kind, where the kind's names say them.
fn arns(stack: &Stack, kind: KindName, place: Place<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, entry) in stack.iter().filter(|(_, entry)| entry.resource.kind() == kind) {
        match &entry.resource {
            Resource::IamRole(role) => {
                let path = role.path.as_ref().map_or("/", |path| path.as_str());
                found.insert(place.iam("role", path, role.name.as_str()));
            }
            Resource::IamPolicy(policy) => {
                let path = policy.path.as_ref().map_or("/", |path| path.as_str());
                found.insert(place.iam("policy", path, policy.name.as_str()));
            }
            Resource::EcrRepository(repository) => {
                found.insert(place.arn("ecr", &format!("repository/{}", repository.name)));
            }
            Resource::LogGroup(group) => {
                // Its tags are those of the ARN without `:*`.
                let arn = place.arn("logs", &format!("log-group:{}", group.name));
                found.extend([format!("{arn}:*"), arn]);
            }
            _ => {}
        }
    }
    found
}

/// The roles that the stack gives to services: its own, and those that it refers to by their ARNs.
fn passed(stack: &Stack, place: Place<'_>) -> BTreeSet<String> {
    let mut roles = arns(stack, KindName::IamRole, place);
    for (_, entry) in stack.iter() {
        for field in &entry.resource.fields() {
            field.value.for_each_ref(&mut |reference| {
                if let (KindName::IamRole, Target::Id(id)) = (reference.kind, &reference.target) {
                    roles.insert(if id.starts_with("arn:") { id.clone() } else { place.iam("role", "/", id) });
                }
            });
        }
    }
    roles
}

/// The actions for the tags of a kind.
fn tags(kind: KindName) -> impl Iterator<Item = &'static str> {
    let prefix = match kind {
        KindName::IamRole => "iam:Role",
        KindName::IamPolicy => "iam:Policy",
        _ => live::writes(kind).first().and_then(|action| action.split(':').next()).unwrap_or_default(),
    };
    let taggable = kind.info().taggable;
    TAGS.iter().filter(move |(of, _)| taggable && *of == prefix).flat_map(|(_, actions)| actions.iter().copied())
}

fn equals<'a>(
    key: &str,
    values: impl IntoIterator<Item = &'a str>,
) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let values = values.into_iter().map(str::to_owned).collect();
    BTreeMap::from([("StringEquals".to_owned(), BTreeMap::from([(key.to_owned(), values)]))])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use aomidori_model::kinds::{IamRole, Vpc};

    use super::*;

    /// Asked for what is no stack's: where `adopt` finds a Terraform state.
    const OF_STATES: [&str; 3] = ["kms:Decrypt", "s3:GetObject", "s3:ListObjectsV2"];

    fn allows(policy: &PolicyDocument, action: &str) -> bool {
        policy
            .statements
            .iter()
            .flat_map(|statement| &statement.actions)
            .any(|pattern| pattern.strip_suffix('*').map_or(pattern == action, |start| action.starts_with(start)))
    }

    /// Every literal in the sources that names an operation.
    fn operations(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                operations(&path, found);
            } else if !path.ends_with("tests.rs") && !path.ends_with("permissions.rs") {
                let text = fs::read_to_string(&path).unwrap();
                let literals = text.split("#[cfg(test)]").next().unwrap_or_default().split('"').skip(1).step_by(2);
                let is_operation = |text: &&str| {
                    text.split_once(':').is_some_and(|(service, name)| {
                        service.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                            && !service.is_empty()
                            && name.starts_with(|c: char| c.is_ascii_uppercase())
                            && name.bytes().all(|b| b.is_ascii_alphanumeric())
                    })
                };
                found.extend(literals.filter(is_operation).map(str::to_owned));
            }
        }
    }

    /// A document that allows all that is written for every kind.
    fn of_all_kinds() -> PolicyDocument {
        let kinds = KindName::ALL.iter().flat_map(|kind| live::writes(*kind).iter().copied().chain(tags(*kind)));
        let more = [READS, CODE_DEPLOY, ECS, IMAGES, LEASE].concat();
        PolicyDocument::of([Statement::allow(kinds.chain(more), [PolicyResource::arn("*")])])
    }

    #[test]
    fn what_has_a_name_is_held_to_it_and_the_rest_to_the_region() {
        let mut stack = Stack::new("shop".parse().unwrap());
        let trust = PolicyDocument::trust_service("ecs-tasks.amazonaws.com");
        let (name, path) = ("shop-task".parse().unwrap(), Some("/svc/".parse().unwrap()));
        let (managed_policies, inline_policies) = (BTreeSet::new(), BTreeMap::new());
        let role = IamRole {
            name,
            path,
            description: None,
            trust,
            managed_policies,
            inline_policies,
            max_session_duration: None,
        };
        stack.add("security/role", role);
        let vpc = Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_support: None, dns_hostnames: None };
        stack.add("network/vpc", vpc);
        for (region, partition) in
            [("ap-northeast-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-east-1", "aws-us-gov")]
        {
            let place = Place { region, account: "123456789012" };
            let policy = permissions(&stack, Purpose::All, place);
            let of = |action: &str| policy.statements.iter().find(|it| it.actions.contains(action)).unwrap();
            let role = format!("arn:{partition}:iam::123456789012:role/svc/shop-task");
            assert_eq!(of("iam:CreateRole").resources, BTreeSet::from([PolicyResource::Arn(role)]));
            assert_eq!(of("ec2:CreateVpc").conditions, equals("aws:RequestedRegion", [region]));
            // Nothing here takes a role, and nothing deploys.
            assert!(!allows(&policy, "iam:PassRole") && !allows(&policy, "codedeploy:CreateDeployment"));
            assert!(!allows(&permissions(&stack, Purpose::Deploy, place), "ec2:CreateVpc"));
        }
    }

    #[test]
    fn every_operation_that_is_sent_is_allowed() {
        let mut sent = BTreeSet::new();
        operations(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sent);
        assert!(sent.len() > 150, "only {} operations found", sent.len());
        let policy = of_all_kinds();
        let missing: Vec<_> = sent
            .iter()
            .filter(|it| !allows(&policy, it) && !OF_STATES.contains(&it.as_str()) && *it != "aws:Configuration")
            .collect();
        assert_eq!(missing, [] as [&String; 0], "name them in the kind's WRITES, or in the tables above");
    }

    #[test]
    fn nothing_is_allowed_twice_and_no_write_is_a_read() {
        for kind in KindName::ALL {
            for write in live::writes(*kind) {
                let reads = PolicyDocument::of([Statement::allow(READS.iter().copied(), [])]);
                assert!(!allows(&reads, write), "{kind}: {write} is a read");
            }
        }
    }
}
