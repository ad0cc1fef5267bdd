//! The suite's messages, generated from `tests/conformance/proto`, and their names, by which `google.protobuf.Any` and
//! JSON know them.

use prost::Name;

/// `connectrpc.conformance.v1`.
#[allow(missing_docs, unreachable_pub, dead_code, deprecated)]
pub(crate) mod v1 {
    include!("connectrpc.conformance.v1.rs");
}

/// A serialized `google.protobuf.FileDescriptorSet` of the protos and what they import.
pub(super) const DESCRIPTORS: &[u8] = include_bytes!("descriptors.bin");

macro_rules! named {
    ($($message:path = $name:literal),+ $(,)?) => {$(
        impl Name for $message {
            const PACKAGE: &'static str = "connectrpc.conformance.v1";
            const NAME: &'static str = $name;

            fn type_url() -> String {
                format!("type.googleapis.com/{}", Self::full_name())
            }
        }
    )+};
}

named! {
    v1::UnaryRequest = "UnaryRequest",
    v1::UnaryResponse = "UnaryResponse",
    v1::IdempotentUnaryRequest = "IdempotentUnaryRequest",
    v1::IdempotentUnaryResponse = "IdempotentUnaryResponse",
    v1::ServerStreamRequest = "ServerStreamRequest",
    v1::ServerStreamResponse = "ServerStreamResponse",
    v1::ClientStreamRequest = "ClientStreamRequest",
    v1::ClientStreamResponse = "ClientStreamResponse",
    v1::BidiStreamRequest = "BidiStreamRequest",
    v1::BidiStreamResponse = "BidiStreamResponse",
    v1::UnimplementedRequest = "UnimplementedRequest",
    v1::UnimplementedResponse = "UnimplementedResponse",
    v1::conformance_payload::RequestInfo = "ConformancePayload.RequestInfo",
}
