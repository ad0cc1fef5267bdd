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

fn plain_http(status: StatusCode, text: &str) -> (Response<()>, Option<Bytes>) {
    let mut response = Response::new(());
    *response.version_mut() = Version::HTTP_2;
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        // RFC 9110, section 15.5.6.
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    (response, Some(Bytes::copy_from_slice(text.as_bytes())))
}

const SPOKEN_HERE: &str = "this server speaks gRPC: POST over HTTP/2, content-type application/grpc\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Code, Encoding};

    #[test]
    fn rule_5_what_is_not_grpc_is_told_what_is() {
        let (response, body) = Refusal::unsupported_media_type().to_http(EncodingSet::EMPTY);
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        assert!(!response.headers().contains_key("grpc-status"));
        let body = String::from_utf8(body.unwrap().to_vec()).unwrap();
        assert!(
            body.contains("speaks gRPC") && body.contains("application/grpc") && body.len() < 200,
            "{body}"
        );
    }

    #[test]
    fn rule_1_another_method_is_405_and_told_which_is_allowed() {
        let (response, body) = Refusal::method_not_allowed().to_http(EncodingSet::EMPTY);
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "POST");
        assert!(body.is_some());
    }

    #[test]
    fn broken_grammar_is_400_with_a_status_in_one_block() {
        let refusal = Refusal::from(WireError::Timeout { value: "5x".into() });
        let (response, body) = refusal.to_http(EncodingSet::EMPTY);
        assert_eq!((response.status(), body), (StatusCode::BAD_REQUEST, None));
        assert_eq!(response.headers()["content-type"], "application/grpc");
        let trailers = Trailers::from_http(response.headers().clone(), response.status());
        let status = trailers.status.unwrap_err();
        assert_eq!(status.code(), Code::Internal);
        assert_eq!(status.message(), "grpc-timeout must be 1 to 8 digits and one of HMSmun: \"5x\"");
    }

    #[test]
    fn rule_23_an_unknown_encoding_is_unimplemented_and_told_the_known_ones() {
        let refusal = Refusal::UnknownEncoding { name: "lz4".into() };
        let both = EncodingSet::EMPTY.with(Encoding::Identity).with(Encoding::Gzip);
        for (accept, list) in [(both, "identity,gzip"), (EncodingSet::EMPTY, "identity")] {
            let (response, body) = refusal.to_http(accept);
            assert_eq!((response.status(), body), (StatusCode::OK, None));
            assert_eq!(response.headers()["grpc-accept-encoding"], list);
            assert_eq!(response.headers()["grpc-status"], "12");
            assert_eq!(response.headers()["grpc-message"], "grpc-encoding is not supported here: \"lz4\"");
        }
    }
}
