//! Payloads of the ten frame types, seen in place (RFC 9113, section 6)
//!
//! A [`Payload`] borrows from the frame's bytes: padding taken off, fixed fields read, the rest left where it is.
//! Whatever its head's length, stream identifier or padding make impossible never becomes one. It knows no other
//! frame: order on a stream, windows and field blocks over several frames are rules of other places.

use super::{ErrorCode, FrameError, FrameHead, FrameType, Settings, flags};

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

/// The priority fields of HEADERS and PRIORITY: Exclusive (1), Stream Dependency (31), Weight (8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priority {
    /// Whether the stream comes between its parent and the parent's other children.
    pub exclusive: bool,
    /// The parent; 0 is the root.
    pub dependency: u32,
    /// 1 to 256: one more than the octet on the wire.
    pub weight: u16,
}

impl Priority {
    fn parse(octets: &[u8; 5]) -> Self {
        let [dependency @ .., weight] = *octets;
        let dependency = u32::from_be_bytes(dependency);
        Self {
            exclusive: dependency & !STREAM_ID_BITS != 0,
            dependency: dependency & STREAM_ID_BITS,
            weight: u16::from(weight) + 1,
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
