//! CloudWatch again, for clients that speak the query protocol to it.

use serde::{Deserialize, Serialize};

use crate::protocol::Protocol;
use crate::services::{Service, cloudwatch};

/// It is all in [`cloudwatch`].
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {}

pub(crate) static SERVICE: Service = Service {
    name: "monitoring",
    prefix: "cloudwatch",
    protocol: Protocol::Query { namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/" },
    invalid: "ValidationError",
    handler: cloudwatch::handler,
    bucket: |_| None,
    on_event: |_, _| {},
    // They are counted once.
    resources: |_| Vec::new(),
};
