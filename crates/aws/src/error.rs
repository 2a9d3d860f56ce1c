//! From the SDK's errors to [`CloudError`]: what the engine does is decided by AWS's error code.
//!
//! Tables: aws-facts 1.4 (retry classes) and 1.6 (gone, exists, in use), which cite botocore's models, the EC2 API error
//! reference and Terraform's provider. EC2's model lists no errors, so families of codes are told by their endings.

use std::error::Error;
use std::fmt::Write as _;

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{DispatchFailure, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Maps an error of the SDK.
pub(crate) fn cloud_error<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let made = |kind, message| CloudError { kind, operation: operation.to_owned(), code: None, message };
    match error {
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            let status = service.raw().status().as_u16();
            let request = meta.extra("aws_request_id");
            let error = answered(operation, meta.code(), meta.message(), status, request);
            if is_page(service.raw()) { not_there(error, status) } else { error }
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            if status < 400 {
                made(ErrorKind::Unknown, format!("the answer cannot be read: {}", deepest(error)))
            } else {
                let error = answered(operation, None, None, status, None);
                if is_page(response.raw()) { not_there(error, status) } else { error }
            }
        }
        SdkError::TimeoutError(_) => made(ErrorKind::Unknown, "no answer in time".into()),
        SdkError::DispatchFailure(failure) => dispatch_failure(operation, failure),
        SdkError::ConstructionFailure(_) => match credentials(error) {
            Some(message) => made(ErrorKind::Credentials, message),
            None => CloudError::bug(format!("{operation} could not be put together: {}", deepest(error))),
        },
        _ => made(ErrorKind::Unknown, deepest(error)),
    }
}

/// An error inside an answer that is a success as a whole (`Unsuccessful[]` of DeleteVpcEndpoints).
pub(crate) fn item_error(operation: &str, code: Option<&str>, text: Option<&str>) -> CloudError {
    answered(operation, code, text, 400, None)
}

/// True for a web page, which no AWS service answers with.
fn is_page(response: &HttpResponse) -> bool {
    response.headers().get("content-type").is_some_and(|kind| kind.starts_with("text/html"))
}

/// An emulator's web server that breaks down in an operation, without an error code, does not have it: moto answers so
/// for every operation that it lacks.
fn not_there(error: CloudError, status: u16) -> CloudError {
    if status != 500 || error.code.is_some() {
        return error;
    }
    CloudError {
        kind: ErrorKind::Unsupported,
        message: "the endpoint has no such operation (it answered HTTP 500 with a web page)".into(),
        ..error
    }
}

/// An error that AWS (or whoever stands in for it) answered with.
fn answered(operation: &str, code: Option<&str>, text: Option<&str>, status: u16, request: Option<&str>) -> CloudError {
    // EC2 once wrote `Client.` and `Server.` before its codes; JSON services a namespace and `#`.
    let code = code.map(|code| {
        let code = code.rsplit('#').next().unwrap_or(code);
        code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code)
    });
    let text = text.unwrap_or_default();
    let kind = classify(operation, code.unwrap_or_default(), text, status);
    tracing::debug!(operation, code, status, request, text, ?kind, "refused");
    let mut message = match kind {
        ErrorKind::Denied => denied(operation, text),
        ErrorKind::Unsupported => format!(
            "the endpoint has no such operation{}",
            if text.is_empty() { String::new() } else { format!(" ({})", text.trim()) }
        ),
        _ if text.is_empty() => match code {
            Some(code) => format!("AWS answered {code} (HTTP {status})"),
            None => format!("the endpoint answered HTTP {status} without an error code"),
        },
        _ => text.trim().to_owned(),
    };
    if let (ErrorKind::Unknown, Some(request)) = (&kind, request) {
        let _ = write!(message, " (request {request})");
    }
    CloudError { kind, operation: operation.to_owned(), code: code.map(str::to_owned), message }
}

