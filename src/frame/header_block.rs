//! **Field block**: HEADERS or PUSH_PROMISE, then CONTINUATION until END_HEADERS (RFC 9113, section 4.3)
//!
//! The fragments are contiguous on a connection: no frame of another type or stream may stand between. A block in one
//! frame is lent, not copied. Until the end has come, at most the limit is kept.

use std::borrow::Cow;

use super::{FrameError, FrameHead, Payload};

/// Octets of an encoded block that a joiner takes when not told otherwise: 1 MiB.
pub const DEFAULT_MAX_BLOCK_LEN: usize = 1 << 20;

/// Joins the fragments of one direction's field blocks; it is given every frame of the direction in order.
#[derive(Debug)]
pub struct HeaderBlockJoiner {
    max_len: usize,
    open: Option<HeaderBlock<'static>>,
}

impl HeaderBlockJoiner {
    /// A joiner that takes blocks of up to `max_len` encoded octets.
    pub const fn new(max_len: usize) -> Self {
        Self { max_len, open: None }
    }

    /// Takes the next frame; gives the block that it completes. Frames that carry no fragment pass without effect.
    ///
    /// # Errors
    /// [`FrameError::HeaderBlockInterrupted`], [`FrameError::UnexpectedContinuation`],
    /// [`FrameError::HeaderBlockTooLarge`]. The open block is dropped, and with it HPACK's state is lost.
    pub fn push<'a>(
        &mut self,
        head: &FrameHead,
        payload: &Payload<'a>,
    ) -> Result<Option<HeaderBlock<'a>>, FrameError> {
        match self.open.take() {
            Some(open) => self.resume(open, head, payload),
            None => self.begin(head, payload),
        }
    }

    /// The stream whose block is open: it waits for CONTINUATION.
    pub fn open_stream_id(&self) -> Option<u32> {
        self.open.as_ref().map(|open| open.stream_id)
    }

    fn begin<'a>(
        &mut self,
        head: &FrameHead,
        payload: &Payload<'a>,
    ) -> Result<Option<HeaderBlock<'a>>, FrameError> {
        let stream_id = head.stream_id;
        let (fragment, promised_stream_id) = match *payload {
            Payload::Headers { fragment, .. } => (fragment, None),
            Payload::PushPromise { fragment, promised_stream_id, .. } => (fragment, Some(promised_stream_id)),
            Payload::Continuation { .. } => return Err(FrameError::UnexpectedContinuation { stream_id }),
            _ => return Ok(None),
        };
        let block = HeaderBlock {
            stream_id,
            promised_stream_id,
            end_stream: head.is_end_stream(),
            frames: 1,
            octets: Cow::Borrowed(fragment),
        };
        self.keep_or_give(head, block)
    }

    fn resume<'a>(
        &mut self,
        mut open: HeaderBlock<'static>,
        head: &FrameHead,
        payload: &Payload<'a>,
    ) -> Result<Option<HeaderBlock<'a>>, FrameError> {
        match *payload {
            Payload::Continuation { fragment } if head.stream_id == open.stream_id => {
                open.octets.to_mut().extend_from_slice(fragment);
                open.frames = open.frames.saturating_add(1);
                self.keep_or_give(head, open)
            }
            _ => Err(FrameError::HeaderBlockInterrupted {
                stream_id: open.stream_id,
                by: head.kind,
                by_stream_id: head.stream_id,
            }),
        }
    }

    fn keep_or_give<'a>(
        &mut self,
        head: &FrameHead,
        block: HeaderBlock<'a>,
    ) -> Result<Option<HeaderBlock<'a>>, FrameError> {
        if block.octets.len() > self.max_len {
            return Err(FrameError::HeaderBlockTooLarge { stream_id: block.stream_id, max: self.max_len });
        }
        if head.is_end_headers() {
            return Ok(Some(block));
        }
        self.open = Some(block.into_owned());
        Ok(None)
    }
}

impl Default for HeaderBlockJoiner {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_BLOCK_LEN)
    }
}

/// A whole field block, still encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderBlock<'a> {
    /// Stream of the frames.
    pub stream_id: u32,
    /// The stream that a PUSH_PROMISE announces; `None` for HEADERS.
    pub promised_stream_id: Option<u32>,
    /// Whether the HEADERS frame ended the stream.
    pub end_stream: bool,
    /// Frames that carried the block.
    pub frames: u32,
    /// The fragments joined: what [`Decoder::decode`](super::hpack::Decoder::decode) takes.
    pub octets: Cow<'a, [u8]>,
}

