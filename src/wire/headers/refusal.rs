//! What a server answers to a request that is not a call it can serve.
//!
//! Who does not speak gRPC gets plain HTTP with a text that says what is spoken here; who does, but breaks the grammar,
//! gets a Trailers-Only response, so that its client can show a status (gRFC A41).

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode, Version};

use crate::wire::headers::GRPC_ACCEPT_ENCODING;
use crate::wire::{ContentType, EncodingSet, Status, Trailers, WireError};

/// Why a request is refused before a handler sees it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The peer does not speak gRPC: an HTTP response with a text body.
    Http {
        /// 405 or 415.
        status: StatusCode,
        /// The body.
        text: Cow<'static, str>,
    },
    /// The peer speaks gRPC: a Trailers-Only response.
    Grpc {
        /// 200, or 400 when the header block breaks the grammar.
        http: StatusCode,
        /// The status in it.
        status: Status,
    },
    /// The request's messages are in an encoding unknown here: UNIMPLEMENTED, with what is known (rule 23).
    UnknownEncoding {
        /// The name of the encoding.
        name: String,
    },
}

impl Refusal {
    /// HTTP 405: another method than POST.
    pub fn method_not_allowed() -> Self {
        Refusal::Http { status: StatusCode::METHOD_NOT_ALLOWED, text: Cow::Borrowed(SPOKEN_HERE) }
    }

    /// HTTP 415: another content type than gRPC's, or none.
    pub fn unsupported_media_type() -> Self {
        Refusal::Http { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, text: Cow::Borrowed(SPOKEN_HERE) }
    }

    /// The response and, for one that is not gRPC, its body; without a body the response ends the stream.
    ///
    /// `accept` is the set of encodings that this server reads.
    pub fn to_http(&self, accept: EncodingSet) -> (Response<()>, Option<Bytes>) {
        match self {
            Refusal::Http { status, text } => plain_http(*status, text),
            Refusal::Grpc { http, status } => {
                let mut response = trailers_only(status.clone(), EncodingSet::EMPTY);
                *response.status_mut() = *http;
                (response, None)
            }
            Refusal::UnknownEncoding { name } => {
                let text = format!("grpc-encoding is not supported here: \"{name}\"");
                let mut response = trailers_only(Status::unimplemented(text), accept);
                // The client must learn what it may send, also where that is nothing but identity.
                let identity = HeaderValue::from_static("identity");
                response.headers_mut().entry(GRPC_ACCEPT_ENCODING).or_insert(identity);
                (response, None)
            }
        }
    }
}

impl From<WireError> for Refusal {
    fn from(error: WireError) -> Self {
        Refusal::Grpc { http: StatusCode::BAD_REQUEST, status: error.into() }
    }
}

fn trailers_only(status: Status, accept: EncodingSet) -> Response<()> {
    Trailers::from_status(status).to_http_only(ContentType::GRPC, accept)
}

fn plain_http(status: StatusCode, text: &Cow<'static, str>) -> (Response<()>, Option<Bytes>) {
    let mut response = Response::new(());
    *response.version_mut() = Version::HTTP_2;
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        // RFC 9110, section 15.5.6.
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    let body = match text {
        Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
        Cow::Owned(text) => Bytes::copy_from_slice(text.as_bytes()),
    };
    (response, Some(body))
}

const SPOKEN_HERE: &str = "this server speaks gRPC: POST over HTTP/2, content-type application/grpc\n";
