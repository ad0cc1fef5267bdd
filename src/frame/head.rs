//! **Frame head**: Length (24), Type (8), Flags (8), Reserved (1), Stream Identifier (31) (RFC 9113, section 4.1)
//!
//! Nine octets before every payload. Any nine octets are a head: types and flags that nobody defined are kept and
//! ignored, the reserved bit is dropped (sections 4.1 and 5.5). What a type demands of its stream identifier is a rule
//! of its own, [`FrameHead::check_stream_id`].

use std::fmt;

use super::FrameError;

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

/// Flag bits. A bit means something only in the types named (RFC 9113, section 6).
pub mod flags {
    /// SETTINGS, PING: the other side's frame is acknowledged.
    pub const ACK: u8 = 0x01;
    /// DATA, HEADERS: the sender's last frame on this stream.
    pub const END_STREAM: u8 = 0x01;
    /// HEADERS, PUSH_PROMISE, CONTINUATION: the field block ends here.
    pub const END_HEADERS: u8 = 0x04;
    /// DATA, HEADERS, PUSH_PROMISE: a Pad Length is present.
    pub const PADDED: u8 = 0x08;
    /// HEADERS: the priority fields are present.
    pub const PRIORITY: u8 = 0x20;
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

/// What a payload is (RFC 9113, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameType {
    /// 0x00: octets of a message body.
    Data,
    /// 0x01: opens a stream, or carries trailers.
    Headers,
    /// 0x02: deprecated priority signal.
    Priority,
    /// 0x03: ends a stream at once.
    RstStream,
    /// 0x04: parameters of the connection, or their acknowledgement.
    Settings,
    /// 0x05: announces a stream that the server will open.
    PushPromise,
    /// 0x06: round trip probe, or its answer.
    Ping,
    /// 0x07: the connection takes no new streams.
    Goaway,
    /// 0x08: gives flow-control window back.
    WindowUpdate,
    /// 0x09: more of a field block.
    Continuation,
    /// A type that RFC 9113 does not define; receivers discard it (section 5.5).
    Unknown(u8),
}

impl FrameType {
    /// The type that a number on the wire stands for.
    pub const fn from_number(number: u8) -> Self {
        match number {
            0x00 => Self::Data,
            0x01 => Self::Headers,
            0x02 => Self::Priority,
            0x03 => Self::RstStream,
            0x04 => Self::Settings,
            0x05 => Self::PushPromise,
            0x06 => Self::Ping,
            0x07 => Self::Goaway,
            0x08 => Self::WindowUpdate,
            0x09 => Self::Continuation,
            other => Self::Unknown(other),
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Data => 0x00,
            Self::Headers => 0x01,
            Self::Priority => 0x02,
            Self::RstStream => 0x03,
            Self::Settings => 0x04,
            Self::PushPromise => 0x05,
            Self::Ping => 0x06,
            Self::Goaway => 0x07,
            Self::WindowUpdate => 0x08,
            Self::Continuation => 0x09,
            Self::Unknown(number) => number,
        }
    }

    /// The name of RFC 9113, `UNKNOWN` where it gives none.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "DATA",
            Self::Headers => "HEADERS",
            Self::Priority => "PRIORITY",
            Self::RstStream => "RST_STREAM",
            Self::Settings => "SETTINGS",
            Self::PushPromise => "PUSH_PROMISE",
            Self::Ping => "PING",
            Self::Goaway => "GOAWAY",
            Self::WindowUpdate => "WINDOW_UPDATE",
            Self::Continuation => "CONTINUATION",
            Self::Unknown(_) => "UNKNOWN",
        }
    }

    /// The section that defines the type, such as `RFC 9113 6.1`.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Data => "RFC 9113 6.1",
            Self::Headers => "RFC 9113 6.2",
            Self::Priority => "RFC 9113 6.3",
            Self::RstStream => "RFC 9113 6.4",
            Self::Settings => "RFC 9113 6.5",
            Self::PushPromise => "RFC 9113 6.6",
            Self::Ping => "RFC 9113 6.7",
            Self::Goaway => "RFC 9113 6.8",
            Self::WindowUpdate => "RFC 9113 6.9",
            Self::Continuation => "RFC 9113 6.10",
            Self::Unknown(_) => "RFC 9113 5.5",
        }
    }

    const fn defined_flags(self) -> &'static [(u8, &'static str)] {
        use flags::{ACK, END_HEADERS, END_STREAM, PADDED, PRIORITY};
        match self {
            Self::Data => &[(END_STREAM, "END_STREAM"), (PADDED, "PADDED")],
            Self::Headers => &[
                (END_STREAM, "END_STREAM"),
                (END_HEADERS, "END_HEADERS"),
                (PADDED, "PADDED"),
                (PRIORITY, "PRIORITY"),
            ],
            Self::Settings | Self::Ping => &[(ACK, "ACK")],
            Self::PushPromise => &[(END_HEADERS, "END_HEADERS"), (PADDED, "PADDED")],
            Self::Continuation => &[(END_HEADERS, "END_HEADERS")],
            Self::Priority | Self::RstStream | Self::Goaway | Self::WindowUpdate | Self::Unknown(_) => &[],
        }
    }
}

/// The name; an unknown type carries its number: `UNKNOWN(0x10)`.
impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "{}({number:#04x})", self.name()),
            _ => f.write_str(self.name()),
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
    fn types_keep_their_number_and_name() {
        for number in 0..=u8::MAX {
            assert_eq!(FrameType::from_number(number).number(), number);
        }
        assert_eq!(FrameType::from_number(5).to_string(), "PUSH_PROMISE");
        assert_eq!(FrameType::from_number(0x0a).to_string(), "UNKNOWN(0x0a)");
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
