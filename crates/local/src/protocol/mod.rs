//! AWS's wire protocols: from an HTTP request to an operation's name and input tree, and back.

pub(crate) mod query;
pub(crate) mod s3;
pub(crate) mod xml;

use std::borrow::Cow;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::services::{self, Service};

/// How a service is spoken to.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    /// Parameters in, XML out with `<item>` lists and an envelope of its own.
    Ec2,
    /// Parameters in, XML out with `<member>` lists.
    Query {
        /// The XML namespace, which also says the API's version.
        namespace: &'static str,
    },
    /// `X-Amz-Target: {target}.{Operation}`
    Json {
        /// The prefix of the target.
        target: &'static str,
    },
    /// Methods and paths, XML both ways.
    RestXml {
        /// The XML namespace.
        namespace: &'static str,
        /// Finds the operation and its whole input (path, query and body).
        route: fn(&Rest) -> Option<(String, Value)>,
    },
    /// Buckets and keys in host and path, members in headers, bodies of any kind; see [`s3`].
    S3 {
        /// Finds the operation and its whole input.
        route: fn(&s3::Parts) -> crate::error::Result<(String, Value)>,
    },
}

/// An HTTP request with its body.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a REST service routes by.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) method: Method,
    /// The path's segments, decoded: `["2013-04-01", "hostedzone", "Z123"]`.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    /// The XML body as a tree (see [`xml::parse`]); `Null` if there is none.
    pub(crate) body: Value,
}

impl Rest {
    /// A query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A decoded request.
pub(crate) struct Call {
    pub(crate) service: &'static Service,
    pub(crate) operation: String,
    pub(crate) input: Value,
    pub(crate) credentials: Credentials,
}

/// What the signature says; it is not verified.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Credentials {
    pub(crate) access_key: String,
    pub(crate) region: Option<String>,
    pub(crate) service: Option<String>,
}

/// A response to send.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) content_type: Cow<'static, str>,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Bytes,
}

impl Response {
    /// With a request's id, as all services but S3 name it.
    fn new(status: u16, content_type: &'static str, request_id: &str, body: String) -> Response {
        let headers = vec![("x-amzn-requestid".into(), request_id.to_owned())];
        Response { status, content_type: content_type.into(), headers, body: body.into() }
    }
}

