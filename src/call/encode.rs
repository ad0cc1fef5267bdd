//! Messages to Length-Prefixed-Messages and back: codec, compression and limits of one direction of a call.
//!
//! The codec writes behind five reserved bytes, then the prefix is patched in, so a message is framed without a copy;
//! what the codec keeps as its own bytes follows as the tail of the rope.

use bytes::{Bytes, BytesMut};

use crate::{
    codec::{self, Codec},
    http2::{DataBuf, Held, RecvHalf, Room, SMALL, breathe, worked, worked_on_message},
    wire::{Code, Encoding, LengthPrefixedMessage, MessageDeframer, MessageFramer, Status, WireError},
};

/// The sending direction.
#[derive(Debug)]
pub(crate) struct MessageEncoder<M> {
    codec: Codec<M>,
    encoding: Encoding,
    max_len: usize,
}

impl<M> MessageEncoder<M> {
    pub(crate) fn new(codec: Codec<M>, encoding: Encoding, max_len: usize) -> Self {
        Self { codec, encoding, max_len }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    pub(crate) fn set_encoding(&mut self, encoding: Encoding) {
        self.encoding = encoding;
    }

    /// One message as a rope.
    pub(crate) fn encode(&self, message: &M) -> Result<DataBuf, Status> {
        let mut buf = BytesMut::with_capacity(FEW);
        let tail = self.encode_to(message, self.encoding, &mut buf)?;
        Ok(DataBuf::new(buf.freeze(), tail.unwrap_or_default()))
    }

    /// Appends a message to `buf`; what is given back follows it.
    pub(crate) fn encode_to(
        &self,
        message: &M,
        encoding: Encoding,
        buf: &mut BytesMut,
    ) -> Result<Option<Bytes>, Status> {
        let start = MessageFramer::reserve(buf);
        if encoding == Encoding::Identity {
            let tail = (self.codec.encode)(message, buf);
            let tail_len = tail.as_ref().map_or(0, Bytes::len);
            MessageFramer::finish(buf, start, tail_len, false, Some(self.max_len))?;
            return Ok(tail);
        }
        let mut plain = BytesMut::new();
        if let Some(tail) = (self.codec.encode)(message, &mut plain) {
            plain.extend_from_slice(&tail);
        }
        if plain.len() > self.max_len {
            buf.truncate(start);
            return Err(
                WireError::MessageTooLarge { len: plain.len() as u64, max: self.max_len as u64 }.into()
            );
        }
        // An empty message has nothing to compress, and some decoders refuse an empty member (rule 24).
        let is_compressed = !plain.is_empty();
        if is_compressed {
            codec::compress(encoding, &plain, buf)?;
            worked(plain.len().saturating_mul(COMPRESSION));
        }
        MessageFramer::finish(buf, start, 0, is_compressed, None)?;
        Ok(None)
    }
}

/// The receiving direction: DATA of any cut to messages.
#[derive(Debug)]
pub(crate) struct MessageDecoder<M> {
    codec: Codec<M>,
    encoding: Encoding,
    max_len: usize,
    deframer: MessageDeframer,
    /// On a server, where large messages take room.
    room: Option<Room>,
    /// What the message under way has taken.
    taken: Option<Held>,
    /// That message, and whether it came compressed, once all of it is here: it waits for room for what it becomes.
    inflated: Option<(Bytes, bool)>,
    /// What the message that was given last still holds.
    held: Option<Held>,
}

impl<M> MessageDecoder<M> {
    pub(crate) fn new(codec: Codec<M>, encoding: Encoding, max_len: usize) -> Self {
        let deframer = MessageDeframer::new(Some(max_len));
        Self { codec, encoding, max_len, deframer, room: None, taken: None, inflated: None, held: None }
    }

    /// Has large messages take room.
    #[cfg(feature = "server")]
    pub(crate) fn within(self, room: Option<Room>) -> Self {
        Self { room, ..self }
    }

    /// The room of the message that was given last, which it would otherwise lose when the next one is asked for.
    #[cfg(feature = "server")]
    pub(crate) fn take_held(&mut self) -> Option<Held> {
        self.held.take()
    }

    pub(crate) fn set_encoding(&mut self, encoding: Encoding) {
        self.encoding = encoding;
    }

