//! **Request-Headers**, **Response-Headers**, **Trailers** and **Trailers-Only**: the header blocks of a call.
//!
//! Each block has a file with both directions. What they share is here: the names, and one pass over a received block
//! that picks out the fields of the call, so that an ordinary block costs no look-up by hash.

mod refusal;
mod request;
mod response;
mod trailers;

pub use refusal::Refusal;
pub use request::RequestHeaders;
pub use response::{ResponseHeaders, ResponseStart};
pub use trailers::Trailers;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::wire::metadata::key;
use crate::wire::{Encoding, EncodingSet};

/// The fields of a received block that belong to the call; of one that stands twice the first, but for lists.
#[derive(Default)]
struct CallFields<'a> {
    content_type: Option<&'a HeaderValue>,
    timeout: Option<&'a HeaderValue>,
    encoding: Option<&'a HeaderValue>,
    accept_encoding: EncodingSet,
    user_agent: Option<&'a HeaderValue>,
    host: Option<&'a HeaderValue>,
    hosts: usize,
    of_connection: Option<&'a HeaderName>,
    status: Option<&'a HeaderValue>,
    message: Option<&'a HeaderValue>,
    details: Option<&'a HeaderValue>,
}

impl<'a> CallFields<'a> {
    fn read(headers: &'a HeaderMap) -> Self {
        let mut fields = CallFields::default();
        for (name, value) in headers {
            match name.as_str() {
                "content-type" => fields.content_type = fields.content_type.or(Some(value)),
                "user-agent" => fields.user_agent = fields.user_agent.or(Some(value)),
                "host" => {
                    fields.host = fields.host.or(Some(value));
                    fields.hosts += 1;
                }
                "grpc-timeout" => fields.timeout = fields.timeout.or(Some(value)),
                "grpc-encoding" => fields.encoding = fields.encoding.or(Some(value)),
                "grpc-accept-encoding" => {
                    fields.accept_encoding =
                        fields.accept_encoding.union(EncodingSet::parse(value.as_bytes()));
                }
                "grpc-status" => fields.status = fields.status.or(Some(value)),
                "grpc-message" => fields.message = fields.message.or(Some(value)),
                "grpc-status-details-bin" => fields.details = fields.details.or(Some(value)),
                other if key::is_of_connection(other) => fields.of_connection = Some(name),
                _ => {}
            }
        }
        fields
    }

    /// The Message-Encoding, `identity` where it is absent; the name of one unknown here as the error.
    fn message_encoding(&self) -> Result<Encoding, String> {
        match self.encoding {
            None => Ok(Encoding::Identity),
            Some(value) => {
                Encoding::from_header(value).ok_or_else(|| crate::wire::error::excerpt(value.as_bytes()))
            }
        }
    }
}

/// Writes what Request-Headers and Response-Headers have in common: how messages are compressed.
fn insert_encodings(headers: &mut HeaderMap, encoding: Encoding, accept: EncodingSet) {
    if encoding != Encoding::Identity {
        headers.insert(GRPC_ENCODING, encoding.to_header_value());
    }
    if let Some(list) = accept.to_header_value() {
        headers.insert(GRPC_ACCEPT_ENCODING, list);
    }
}

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_STATUS_DETAILS_BIN: HeaderName = HeaderName::from_static("grpc-status-details-bin");
