//! What a peer may cost by frames that h2 answers or ignores without end.
//!
//! Each kind has an [`Allowance`] far above what any peer needs and far below what a socket carries, which is a million
//! small frames a second. Who uses one up is cut off, and the debug data says by what.

use tokio::time::Instant;

use super::{
    Cut, Side,
    bucket::{Allowance, Bucket},
};
use crate::frame::{FrameHead, FrameType};

/// The allowances of one peer, and what is left of each.
#[derive(Debug)]
pub(super) struct Budgets {
    side: Side,
    pings: Bucket,
    settings: Bucket,
    priorities: Bucket,
    window_updates: Bucket,
    resets: Bucket,
    goaways: Bucket,
    unknown: Bucket,
    empty_data: Bucket,
    errors: Bucket,
    field_blocks: Bucket,
    fields: Bucket,
}

impl Budgets {
    pub(super) fn new(side: Side, now: Instant) -> Self {
        let bucket = |at_once, a_second| Bucket::new(Allowance { at_once, a_second }, now);
        Self {
            side,
            // Beside what DATA earns: probing for bandwidth is a ping for each round trip while data flows.
            pings: bucket(10_000, 10_000),
            // grpc-go says a new window each time that it has found more bandwidth, some ten times in all.
            settings: bucket(1_000, 100),
            // Deprecated; a browser's habit was a handful for a connection and one for a stream.
            priorities: bucket(10_000, 10_000),
            // Each DATA frame that is sent earns some more: peers give window back for the stream and the connection.
            window_updates: bucket(10_000, 10_000),
            // Each answer earns more: who cancels at all times of day lets some call be answered now and then. A hostile
            // one waits for nothing, at hundreds of thousands a second. What a benign one has said before the server reads it
            // counts too.
            resets: bucket(250_000, 20_000),
            // A server that drains says it twice.
            goaways: bucket(100, 10),
            // Extensions and grease, which come now and then.
            unknown: bucket(1_000, 1_000),
            // No gRPC stack sends them but by way of END_STREAM.
            empty_data: bucket(1_000, 1_000),
            // A client that knows no limit yet may open thousands of streams at once, and each is refused.
            errors: bucket(10_000, 1_000),
            // Beside what each request is owed.
            field_blocks: bucket(1_000, 100),
            // Beside what answers earn, a thousand calls a second with a hundred fields more than most.
            fields: bucket(100_000, 100_000),
        }
    }

    /// Prices a received frame.
    ///
    /// # Errors
    /// Its budget is used up.
    pub(super) fn received(&mut self, head: &FrameHead, now: impl Fn() -> Instant) -> Result<(), Cut> {
        let (bucket, debug) = match head.kind {
            FrameType::Data if head.len == 0 && !head.is_end_stream() => {
                (&mut self.empty_data, "too_many_empty_data")
            }
            // How many streams there may be is h2's to say; a server might send 1xx for ever.
            FrameType::Headers if self.side == Side::Client => (&mut self.field_blocks, "too_many_headers"),
            FrameType::Data | FrameType::Headers | FrameType::Continuation | FrameType::PushPromise => {
                return Ok(());
            }
            FrameType::Ping => (&mut self.pings, "too_many_ping_frames"),
            FrameType::Settings => (&mut self.settings, "too_many_settings"),
            FrameType::Priority => (&mut self.priorities, "too_many_priorities"),
            FrameType::WindowUpdate => (&mut self.window_updates, "too_many_window_updates"),
            FrameType::RstStream => (&mut self.resets, "too_many_resets"),
            FrameType::Goaway => (&mut self.goaways, "too_many_goaways"),
            FrameType::Unknown(_) => (&mut self.unknown, "too_many_unknown_frames"),
        };
        if bucket.take(now) { Ok(()) } else { Err(Cut::calm(debug)) }
    }

    /// Takes note of a frame that h2 sends.
    pub(super) fn sent(&mut self, kind: FrameType) {
        match kind {
            FrameType::Data => {
                self.window_updates.earn(WINDOWS_EARNED);
                self.pings.earn(PINGS_EARNED);
            }
            FrameType::Headers => {
                self.field_blocks.owe(BLOCKS_OWED);
                self.resets.earn(RESETS_EARNED);
                self.fields.earn(FIELDS_EARNED);
            }
            _ => {}
        }
    }

    /// Prices fields beyond what most blocks hold.
    ///
    /// # Errors
    /// The budget is used up.
    pub(super) fn fields(&mut self, count: usize, now: impl Fn() -> Instant) -> Result<(), Cut> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if self.fields.take_all(count, now) { Ok(()) } else { Err(Cut::calm("too_many_header_fields")) }
    }

    /// Prices a stream that h2 resets because the peer broke a rule on it.
    ///
    /// # Errors
    /// The budget is used up.
    pub(super) fn stream_error(&mut self, now: impl Fn() -> Instant) -> Result<(), Cut> {
        if self.errors.take(now) { Ok(()) } else { Err(Cut::calm("too_many_stream_errors")) }
    }
}

