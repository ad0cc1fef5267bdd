//! HTTP/2 by the h2 crate: handshakes with every setting explicit, and the two halves of a stream.

pub(super) mod client;
pub(super) mod server;
pub(super) mod stream;
