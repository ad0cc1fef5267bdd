//! One gRPC call: what its two directions carried so far, and the steps of gRFC A16 that follow from the next frame.

use std::sync::Arc;

use bytes::Bytes;

use super::event::{CallEvent, CallRecord, HeaderBlock};
use super::messages::{Budget, Messages};
use super::record::Direction;
use crate::frame::ErrorCode;
use crate::wire::{ContentType, Timeout, percent};

/// A call that has begun and not ended.
#[derive(Debug)]
pub(super) struct Call {
    id: u64,
    stream_id: u32,
    path: Arc<str>,
    steps: u64,
    requests: Messages,
    responses: Messages,
    client_ended: bool,
    /// Response-Headers came, and they are gRPC's: DATA holds messages.
    answered: bool,
    server_ended: bool,
}

impl Call {
    /// A call, if these are Request-Headers: POST, a path of usual length, and a content-type of gRPC.
    pub(super) fn begin(id: u64, block: &HeaderBlock) -> Option<Self> {
        let path = block.text(":path").filter(|path| path.len() <= MAX_PATH_LEN)?;
        let is_grpc =
            block.value(":method").is_some_and(|method| method == "POST") && has_grpc_content(block);
        is_grpc.then(|| Call {
            id,
            stream_id: block.stream_id,
            path: path.into(),
            steps: 0,
            requests: Messages::default(),
            responses: Messages::default(),
            client_ended: false,
            answered: false,
            server_ended: false,
        })
    }

    /// Both directions are complete.
    pub(super) fn is_over(&self) -> bool {
        self.client_ended && self.server_ended
    }

    /// A header block on the call's stream.
    pub(super) fn headers(&mut self, direction: Direction, block: &HeaderBlock, emit: &mut Vec<CallRecord>) {
        match direction {
            Direction::ClientToServer => self.client_headers(block, emit),
            Direction::ServerToClient => self.server_headers(block, emit),
        }
    }

    /// The content of one DATA frame on the call's stream.
    ///
    /// # Errors
    /// A Compressed-Flag that is neither 0 nor 1.
    pub(super) fn data(
        &mut self,
        direction: Direction,
        data: Bytes,
        budget: &mut Budget,
        emit: &mut Vec<CallRecord>,
    ) -> Result<(), u8> {
        let mut records = Vec::new();
        let read = match direction {
            Direction::ClientToServer => self.requests.push(data, budget, |message| {
                records.push(CallEvent::ClientMessage(message));
            }),
            Direction::ServerToClient if self.answered => self.responses.push(data, budget, |message| {
                records.push(CallEvent::ServerMessage(message));
            }),
            // The body of an answer that is not gRPC, such as the text of a 415.
            Direction::ServerToClient => Ok(()),
        };
        for event in records {
            self.step(event, emit);
        }
        read
    }

    /// END_STREAM of one direction.
    pub(super) fn end(&mut self, direction: Direction, emit: &mut Vec<CallRecord>) {
        match direction {
            Direction::ClientToServer if !self.client_ended => {
                self.client_ended = true;
                self.step(CallEvent::ClientHalfClose, emit);
            }
            Direction::ClientToServer => {}
            Direction::ServerToClient => self.server_ended = true,
        }
    }

    /// RST_STREAM. After the trailers it only stops a client that still sends (rule 40), so it cancels nothing.
    pub(super) fn reset(&mut self, code: ErrorCode, emit: &mut Vec<CallRecord>) {
        if !self.server_ended {
            self.step(CallEvent::Cancel { error_code: code.number() }, emit);
        }
        self.client_ended = true;
        self.server_ended = true;
    }

    /// Gives back the memory of unfinished messages.
    pub(super) fn release(&mut self, budget: &mut Budget) {
        self.requests.release(budget);
        self.responses.release(budget);
    }

    fn client_headers(&mut self, block: &HeaderBlock, emit: &mut Vec<CallRecord>) {
        // Later blocks of a client are trailers, which gRPC does not define.
        if self.steps == 0 {
            let timeout = block.value("grpc-timeout").and_then(|value| Timeout::parse(value).ok());
            let event = CallEvent::ClientHeader {
                authority: block.text(":authority"),
                timeout: timeout.map(Timeout::duration),
                metadata: metadata(block),
            };
            self.step(event, emit);
        }
        if block.end_stream {
            self.end(Direction::ClientToServer, emit);
        }
    }

    fn server_headers(&mut self, block: &HeaderBlock, emit: &mut Vec<CallRecord>) {
        let is_informational = block.value(":status").is_some_and(|status| status.starts_with(b"1"));
        if block.end_stream {
            self.end(Direction::ServerToClient, emit);
            self.step(trailer(block), emit);
        } else if !is_informational && !self.answered && has_grpc_content(block) {
            self.answered = true;
            self.step(CallEvent::ServerHeader { metadata: metadata(block) }, emit);
        }
    }

    fn step(&mut self, event: CallEvent, emit: &mut Vec<CallRecord>) {
        self.steps = self.steps.saturating_add(1);
        emit.push(CallRecord {
            call_id: self.id,
            sequence: self.steps,
            stream_id: self.stream_id,
            path: Arc::clone(&self.path),
            event,
        });
    }
}

fn trailer(block: &HeaderBlock) -> CallEvent {
    CallEvent::ServerTrailer {
        status: block.text("grpc-status").and_then(|status| status.parse().ok()),
        message: block.value("grpc-message").map(|text| percent::decode(text)).unwrap_or_default(),
        metadata: metadata(block),
    }
}

fn has_grpc_content(block: &HeaderBlock) -> bool {
    block.value("content-type").is_some_and(|value| ContentType::parse(value).is_some())
}

/// Custom-Metadata: what is neither HTTP/2's nor gRPC's own, as gRFC A16 logs it.
fn metadata(block: &HeaderBlock) -> Vec<(Bytes, Bytes)> {
    let custom = block.fields.iter().filter(|field| !is_reserved(&field.name));
    custom.map(|field| (field.name.clone(), field.value.clone())).collect()
}

fn is_reserved(name: &[u8]) -> bool {
    name.starts_with(b":") || name.starts_with(b"grpc-") || RESERVED.contains(&name)
}

/// Octets of a path that is kept for as long as its call is open: the header list that PROTOCOL-HTTP2.md suggests.
const MAX_PATH_LEN: usize = 8 << 10;

const RESERVED: [&[u8]; 4] = [b"te", b"content-type", b"content-length", b"user-agent"];
