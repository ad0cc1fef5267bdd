//! Payloads of the ten frame types, seen in place (RFC 9113, section 6)
//!
//! A [`Payload`] borrows from the frame's bytes: padding taken off, fixed fields read, the rest left where it is.
//! Whatever its head's length, stream identifier or padding make impossible never becomes one. It knows no other
//! frame: order on a stream, windows and field blocks over several frames are rules of other places.

use super::{ErrorCode, FrameError, FrameHead, FrameType, Priority, Settings, flags};

/// What a frame says. Flags that stand for themselves (END_STREAM, END_HEADERS) stay in the [`FrameHead`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// DATA, section 6.1.
    Data {
        /// Octets of the body.
        data: &'a [u8],
        /// Pad Length, when PADDED is set; the frame is one octet and this many longer than its data.
        padding: Option<u8>,
    },
    /// HEADERS, section 6.2.
    Headers {
        /// The priority fields, when PRIORITY is set.
        priority: Option<Priority>,
        /// Field block, or its first fragment.
        fragment: &'a [u8],
        /// Pad Length, when PADDED is set.
        padding: Option<u8>,
    },
    /// PRIORITY, section 6.3; deprecated.
    Priority(Priority),
    /// RST_STREAM, section 6.4.
    RstStream {
        /// Why the stream ends.
        code: ErrorCode,
    },
    /// SETTINGS, section 6.5.
    Settings(Settings<'a>),
    /// SETTINGS with ACK: the receiver's parameters hold from here on.
    SettingsAck,
    /// PUSH_PROMISE, section 6.6.
    PushPromise {
        /// The stream that the server will open.
        promised_stream_id: u32,
        /// Field block, or its first fragment.
        fragment: &'a [u8],
        /// Pad Length, when PADDED is set.
        padding: Option<u8>,
    },
    /// PING, section 6.7: eight octets that the answer repeats.
    Ping([u8; 8]),
    /// PING with ACK: the answer.
    PingAck([u8; 8]),
    /// GOAWAY, section 6.8.
    Goaway {
        /// The highest stream that was or may be worked on.
        last_stream_id: u32,
        /// Why the connection ends.
        code: ErrorCode,
        /// Octets for a human, of any form.
        debug_data: &'a [u8],
    },
    /// WINDOW_UPDATE, section 6.9.
    WindowUpdate {
        /// Octets given back, 1 to 2^31 - 1.
        increment: u32,
    },
    /// CONTINUATION, section 6.10.
    Continuation {
        /// Next fragment of the field block.
        fragment: &'a [u8],
    },
    /// A type that RFC 9113 does not define, section 5.5.
    Unknown {
        /// Its octets.
        octets: &'a [u8],
    },
}

