//! Every HTTP/2 setting that this library chooses, with its reason.
//!
//! Nothing is left to h2's defaults: they were made for the web, hold 16 MiB of header list per stream and lose the
//! connection of a client that only cancels.

use std::time::Duration;

use super::guard::{HandshakeDeadlines, Lifetime, PingPolicy};

/// The HTTP/2 settings of one side of a connection. Sizes are in bytes. A value that HTTP/2 does not allow (a window of more
/// than 2^31-1, a frame size outside 2^14 to 2^24-1) becomes the nearest that it does.
///
/// ```
/// let mut config = wirepath::http2::Http2Config::default();
/// config.max_concurrent_streams = 1_000;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Http2Config {
    /// SETTINGS_MAX_CONCURRENT_STREAMS that a server announces. 100, the least that RFC 9113 section 6.5.2 recommends:
    /// what one connection may make a server hold is this many times what one stream may.
    pub max_concurrent_streams: u32,
    /// SETTINGS_INITIAL_WINDOW_SIZE: what a peer may send on a stream before it is read. 192 KiB, about what a Unix socket
    /// holds anyway: 65,535 bytes would cost a 4 MiB message 64 waits for WINDOW_UPDATE, more would only move the queue from
    /// the kernel into this process, a hundred times where a hundred large requests wait for `request_room`.
    pub stream_window: u32,
    /// The connection's window, by WINDOW_UPDATE after SETTINGS. 4 MiB: a few slow readers do not stop the others, and
    /// it bounds what all unread streams of a connection hold.
    pub connection_window: u32,
    /// SETTINGS_MAX_FRAME_SIZE. 64 KiB: four times fewer frames for large messages than with 16 KiB; from 256 KiB on
    /// page faults eat the gain.
    pub max_frame_size: u32,
    /// SETTINGS_MAX_HEADER_LIST_SIZE. 16 KiB, as gRPC C-core has it (PROTOCOL-HTTP2.md suggests 8 KiB; rule 12).
    pub max_header_list_size: u32,
    /// SETTINGS_HEADER_TABLE_SIZE. 4,096, the protocol's own default, both ways.
    pub header_table_size: u32,
    /// What unread DATA frames smaller than 256 bytes may cost in all, at 256 bytes less their payload each. 40 MiB lets
    /// a stream window full of 8-byte frames wait for a slow reader; h2's own choice ends the connection at 130.
    pub data_frame_budget: usize,
    /// What h2 may hold to be sent for one stream. 512 KiB: twice what the kernel's socket buffer takes.
    pub max_send_buffer_size: usize,
    /// Streams that the peer reset before they were accepted. 1,000 instead of 20: a client that cancels at once is
    /// benign, and handlers are dropped as promptly as they are started.
    pub max_pending_accept_reset_streams: usize,
    /// Streams remembered after this side reset them, to ignore what is still in flight. 1,000: one full round of
    /// cancellations.
    pub max_concurrent_reset_streams: usize,
    /// How long they are remembered. One second: both ends are on one machine.
    pub reset_stream_duration: Duration,
    /// Fields that a server takes in one request, beside the size of them all. 256: a request with more gets 431, as one
    /// that is too large.
    pub max_header_fields: usize,
    /// How many bytes of large requests (more than 16 KiB each) one connection may make a server hold, as they come, inflated
    /// and until their handlers let go of them. 8 MiB, two messages of the largest size by default. Further ones wait, so it
    /// also bounds how many handlers with large requests run at a time.
    pub request_room: usize,
    /// How many bytes more those may become when they are decoded, as their [codec](crate::codec::Codec::weighed) tells: an
    /// element of a list may come as two octets. 16 MiB; a message that exceeds it is decoded alone, one that would become
    /// more than 16 times the largest size of a message is refused.
    pub decoded_room: usize,
    /// At how many bytes of answers that a client does not take (more than 16 KiB each) its further calls wait. 8 MiB.
    pub answer_backlog: usize,
    /// How often a server lets clients ping.
    pub pings: PingPolicy,
    /// How long a server waits for a client's first words, and for the rest of others.
    pub handshake: HandshakeDeadlines,
    /// How long a server keeps a connection.
    pub lifetime: Lifetime,
    /// Leaves out all that the guard does but its pace, to measure what that costs.
    #[doc(hidden)]
    pub is_unguarded: bool,
}

