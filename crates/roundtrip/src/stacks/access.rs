//! Roles and policies.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::kinds::iam_policy::IamPolicyName;
use aomidori_model::kinds::{IamPolicy, IamRole};
use aomidori_model::policy::{Effect, PolicyDocument, PolicyResource, Principal, Statement};
use aomidori_model::{Ref, ToValue as _};

use super::{Base, Build, ODD, Roles, parse};
use crate::Dice;

const MANAGED: &[&str] = &[
    "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
    "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS",
];

pub(super) fn roles(build: &mut Build<'_>, dice: &mut Dice, base: &Base) -> Roles {
    let mut policies: Vec<Ref<IamPolicy>> = Vec::new();
    for n in 0..dice.roll(3) {
        let name = build.name(dice, "reads", "+", 100);
        let policy = IamPolicy {
            name: parse(&name),
            path: dice.maybe(|dice| parse(dice.word(&["/", "/teams/", "/a/b-c/"]))),
            description: dice.maybe(|dice| dice.word(&["Reads", "What \"it\" reads: ${x} %{y} \\", "null"]).to_owned()),
            document: document(build, dice, base),
        };
        policies.push(build.add(&format!("access/policy/{n}"), policy));
    }
    let mut role = |dice: &mut Dice, label: &str, service: &str| {
        let mut managed: BTreeSet<Ref<IamPolicy>> = dice.some(&policies, 0).into_iter().collect();
        managed.extend(dice.some(MANAGED, 0).into_iter().map(Ref::existing));
        if dice.one_in(4) {
            managed.insert(Ref::existing(&build.around.outside.policy));
        }
        if service == "ecs-tasks.amazonaws.com" {
            // Without it no task starts, and `up` rightly says so.
            managed.extend(MANAGED.iter().take(1).map(|arn| Ref::existing(*arn)));
        }
        let inline: BTreeMap<IamPolicyName, PolicyDocument> = (0..dice.roll(3))
            .map(|n| {
                (
                    parse(&format!("{}{n}", dice.word(&["inline-", "Own_Policy=", "x.", "null"]))),
                    document(build, dice, base),
                )
            })
            .collect();
        let role = IamRole {
            name: parse(&build.name(dice, label, "@", 60)),
            path: dice.maybe(|dice| parse(dice.word(&["/", "/teams/", "/a/b-c/"]))),
            description: dice
                .maybe(|dice| dice.word(&["Runs tasks", "a (b), c/d", "${x}\n%{y}\t\"é\" \\", "true"]).to_owned()),
            trust: trust(dice, service, &build.around.account),
            managed_policies: managed,
            inline_policies: inline,
            max_session_duration: dice.maybe(|dice| dice.between(1, 12) * 3600),
        };
        build.add(&format!("access/role/{label}"), role)
    };
    let mut tasks: Vec<_> =
        (0..dice.between(1, 2)).map(|n| role(dice, &format!("tasks-{n}"), "ecs-tasks.amazonaws.com")).collect();
    let mut code_deploy: Vec<_> =
        (0..dice.between(1, 2)).map(|n| role(dice, &format!("deployer-{n}"), "codedeploy.amazonaws.com")).collect();
    if dice.one_in(4) {
        tasks.push(Ref::existing(&build.around.outside.task_role));
        code_deploy.push(Ref::existing(&build.around.outside.deploy_role));
    }
    Roles { tasks, code_deploy }
}

