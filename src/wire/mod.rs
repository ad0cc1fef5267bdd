//! The gRPC grammar as pure functions over bytes: PROTOCOL-HTTP2.md without the HTTP/2.
//!
//! Each production has one file that holds both directions, so what is written and what is read cannot drift apart.
//! Nothing here is asynchronous, knows a clock or a socket, or panics on a peer's bytes; memory follows what was received,
//! never what was announced. Header blocks arrive and leave as [`http`] types, which `http2` carries.
//! Rule numbers are those of `tests/protocol-rules.md`.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions
    )
)]

pub mod base64;
pub mod percent;

mod code;
mod content_type;
mod encoding;
mod error;
mod headers;
mod mapping;
mod message;
mod metadata;
mod status;
mod timeout;

pub use code::Code;
pub use content_type::ContentType;
pub use encoding::{Encoding, EncodingSet};
pub use error::WireError;
pub use headers::{Refusal, RequestHeaders, ResponseHeaders, ResponseStart, Trailers};
pub use mapping::{code_from_http, code_from_rst};
pub use message::{LengthPrefixedMessage, MessageDeframer, MessageFramer, MessagePrefix};
pub use metadata::{Metadata, MetadataValue};
pub use status::{Origin, Status};
pub use timeout::Timeout;
