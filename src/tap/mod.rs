//! The witness below h2: a transport that wraps a transport, and a reader of what went by.
//!
//! [`Tapped`] records the bytes of each direction and changes nothing that it watches: it forwards vectored writes and
//! `is_write_vectored`, and keeps only what the transport below accepted. [`Analyzer`] is pure: bytes in, [`Event`]s out,
//! by this crate's own frame and HPACK readers and never by h2's, so a mistake of h2 would show. [`text`] and [`json`]
//! print the events. Garbage from a peer is one event that says what it looks like; memory stays bounded.
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

mod analyzer;
mod blocks;
mod call;
mod event;
mod garbage;
mod half;
pub mod json;
mod messages;
mod record;
mod tapped;
pub mod text;

pub use analyzer::Analyzer;
pub use event::{Broken, CallEvent, CallRecord, Event, EventKind, HeaderBlock, MessageRecord};
pub use garbage::Garbage;
pub use record::{Chunk, Direction, Recording, Sink};
pub use tapped::Tapped;