// By a DATA frame that is sent: an update for the stream and one for the connection, with room.
const WINDOWS_EARNED: u32 = 4;

// By a DATA frame that is sent: grpc-go answers each by a ping that probes for bandwidth, one at a time, and on one machine
// there are more than 10,000 round trips a second.
const PINGS_EARNED: u32 = 2;

// By HEADERS that are sent: a response has two blocks, and may have one of 1xx. Most servers set no limit to how many calls
// wait at a time, and may answer them all at once.
const BLOCKS_OWED: u32 = 3;

// By HEADERS that are sent, of which an answer has two: a call in a thousand need not be cancelled.
const RESETS_EARNED: u32 = 1_000;

// By HEADERS that are sent, of which an answer has two: a call that is answered may have a hundred fields of metadata, however
// many such calls there are. They cost little beside the call.
const FIELDS_EARNED: u32 = 64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn head(kind: FrameType) -> FrameHead {
        FrameHead { len: 0, kind, flags: 0, stream_id: 0 }
    }

    /// How many frames of a kind pass, of a million that come within a second.
    fn passed(side: Side, kind: FrameType) -> (u32, &'static str) {
        let start = Instant::now();
        let mut budgets = Budgets::new(side, start);
        for count in 0..1_000_000 {
            let now = start + Duration::from_micros(u64::from(count));
            if let Err(cut) = budgets.received(&head(kind), || now) {
                return (count, cut.debug);
            }
        }
        (1_000_000, "")
    }

    #[test]
    fn each_flood_is_cut_off_with_a_text_of_its_own() {
        let mut texts = std::collections::HashSet::new();
        for kind in [
            FrameType::Data,
            FrameType::Ping,
            FrameType::Settings,
            FrameType::Priority,
            FrameType::WindowUpdate,
            FrameType::RstStream,
            FrameType::Goaway,
            FrameType::Unknown(0xfa),
        ] {
            let (count, text) = passed(Side::Server, kind);
            assert!((100..500_000).contains(&count), "{kind}: {count}");
            assert!(texts.insert(text), "{text}");
        }
    }

    #[test]
    fn blocks_are_priced_on_the_client_alone() {
        assert_eq!(passed(Side::Server, FrameType::Headers), (1_000_000, ""));
        let (count, text) = passed(Side::Client, FrameType::Headers);
        assert_eq!((count, text), (1_000, "too_many_headers"));
    }

    #[test]
    fn answers_and_windows_follow_from_what_is_sent() {
        let start = Instant::now();
        let mut budgets = Budgets::new(Side::Client, start);
        for _ in 0..1_000_000 {
            for kind in [FrameType::Headers, FrameType::Data] {
                budgets.sent(kind);
            }
            for kind in
                [FrameType::Headers, FrameType::Headers, FrameType::WindowUpdate, FrameType::WindowUpdate]
            {
                assert_eq!(budgets.received(&head(kind), || start), Ok(()));
            }
        }
    }

    #[test]
    fn as_many_calls_as_were_sent_may_be_answered_at_once() {
        let start = Instant::now();
        let mut budgets = Budgets::new(Side::Client, start);
        for _ in 0..100_000 {
            budgets.sent(FrameType::Headers);
        }
        for number in 0..200_000 {
            assert_eq!(budgets.received(&head(FrameType::Headers), || start), Ok(()), "{number}");
        }
    }

    #[test]
    fn who_cancels_all_day_passes_if_a_call_in_a_thousand_is_answered() {
        let start = Instant::now();
        let mut budgets = Budgets::new(Side::Server, start);
        for number in 0..1_000_000 {
            if number % 1_000 == 0 {
                budgets.sent(FrameType::Headers);
                budgets.sent(FrameType::Headers);
            }
            assert_eq!(budgets.received(&head(FrameType::RstStream), || start), Ok(()), "{number}");
        }
    }

    #[test]
    fn a_hundred_fields_of_metadata_pass_if_their_calls_are_answered() {
        let start = Instant::now();
        let mut budgets = Budgets::new(Side::Server, start);
        let mut answered = |blocks: usize| {
            (0..100_000).position(|_| {
                (0..blocks).for_each(|_| budgets.sent(FrameType::Headers));
                budgets.fields(110, || start).is_err()
            })
        };
        assert_eq!(answered(2), None);
        assert!(answered(1).is_some(), "refusals earn less than they cost");
    }

    #[test]
    fn probing_for_bandwidth_passes() {
        let start = Instant::now();
        let mut budgets = Budgets::new(Side::Server, start);
        for _ in 0..161 {
            assert_eq!(budgets.received(&head(FrameType::Ping), || start), Ok(()));
            assert_eq!(budgets.received(&head(FrameType::Settings), || start), Ok(()));
        }
        // A ping for each answer, in no time.
        for _ in 0..1_000_000 {
            budgets.sent(FrameType::Data);
            assert_eq!(budgets.received(&head(FrameType::Ping), || start), Ok(()));
        }
    }
}
