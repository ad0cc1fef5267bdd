//! **Graceful shutdown** (RFC 9113, section 6.8; rule 44): GOAWAY, PING, its answer, GOAWAY with the last stream.
//!
//! h2 does all of it, but waits for the answer for ever. What it sends is followed, so that the answer can be given in the
//! stead of a client that does not.

use crate::frame::{FrameHead, FrameType, flags};

/// How far a drain has come, as h2's frames show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    None,
    /// GOAWAY was sent.
    Told,
    /// Then PING, with this payload.
    Pinged([u8; 8]),
    /// Then GOAWAY again, with the last stream: none after it may name a later one.
    Over(u32),
}

impl Drain {
    /// After GOAWAY or PING was sent, with the payload that came along. h2 sends no other PING before that of a drain.
    pub(super) fn after(self, kind: FrameType, payload: &[u8]) -> Self {
        match (self, kind) {
            (Self::None, FrameType::Goaway) => Self::Told,
            (Self::Told, FrameType::Ping) => {
                payload.first_chunk().map_or(self, |payload| Self::Pinged(*payload))
            }
            (Self::Pinged(_), FrameType::Goaway) => {
                // Where the write ended behind the head: a lower one would have the client repeat calls that were served.
                Self::Over(payload.first_chunk().map_or(u32::MAX, |id| u32::from_be_bytes(*id)))
            }
            _ => self,
        }
    }

    /// What a GOAWAY may name at most.
    pub(super) fn last_stream_id(self) -> u32 {
        if let Self::Over(last) = self { last } else { u32::MAX }
    }

    /// The answer that is waited for.
    pub(super) fn acknowledgement(self) -> Option<Vec<u8>> {
        let Self::Pinged(payload) = self else { return None };
        let head = FrameHead { len: 8, kind: FrameType::Ping, flags: flags::ACK, stream_id: 0 };
        Some([&head.encode()[..], &payload].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ping_between_two_goaways_is_answered_by_its_payload() {
        let payload = b"shutdown";
        let mut drain = Drain::None;
        assert_eq!(drain.after(FrameType::Ping, payload), Drain::None);
        drain = drain.after(FrameType::Goaway, b"");
        assert_eq!(drain.acknowledgement(), None);
        drain = drain.after(FrameType::Ping, payload);
        assert_eq!(drain.acknowledgement().unwrap(), b"\0\0\x08\x06\x01\0\0\0\0shutdown");
        drain = drain.after(FrameType::Ping, b"usersown");
        assert_eq!(drain, Drain::Pinged(*payload));
        assert_eq!(drain.last_stream_id(), u32::MAX);
        assert_eq!(drain.after(FrameType::Goaway, b"\0\0\0\x05\0\0\0\0").last_stream_id(), 5);
        assert_eq!(drain.after(FrameType::Goaway, b"").last_stream_id(), u32::MAX);
    }
}