impl<'a> Payload<'a> {
    /// Reads the payload of the frame that `head` begins. `octets` are exactly the [`FrameHead::len`] that follow it.
    ///
    /// # Errors
    /// The rule of section 6 that the frame breaks; [`FrameError::Truncated`] when `octets` are not as many as the
    /// head says.
    pub fn parse(head: &FrameHead, octets: &'a [u8]) -> Result<Self, FrameError> {
        if usize::try_from(head.len) != Ok(octets.len()) {
            return Err(FrameError::Truncated { missing: head.len.abs_diff(len_u32(octets)) });
        }
        head.check_stream_id()?;
        let mut rest = Remainder { head, octets };
        match head.kind {
            FrameType::Data => {
                let padding = rest.pad_len()?;
                Ok(Self::Data { data: rest.without_padding(padding)?, padding })
            }
            FrameType::Headers => {
                let padding = rest.pad_len()?;
                let priority = if head.has(flags::PRIORITY) { Some(rest.priority()?) } else { None };
                Ok(Self::Headers { priority, fragment: rest.without_padding(padding)?, padding })
            }
            FrameType::Priority => Ok(Self::Priority(Priority::parse(rest.whole()?))),
            FrameType::RstStream => {
                let code = ErrorCode::from_number(u32::from_be_bytes(*rest.whole()?));
                Ok(Self::RstStream { code })
            }
            FrameType::Settings if head.is_ack() => match octets {
                [] => Ok(Self::SettingsAck),
                _ => Err(FrameError::SettingsAckNotEmpty { len: octets.len() }),
            },
            FrameType::Settings => Settings::parse(octets).map(Self::Settings),
            FrameType::PushPromise => {
                let padding = rest.pad_len()?;
                let promised_stream_id = rest.promised_stream_id()?;
                Ok(Self::PushPromise {
                    promised_stream_id,
                    fragment: rest.without_padding(padding)?,
                    padding,
                })
            }
            FrameType::Ping if head.is_ack() => Ok(Self::PingAck(*rest.whole()?)),
            FrameType::Ping => Ok(Self::Ping(*rest.whole()?)),
            FrameType::Goaway => {
                let last_stream_id = u32::from_be_bytes(*rest.take()?) & STREAM_ID_BITS;
                let code = ErrorCode::from_number(u32::from_be_bytes(*rest.take()?));
                Ok(Self::Goaway { last_stream_id, code, debug_data: rest.octets })
            }
            FrameType::WindowUpdate => match u32::from_be_bytes(*rest.whole()?) & STREAM_ID_BITS {
                0 => Err(FrameError::ZeroWindowIncrement { stream_id: head.stream_id }),
                increment => Ok(Self::WindowUpdate { increment }),
            },
            FrameType::Continuation => Ok(Self::Continuation { fragment: octets }),
            FrameType::Unknown(_) => Ok(Self::Unknown { octets }),
        }
    }
}

/// What of a payload is not read yet.
struct Remainder<'a, 'h> {
    head: &'h FrameHead,
    octets: &'a [u8],
}

impl<'a> Remainder<'a, '_> {
    /// The next `N` octets, which the type or a flag makes mandatory.
    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], FrameError> {
        let Some((first, rest)) = self.octets.split_first_chunk() else {
            return Err(FrameError::PayloadTooShort { kind: self.head.kind, len: self.head.len });
        };
        self.octets = rest;
        Ok(first)
    }

    /// All octets of a payload that has `N`, no more and no less.
    fn whole<const N: usize>(&self) -> Result<&'a [u8; N], FrameError> {
        let FrameHead { kind, len, stream_id, .. } = *self.head;
        self.octets.try_into().map_err(|_| FrameError::PayloadLen { kind, len, stream_id })
    }

    fn pad_len(&mut self) -> Result<Option<u8>, FrameError> {
        if !self.head.has(flags::PADDED) {
            return Ok(None);
        }
        self.take().map(|[pad_len]| Some(*pad_len))
    }

    fn priority(&mut self) -> Result<Priority, FrameError> {
        self.take().map(Priority::parse)
    }

    fn promised_stream_id(&mut self) -> Result<u32, FrameError> {
        let promised = u32::from_be_bytes(*self.take()?) & STREAM_ID_BITS;
        // Only a server pushes, and its streams are even (section 5.1.1).
        if promised == 0 || promised % 2 == 1 {
            return Err(FrameError::PromisedStreamId { promised });
        }
        Ok(promised)
    }

    fn without_padding(self, padding: Option<u8>) -> Result<&'a [u8], FrameError> {
        let pad_len = padding.unwrap_or(0);
        let kept = self.octets.len().checked_sub(usize::from(pad_len));
        kept.and_then(|len| self.octets.get(..len)).ok_or(FrameError::PaddingTooLong {
            kind: self.head.kind,
            pad_len,
            room: self.octets.len(),
        })
    }
}

fn len_u32(octets: &[u8]) -> u32 {
    u32::try_from(octets.len()).unwrap_or(u32::MAX)
}

