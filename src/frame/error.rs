//! What a peer may do wrong in HTTP/2 framing and in HPACK, one variant per rule
//!
//! Each error knows the section that it breaks, the [`ErrorCode`] which that section names, and whether it ends one
//! stream or the connection. It carries numbers, never the peer's text.

use std::fmt;

use super::{ErrorCode, FrameType, SettingId};

/// A broken rule of RFC 9113 or RFC 7541.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The client's first octets are not the connection preface.
    Preface {
        /// Octets that still agreed.
        at: usize,
        /// The octet that did not.
        found: u8,
    },
    /// The first frame of a side is not SETTINGS, or is an acknowledgement.
    FirstFrame {
        /// What it is.
        kind: FrameType,
    },
    /// A payload is longer than the receiver's SETTINGS_MAX_FRAME_SIZE.
    FrameTooLarge {
        /// Type of the frame.
        kind: FrameType,
        /// Octets that its head promises.
        len: u32,
        /// Octets allowed.
        max: u32,
    },
    /// The bytes end inside the preface or a frame.
    Truncated {
        /// Octets missing, as far as what is there tells.
        missing: u32,
    },
    /// A frame that belongs to a stream is on the connection.
    StreamIdZero {
        /// Type of the frame.
        kind: FrameType,
    },
    /// A frame that belongs to the connection is on a stream.
    StreamIdNotZero {
        /// Type of the frame.
        kind: FrameType,
        /// The stream.
        stream_id: u32,
    },
    /// A payload of fixed length has another one: PRIORITY 5, RST_STREAM 4, PING 8, WINDOW_UPDATE 4.
    PayloadLen {
        /// Type of the frame.
        kind: FrameType,
        /// Its length.
        len: u32,
        /// Its stream.
        stream_id: u32,
    },
    /// A payload is too short for the fields that its type and flags make mandatory.
    PayloadTooShort {
        /// Type of the frame.
        kind: FrameType,
        /// Its length.
        len: u32,
    },
    /// Padding is longer than the room it is in.
    PaddingTooLong {
        /// Type of the frame.
        kind: FrameType,
        /// Pad Length.
        pad_len: u8,
        /// Octets that are left after the fields before the padded part.
        room: usize,
    },
    /// A SETTINGS payload is not a whole number of parameters.
    SettingsLen {
        /// Its length.
        len: usize,
    },
    /// An acknowledgement of SETTINGS has a payload.
    SettingsAckNotEmpty {
        /// Its length.
        len: usize,
    },
    /// A parameter has a value that its definition excludes.
    SettingOutOfRange {
        /// The parameter.
        id: SettingId,
        /// Its value.
        value: u32,
    },
    /// A promised stream is the connection, or one that a server cannot open.
    PromisedStreamId {
        /// The identifier.
        promised: u32,
    },
    /// A WINDOW_UPDATE gives nothing back.
    ZeroWindowIncrement {
        /// Its stream; 0 is the connection.
        stream_id: u32,
    },
    /// A CONTINUATION that continues nothing.
    UnexpectedContinuation {
        /// Its stream.
        stream_id: u32,
    },
    /// Another frame stands between the fragments of a field block.
    HeaderBlockInterrupted {
        /// Stream of the block.
        stream_id: u32,
        /// Type of the frame between.
        by: FrameType,
        /// Its stream.
        by_stream_id: u32,
    },
    /// A field block, still encoded, is longer than this reader takes.
    HeaderBlockTooLarge {
        /// Stream of the block.
        stream_id: u32,
        /// Octets that this reader takes.
        max: usize,
    },
    /// A field block ends inside a field.
    HpackTruncated {
        /// Where in the block the field's missing part should begin.
        at: usize,
    },
    /// An integer has more octets or a higher value than 32 bits need.
    HpackInteger {
        /// Where in the block it begins.
        at: usize,
    },
    /// An index of 0.
    HpackIndexZero {
        /// Where in the block.
        at: usize,
    },
    /// An index beyond both tables.
    HpackIndex {
        /// Where in the block.
        at: usize,
        /// The index.
        index: usize,
        /// The highest index that there is.
        highest: usize,
    },
    /// A Huffman-coded string holds the EOS symbol.
    HuffmanEos {
        /// Where in the block the string begins.
        at: usize,
    },
    /// The padding of a Huffman-coded string has 8 bits or more, or a 0 among them.
    HuffmanPadding {
        /// Where in the block the string begins.
        at: usize,
    },
    /// A dynamic table size update above the acknowledged SETTINGS_HEADER_TABLE_SIZE.
    SizeUpdateTooLarge {
        /// Where in the block.
        at: usize,
        /// The size asked for.
        size: usize,
        /// The size allowed.
        max: usize,
    },
    /// A dynamic table size update after the first field of a block.
    SizeUpdateLate {
        /// Where in the block.
        at: usize,
    },
    /// The table was to shrink, and the next block does not begin with the size update that says so.
    SizeUpdateMissing {
        /// The size to shrink to.
        max: usize,
    },
    /// A field section, decoded, is larger than this reader takes. The table is still in step.
    ListTooLarge {
        /// Octets that this reader takes, counted as in RFC 9113 6.5.2.
        max: usize,
    },
}