/// Decodes a request. The error is a finished response, in the envelope that the caller most likely understands.
pub(crate) fn decode(request: &Request, request_id: &str) -> Result<Call, Box<Response>> {
    let query = query::pairs(&request.query);
    let credentials = credentials(&request.headers, &query);
    let target = request.headers.get("x-amz-target").and_then(|v| v.to_str().ok());

    if let Some(target) = target {
        let (prefix, operation) = target.rsplit_once('.').unwrap_or((target, ""));
        let found = services::all().find(|s| matches!(s.protocol, Protocol::Json { target } if target == prefix));
        let Some(service) = found else {
            let message = format!("The local cloud does not have the service {prefix}");
            return Err(Box::new(json_error(&ApiError::new("UnknownOperationException", message), request_id)));
        };
        let Some(credentials) = credentials else {
            return Err(Box::new(missing_token(service, request_id)));
        };
        let input = if request.body.is_empty() {
            Value::Object(Map::new())
        } else {
            serde_json::from_slice(&request.body).map_err(|e| {
                let error = ApiError::new("SerializationException", format!("The request is not JSON: {e}"));
                Box::new(json_error(&error, request_id))
            })?
        };
        return Ok(Call { service, operation: operation.to_owned(), input, credentials });
    }

    if credentials.as_ref().is_some_and(|known| known.service.as_deref() == Some(services::s3::SERVICE.name)) {
        return s3::decode(request, &services::s3::SERVICE, credentials.unwrap_or_default(), query)
            .map_err(|error| Box::new(encode_error(&services::s3::SERVICE, &error, request_id)));
    }

    let segments: Vec<String> = request
        .path
        .split('/')
        .filter(|s| !s.is_empty())
        .map(|s| percent_decode_str(s).decode_utf8_lossy().into_owned())
        .collect();

    if !segments.is_empty() {
        let rest = services::all().find_map(|service| match service.protocol {
            Protocol::RestXml { route, .. } => Some((service, route)),
            _ => None,
        });
        let Some((service, route)) = rest else {
            return Err(Box::new(unknown(&request.path, request_id)));
        };
        let Some(credentials) = credentials else {
            return Err(Box::new(missing_token(service, request_id)));
        };
        if let Some(name) = credentials.service.as_deref().filter(|name| *name != service.name) {
            // Of AWS's other services with paths nearly all speak JSON, and their clients cannot read XML.
            return Err(Box::new(if name == "cloudfront" || services::by_name(name).is_some() {
                unknown(&request.path, request_id)
            } else {
                let message = format!("The local cloud does not have the service {name}");
                json_error(&ApiError::new("UnknownOperationException", message), request_id)
            }));
        }
        let body = if request.body.is_empty() { Ok(Value::Null) } else { xml::parse(&request.body) };
        let body = body.map_err(|why| {
            let error = ApiError::new("InvalidInput", format!("The request is not XML: {why}"));
            Box::new(encode_error(service, &error, request_id))
        })?;
        let rest = Rest { method: request.method.clone(), segments, query, body };
        let Some((operation, input)) = route(&rest) else {
            return Err(Box::new(unknown(&format!("{} {}", request.method, request.path), request_id)));
        };
        return Ok(Call { service, operation, input, credentials });
    }

    let mut parameters = query;
    parameters.extend(query::pairs(&String::from_utf8_lossy(&request.body)));
    let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let version = get("Version").unwrap_or_default();
    let by_version = || {
        services::all().find(|s| match s.protocol {
            Protocol::Ec2 => version == EC2_VERSION,
            Protocol::Query { namespace } => !version.is_empty() && namespace.contains(version.as_str()),
            _ => false,
        })
    };
    let by_scope = || {
        let name = credentials.as_ref()?.service.as_deref()?;
        services::all().find(|s| s.name == name && matches!(s.protocol, Protocol::Ec2 | Protocol::Query { .. }))
    };
    let Some(service) = by_scope().or_else(by_version) else {
        let name = credentials.and_then(|c| c.service).unwrap_or_else(|| format!("of version '{version}'"));
        return Err(Box::new(unknown(&format!("the service {name}"), request_id)));
    };
    let Some(credentials) = credentials else {
        return Err(Box::new(missing_token(service, request_id)));
    };
    let Some(operation) = get("Action") else {
        let error = ApiError::new("MissingAction", "The request must contain the parameter Action");
        return Err(Box::new(encode_error(service, &error, request_id)));
    };
    parameters.retain(|(key, _)| key != "Action" && key != "Version" && !key.starts_with("X-Amz-"));
    Ok(Call { service, operation, input: query::tree(parameters), credentials })
}

const EC2_VERSION: &str = "2016-11-15";

/// From `Authorization: AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …` or a presigned URL.
fn credentials(headers: &HeaderMap, query: &[(String, String)]) -> Option<Credentials> {
    let header = headers.get("authorization").and_then(|v| v.to_str().ok());
    let scope = match header {
        Some(text) => match text.split_once("Credential=") {
            Some((_, rest)) => rest.split([',', ' ']).next().unwrap_or_default().to_owned(),
            // Another scheme: somebody is there, nothing is known about them.
            None => return Some(Credentials::default()),
        },
        None => query.iter().find(|(key, _)| key == "X-Amz-Credential").map(|(_, value)| value.clone())?,
    };
    let mut parts = scope.split('/');
    let access_key = parts.next().unwrap_or_default().to_owned();
    let mut part = || parts.next().filter(|p| !p.is_empty()).map(str::to_owned);
    let _date = part();
    Some(Credentials { access_key, region: part(), service: part() })
}

fn unknown(what: &str, request_id: &str) -> Response {
    let error = ApiError::new("InvalidAction", format!("The local cloud does not have {what}"));
    xml_error("ErrorResponse", "", &error, request_id)
}

