//! What a server saw of a request, to be sent back in its answer.

use prost::Name;
use prost_types::Any;
use wirepath::{Request, Status};

use crate::conformance_shared::{
    from_metadata,
    v1::{Header, conformance_payload::RequestInfo},
};

/// Metadata and timeout of a call.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    request_headers: Vec<Header>,
    timeout_ms: Option<i64>,
}

impl Seen {
    /// Of the call that this request begins.
    pub(crate) fn of<T>(request: &Request<T>) -> Self {
        let left = request.deadline().map(|deadline| deadline.remaining().as_millis());
        Self {
            request_headers: from_metadata(request.metadata()),
            timeout_ms: left.map(|left| left.try_into().unwrap_or(i64::MAX)),
        }
    }

    /// With the messages that have come.
    pub(crate) fn with(self, requests: impl Into<Vec<Any>>) -> RequestInfo {
        RequestInfo {
            request_headers: self.request_headers,
            timeout_ms: self.timeout_ms,
            requests: requests.into(),
            connect_get_info: None,
        }
    }
}

/// A message with its name.
///
/// # Errors
/// It does not encode.
pub(crate) fn any(message: &impl Name) -> Result<Any, Status> {
    Any::from_msg(message).map_err(|error| Status::internal(error.to_string()))
}