impl FrameError {
    /// The section whose rule is broken, such as `RFC 9113 6.5`.
    pub const fn section(&self) -> &'static str {
        match self {
            Self::Preface { .. } | Self::FirstFrame { .. } => "RFC 9113 3.4",
            Self::FrameTooLarge { .. } => "RFC 9113 4.2",
            Self::Truncated { .. } => "RFC 9113 4.1",
            Self::StreamIdZero { kind }
            | Self::StreamIdNotZero { kind, .. }
            | Self::PayloadLen { kind, .. }
            | Self::PaddingTooLong { kind, .. } => kind.section(),
            Self::PayloadTooShort { .. } => "RFC 9113 4.2",
            Self::SettingsLen { .. } | Self::SettingsAckNotEmpty { .. } => FrameType::Settings.section(),
            Self::SettingOutOfRange { id, .. } => match id {
                SettingId::EnableConnectProtocol => "RFC 8441 3",
                SettingId::NoRfc7540Priorities => "RFC 9218 2.1",
                _ => "RFC 9113 6.5.2",
            },
            Self::PromisedStreamId { .. } => FrameType::PushPromise.section(),
            Self::ZeroWindowIncrement { .. } => FrameType::WindowUpdate.section(),
            Self::UnexpectedContinuation { .. } => FrameType::Continuation.section(),
            Self::HeaderBlockInterrupted { .. } => "RFC 9113 4.3",
            Self::HeaderBlockTooLarge { .. } => "RFC 9113 10.5.1",
            Self::HpackTruncated { .. } => "RFC 7541 6",
            Self::HpackInteger { .. } => "RFC 7541 5.1",
            Self::HpackIndexZero { .. } => "RFC 7541 6.1",
            Self::HpackIndex { .. } => "RFC 7541 2.3.3",
            Self::HuffmanEos { .. } | Self::HuffmanPadding { .. } => "RFC 7541 5.2",
            Self::SizeUpdateTooLarge { .. } => "RFC 7541 6.3",
            Self::SizeUpdateLate { .. } => "RFC 7541 4.2",
            Self::SizeUpdateMissing { .. } => "RFC 9113 4.3.1",
            Self::ListTooLarge { .. } => "RFC 9113 6.5.2",
        }
    }

    /// The error code that the section names.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::FrameTooLarge { .. }
            | Self::Truncated { .. }
            | Self::PayloadLen { .. }
            | Self::PayloadTooShort { .. }
            | Self::SettingsLen { .. }
            | Self::SettingsAckNotEmpty { .. } => ErrorCode::FrameSizeError,
            Self::SettingOutOfRange { id: SettingId::InitialWindowSize, .. } => ErrorCode::FlowControlError,
            Self::HpackTruncated { .. }
            | Self::HpackInteger { .. }
            | Self::HpackIndexZero { .. }
            | Self::HpackIndex { .. }
            | Self::HuffmanEos { .. }
            | Self::HuffmanPadding { .. }
            | Self::SizeUpdateTooLarge { .. }
            | Self::SizeUpdateLate { .. }
            | Self::SizeUpdateMissing { .. } => ErrorCode::CompressionError,
            Self::HeaderBlockTooLarge { .. } | Self::ListTooLarge { .. } => ErrorCode::EnhanceYourCalm,
            _ => ErrorCode::ProtocolError,
        }
    }

    /// The stream that the error ends; `None` when it ends the connection.
    pub const fn stream_id(&self) -> Option<u32> {
        match *self {
            // Only PRIORITY: a wrong length of RST_STREAM, PING or WINDOW_UPDATE ends the connection.
            Self::PayloadLen { kind: FrameType::Priority, stream_id, .. } => Some(stream_id),
            Self::ZeroWindowIncrement { stream_id } if stream_id != 0 => Some(stream_id),
            _ => None,
        }
    }
}

impl std::error::Error for FrameError {}