fn missing_token(service: &Service, request_id: &str) -> Response {
    let error = match service.protocol {
        Protocol::Json { .. } => {
            ApiError::new("MissingAuthenticationTokenException", "Missing Authentication Token").status(400)
        }
        _ => ApiError::new("MissingAuthenticationToken", "Request is missing Authentication Token").status(403),
    };
    encode_error(service, &error, request_id)
}

/// An expired token, as each protocol says it.
pub(crate) fn expired(service: &Service) -> ApiError {
    match service.protocol {
        Protocol::Json { .. } => {
            ApiError::new("ExpiredTokenException", "The security token included in the request is expired")
        }
        Protocol::Ec2 => ApiError::new("RequestExpired", "Request has expired."),
        Protocol::S3 { .. } => ApiError::new("ExpiredToken", "The provided token has expired."),
        _ => ApiError::new("ExpiredToken", "The security token included in the request is expired").status(403),
    }
}

/// Too many calls, as each protocol says it.
pub(crate) fn throttled(service: &Service) -> ApiError {
    match service.protocol {
        Protocol::Ec2 => ApiError::new("RequestLimitExceeded", "Request limit exceeded.").status(503),
        Protocol::Json { .. } => ApiError::new("ThrottlingException", "Rate exceeded"),
        Protocol::S3 { .. } => ApiError::new("SlowDown", "Please reduce your request rate.").status(503),
        _ => ApiError::new("Throttling", "Rate exceeded"),
    }
}

/// What IAM calls the permission to call an operation.
pub(crate) fn permission<'a>(service: &Service, operation: &'a str) -> &'a str {
    match service.protocol {
        Protocol::S3 { .. } => services::s3::permission(operation),
        _ => operation,
    }
}

/// A call that the caller's policies do not allow.
pub(crate) fn denied(service: &Service, operation: &str, caller: &str, resource: &str) -> ApiError {
    let action = format!("{}:{}", service.prefix, permission(service, operation));
    let what = format!(
        "User: {caller} is not authorized to perform: {action} on resource: {resource} \
         because no identity-based policy allows the {action} action"
    );
    match service.protocol {
        Protocol::Ec2 => {
            let message = format!("You are not authorized to perform this operation. {what}");
            ApiError::new("UnauthorizedOperation", message).status(403)
        }
        Protocol::Json { .. } => ApiError::new("AccessDeniedException", what),
        _ => ApiError::new("AccessDenied", what).status(403),
    }
}

/// An operation that the local cloud does not have.
pub(crate) fn no_such_operation(service: &Service, operation: &str) -> ApiError {
    let message = format!("The local cloud does not have {}:{operation}", service.prefix);
    match service.protocol {
        Protocol::Json { .. } => ApiError::new("UnknownOperationException", message),
        Protocol::S3 { .. } => ApiError::new("NotImplemented", message).status(501),
        _ => ApiError::new("InvalidAction", message),
    }
}

/// Encodes an answer.
pub(crate) fn encode(service: &Service, operation: &str, mut output: Value, request_id: &str) -> Response {
    match service.protocol {
        Protocol::Json { .. } => {
            // Some operations answer with nothing at all; clients read that as an empty structure.
            let body = if output.is_null() { "{}".to_owned() } else { output.to_string() };
            Response::new(200, "application/x-amz-json-1.1", request_id, body)
        }
        Protocol::Ec2 => {
            let mut body = xml::Writer::new(xml::Lists::Item);
            body.open(&format!("{operation}Response"), "http://ec2.amazonaws.com/doc/2016-11-15/");
            body.text("requestId", request_id);
            if output.is_null() {
                output = json!({"return": true});
            }
            body.members(&output);
            Response::new(200, "text/xml;charset=UTF-8", request_id, body.finish())
        }
        Protocol::Query { namespace } => {
            let mut body = xml::Writer::new(xml::Lists::Member);
            body.open(&format!("{operation}Response"), namespace);
            if !output.is_null() {
                body.value(&format!("{operation}Result"), &output);
            }
            body.value("ResponseMetadata", &json!({"RequestId": request_id}));
            Response::new(200, "text/xml", request_id, body.finish())
        }
        Protocol::RestXml { namespace, .. } => {
            let location = output.as_object_mut().and_then(|members| members.remove("Location"));
            let mut body = xml::Writer::new(xml::Lists::Singular);
            body.open(&format!("{operation}Response"), namespace);
            body.members(&output);
            let status = if operation.starts_with("Create") { 201 } else { 200 };
            let mut response = Response::new(status, "text/xml", request_id, body.finish());
            if let Some(Value::String(location)) = location {
                response.headers.push(("location".into(), location));
            }
            response
        }
        Protocol::S3 { .. } => s3::encode(&output, request_id),
    }
}

