//! What was received, on its way to h2: walked over, judged, priced and cured where it stands.

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    Cut, Guard, Side,
    authority::{Cured, representations},
    block::{Front, fragment, fragments},
    refit::{IGNORED, refit},
    strikes::Calls,
};
use crate::{
    frame::{FrameHead, FrameType},
    http2::work::{worked, worked_on_stream},
};

impl Guard {
    /// How many of these bytes, which follow on those admitted before, h2 may have now. The rest comes again at the
    /// front of the next call: the beginning of a head or of a field block, or what belongs to the next round.
    ///
    /// # Errors
    /// The connection is to be ended.
    pub(in crate::http2) fn admit(&mut self, bytes: &mut [u8]) -> Result<usize, Cut> {
        let mut admitted = 0;
        while let Some(rest) = bytes.get_mut(admitted..)
            && let Some(count) = self.admit_next(rest)?
        {
            admitted += count;
        }
        if admitted > 0 {
            self.deadlines.moved();
            self.meters.received.bytes.add(admitted);
        }
        Ok(admitted)
    }

    /// How many bytes at the front are the next thing that can be admitted: payload, a head, a block.
    fn admit_next(&mut self, bytes: &mut [u8]) -> Result<Option<usize>, Cut> {
        if self.payload_left > 0 {
            let count = self.payload_left.min(bytes.len());
            self.payload_left -= count;
            self.pace.payload(count);
            return Ok((count > 0).then_some(count));
        }
        if self.pace.is_over() {
            return Ok(None);
        }
        let Some(head) = bytes.first_chunk().map(FrameHead::parse) else { return Ok(None) };
        if self.is_unguarded {
            self.pace.frame();
        } else if matches!(head.kind, FrameType::Headers | FrameType::PushPromise) {
            return self.admit_block(head, bytes);
        } else {
            self.judge(head)?;
            blank_out(head, bytes);
        }
        self.payload_left = usize::try_from(head.len).unwrap_or(usize::MAX);
        Ok(Some(FrameHead::LEN))
    }

    fn admit_block(&mut self, head: FrameHead, bytes: &mut [u8]) -> Result<Option<usize>, Cut> {
        match self.block.look(bytes, self.max_frame_size)? {
            Front::Partial => Ok(None),
            Front::Broken { len } => {
                // h2 ends the connection when it sees this, whatever follows.
                self.payload_left = usize::MAX;
                Ok(Some(len))
            }
            Front::Whole { len, frames } => {
                let is_opening = head.stream_id > self.last_stream_id;
                // One that drains ignores new streams, and they never end.
                if is_opening && self.side == Side::Server && !self.is_draining() && !self.unended.open() {
                    return Ok(None);
                }
                self.judge(head)?;
                for _ in 1..frames {
                    self.judge(FrameHead { len: 0, kind: FrameType::Continuation, flags: 0, ..head })?;
                }
                // An octet of a block can stand for a whole field.
                self.pace.payload(len.saturating_mul(BLOCK_WEIGHT));
                if self.side == Side::Server
                    && let Some(whole) = bytes.get_mut(..len)
                {
                    self.price_fields(whole, frames)?;
                    if let Some(authority) = self.cure_block(whole, frames)?
                        && is_opening
                    {
                        self.originals.put(head.stream_id, authority);
                    }
                }
                Ok(Some(len))
            }
        }
    }

    /// Prices the fields of a block that may hold more than most, as work too.
    fn price_fields(&mut self, bytes: &mut [u8], frames: usize) -> Result<(), Cut> {
        if bytes.len() <= FEW_FIELDS {
            return Ok(());
        }
        let count = match frames {
            1 => fragment(bytes).map_or(0, |block| representations(block)),
            _ => fragments(bytes).map_or(0, |fragments| representations(&fragments.concat())),
        };
        let weight = count.saturating_mul(FIELD_WEIGHT);
        self.pace.payload(weight);
        worked(weight);
        self.budgets.fields(count.saturating_sub(FEW_FIELDS), Instant::now)
    }

    /// Has the field block in these frames cured where it stands. Gives the authority that really came, if it was.
    fn cure_block(&mut self, bytes: &mut [u8], frames: usize) -> Result<Option<Bytes>, Cut> {
        let cured = if frames == 1 { self.cure_one(bytes) } else { self.cure_joined(bytes) };
        let Some((sent, shorter)) = cured else { return Ok(None) };
        if let Some(block) = shorter {
            refit(bytes, &block, self.max_frame_size).ok_or(Cut::calm("header_block_too_large"))?;
        }
        Ok(sent)
    }

    /// The block of one frame. Gives the whole block if it has become shorter.
    fn cure_one(&mut self, frame: &mut [u8]) -> Option<(Option<Bytes>, Option<Vec<u8>>)> {
        let block = fragment(frame)?;
        let Cured { len, sent } = self.cure.cure(block);
        let shorter = (len < block.len()).then(|| block.get(..len).unwrap_or_default().to_vec());
        Some((sent, shorter))
    }

    /// The block of several frames.
    fn cure_joined(&mut self, frames: &mut [u8]) -> Option<(Option<Bytes>, Option<Vec<u8>>)> {
        let fragments = fragments(frames)?;
        let mut joined = fragments.concat();
        let Cured { len, sent } = self.cure.cure(&mut joined);
        if len < joined.len() {
            joined.truncate(len);
            return Some((sent, Some(joined)));
        }
        let mut cured = &joined[..];
        for fragment in fragments {
            let (part, rest) = cured.split_at_checked(fragment.len())?;
            fragment.copy_from_slice(part);
            cured = rest;
        }
        Some((sent, None))
    }

    /// Judges a frame that was received, before h2 sees it.
    fn judge(&mut self, head: FrameHead) -> Result<(), Cut> {
        self.pace.frame();
        self.meters.received.frame(head.kind);
        self.budgets.received(&head, Instant::now)?;
        match head.kind {
            FrameType::Headers if self.side == Side::Server && head.stream_id > self.last_stream_id => {
                self.last_stream_id = head.stream_id;
                self.meters.streams.add(1);
                worked_on_stream();
            }
            FrameType::RstStream => {
                self.meters.cancels.add(1);
                self.unended.end();
            }
            FrameType::Settings if head.is_ack() => self.deadlines.settings_ack(),
            FrameType::Settings => self.deadlines.settings(),
            FrameType::Ping if self.side == Side::Server && !head.is_ack() => {
                let calls = if self.meters.open_calls() == 0 { Calls::None } else { Calls::Some };
                if self.strikes.ping(Instant::now(), calls)? {
                    self.meters.strikes.add(1);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Makes an empty DATA frame one that h2 ignores: it forgives a hundred in the life of a connection, whatever the peer's
/// reason.
fn blank_out(head: FrameHead, bytes: &mut [u8]) {
    if head.kind == FrameType::Data
        && head.len == 0
        && !head.is_end_stream()
        && let Some(kind) = bytes.get_mut(3)
    {
        *kind = IGNORED.number();
    }
}

// A call of gRPC has some ten fields and little metadata: up to here they are free. No fewer octets hold more fields.
const FEW_FIELDS: usize = 64;

// A field that is decoded, put into a map and taken out again takes as long as so many octets that are handed on.
const FIELD_WEIGHT: usize = 512;

// Decoding takes some ten times as long for an octet as handing DATA on.
const BLOCK_WEIGHT: usize = 16;
