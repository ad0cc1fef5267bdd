//! **Frame head**: Length (24), Type (8), Flags (8), Reserved (1), Stream Identifier (31) (RFC 9113, section 4.1)
//!
//! Nine octets before every payload. Any nine octets are a head: types and flags that nobody defined are kept and
//! ignored, the reserved bit is dropped (sections 4.1 and 5.5). What a type demands of its stream identifier is a rule
//! of its own, [`FrameHead::check_stream_id`].

use super::{FrameError, FrameType, flags};

/// The nine octets before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// Octets of payload that follow, at most 2^24 - 1.
    pub len: u32,
    /// Type.
    pub kind: FrameType,
    /// Flags as they came; what a bit means depends on the type.
    pub flags: u8,
    /// Stream identifier without the reserved bit; 0 is the connection.
    pub stream_id: u32,
}

impl FrameHead {
    /// Octets of a head on the wire.
    pub const LEN: usize = 9;

    /// Reads a head; every sequence of nine octets is one.
    pub const fn parse(octets: &[u8; Self::LEN]) -> Self {
        let [len_2, len_1, len_0, kind, flags, id_3, id_2, id_1, id_0] = *octets;
        Self {
            len: u32::from_be_bytes([0, len_2, len_1, len_0]),
            kind: FrameType::from_number(kind),
            flags,
            stream_id: u32::from_be_bytes([id_3 & 0x7f, id_2, id_1, id_0]),
        }
    }

    /// Writes the head: the low 24 bits of `len`, the low 31 of `stream_id`.
    pub const fn encode(&self) -> [u8; Self::LEN] {
        let [_, len_2, len_1, len_0] = self.len.to_be_bytes();
        let [id_3, id_2, id_1, id_0] = self.stream_id.to_be_bytes();
        [len_2, len_1, len_0, self.kind.number(), self.flags, id_3 & 0x7f, id_2, id_1, id_0]
    }

    /// Whether the bits of `flag` are set; the caller knows that the type defines them.
    pub const fn has(&self, flag: u8) -> bool {
        self.flags & flag == flag
    }

    /// The sender's last frame on this stream: END_STREAM on DATA or HEADERS.
    pub const fn is_end_stream(&self) -> bool {
        matches!(self.kind, FrameType::Data | FrameType::Headers) && self.has(flags::END_STREAM)
    }

    /// The last frame of a field block: END_HEADERS on HEADERS, PUSH_PROMISE or CONTINUATION.
    pub const fn is_end_headers(&self) -> bool {
        matches!(self.kind, FrameType::Headers | FrameType::PushPromise | FrameType::Continuation)
            && self.has(flags::END_HEADERS)
    }

    /// An acknowledgement: ACK on SETTINGS or PING.
    pub const fn is_ack(&self) -> bool {
        matches!(self.kind, FrameType::Settings | FrameType::Ping) && self.has(flags::ACK)
    }

    /// Names of the flags that are set and that the type defines, lowest bit first.
    pub fn flag_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let set = self.flags;
        self.kind.defined_flags().iter().filter(move |(bit, _)| set & bit != 0).map(|(_, name)| *name)
    }

    /// Bits that are set although the type does not define them; a receiver ignores them (section 4.1).
    pub fn undefined_flags(&self) -> u8 {
        self.kind.defined_flags().iter().fold(self.flags, |left, (bit, _)| left & !bit)
    }

    /// Checks that the frame is on a stream, or on the connection, as its type demands.
    ///
    /// # Errors
    /// [`FrameError::StreamIdZero`], [`FrameError::StreamIdNotZero`].
    pub const fn check_stream_id(&self) -> Result<(), FrameError> {
        let Self { kind, stream_id, .. } = *self;
        match kind {
            FrameType::Data
            | FrameType::Headers
            | FrameType::Priority
            | FrameType::RstStream
            | FrameType::PushPromise
            | FrameType::Continuation
                if stream_id == 0 =>
            {
                Err(FrameError::StreamIdZero { kind })
            }
            FrameType::Settings | FrameType::Ping | FrameType::Goaway if stream_id != 0 => {
                Err(FrameError::StreamIdNotZero { kind, stream_id })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back_as_they_were() {
        let cases: [([u8; 9], FrameHead); 3] = [
            (
                [0, 0, 24, 4, 0, 0, 0, 0, 0],
                FrameHead { len: 24, kind: FrameType::Settings, flags: 0, stream_id: 0 },
            ),
            (
                [0, 0x40, 0, 0, 1, 0, 0, 1, 1],
                FrameHead { len: 16_384, kind: FrameType::Data, flags: 1, stream_id: 257 },
            ),
            (
                [0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff],
                FrameHead {
                    len: 0xff_ffff,
                    kind: FrameType::Unknown(0xff),
                    flags: 0xff,
                    stream_id: 0x7fff_ffff,
                },
            ),
        ];
        for (octets, head) in cases {
            assert_eq!(FrameHead::parse(&octets), head);
            assert_eq!(head.encode(), octets);
        }
    }

    #[test]
    fn ignores_the_reserved_bit() {
        let head = FrameHead::parse(&[0, 0, 0, 0, 0, 0x80, 0, 0, 5]);
        assert_eq!(head.stream_id, 5);
        assert_eq!(head.encode(), [0, 0, 0, 0, 0, 0, 0, 0, 5]);
    }

    #[test]
    fn a_flag_is_named_by_its_type() {
        let cases: [(FrameType, u8, &[&str], u8); 6] = [
            (FrameType::Data, 0x09, &["END_STREAM", "PADDED"], 0),
            (FrameType::Headers, 0x2d, &["END_STREAM", "END_HEADERS", "PADDED", "PRIORITY"], 0),
            (FrameType::Settings, 0x01, &["ACK"], 0),
            (FrameType::Ping, 0x05, &["ACK"], 0x04),
            (FrameType::Continuation, 0x05, &["END_HEADERS"], 0x01),
            (FrameType::Goaway, 0xff, &[], 0xff),
        ];
        for (kind, flags, names, undefined) in cases {
            let head = FrameHead { len: 0, kind, flags, stream_id: 0 };
            assert_eq!(head.flag_names().collect::<Vec<_>>(), names, "{kind}");
            assert_eq!(head.undefined_flags(), undefined, "{kind}");
        }
    }

    #[test]
    fn the_same_bit_is_not_the_same_flag() {
        let head = |kind| FrameHead { len: 0, kind, flags: 0x01, stream_id: 0 };
        assert!(head(FrameType::Data).is_end_stream() && !head(FrameType::Data).is_ack());
        assert!(head(FrameType::Ping).is_ack() && !head(FrameType::Ping).is_end_stream());
        assert!(!head(FrameType::Continuation).is_end_stream());
    }

    #[test]
    fn each_type_has_its_place() {
        for number in 0..=0x0a {
            let kind = FrameType::from_number(number);
            let on = |stream_id| FrameHead { len: 0, kind, flags: 0, stream_id }.check_stream_id();
            let (connection, stream) = match number {
                4 | 6 | 7 => (Ok(()), Err(FrameError::StreamIdNotZero { kind, stream_id: 1 })),
                8 | 10 => (Ok(()), Ok(())),
                _ => (Err(FrameError::StreamIdZero { kind }), Ok(())),
            };
            assert_eq!((on(0), on(1)), (connection, stream), "{kind}");
        }
    }
}