/// Encodes a refusal.
pub(crate) fn encode_error(service: &Service, error: &ApiError, request_id: &str) -> Response {
    match service.protocol {
        Protocol::Json { .. } => json_error(error, request_id),
        Protocol::Ec2 => {
            let mut body = xml::Writer::new(xml::Lists::Item);
            body.open("Response", "");
            body.value("Errors", &json!({"Error": {"Code": error.code, "Message": error.message}}));
            body.text("RequestID", request_id);
            Response::new(error.status, "text/xml;charset=UTF-8", request_id, body.finish())
        }
        Protocol::Query { namespace } | Protocol::RestXml { namespace, .. } => {
            xml_error("ErrorResponse", namespace, error, request_id)
        }
        Protocol::S3 { .. } => s3::encode_error(error, request_id),
    }
}

fn json_error(error: &ApiError, request_id: &str) -> Response {
    let mut body = error.details.clone();
    body.insert("__type".to_owned(), error.code.as_str().into());
    body.insert("message".to_owned(), error.message.as_str().into());
    let body = Value::Object(body).to_string();
    let mut response = Response::new(error.status, "application/x-amz-json-1.1", request_id, body);
    response.headers.push(("x-amzn-errortype".into(), error.code.clone()));
    response
}

fn xml_error(root: &str, namespace: &str, error: &ApiError, request_id: &str) -> Response {
    let kind = if error.status >= 500 { "Receiver" } else { "Sender" };
    let mut body = xml::Writer::new(xml::Lists::Member);
    body.open(root, namespace);
    let mut members = error.details.clone();
    members.insert("Type".to_owned(), kind.into());
    members.insert("Code".to_owned(), error.code.as_str().into());
    members.insert("Message".to_owned(), error.message.as_str().into());
    body.value("Error", &Value::Object(members));
    body.text("RequestId", request_id);
    Response::new(error.status, "text/xml", request_id, body.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client of EFS or Lambda reads JSON, and would say nothing of XML but that it cannot.
    #[test]
    fn an_unknown_service_is_refused_in_its_own_form() {
        let mut headers = HeaderMap::new();
        let text = "AWS4-HMAC-SHA256 Credential=AKIA/20261122/eu-west-1/elasticfilesystem/aws4_request";
        headers.insert("authorization", text.parse().unwrap());
        let path = "/2015-02-01/file-systems".to_owned();
        let request = Request { method: Method::POST, path, query: String::new(), headers, body: Bytes::new() };
        let response = decode(&request, "1").err().unwrap();
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["message"], "The local cloud does not have the service elasticfilesystem");
        assert_eq!((response.status, &body["__type"]), (400, &json!("UnknownOperationException")));
    }

    #[test]
    fn credential_scopes() {
        let mut headers = HeaderMap::new();
        assert_eq!(credentials(&headers, &[]), None);
        let text =
            "AWS4-HMAC-SHA256 Credential=AKIA/20261122/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
        headers.insert("authorization", text.parse().unwrap());
        let want =
            Credentials { access_key: "AKIA".into(), region: Some("eu-west-1".into()), service: Some("ec2".into()) };
        assert_eq!(credentials(&headers, &[]), Some(want));
        let presigned = [("X-Amz-Credential".to_owned(), "K/20261122/r/sts/aws4_request".to_owned())];
        assert_eq!(credentials(&HeaderMap::new(), &presigned).unwrap().service.as_deref(), Some("sts"));
    }
}
