//! Errors: what, why, and what to do next.

use std::path::PathBuf;

use aomidori_engine::{CloudError, ErrorKind, Lease};
use insta::assert_snapshot;

use crate::args::Target;
use crate::error::{Error, Leftover, MissingImage, StepFailure, StepFailures, Whom};
use crate::view::{Paint, error::human};

fn text(error: &Error) -> String {
    format!("{}exit {}\n", human(error, Paint::new(false)), error.exit().code())
}

fn cloud(kind: ErrorKind, code: Option<&str>, message: &str, whom: Whom) -> Error {
    let error =
        CloudError { kind, operation: "ec2:CreateVpc".into(), code: code.map(str::to_owned), message: message.into() };
    Error::Cloud { error, whom: Box::new(whom) }
}

fn aws() -> Whom {
    Whom { target: Some(Target::Aws), region: Some("eu-central-1".into()), ..Whom::default() }
}

#[test]
fn no_credentials() {
    let message = "no credentials in the property bag";
    assert_snapshot!(text(&cloud(ErrorKind::Credentials, None, message, aws())), @"
    error: there are no credentials that AWS accepts
      why: no credentials in the property bag
      why: no profile was named; AWS's standard chain was asked (environment, files, SSO, container, instance),
           operation `ec2:CreateVpc`
     help: name a profile (`--profile NAME`), log in (`aws sso login`), or set AWS_ACCESS_KEY_ID and
           AWS_SECRET_ACCESS_KEY
     help: to practise without an account leave `--target aws` out: the local cloud needs none
    exit 1
    ");
}

#[test]
fn an_expired_token() {
    let code = Some("ExpiredToken");
    let message = "The security token included in the request is expired";
    let whom = Whom { profile: Some("dev".into()), ..aws() };
    assert_snapshot!(text(&cloud(ErrorKind::Credentials, code, message, whom)), @"
    error: the credentials have expired
      why: ExpiredToken: The security token included in the request is expired
      why: profile `dev`, operation `ec2:CreateVpc`
     help: log in again: `aws sso login --profile dev`, or however `dev` gets its credentials
     help: what is done stays done; then run the command again
    exit 1
    ");
}

#[test]
fn an_endpoint_that_is_not_there() {
    let message = "tcp connect error: Connection refused (os error 111)";
    let whom = Whom { endpoint: Some("http://127.0.0.1:1".into()), ..aws() };
    assert_snapshot!(text(&cloud(ErrorKind::Unreachable, None, message, whom)), @"
    error: the endpoint cannot be reached
      why: tcp connect error: Connection refused (os error 111)
      why: the endpoint is http://127.0.0.1:1
     help: start what should answer there, or correct AWS_ENDPOINT_URL (unset, it is AWS itself)
    exit 1
    ");
}

#[test]
fn a_denied_action() {
    let code = Some("UnauthorizedOperation");
    let message = "You are not authorized to perform this operation.";
    let whom = Whom { caller: Some("arn:aws:iam::123456789012:user/ann".into()), ..aws() };
    assert_snapshot!(text(&cloud(ErrorKind::Denied, code, message, whom)), @"
    error: `ec2:CreateVpc` was denied
      why: UnauthorizedOperation: You are not authorized to perform this operation.
      why: the caller is arn:aws:iam::123456789012:user/ann
     help: let somebody allow `ec2:CreateVpc` for this caller, or use another profile
     help: what is done stays done; then run the command again
    exit 1
    ");
}

#[test]
fn a_lock_that_somebody_holds() {
    let lease =
        Lease { holder: "18c2-1f".into(), host: "ci-7, process 31".into(), purpose: "up".into(), expires_in: 42 };
    assert_snapshot!(text(&Error::Locked { stack: "shop-dev".into(), lease: Some(lease) }), @"
    error: the stack `shop-dev` is locked by another run
      why: `up` on ci-7, process 31 holds the lock (18c2-1f); it expires in 42 s unless that run renews it
     help: nothing was changed; wait for that run to end
     help: if it is surely dead, take its lock with `--break-lock`
    exit 5
    ");
}

#[test]
fn guards() {
    let wrong = Error::WrongAccount {
        found: "210987654321".into(),
        wanted: "123456789012".into(),
        origin: "AOMIDORI_ACCOUNT in prod.env".into(),
    };
    let unconfirmed = Error::Unconfirmed { action: "up", nobody: true };
    let stale = Error::StalePlan {
        path: PathBuf::from("plan.json"),
        why: vec!["needed now and not in it: + network/vpc".into()],
    };
    assert_snapshot!([wrong, unconfirmed, stale].iter().map(text).collect::<Vec<_>>().join("\n"), @"
    error: these credentials are for account 210987654321, and only 123456789012 may be touched
      why: the account was fixed by AOMIDORI_ACCOUNT in prod.env
     help: nothing was changed; choose credentials of account 123456789012 (`--profile NAME`)
     help: or correct the account that was fixed
    exit 5

    error: `up` was not confirmed, and nothing was changed
      why: there is no terminal to ask on
     help: look at the plan, then run `up --yes`
     help: or save a plan (`plan --out FILE`) and run `up FILE --yes`
    exit 5

    error: the plan in plan.json is stale
      why: needed now and not in it: + network/vpc
     help: nothing was changed; look at a new plan (`plan --out FILE`) and carry that out
    exit 5
    ");
}

#[test]
fn steps_that_failed() {
    let error = CloudError {
        kind: ErrorKind::InUse,
        operation: "ec2:DeleteSubnet".into(),
        code: Some("DependencyViolation".into()),
        message: "The subnet 'subnet-1' has dependencies and cannot be deleted.".into(),
    };
    let failed = StepFailure {
        address: "network/subnet/a".parse().unwrap(),
        doing: "deleting",
        error,
        held_by: vec!["network interface eni-1 (ELB app/shop/50dc)".into()],
    };
    let failures = StepFailures { failed: vec![failed], skipped: 1, done: 7, caller: None };
    assert_snapshot!(text(&Error::Steps(failures)), @"
    error: 1 step failed
      deleting network/subnet/a
          ec2:DeleteSubnet: DependencyViolation: The subnet 'subnet-1' has dependencies and cannot be deleted.
          held by network interface eni-1 (ELB app/shop/50dc)
      why: 1 step is not taken for want of what failed; 7 steps are done
     help: correct the cause and run the command again: it goes on from here
    exit 1
    ");
}

#[test]
fn images_that_are_missing() {
    let registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
    let image = MissingImage {
        image: format!("{registry}/shop/web:blue"),
        registry: registry.into(),
        needed_by: "services/web".parse().unwrap(),
    };
    assert_snapshot!(text(&Error::MissingImages(vec![image])), @"
    error: 1 image is not in the repository yet
      123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/web:blue  # needed by services/web
      push with:
        aws ecr get-login-password --region eu-central-1 | docker login --username AWS --password-stdin 123456789012.dkr.ecr.eu-central-1.amazonaws.com
        docker build --tag 123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/web:blue DIRECTORY
        docker push 123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/web:blue
     help: everything that does not need them is done; push them and run `up` again
     help: or go on without (`--no-image-check`): services start once the images are there
    exit 5
    ");
}

#[test]
fn leftovers() {
    let left = Leftover {
        what: "network/vpc (VPC vpc-1)".into(),
        held_by: vec!["subnet subnet-9, which does not carry this stack's mark".into()],
    };
    assert_snapshot!(text(&Error::Leftovers(vec![left])), @"
    error: 1 resource is left
      network/vpc (VPC vpc-1)
          held by subnet subnet-9, which does not carry this stack's mark
     help: run `down` again once nothing holds them; it removes what carries this stack's mark
    exit 3
    ");
}