fn trust(dice: &mut Dice, service: &str, account: &str) -> PolicyDocument {
    let mut document = PolicyDocument::trust_service(service);
    if dice.one_in(3)
        && let Some(first) = document.statements.first_mut()
    {
        first.conditions.insert(
            "StringEquals".into(),
            [("aws:SourceAccount".to_owned(), BTreeSet::from([account.to_owned()]))].into(),
        );
        first.sid = Some("Trust".into());
    }
    if dice.one_in(5)
        && let Some(Statement { principal: Some(Principal::By(types)), .. }) = document.statements.first_mut()
    {
        types.entry("Service".into()).or_default().insert("scheduler.amazonaws.com".into());
    }
    if dice.one_in(5) {
        let issuer = "token.actions.githubusercontent.com";
        let provider = format!("arn:aws:iam::{account}:oidc-provider/{issuer}");
        let conditions = BTreeMap::from([(
            "StringLike".to_owned(),
            BTreeMap::from([(format!("{issuer}:sub"), BTreeSet::from(["repo:me/it:*".to_owned()]))]),
        )]);
        document.statements.push(Statement {
            sid: Some("Pipeline".into()),
            principal: Some(Principal::By(BTreeMap::from([("Federated".to_owned(), BTreeSet::from([provider]))]))),
            conditions,
            ..Statement::allow(["sts:AssumeRoleWithWebIdentity"], [])
        });
    }
    if dice.one_in(3) {
        let who = BTreeMap::from([(
            "AWS".to_owned(),
            BTreeSet::from([if dice.one_in(2) { format!("arn:aws:iam::{account}:root") } else { account.to_owned() }]),
        )]);
        document.statements.push(Statement {
            principal: Some(Principal::By(who)),
            ..Statement::allow(["sts:AssumeRole", "sts:TagSession"], [])
        });
    }
    document
}

/// A policy document: some statements that differ.
fn document(build: &Build<'_>, dice: &mut Dice, base: &Base) -> PolicyDocument {
    let (region, account, name) = (&build.around.region, &build.around.account, &build.name);
    let ours = |reference: Option<aomidori_model::Reference>| reference.map(PolicyResource::Of);
    let mut all = vec![
        Statement::allow(
            ["ssm:GetParameter"],
            [PolicyResource::arn(format!("arn:aws:ssm:{region}:{account}:parameter/{name}/*"))],
        ),
        Statement {
            sid: Some("AllOfThem".into()),
            ..Statement::allow(
                ["s3:*", "S3:GetObject"],
                [PolicyResource::arn("arn:aws:s3:::a-bucket"), PolicyResource::arn("arn:aws:s3:::a-bucket/*")],
            )
        },
        Statement {
            effect: Effect::Deny,
            actions: BTreeSet::new(),
            not_actions: BTreeSet::from(["iam:*".to_owned()]),
            ..Statement::allow([], [PolicyResource::arn("arn:aws:s3:::nobody/*")])
        },
        Statement {
            conditions: BTreeMap::from([
                (
                    "StringLike".to_owned(),
                    [("aws:PrincipalTag/team".to_owned(), BTreeSet::from(["web".to_owned(), "data*".to_owned()]))]
                        .into(),
                ),
                ("Bool".to_owned(), [("aws:SecureTransport".to_owned(), BTreeSet::from(["true".to_owned()]))].into()),
            ]),
            ..Statement::allow(["s3:ListBucket"], [PolicyResource::arn("arn:aws:s3:::${aws:username}-bucket")])
        },
    ];
    // Resources of the stack, or of somebody else, by their ARNs.
    let arn = Some("arn");
    let of_stack = [
        ours(base.clusters.first().map(|it| it.output(None))),
        ours(base.logs.first().filter(|it| it.address().is_some()).map(|it| it.output(arn))),
        ours(base.repositories.first().filter(|it| it.address().is_some()).map(|it| it.output(arn))),
        Some(PolicyResource::arn("arn:aws:s3:::literal/${aws:PrincipalTag/team}/*")),
    ];
    all.push(Statement::allow(["*"], of_stack.into_iter().flatten()));
    let odd: BTreeSet<String> =
        ODD.iter().filter(|text| text.is_ascii() && !text.contains('&')).map(|text| (*text).to_owned()).collect();
    all.push(Statement {
        effect: Effect::Deny,
        conditions: BTreeMap::from([(
            "ForAnyValue:StringNotLikeIfExists".to_owned(),
            [("aws:TagKeys".to_owned(), odd)].into(),
        )]),
        ..Statement::allow(["ecs:*"], [PolicyResource::arn("*")])
    });
    let mut statements = dice.some(&all, 1);
    // A document of equal statements is one of one.
    statements.dedup_by_key(|statement| statement.to_value());
    PolicyDocument::of(statements)
}