/// What the engine does about an error code.
fn classify(operation: &str, code: &str, text: &str, status: u16) -> ErrorKind {
    let text = text.to_ascii_lowercase();
    match code {
        // Throttled: aws-facts 1.4. IAM and Route 53 say so when another change of the same thing is under way.
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "TooManyRequests"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "BandwidthLimitExceeded"
        | "EC2ThrottledException"
        | "PriorRequestNotComplete"
        | "TransactionInProgressException"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "ConcurrentUpdateException" => return ErrorKind::Throttled,

        "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "InvalidAccessKeyId"
        | "TokenRefreshRequired" => return ErrorKind::Credentials,
        "AuthFailure" if text.contains("credentials") => return ErrorKind::Credentials,
        // An address that was released and is someone else's now (ReleaseAddress).
        "AuthFailure" if operation == "ec2:ReleaseAddress" => return ErrorKind::NotFound,

        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "NotAuthorized"
        | "AuthFailure"
        | "UnauthorizedException"
        | "AuthorizationError"
        | "OptInRequired" => return ErrorKind::Denied,

        "InvalidAction"
        | "UnknownOperationException"
        | "NotImplemented"
        | "NotImplementedException"
        | "UnknownOperation" => return ErrorKind::Unsupported,

        // In use: aws-facts 1.6, column U.
        "DependencyViolation"
        | "InvalidGroup.InUse"
        | "InvalidIPAddress.InUse"
        | "ResourceInUse"
        | "ResourceInUseException"
        | "DeleteConflict"
        | "RepositoryNotEmptyException"
        | "OperationAbortedException"
        | "UpdateInProgressException"
        | "DeploymentConfigInUseException"
        | "DeploymentLimitExceededException"
        | "DuplicateRequest"
        | "IncorrectState" => return ErrorKind::InUse,

        // CodeDeploy and ECS look a fresh role up before it is everywhere (aws-facts 1.4).
        "InvalidRoleException" => return ErrorKind::NotYet,
        "InternalError"
        | "InternalFailure"
        | "ServiceUnavailable"
        | "Unavailable"
        | "ServerException"
        | "ServiceFailure"
        | "InternalServerError"
        | "InternalServerErrorException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ServiceUnavailableException" => return ErrorKind::Unknown,

        "InvalidSubnet.Conflict" | "Resource.AlreadyAssociated" | "PriorityInUse" => {
            return ErrorKind::AlreadyExists;
        }
        "Gateway.NotAttached" | "InvalidGroupId.Malformed" => return ErrorKind::NotFound,
        "InvalidParameterException"
        | "ClientException"
        | "InvalidChangeBatch"
        | "InvalidInput"
        | "MalformedPolicyDocument"
        | "ValidationError"
        | "InvalidParameterValue"
        | "InvalidParameter" => {
            if let Some(kind) = by_text(code, &text) {
                return kind;
            }
        }
        _ => {}
    }
    if text.contains("rate exceeded") {
        return ErrorKind::Throttled;
    }
    if code.starts_with("ClusterContains") {
        return ErrorKind::InUse;
    }
    if code.ends_with("NotFound")
        || code.ends_with("NotFoundException")
        || code.ends_with("DoesNotExistException")
        || code.starts_with("NoSuch")
    {
        return ErrorKind::NotFound;
    }
    if code.contains("AlreadyExists")
        || code.ends_with(".Duplicate")
        || code.starts_with("Duplicate")
        || code.ends_with("AlreadyInUse")
    {
        return ErrorKind::AlreadyExists;
    }
    if code.ends_with("LimitExceeded")
        || code.ends_with("LimitExceededException")
        || code.contains("QuotaExceeded")
        || code.starts_with("TooMany")
        || code == "ServiceLimitExceeded"
    {
        return ErrorKind::Quota;
    }
    match status {
        429 => ErrorKind::Throttled,
        501 => ErrorKind::Unsupported,
        404 | 405 if code.is_empty() => ErrorKind::Unsupported,
        500.. => ErrorKind::Unknown,
        _ => ErrorKind::Refused,
    }
}

