//! The HTTP/2 grammar as an observer reads it (RFC 9113, RFC 7541).
//!
//! ```text
//! bytes -> FrameReader -> Frame -> Payload -> HeaderBlockJoiner -> hpack::Decoder -> Field
//! ```
//!
//! Pure functions and small state machines over the bytes of one direction of one connection: nothing here opens a
//! socket, reads a clock or answers a peer. It shares no code with h2, so that what it reports is a second opinion.
//! What breaks a rule is a [`FrameError`] that names the section; input never panics and never allocates more than
//! has arrived.
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

pub mod hpack;

mod error;
mod error_code;
mod frame_type;
mod head;
mod header_block;
mod payload;
mod priority;
mod reader;
mod settings;

pub use error::FrameError;
pub use error_code::ErrorCode;
pub use frame_type::{FrameType, flags};
pub use head::FrameHead;
pub use header_block::{DEFAULT_MAX_BLOCK_LEN, HeaderBlock, HeaderBlockJoiner};
pub use payload::Payload;
pub use priority::Priority;
pub use reader::{DEFAULT_MAX_FRAME_SIZE, Frame, FrameReader, PREFACE, Piece, ReadError};
pub use settings::{Setting, SettingId, Settings};
