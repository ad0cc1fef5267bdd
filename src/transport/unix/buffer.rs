//! **SO_SNDBUF**: how many bytes of one direction the kernel holds before a write has to wait.

use std::io;

use socket2::SockRef;
use tokio::net::UnixStream;

/// Sets SO_SNDBUF of this end; what the other end sends is bounded by its own.
pub(super) fn set_send_buffer(stream: &UnixStream, bytes: usize) -> io::Result<()> {
    SockRef::from(stream).set_send_buffer_size(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_larger_buffer_takes_more_before_a_write_waits() {
        let [small, large] = [64 << 10, 128 << 10].map(|bytes| {
            let (writer, _reader) = UnixStream::pair().unwrap();
            set_send_buffer(&writer, bytes).unwrap();
            taken(&writer)
        });
        assert!(large > small * 3 / 2, "{small} and {large} bytes");
    }

    fn taken(writer: &UnixStream) -> usize {
        std::iter::from_fn(|| writer.try_write(&[0; 4096]).ok()).sum()
    }
}