/// The rule, the value, the section: `SETTINGS length must be a multiple of 6: 7 (RFC 9113 6.5)`
impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preface { at, found } => {
                write!(f, "not the connection preface: {found:#04x} at octet {at}")
            }
            Self::FirstFrame { kind } => write!(f, "the first frame must be SETTINGS without ACK: {kind}"),
            Self::FrameTooLarge { kind, len, max } => write!(f, "{kind} must not exceed {max} octets: {len}"),
            Self::Truncated { missing } => write!(f, "bytes end inside a frame: {missing} octets missing"),
            Self::StreamIdZero { kind } => write!(f, "{kind} must be on a stream: 0"),
            Self::StreamIdNotZero { kind, stream_id } => write!(f, "{kind} must be on stream 0: {stream_id}"),
            Self::PayloadLen { kind, len, .. } => write!(f, "{kind} has a fixed length: {len}"),
            Self::PayloadTooShort { kind, len } => write!(f, "{kind} too short for its fields: {len}"),
            Self::PaddingTooLong { kind, pad_len, room } => {
                write!(f, "padding of {kind} must fit into {room} octets: {pad_len}")
            }
            Self::SettingsLen { len } => write!(f, "SETTINGS length must be a multiple of 6: {len}"),
            Self::SettingsAckNotEmpty { len } => write!(f, "SETTINGS with ACK must be empty: {len}"),
            Self::SettingOutOfRange { id, value } => write!(f, "value out of range for {id}: {value}"),
            Self::PromisedStreamId { promised } => {
                write!(f, "promised stream must be even, not 0: {promised}")
            }
            Self::ZeroWindowIncrement { stream_id } => write!(f, "window increment of 0: stream {stream_id}"),
            Self::UnexpectedContinuation { stream_id } => {
                write!(f, "CONTINUATION without an open field block: stream {stream_id}")
            }
            Self::HeaderBlockInterrupted { stream_id, by, by_stream_id } => {
                write!(f, "field block of stream {stream_id} interrupted: {by} on stream {by_stream_id}")
            }
            Self::HeaderBlockTooLarge { stream_id, max } => {
                write!(f, "field block longer than {max} octets: stream {stream_id}")
            }
            Self::HpackTruncated { at } => write!(f, "field block ends inside a field: octet {at}"),
            Self::HpackInteger { at } => write!(f, "integer above 32 bits: octet {at}"),
            Self::HpackIndexZero { at } => write!(f, "index 0: octet {at}"),
            Self::HpackIndex { at, index, highest } => {
                write!(f, "index beyond the tables' {highest}: {index} at octet {at}")
            }
            Self::HuffmanEos { at } => write!(f, "EOS inside a Huffman string: octet {at}"),
            Self::HuffmanPadding { at } => write!(f, "padding is no short prefix of EOS: octet {at}"),
            Self::SizeUpdateTooLarge { at, size, max } => {
                write!(f, "table size update above {max}: {size} at octet {at}")
            }
            Self::SizeUpdateLate { at } => write!(f, "table size update after a field: octet {at}"),
            Self::SizeUpdateMissing { max } => {
                write!(f, "no table size update although the limit fell: {max}")
            }
            Self::ListTooLarge { max } => return write!(f, "field section larger than {max} octets decoded"),
        }?;
        write!(f, " ({})", self.section())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_rule_value_and_section() {
        let cases = [
            (FrameError::SettingsLen { len: 7 }, "SETTINGS length must be a multiple of 6: 7 (RFC 9113 6.5)"),
            (
                FrameError::StreamIdZero { kind: FrameType::Continuation },
                "CONTINUATION must be on a stream: 0 (RFC 9113 6.10)",
            ),
            (
                FrameError::SettingOutOfRange { id: SettingId::NoRfc7540Priorities, value: 2 },
                "value out of range for NO_RFC7540_PRIORITIES: 2 (RFC 9218 2.1)",
            ),
            (
                FrameError::HpackIndex { at: 3, index: 70, highest: 63 },
                "index beyond the tables' 63: 70 at octet 3 (RFC 7541 2.3.3)",
            ),
        ];
        for (error, text) in cases {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn only_two_rules_spare_the_connection() {
        let wrong_len = |kind| FrameError::PayloadLen { kind, len: 1, stream_id: 3 };
        assert_eq!(wrong_len(FrameType::Priority).stream_id(), Some(3));
        assert_eq!(FrameError::ZeroWindowIncrement { stream_id: 3 }.stream_id(), Some(3));
        for error in [
            wrong_len(FrameType::RstStream),
            wrong_len(FrameType::WindowUpdate),
            FrameError::ZeroWindowIncrement { stream_id: 0 },
            FrameError::UnexpectedContinuation { stream_id: 3 },
        ] {
            assert_eq!(error.stream_id(), None, "{error}");
        }
    }

    #[test]
    fn codes_are_those_of_the_sections() {
        let window = FrameError::SettingOutOfRange { id: SettingId::InitialWindowSize, value: u32::MAX };
        assert_eq!(window.code(), ErrorCode::FlowControlError);
        let frame = FrameError::SettingOutOfRange { id: SettingId::MaxFrameSize, value: 0 };
        assert_eq!(frame.code(), ErrorCode::ProtocolError);
        assert_eq!(FrameError::SizeUpdateLate { at: 1 }.code(), ErrorCode::CompressionError);
        assert_eq!(FrameError::SettingsLen { len: 1 }.code(), ErrorCode::FrameSizeError);
    }
}
