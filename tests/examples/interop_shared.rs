//! What both halves of the interop tests agree on (doc/interop-test-descriptions.md): payloads and metadata keys.

use bytes::Bytes;
use wirepath::generated::grpc::testing::{Payload, PayloadType};

/// Metadata that the server sends back in Response-Headers.
pub(crate) const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";

/// Metadata that the server sends back in Trailers.
pub(crate) const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";

/// A payload of `len` zero bytes.
pub(crate) fn zeros(len: usize) -> Payload {
    Payload { r#type: PayloadType::Compressable.into(), body: Bytes::from(vec![0; len]) }
}