/// Codes that say nothing by themselves: AWS's message decides. `text` is in lower case.
fn by_text(code: &str, text: &str) -> Option<ErrorKind> {
    let holds = |part: &str| text.contains(part);
    // Roles and principals that were just made.
    if holds("assume") && holds("role") || holds("invalid principal") || holds("unable to assume") {
        return Some(ErrorKind::NotYet);
    }
    // A service before its load balancer is attached to the target group (aws-facts 2.18).
    if holds("does not have an associated load balancer") {
        return Some(ErrorKind::NotYet);
    }
    if holds("still draining") || holds("cannot be stopped while deployments are active") {
        return Some(ErrorKind::InUse);
    }
    if holds("was not idempotent") {
        return Some(ErrorKind::AlreadyExists);
    }
    if holds("unable to describe task definition") || code == "InvalidChangeBatch" && holds("not found") {
        return Some(ErrorKind::NotFound);
    }
    if code == "InvalidChangeBatch" && holds("already exists") {
        return Some(ErrorKind::AlreadyExists);
    }
    None
}

/// Which action is denied, on what, to whom: read from AWS's message.
fn denied(operation: &str, text: &str) -> String {
    // "User: ARN is not authorized to perform: ACTION on resource: ARN because REASON".
    let after = |mark: &str| {
        let rest = text.split(mark).nth(1)?;
        rest.split_whitespace().next().map(|word| word.trim_end_matches(['.', ',']))
    };
    let who = after("User: ");
    let action = after("not authorized to perform: ").unwrap_or(operation);
    let on = after("on resource: ");
    let why = text.split(" because ").nth(1).map(|why| {
        why.split("Encoded authorization failure message").next().unwrap_or(why).trim().trim_end_matches('.')
    });
    let mut message = format!("`{action}` is denied");
    if let Some(on) = on {
        let _ = write!(message, " on `{on}`");
    }
    if let Some(who) = who {
        let _ = write!(message, " for `{who}`");
    }
    if let Some(why) = why {
        let _ = write!(message, ": {why}");
    }
    message
}

/// No answer: was it sent at all?
fn dispatch_failure(operation: &str, failure: &DispatchFailure) -> CloudError {
    let made = |kind, message| CloudError { kind, operation: operation.to_owned(), code: None, message };
    let Some(error) = failure.as_connector_error() else {
        return made(ErrorKind::Unknown, "the request failed on its way".into());
    };
    if let Some(message) = credentials(error) {
        return made(ErrorKind::Credentials, message);
    }
    let words = chain(error).join(": ");
    let never_sent = words.contains("(Connect)")
        || words.contains("HTTP connect")
        || words.contains("dns error")
        || words.contains("tcp connect")
        || words.contains("ResolveDnsError");
    let cause = deepest(error);
    if never_sent {
        made(ErrorKind::Unreachable, format!("the endpoint cannot be reached: {cause}"))
    } else if failure.is_timeout() {
        made(ErrorKind::Unknown, "no answer in time".into())
    } else {
        made(ErrorKind::Unknown, format!("the connection broke before the answer: {cause}"))
    }
}

/// What is wrong with the credentials, if that is what is wrong.
fn credentials(error: &(dyn Error + 'static)) -> Option<String> {
    let mut at: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(this) = at {
        if let Some(found) = this.downcast_ref::<CredentialsError>() {
            return Some(match found {
                CredentialsError::CredentialsNotLoaded(_) => {
                    "no AWS credentials were found in the environment, profile or instance".into()
                }
                other => format!("the AWS credentials cannot be loaded: {}", deepest(other)),
            });
        }
        at = this.source();
    }
    // An expired SSO session is not typed.
    let words = chain(error).join(": ");
    (words.contains("no providers in chain provided credentials") || words.contains("session has expired"))
        .then(|| format!("the AWS credentials cannot be loaded: {}", deepest(error)))
}

fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut words = Vec::new();
    let mut at: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(this) = at {
        words.push(this.to_string());
        at = this.source();
    }
    words
}

