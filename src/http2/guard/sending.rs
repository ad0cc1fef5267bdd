//! What h2 sends, followed for what it says about the peer.

use std::{io::IoSlice, mem};

use tokio::time::Instant;

use super::{Drain, Guard, Side};
use crate::{
    frame::{ErrorCode, FrameType},
    http2::heads::written,
};

impl Guard {
    /// Follows what h2 wrote: the first `count` bytes of `slices`.
    pub(in crate::http2) fn sent(&mut self, slices: &[IoSlice<'_>], count: usize) {
        if self.is_unguarded {
            return;
        }
        let Self {
            outbound,
            meters,
            side,
            budgets,
            strikes,
            deadlines,
            drain,
            overdue,
            has_news,
            last_stream_id,
            unended,
            ..
        } = self;
        meters.sent.bytes.add(count);
        for mut rest in written(slices, count) {
            while let Some(head) = outbound.next(&mut rest, |_| {}) {
                meters.sent.frame(head.kind);
                if head.is_end_stream() || head.kind == FrameType::RstStream {
                    unended.end();
                }
                match head.kind {
                    FrameType::Data | FrameType::Headers => {
                        strikes.wipe();
                        budgets.sent(head.kind);
                        if *side == Side::Client && head.stream_id > *last_stream_id {
                            *last_stream_id = head.stream_id;
                            meters.streams.add(1);
                        }
                    }
                    FrameType::RstStream if *side == Side::Server && is_for_an_error(rest) => {
                        *overdue = budgets.stream_error(Instant::now).err().or(*overdue);
                    }
                    FrameType::Goaway | FrameType::Ping if *side == Side::Server && !head.is_ack() => {
                        let next = drain.after(head.kind, rest);
                        if mem::replace(drain, next) != next {
                            let is_pinged = matches!(next, Drain::Pinged(_));
                            deadlines.drain_pinged(is_pinged.then(Instant::now));
                            *has_news |= is_pinged;
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Whether a RST_STREAM with this payload says that the peer broke a rule. One whose code is not there yet counts.
fn is_for_an_error(payload: &[u8]) -> bool {
    let code = payload.first_chunk().map(|code| ErrorCode::from_number(u32::from_be_bytes(*code)));
    !matches!(code, Some(ErrorCode::NoError | ErrorCode::Cancel | ErrorCode::InternalError))
}