impl HeaderBlock<'_> {
    fn into_owned(self) -> HeaderBlock<'static> {
        HeaderBlock { octets: Cow::Owned(self.octets.into_owned()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FrameType;

    /// Pushes frames given as type, flags, stream and payload until one gives a block or an error.
    fn push_all<'a>(
        joiner: &mut HeaderBlockJoiner,
        frames: &[(FrameType, u8, u32, &'a [u8])],
    ) -> Result<Option<HeaderBlock<'a>>, FrameError> {
        for &(kind, flags, stream_id, octets) in frames {
            let len = u32::try_from(octets.len()).unwrap();
            let head = FrameHead { len, kind, flags, stream_id };
            if let Some(block) = joiner.push(&head, &Payload::parse(&head, octets).unwrap())? {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    fn block(stream_id: u32, end_stream: bool, frames: u32, octets: &[u8]) -> HeaderBlock<'_> {
        HeaderBlock { stream_id, promised_stream_id: None, end_stream, frames, octets: Cow::Borrowed(octets) }
    }

    #[test]
    fn a_block_in_one_frame_is_lent() {
        let mut joiner = HeaderBlockJoiner::default();
        let joined = push_all(&mut joiner, &[(FrameType::Headers, 0x05, 1, b"\x82")]).unwrap().unwrap();
        assert!(matches!(joined.octets, Cow::Borrowed(b"\x82")));
        assert_eq!(joined, block(1, true, 1, b"\x82"));
    }

    #[test]
    fn fragments_join_up_to_end_headers() {
        let mut joiner = HeaderBlockJoiner::default();
        let frames = [
            (FrameType::Data, 0, 1, &b"data"[..]),
            (FrameType::Headers, 0x01, 3, b"\x82"),
            (FrameType::Continuation, 0, 3, b""),
            (FrameType::Continuation, 0x04, 3, b"\x86\x84"),
        ];
        assert_eq!(push_all(&mut joiner, &frames[..3]), Ok(None));
        assert_eq!(joiner.open_stream_id(), Some(3));
        assert_eq!(push_all(&mut joiner, &frames[3..]), Ok(Some(block(3, true, 3, b"\x82\x86\x84"))));
        assert_eq!(joiner.open_stream_id(), None);
    }

    #[test]
    fn a_promise_names_its_stream() {
        let mut joiner = HeaderBlockJoiner::default();
        let frames = [
            (FrameType::PushPromise, 0, 1, &b"\0\0\0\x02\x82"[..]),
            (FrameType::Continuation, 0x04, 1, b"\x84"),
        ];
        let expected = HeaderBlock { promised_stream_id: Some(2), ..block(1, false, 2, b"\x82\x84") };
        assert_eq!(push_all(&mut joiner, &frames), Ok(Some(expected)));
    }

    #[test]
    fn nothing_may_stand_between_fragments() {
        let cases = [
            (FrameType::Data, 1, &b""[..]),
            (FrameType::Headers, 1, b""),
            (FrameType::Headers, 3, b""),
            (FrameType::Continuation, 3, b""),
            (FrameType::Ping, 0, b"12345678"),
            (FrameType::Unknown(0xfa), 1, b""),
        ];
        for (by, by_stream_id, octets) in cases {
            let frames = [(FrameType::Headers, 0, 1, &b"\x82"[..]), (by, 0x04, by_stream_id, octets)];
            let expected = FrameError::HeaderBlockInterrupted { stream_id: 1, by, by_stream_id };
            assert_eq!(push_all(&mut HeaderBlockJoiner::default(), &frames), Err(expected));
        }
    }

    #[test]
    fn a_continuation_continues_something() {
        let mut joiner = HeaderBlockJoiner::default();
        let frames = [(FrameType::Continuation, 0x04, 1, &b"\x82"[..])];
        assert_eq!(push_all(&mut joiner, &frames), Err(FrameError::UnexpectedContinuation { stream_id: 1 }));
    }

    #[test]
    fn keeps_no_more_than_its_limit() {
        let headers = (FrameType::Headers, 0, 1, &b"\x82\x86"[..]);
        let push = |frames: &[_]| push_all(&mut HeaderBlockJoiner::new(3), frames);

        let fits = push(&[headers, (FrameType::Continuation, 0x04, 1, b"\x84")]);
        assert_eq!(fits, Ok(Some(block(1, false, 2, b"\x82\x86\x84"))));

        let too_large = Err(FrameError::HeaderBlockTooLarge { stream_id: 1, max: 3 });
        assert_eq!(push(&[headers, (FrameType::Continuation, 0, 1, b"\x84\x84")]), too_large);
        assert_eq!(push(&[(FrameType::Headers, 0x04, 1, b"\x82\x82\x82\x82")]), too_large);
    }
}