/// The cause at the bottom, in its own words.
fn deepest(error: &(dyn Error + 'static)) -> String {
    chain(error).pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_what_the_engine_does() {
        let kind = |code: &str, text: &str, status| classify("ec2:X", code, text, status);
        assert_eq!(kind("RequestLimitExceeded", "", 503), ErrorKind::Throttled);
        assert_eq!(kind("VpcLimitExceeded", "", 400), ErrorKind::Quota);
        assert_eq!(kind("TooManyRequestsException", "", 400), ErrorKind::Throttled);
        assert_eq!(kind("TooManyLoadBalancers", "", 400), ErrorKind::Quota);
        assert_eq!(kind("LimitExceededException", "Rate exceeded", 400), ErrorKind::Throttled);
        assert_eq!(kind("LimitExceededException", "Resource limit exceeded", 400), ErrorKind::Quota);
        assert_eq!(kind("DependencyViolation", "", 400), ErrorKind::InUse);
        assert_eq!(kind("InvalidVpcID.NotFound", "", 400), ErrorKind::NotFound);
        assert_eq!(kind("NoSuchEntity", "", 404), ErrorKind::NotFound);
        assert_eq!(kind("ApplicationDoesNotExistException", "", 400), ErrorKind::NotFound);
        assert_eq!(kind("InvalidGroup.Duplicate", "", 400), ErrorKind::AlreadyExists);
        assert_eq!(kind("InvalidPermission.Duplicate", "", 400), ErrorKind::AlreadyExists);
        assert_eq!(kind("DuplicateListener", "", 400), ErrorKind::AlreadyExists);
        assert_eq!(kind("EntityAlreadyExists", "", 409), ErrorKind::AlreadyExists);
        assert_eq!(kind("InternalError", "", 500), ErrorKind::Unknown);
        assert_eq!(kind("", "", 502), ErrorKind::Unknown);
        assert_eq!(kind("", "", 501), ErrorKind::Unsupported);
        assert_eq!(kind("InvalidAction", "", 400), ErrorKind::Unsupported);
        assert_eq!(kind("InvalidParameterValue", "nonsense", 400), ErrorKind::Refused);
        assert_eq!(
            kind("AuthFailure", "not able to validate the provided access credentials", 401),
            ErrorKind::Credentials
        );
        assert_eq!(
            kind("InvalidParameterException", "Unable to Start a service that is still Draining.", 400),
            ErrorKind::InUse
        );
        assert_eq!(
            kind("InvalidParameterException", "ECS was unable to assume the role 'arn:x'", 400),
            ErrorKind::NotYet
        );
        assert_eq!(kind("ExpiredTokenException", "", 403), ErrorKind::Credentials);
    }

    #[test]
    fn an_emulator_without_the_operation_says_so() {
        let error = not_there(answered("codedeploy:DeleteApplication", None, None, 500, None), 500);
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Unsupported, "codedeploy:DeleteApplication"));
        let gateway = not_there(answered("ec2:CreateVpc", None, None, 502, None), 502);
        assert_eq!(gateway.kind, ErrorKind::Unknown);
    }

    #[test]
    fn a_denied_action_says_which_on_what_and_to_whom() {
        let error = answered(
            "ec2:CreateVpc",
            Some("UnauthorizedOperation"),
            Some(
                "You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/bob is not \
                 authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:ap-northeast-1:123456789012:vpc/* \
                 because no identity-based policy allows the ec2:CreateVpc action. Encoded authorization failure \
                 message: AAAAAAAA",
            ),
            403,
            Some("r-1"),
        );
        assert_eq!(error.kind, ErrorKind::Denied);
        assert_eq!(
            error.message,
            "`ec2:CreateVpc` is denied on `arn:aws:ec2:ap-northeast-1:123456789012:vpc/*` for \
             `arn:aws:iam::123456789012:user/bob`: no identity-based policy allows the ec2:CreateVpc action"
        );
        assert_eq!(denied("iam:GetRole", ""), "`iam:GetRole` is denied");
    }
}
