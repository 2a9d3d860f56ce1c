//! The one error type of all handlers; the protocol layer gives it the service's envelope.

use serde_json::{Map, Value};

/// A refusal, by AWS's code.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) status: u16,
    /// Further members of the error's shape.
    pub(crate) details: Map<String, Value>,
    /// Headers beside the body: S3's.
    pub(crate) headers: Vec<(&'static str, String)>,
}

pub(crate) type Result<T = Value> = std::result::Result<T, ApiError>;

impl ApiError {
    /// HTTP status 400, which is what AWS uses for nearly everything.
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        ApiError { code: code.into(), message: message.into(), status: 400, details: Map::new(), headers: Vec::new() }
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn detail(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.details.insert(member.to_owned(), value.into());
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// `return fail!("Code", "format {}", args)` as an `Err`.
macro_rules! fail {
    ($code:expr, $($message:tt)+) => {
        Err($crate::error::ApiError::new($code, format!($($message)+)))
    };
}
pub(crate) use fail;
