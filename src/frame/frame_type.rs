//! **Type** and **Flags** of a frame (RFC 9113, sections 4.1 and 6)
//!
//! A flag is a bit and a type together: 0x01 ends a stream on DATA and acknowledges on PING.

use std::fmt;

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

    /// The flags that the type defines, lowest bit first.
    pub(super) const fn defined_flags(self) -> &'static [(u8, &'static str)] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_keep_their_number_and_name() {
        for number in 0..=u8::MAX {
            assert_eq!(FrameType::from_number(number).number(), number);
        }
        assert_eq!(FrameType::from_number(5).to_string(), "PUSH_PROMISE");
        assert_eq!(FrameType::from_number(0x0a).to_string(), "UNKNOWN(0x0a)");
    }
}
