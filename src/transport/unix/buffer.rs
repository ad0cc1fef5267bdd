//! **SO_SNDBUF**: how many bytes of one direction the kernel holds before a write has to wait.

use std::io;

use socket2::SockRef;
use tokio::net::UnixStream;

/// Sets SO_SNDBUF of this end; what the other end sends is bounded by its own.
pub(super) fn set_send_buffer(stream: &UnixStream, bytes: usize) -> io::Result<()> {
    SockRef::from(stream).set_send_buffer_size(bytes)
}
