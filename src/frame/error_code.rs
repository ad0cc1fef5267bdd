//! **Error Codes**: the reason in RST_STREAM and GOAWAY (RFC 9113, section 7)

use std::fmt;

/// Why a stream or a connection ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// 0x00: graceful, not a result of an error.
    NoError,
    /// 0x01: a rule of the protocol was broken, and no other code says it better.
    ProtocolError,
    /// 0x02: something broke on the sender's own side.
    InternalError,
    /// 0x03: more DATA than the window allowed.
    FlowControlError,
    /// 0x04: SETTINGS were not acknowledged in time.
    SettingsTimeout,
    /// 0x05: a frame for a stream that is half closed already.
    StreamClosed,
    /// 0x06: a frame of an invalid size.
    FrameSizeError,
    /// 0x07: the stream was refused before any work was done on it.
    RefusedStream,
    /// 0x08: the stream is no longer needed.
    Cancel,
    /// 0x09: the header compression state cannot be kept.
    CompressionError,
    /// 0x0a: the connection behind a CONNECT request broke.
    ConnectError,
    /// 0x0b: the peer causes too much load.
    EnhanceYourCalm,
    /// 0x0c: the transport is not secure enough.
    InadequateSecurity,
    /// 0x0d: HTTP/1.1 is required instead.
    Http11Required,
    /// A code that RFC 9113 does not name; treated as INTERNAL_ERROR by most peers.
    Unknown(u32),
}

impl ErrorCode {
    /// The code that a number on the wire stands for.
    pub const fn from_number(number: u32) -> Self {
        match number {
            0x00 => Self::NoError,
            0x01 => Self::ProtocolError,
            0x02 => Self::InternalError,
            0x03 => Self::FlowControlError,
            0x04 => Self::SettingsTimeout,
            0x05 => Self::StreamClosed,
            0x06 => Self::FrameSizeError,
            0x07 => Self::RefusedStream,
            0x08 => Self::Cancel,
            0x09 => Self::CompressionError,
            0x0a => Self::ConnectError,
            0x0b => Self::EnhanceYourCalm,
            0x0c => Self::InadequateSecurity,
            0x0d => Self::Http11Required,
            other => Self::Unknown(other),
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::NoError => 0x00,
            Self::ProtocolError => 0x01,
            Self::InternalError => 0x02,
            Self::FlowControlError => 0x03,
            Self::SettingsTimeout => 0x04,
            Self::StreamClosed => 0x05,
            Self::FrameSizeError => 0x06,
            Self::RefusedStream => 0x07,
            Self::Cancel => 0x08,
            Self::CompressionError => 0x09,
            Self::ConnectError => 0x0a,
            Self::EnhanceYourCalm => 0x0b,
            Self::InadequateSecurity => 0x0c,
            Self::Http11Required => 0x0d,
            Self::Unknown(number) => number,
        }
    }

    /// The name of RFC 9113, `UNKNOWN` where it gives none.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoError => "NO_ERROR",
            Self::ProtocolError => "PROTOCOL_ERROR",
            Self::InternalError => "INTERNAL_ERROR",
            Self::FlowControlError => "FLOW_CONTROL_ERROR",
            Self::SettingsTimeout => "SETTINGS_TIMEOUT",
            Self::StreamClosed => "STREAM_CLOSED",
            Self::FrameSizeError => "FRAME_SIZE_ERROR",
            Self::RefusedStream => "REFUSED_STREAM",
            Self::Cancel => "CANCEL",
            Self::CompressionError => "COMPRESSION_ERROR",
            Self::ConnectError => "CONNECT_ERROR",
            Self::EnhanceYourCalm => "ENHANCE_YOUR_CALM",
            Self::InadequateSecurity => "INADEQUATE_SECURITY",
            Self::Http11Required => "HTTP_1_1_REQUIRED",
            Self::Unknown(_) => "UNKNOWN",
        }
    }
}

/// The name; an unknown code carries its number: `UNKNOWN(0x2a)`.
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "{}({number:#x})", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_back() {
        for number in (0..0x20).chain([u32::MAX]) {
            assert_eq!(ErrorCode::from_number(number).number(), number);
        }
    }

    #[test]
    fn numbers_have_the_names_of_section_7() {
        // RFC 9113, section 7, in its order.
        let names = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
            "UNKNOWN(0xe)",
        ];
        for (number, name) in (0..).zip(names) {
            assert_eq!(ErrorCode::from_number(number).to_string(), name);
        }
    }
}