/// The 31 bits beside a reserved or exclusive bit.
const STREAM_ID_BITS: u32 = 0x7fff_ffff;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::SettingId;

    fn head(kind: FrameType, flags: u8, stream_id: u32, octets: &[u8]) -> FrameHead {
        FrameHead { len: len_u32(octets), kind, flags, stream_id }
    }

    fn parse(kind: FrameType, flags: u8, stream_id: u32, octets: &[u8]) -> Result<Payload<'_>, FrameError> {
        Payload::parse(&head(kind, flags, stream_id, octets), octets)
    }

    #[test]
    fn reads_each_type() {
        use FrameType as T;
        let priority = Priority { exclusive: true, dependency: 3, weight: 256 };
        let cases: [(T, u8, u32, &[u8], Payload<'_>); 14] = [
            (T::Data, 0, 1, b"hello", Payload::Data { data: b"hello", padding: None }),
            (T::Data, 0x08, 1, b"\x02hello\0\0", Payload::Data { data: b"hello", padding: Some(2) }),
            (T::Data, 0x08, 1, b"\x00", Payload::Data { data: b"", padding: Some(0) }),
            (
                T::Headers,
                0x28,
                1,
                b"\x01\x80\0\0\x03\xff\x82\0",
                Payload::Headers { priority: Some(priority), fragment: b"\x82", padding: Some(1) },
            ),
            (
                T::Headers,
                0,
                1,
                b"\x82",
                Payload::Headers { priority: None, fragment: b"\x82", padding: None },
            ),
            (T::Priority, 0, 1, b"\x80\0\0\x03\xff", Payload::Priority(priority)),
            (T::RstStream, 0, 1, b"\0\0\0\x08", Payload::RstStream { code: ErrorCode::Cancel }),
            (T::Settings, 0x01, 0, b"", Payload::SettingsAck),
            (
                T::PushPromise,
                0x08,
                1,
                b"\x01\x80\0\0\x02\x82\0",
                Payload::PushPromise { promised_stream_id: 2, fragment: b"\x82", padding: Some(1) },
            ),
            (T::Ping, 0, 0, b"12345678", Payload::Ping(*b"12345678")),
            (T::Ping, 0x01, 0, b"12345678", Payload::PingAck(*b"12345678")),
            (
                T::Goaway,
                0,
                0,
                b"\x80\0\0\x05\0\0\0\x0bbye",
                Payload::Goaway { last_stream_id: 5, code: ErrorCode::EnhanceYourCalm, debug_data: b"bye" },
            ),
            (T::WindowUpdate, 0, 0, b"\x80\0\0\x01", Payload::WindowUpdate { increment: 1 }),
            (T::Unknown(0x10), 0xff, 0, b"\0\0\0\x01u=1", Payload::Unknown { octets: b"\0\0\0\x01u=1" }),
        ];
        for (kind, flags, stream_id, octets, expected) in cases {
            assert_eq!(parse(kind, flags, stream_id, octets), Ok(expected), "{kind} {octets:02x?}");
        }
    }

    #[test]
    fn reads_settings() {
        let Ok(Payload::Settings(settings)) = parse(FrameType::Settings, 0, 0, b"\0\x04\0\0\xff\xff") else {
            panic!("SETTINGS");
        };
        assert_eq!(settings.get(SettingId::InitialWindowSize), Some(65_535));
    }

    #[test]
    fn flags_that_a_type_does_not_define_change_nothing() {
        // PADDED and PRIORITY on CONTINUATION, PRIORITY on DATA (section 4.1: must be ignored).
        let fragment = b"\x05\x82";
        assert_eq!(parse(FrameType::Continuation, 0x28, 1, fragment), Ok(Payload::Continuation { fragment }));
        assert_eq!(
            parse(FrameType::Data, 0x20, 1, b"hello"),
            Ok(Payload::Data { data: b"hello", padding: None })
        );
    }

    #[test]
    fn rejects_each_wrong_length() {
        use FrameType as T;
        let fixed = |kind, len| FrameError::PayloadLen { kind, len, stream_id: 1 };
        let short = |kind, len| FrameError::PayloadTooShort { kind, len };
        let cases: [(T, u8, u32, usize, FrameError); 15] = [
            (T::Priority, 0, 1, 4, fixed(T::Priority, 4)),
            (T::Priority, 0, 1, 6, fixed(T::Priority, 6)),
            (T::RstStream, 0, 1, 3, fixed(T::RstStream, 3)),
            (T::RstStream, 0, 1, 5, fixed(T::RstStream, 5)),
            (T::WindowUpdate, 0, 1, 3, fixed(T::WindowUpdate, 3)),
            (T::WindowUpdate, 0, 1, 5, fixed(T::WindowUpdate, 5)),
            (T::Ping, 0, 0, 7, FrameError::PayloadLen { kind: T::Ping, len: 7, stream_id: 0 }),
            (T::Ping, 1, 0, 9, FrameError::PayloadLen { kind: T::Ping, len: 9, stream_id: 0 }),
            (T::Settings, 0, 0, 7, FrameError::SettingsLen { len: 7 }),
            (T::Settings, 1, 0, 6, FrameError::SettingsAckNotEmpty { len: 6 }),
            (T::Goaway, 0, 0, 7, short(T::Goaway, 7)),
            (T::PushPromise, 0, 1, 3, short(T::PushPromise, 3)),
            (T::Headers, 0x20, 1, 4, short(T::Headers, 4)),
            (T::Headers, 0x08, 1, 0, short(T::Headers, 0)),
            (T::Data, 0x08, 1, 0, short(T::Data, 0)),
        ];
        for (kind, flags, stream_id, len, expected) in cases {
            assert_eq!(parse(kind, flags, stream_id, &vec![0; len]), Err(expected), "{kind} {len}");
        }
    }

    #[test]
    fn rejects_padding_without_room() {
        use FrameType as T;
        let cases: [(T, u8, &[u8], u8, usize); 4] = [
            (T::Data, 0x08, b"\x01", 1, 0),
            (T::Data, 0x08, b"\x05four", 5, 4),
            // The priority fields and the promised stream are no room for padding.
            (T::Headers, 0x28, b"\x02\0\0\0\0\0\x82", 2, 1),
            (T::PushPromise, 0x08, b"\xff\0\0\0\x02\x82", 255, 1),
        ];
        for (kind, flags, octets, pad_len, room) in cases {
            let expected = FrameError::PaddingTooLong { kind, pad_len, room };
            assert_eq!(parse(kind, flags, 1, octets), Err(expected), "{kind} {octets:02x?}");
        }
    }

    #[test]
    fn rejects_streams_that_cannot_be() {
        let zero = FrameError::StreamIdZero { kind: FrameType::Data };
        assert_eq!(parse(FrameType::Data, 0, 0, b""), Err(zero));
        let not_zero = FrameError::StreamIdNotZero { kind: FrameType::Ping, stream_id: 1 };
        assert_eq!(parse(FrameType::Ping, 0, 1, b"12345678"), Err(not_zero));
        for promised in [0, 3] {
            let octets = u32::to_be_bytes(promised);
            let expected = FrameError::PromisedStreamId { promised };
            assert_eq!(parse(FrameType::PushPromise, 0, 1, &octets), Err(expected));
        }
    }

    #[test]
    fn rejects_a_window_increment_of_0() {
        for (stream_id, octets) in [(0, [0; 4]), (1, [0x80, 0, 0, 0])] {
            let expected = FrameError::ZeroWindowIncrement { stream_id };
            assert_eq!(parse(FrameType::WindowUpdate, 0, stream_id, &octets), Err(expected));
        }
    }

    #[test]
    fn rejects_octets_that_are_not_the_head_s() {
        let head = head(FrameType::Data, 0, 1, b"hello");
        assert_eq!(Payload::parse(&head, b"hell"), Err(FrameError::Truncated { missing: 1 }));
    }
}