    /// The next message and whether it came compressed; `None` at the end of DATA.
    pub(crate) async fn next(&mut self, body: &mut RecvHalf) -> Result<Option<(M, bool)>, Status> {
        loop {
            if let Some(message) = self.ready()? {
                return Ok(Some(message));
            }
            if let Some((room, len)) = self.wanted()? {
                // Boxed, because few messages are large, and all calls would take its memory.
                self.taken = Some(Box::pin(room.take(len)).await);
                continue;
            }
            if let Some((plain, is_compressed)) = self.expanded().await? {
                return self.decode(plain, is_compressed).map(Some);
            }
            match body.data().await? {
                Some(data) => self.deframer.push(data),
                None => {
                    self.deframer.finish()?;
                    return Ok(None);
                }
            }
        }
    }

    /// On a server, lets others have their turn if many messages have come in a row.
    pub(crate) async fn breathe(&self) {
        if self.room.is_some() {
            breathe().await;
        }
    }

    /// The next message, if all of it is here and needs no room for what it becomes.
    pub(crate) fn ready(&mut self) -> Result<Option<(M, bool)>, Status> {
        self.held = None;
        if self.inflated.is_some() || self.wanted()?.is_some() {
            return Ok(None);
        }
        let Some(message) = self.deframer.next_message()? else { return Ok(None) };
        let is_compressed = message.compressed;
        let plain = self.inflate(message)?;
        if self.taken.is_some() {
            self.inflated = Some((plain, is_compressed));
            return Ok(None);
        }
        self.decode(plain, is_compressed).map(Some)
    }

    /// Where, and for how many bytes, room has to be taken before anything else is done with the next message.
    fn wanted(&mut self) -> Result<Option<(Room, usize)>, Status> {
        let (Some(room), None) = (&self.room, &self.taken) else { return Ok(None) };
        // A few compressed bytes may become as many as the limit allows.
        let free = if self.encoding == Encoding::Identity { SMALL } else { 0 };
        let Some(prefix) = self.deframer.under_way(free)? else { return Ok(None) };
        let len =
            if prefix.compressed { self.max_len } else { usize::try_from(prefix.len).unwrap_or(usize::MAX) };
        Ok((len > SMALL).then(|| (room.clone(), len)))
    }

    /// The message that is all here, once it has room for what it becomes. Whoever gives up waiting loses nothing.
    async fn expanded(&mut self) -> Result<Option<(Bytes, bool)>, Status> {
        if let (Some((plain, _)), Some(room), Some(held)) = (&self.inflated, &self.room, &mut self.taken) {
            // It was put together or inflated, and is walked over, then decoded.
            breathe().await;
            let weight = (self.codec.weigh)(plain);
            worked(plain.len());
            let max = self.max_len.saturating_mul(GROWTH_MAX);
            if weight > max {
                let text = format!("the message would become {weight} bytes when decoded, at most {max}");
                return Err(Status::new(Code::ResourceExhausted, text));
            }
            room.expand(held, weight.saturating_sub(plain.len())).await;
            if weight > plain.len() {
                breathe().await;
            }
            worked(weight);
        }
        Ok(self.inflated.take())
    }

    fn inflate(&mut self, message: LengthPrefixedMessage) -> Result<Bytes, Status> {
        let plain = match message.encoding(self.encoding)? {
            Encoding::Identity => Ok(message.data),
            encoding => codec::decompress(encoding, &message.data, Some(self.max_len)),
        };
        if let Some(held) = &mut self.taken {
            // One that is refused has been inflated up to the limit.
            let len = plain.as_ref().map_or(self.max_len, Bytes::len);
            held.shrink(len);
            worked(len);
        }
        Ok(plain?)
    }

    fn decode(&mut self, plain: Bytes, is_compressed: bool) -> Result<(M, bool), Status> {
        self.held = self.taken.take();
        worked_on_message();
        Ok(((self.codec.decode)(plain)?, is_compressed))
    }
}

// A small message finds room behind its prefix; what is larger grows the buffer once, to its size.
const FEW: usize = 256;

// To compress takes some ten times as long as to inflate.
const COMPRESSION: usize = 8;

// A message of the largest size holds a million elements of four octets within this, and no list has smaller ones but of
// elements that say nothing.
const GROWTH_MAX: usize = 16;
