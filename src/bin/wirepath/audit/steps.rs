//! The frames of a capture, each with what it completes: a header block, steps of a gRPC call.

use wirepath::frame::{Frame, PREFACE};
use wirepath::tap::{CallRecord, Direction, Event, EventKind, HeaderBlock};

/// A frame, or the connection preface, and what the tap read from it.
#[derive(Clone, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) direction: Direction,
    pub(crate) offset: u64,
    /// `None` is the preface.
    pub(crate) frame: Option<&'a Frame>,
    /// The header block that ends with this frame.
    pub(crate) block: Option<&'a HeaderBlock>,
    pub(crate) calls: Vec<&'a CallRecord>,
}

impl Step<'_> {
    /// The stream; the preface counts to the connection.
    pub(crate) fn stream_id(&self) -> u32 {
        self.frame.map_or(0, |frame| frame.head.stream_id)
    }

    /// The payload's length, or that of the preface.
    pub(crate) fn payload_len(&self) -> usize {
        self.frame.map_or(PREFACE.len(), |frame| frame.payload.len())
    }
}

/// Groups events by the frame that completes them. What is broken or garbage is no step.
pub(crate) fn steps(events: &[Event]) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for event in events {
        let frame = match &event.kind {
            EventKind::Preface => None,
            EventKind::Frame(frame) => Some(frame),
            EventKind::HeaderBlock(block) => {
                if let Some(step) = steps.last_mut() {
                    step.block = Some(block);
                }
                continue;
            }
            EventKind::Call(record) => {
                if let Some(step) = steps.last_mut() {
                    step.calls.push(record);
                }
                continue;
            }
            _ => continue,
        };
        let (direction, offset) = (event.direction, event.offset);
        steps.push(Step { direction, offset, frame, block: None, calls: Vec::new() });
    }
    steps
}

/// The streams in the order of their first frame: one call each.
pub(crate) fn streams(steps: &[Step<'_>]) -> Vec<u32> {
    let mut streams = Vec::new();
    for id in steps.iter().map(Step::stream_id) {
        if id != 0 && !streams.contains(&id) {
            streams.push(id);
        }
    }
    streams
}
