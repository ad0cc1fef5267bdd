//! **Length-Prefixed-Message** -> Compressed-Flag Message-Length Message, joined over DATA frames.
//!
//! DATA boundaries are not message boundaries: the prefix may be cut at each of its 5 bytes, and a frame may hold many
//! messages. Of a message at most what the [`Budget`] allows is kept; the rest is counted, so reading goes on behind it.

use bytes::{Buf, Bytes, BytesMut};

use super::event::MessageRecord;
use crate::wire::MessagePrefix;

/// How many bytes of unfinished messages all streams of a connection may keep together.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) const fn new(bytes: usize) -> Self {
        Budget(bytes)
    }

    fn take(&mut self, wanted: usize) -> usize {
        let granted = wanted.min(self.0);
        self.0 -= granted;
        granted
    }

    fn give_back(&mut self, bytes: usize) {
        self.0 += bytes;
    }
}

/// The messages of one direction of one stream.
#[derive(Debug, Default)]
pub(super) struct Messages {
    prefix: BytesMut,
    message: Option<Partial>,
    number: u64,
    /// DATA frames that the message at hand lies in, its prefix included.
    frames: u32,
}

#[derive(Debug)]
struct Partial {
    compressed: bool,
    len: u32,
    /// What is still to come.
    missing: usize,
    kept: BytesMut,
    /// Bytes went by that were not kept, so later ones are not either.
    cut: bool,
}

impl Messages {
    /// Takes one DATA frame's content; `emit` is given each message that it completes.
    ///
    /// # Errors
    /// The Compressed-Flag that is neither 0 nor 1; the stream's messages cannot be read on from there.
    pub(super) fn push(
        &mut self,
        mut data: Bytes,
        budget: &mut Budget,
        mut emit: impl FnMut(MessageRecord),
    ) -> Result<(), u8> {
        if !data.is_empty() {
            self.frames = self.frames.saturating_add(1);
        }
        loop {
            if self.message.is_none() && !self.begin(&mut data)? {
                return Ok(());
            }
            let Some(record) = self.fill(&mut data, budget) else { return Ok(()) };
            emit(record);
            self.frames = u32::from(!data.is_empty());
        }
    }

    /// Gives back what the unfinished message holds.
    pub(super) fn release(&mut self, budget: &mut Budget) {
        if let Some(partial) = self.message.take() {
            budget.give_back(partial.kept.len());
        }
    }

    /// Reads the prefix; false when it is not complete yet.
    fn begin(&mut self, data: &mut Bytes) -> Result<bool, u8> {
        let missing = MessagePrefix::LEN.saturating_sub(self.prefix.len()).min(data.len());
        self.prefix.extend_from_slice(&data.split_to(missing));
        let Some(prefix) = self.prefix.first_chunk::<{ MessagePrefix::LEN }>() else { return Ok(false) };
        let [flag, ..] = *prefix;
        let MessagePrefix { compressed, len } = MessagePrefix::parse(*prefix).map_err(|_| flag)?;
        let missing = usize::try_from(len).unwrap_or(usize::MAX);
        self.prefix.clear();
        self.message = Some(Partial { compressed, len, missing, kept: BytesMut::new(), cut: false });
        Ok(true)
    }

    /// Moves bytes into the message at hand; hands it out when it is complete.
    fn fill(&mut self, data: &mut Bytes, budget: &mut Budget) -> Option<MessageRecord> {
        let partial = self.message.as_mut()?;
        let mut part = data.split_to(partial.missing.min(data.len()));
        partial.missing -= part.len();
        // The common case, a message within one frame, is a view of that frame and no copy.
        let whole = partial.missing == 0 && partial.kept.is_empty() && !partial.cut;
        if !whole {
            let granted = if partial.cut { 0 } else { budget.take(part.len()) };
            partial.cut |= granted < part.len();
            partial.kept.extend_from_slice(&part.copy_to_bytes(granted));
        }
        if partial.missing > 0 {
            return None;
        }
        let partial = self.message.take()?;
        budget.give_back(partial.kept.len());
        self.number += 1;
        Some(MessageRecord {
            number: self.number,
            compressed: partial.compressed,
            len: partial.len,
            data: if whole { part } else { partial.kept.freeze() },
            frames: self.frames,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[&[u8]], budget: &mut Budget) -> Result<Vec<(u64, Vec<u8>, u32)>, u8> {
        let (mut messages, mut seen) = (Messages::default(), Vec::new());
        for frame in data {
            messages.push(Bytes::copy_from_slice(frame), budget, |m| {
                seen.push((m.number, m.data.to_vec(), m.frames));
            })?;
        }
        messages.release(budget);
        Ok(seen)
    }

    // Rule 19.
    #[test]
    fn joins_messages_cut_anywhere() {
        let wire = [0, 0, 0, 0, 3, b'a', b'b', b'c', 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, b'd'];
        for size in 1..=wire.len() {
            let frames: Vec<_> = wire.chunks(size).collect();
            let seen = read(&frames, &mut Budget::new(1024)).unwrap();
            let messages: Vec<_> = seen.into_iter().map(|(number, data, _)| (number, data)).collect();
            assert_eq!(messages, [(1, b"abc".to_vec()), (2, vec![]), (3, b"d".to_vec())], "{size}");
        }
    }

    #[test]
    fn counts_the_frames_a_message_lies_in() {
        let frames: [&[u8]; 4] = [&[0, 0], &[0, 0, 2, 7], &[8, 0, 0], &[0, 0, 0]];
        let seen = read(&frames, &mut Budget::new(1024)).unwrap();
        assert_eq!(seen, [(1, vec![7, 8], 3), (2, vec![], 2)]);
    }

    #[test]
    fn over_the_budget_a_message_is_cut_and_the_next_one_read() {
        let mut budget = Budget::new(2);
        let frames: [&[u8]; 3] = [&[0, 0, 0, 0, 4, 1], &[2, 3], &[4, 0, 0, 0, 0, 1, 9]];
        let seen = read(&frames, &mut budget).unwrap();
        assert_eq!(seen, [(1, vec![1, 2], 3), (2, vec![9], 1)]);
        assert_eq!(budget.0, 2);
    }

    #[test]
    fn what_a_prefix_promises_is_not_allocated() {
        let mut budget = Budget::new(1024);
        let (mut messages, wire) = (Messages::default(), [0, 0xff, 0xff, 0xff, 0xff, 1, 2]);
        messages.push(Bytes::copy_from_slice(&wire), &mut budget, |m| panic!("{m:?}")).unwrap();
        assert!(messages.message.as_ref().unwrap().kept.capacity() < 1024);
        messages.release(&mut budget);
        assert_eq!(budget.0, 1024);
    }

    // Rule 17.
    #[test]
    fn a_flag_other_than_0_and_1_is_told() {
        assert_eq!(read(&[&[2, 0, 0, 0, 0]], &mut Budget::new(8)), Err(2));
    }
}
