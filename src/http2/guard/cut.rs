//! **GOAWAY** with debug data (RFC 9113, section 6.8): the last words of a connection that the guard ends.
//!
//! h2 writes a GOAWAY with a text of ours nowhere, so the guard writes its own, between two frames of h2's.

use crate::frame::{ErrorCode, FrameHead, FrameType};

/// Why the guard ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http2) struct Cut {
    /// The error code of GOAWAY.
    pub(in crate::http2) code: ErrorCode,
    /// Additional Debug Data of GOAWAY.
    pub(in crate::http2) debug: &'static str,
}

impl Cut {
    /// A peer that asks for too much work.
    pub(in crate::http2) const fn calm(debug: &'static str) -> Self {
        Self { code: ErrorCode::EnhanceYourCalm, debug }
    }

    /// The whole frame.
    pub(in crate::http2) fn goaway(&self, last_stream_id: u32) -> Vec<u8> {
        goaway(last_stream_id, self.code, self.debug)
    }
}

/// A GOAWAY frame.
pub(in crate::http2) fn goaway(last_stream_id: u32, code: ErrorCode, debug: &str) -> Vec<u8> {
    let payload =
        [&last_stream_id.to_be_bytes()[..], &code.number().to_be_bytes(), debug.as_bytes()].concat();
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let head = FrameHead { len, kind: FrameType::Goaway, flags: 0, stream_id: 0 };
    [&head.encode()[..], &payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_follows_last_stream_and_code() {
        let frame = Cut::calm("too_many_pings").goaway(5);
        assert_eq!(frame, b"\0\0\x16\x07\0\0\0\0\0\0\0\0\x05\0\0\0\x0btoo_many_pings");
    }
}
