//! One direction's header blocks: joined over their frames and decoded with the direction's HPACK table.
//!
//! The table's limit is SETTINGS_HEADER_TABLE_SIZE of the blocks' receiver, and holds from where their sender acknowledges
//! it: the analyzer tells both. A block that breaks a rule loses HPACK's state, so the direction cannot be read on.

use std::collections::VecDeque;

use bytes::Bytes;

use super::event::HeaderBlock;
use crate::frame::hpack::{DEFAULT_TABLE_SIZE, Decoder};
use crate::frame::{Frame, FrameError, HeaderBlockJoiner, Payload, SettingId, Settings};

/// Reads the header blocks of one direction.
#[derive(Debug)]
pub(super) struct Blocks {
    joiner: HeaderBlockJoiner,
    decoder: Decoder,
    /// The receiver's table sizes that the sender has not acknowledged yet; `None` for SETTINGS without one.
    unacknowledged: VecDeque<Option<usize>>,
}

impl Blocks {
    pub(super) fn new() -> Self {
        Blocks {
            joiner: HeaderBlockJoiner::new(MAX_BLOCK_LEN),
            decoder: Decoder::new(DEFAULT_TABLE_SIZE).with_max_list_size(MAX_LIST_SIZE),
            unacknowledged: VecDeque::new(),
        }
    }

    /// Takes the direction's next frame; gives the block that it completes.
    pub(super) fn push(
        &mut self,
        frame: &Frame,
        payload: &Payload<'_>,
    ) -> Result<Option<HeaderBlock>, FrameError> {
        let Some(block) = self.joiner.push(&frame.head, payload)? else { return Ok(None) };
        let decoded = self.decoder.decode(&block.octets)?;
        Ok(Some(HeaderBlock {
            stream_id: block.stream_id,
            promised_stream_id: block.promised_stream_id,
            end_stream: block.end_stream,
            octets: Bytes::copy_from_slice(&block.octets),
            frames: block.frames,
            size_updates: decoded.size_updates,
            fields: decoded.fields,
        }))
    }

    /// The receiver sent SETTINGS.
    pub(super) fn receiver_set(&mut self, settings: &Settings<'_>) {
        // A receiver that never gets its acknowledgements must not fill this queue.
        if self.unacknowledged.len() < MAX_UNACKNOWLEDGED {
            let size = settings.get(SettingId::HeaderTableSize).and_then(|size| usize::try_from(size).ok());
            self.unacknowledged.push_back(size);
        }
    }

    /// The sender acknowledged the oldest SETTINGS of the receiver.
    pub(super) fn sender_acknowledged(&mut self) {
        if let Some(Some(size)) = self.unacknowledged.pop_front() {
            self.decoder.set_max_table_size(size.min(MAX_TABLE_SIZE));
        }
    }
}

/// Octets of an encoded block.
const MAX_BLOCK_LEN: usize = 1 << 18;

/// Octets of a decoded one, by the count of RFC 9113, section 6.5.2.
const MAX_LIST_SIZE: usize = 1 << 20;

/// Octets of a dynamic table; programs use 4 to 64 KiB.
const MAX_TABLE_SIZE: usize = 1 << 20;

const MAX_UNACKNOWLEDGED: usize = 64;
