//! **Response** -> (Response-Headers *Length-Prefixed-Message Trailers) / Trailers-Only, as a client reads it: what stands
//! around the messages.
//!
//! A unary call and a [`MessageReceiver`](super::MessageReceiver) read messages each in their own way; how a response
//! begins and ends they read alike, here.

use std::mem;

use http::StatusCode;

use crate::{
    codec,
    http2::RecvHalf,
    wire::{Code, Encoding, Metadata, Origin, ResponseStart, Status, Trailers},
};

/// Reads the first header block of a response.
pub(crate) fn response_start(
    response: http::Response<()>,
    body: &mut RecvHalf,
) -> Result<ResponseStart, Status> {
    // A connection that broke after Trailers-Only, with the request still open, must not take the status with it.
    let is_only =
        body.is_end_stream() || response.headers().contains_key("grpc-status") && body.is_broken_off();
    ResponseStart::from_http(response, is_only)
}

/// Reads the trailers. A response that ends without them is judged by its HTTP status (http-grpc-status-mapping.md), and
/// one that had messages had 200.
pub(crate) async fn response_end(body: &mut RecvHalf) -> Result<Trailers, Status> {
    match body.trailers().await? {
        Some(fields) => Ok(Trailers::from_http(fields, StatusCode::OK)),
        None => Err(Trailers::missing(StatusCode::OK)),
    }
}

/// A status is all that is left of a call that should have had one response: it takes along the metadata of
/// Response-Headers, before that of Trailers.
pub(crate) fn with_initial(mut status: Status, mut initial: Metadata) -> Status {
    initial.append_all(mem::take(status.metadata_mut()));
    status.with_metadata(initial)
}

/// An encoding that was not offered is the server's mistake: INTERNAL (compression.md).
pub(crate) fn check_encoding(encoding: Encoding) -> Result<Encoding, Status> {
    if codec::supported().contains(encoding) {
        Ok(encoding)
    } else {
        Err(Status::new(Code::Internal, format!("grpc-encoding {} was not offered", encoding.name())))
    }
}

/// The first bytes of an answer that is not gRPC say best what it is.
pub(crate) async fn with_body_text(status: Status, body: &mut RecvHalf) -> Status {
    if status.origin() == Origin::Remote {
        return status;
    }
    let mut text = Vec::new();
    while let Ok(Some(data)) = body.data().await {
        text.extend_from_slice(&data[..data.len().min(BODY_TEXT_MAX - text.len())]);
        if text.len() == BODY_TEXT_MAX {
            break;
        }
    }
    if text.is_empty() {
        return status;
    }
    Status::new(
        status.code(),
        format!("{}; it begins: {:?}", status.message(), String::from_utf8_lossy(&text)),
    )
}

// What grpc-go shows of such a body.
const BODY_TEXT_MAX: usize = 1024;