impl Default for Http2Config {
    fn default() -> Self {
        Self {
            max_concurrent_streams: 100,
            stream_window: 192 << 10,
            connection_window: 4 << 20,
            max_frame_size: 64 << 10,
            max_header_list_size: 16 << 10,
            header_table_size: 4096,
            data_frame_budget: 40 << 20,
            max_send_buffer_size: 512 << 10,
            max_pending_accept_reset_streams: 1_000,
            max_concurrent_reset_streams: 1_000,
            reset_stream_duration: Duration::from_secs(1),
            max_header_fields: 256,
            request_room: 8 << 20,
            decoded_room: 16 << 20,
            answer_backlog: 8 << 20,
            pings: PingPolicy::default(),
            handshake: HandshakeDeadlines::default(),
            lifetime: Lifetime::default(),
            is_unguarded: false,
        }
    }
}

impl Http2Config {
    pub(super) fn server_builder(&self) -> h2::server::Builder {
        let mut builder = h2::server::Builder::new();
        builder
            .max_concurrent_streams(self.max_concurrent_streams)
            .initial_window_size(self.stream_window.min(WINDOW_MAX))
            .initial_connection_window_size(self.connection_window.min(WINDOW_MAX))
            .max_frame_size(self.frame_size())
            .max_header_list_size(self.max_header_list_size)
            .header_table_size(self.header_table_size)
            .data_frame_budget(self.data_frame_budget)
            .max_send_buffer_size(self.max_send_buffer_size)
            .max_pending_accept_reset_streams(self.max_pending_accept_reset_streams)
            // h2 counts them for as long as the connection lives, and among them benign ones: DATA that was on its way
            // when its stream was reset, a request above the limit that a client could not know yet. The guard counts them
            // by time.
            .max_local_error_reset_streams(None)
            .max_concurrent_reset_streams(self.max_concurrent_reset_streams)
            .reset_stream_duration(self.reset_stream_duration);
        builder
    }

    /// The largest payload that this side takes.
    pub(super) fn frame_size(&self) -> u32 {
        self.max_frame_size.clamp(FRAME_SIZE_MIN, FRAME_SIZE_MAX)
    }

    pub(super) fn client_builder(&self) -> h2::client::Builder {
        let mut builder = h2::client::Builder::new();
        builder
            // gRPC has no server push.
            .enable_push(false)
            // None before the server's SETTINGS say how many: calls wait for them (rule 46).
            .initial_max_send_streams(0)
            .initial_window_size(self.stream_window.min(WINDOW_MAX))
            .initial_connection_window_size(self.connection_window.min(WINDOW_MAX))
            .max_frame_size(self.frame_size())
            .max_header_list_size(self.max_header_list_size)
            .header_table_size(self.header_table_size)
            .data_frame_budget(self.data_frame_budget)
            .max_send_buffer_size(self.max_send_buffer_size)
            .max_pending_accept_reset_streams(self.max_pending_accept_reset_streams)
            // h2 counts among them, for as long as the connection lives, each frame that was on its way when its stream was
            // cancelled and comes once that is forgotten: a client that cancels a lot would lose its connection.
            .max_local_error_reset_streams(None)
            .max_concurrent_reset_streams(self.max_concurrent_reset_streams)
            .reset_stream_duration(self.reset_stream_duration);
        builder
    }
}

// RFC 9113, section 6.5.2: beyond these a setting is a connection error for the peer and a panic in h2.
pub(super) const WINDOW_MAX: u32 = (1 << 31) - 1;
const FRAME_SIZE_MIN: u32 = 1 << 14;
const FRAME_SIZE_MAX: u32 = (1 << 24) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_http2_cannot_say_becomes_the_nearest_it_can() {
        for value in [0, u32::MAX] {
            let config = Http2Config {
                stream_window: value,
                connection_window: value,
                max_frame_size: value,
                ..Http2Config::default()
            };
            // h2's builders panic on a setting out of range.
            config.server_builder();
            config.client_builder();
        }
    }
}
