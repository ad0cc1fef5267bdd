//! The half of a streaming call that sends messages.
//!
//! A message is encoded when it is sent and leaves with all others that are ready when the connection's task comes by.
//! Sending waits while the peer does not read. Dropping is cancelling: a client that drops the sender before
//! [`MessageSender::finish`] ends the call with RST_STREAM(CANCEL), so that a half-made upload never looks complete.

use std::{mem, pin::pin};

use crate::{
    call::{
        Deadline, MessageEncoder, Outbox,
        outbox::{End, Head},
    },
    http2::{breathe, error_code, worked_on_message},
    wire::{Encoding, EncodingSet, Metadata, Status},
};

/// Sends the messages of one direction of a call.
///
/// On a client [`MessageSender::finish`] says that the request is complete: until then a server that waits for its end
/// waits, and dropping the sender instead cancels the call. On a server the handler's return ends the call.
#[derive(Debug)]
pub struct MessageSender<M> {
    outbox: Outbox,
    encoder: MessageEncoder<M>,
    deadline: Option<Deadline>,
    metadata: Metadata,
    trailers: Metadata,
    side: Side,
}

#[derive(Debug)]
enum Side {
    Client { is_finished: bool },
    Server { accepted: EncodingSet, is_started: bool },
}

impl<M> MessageSender<M> {
    #[cfg(feature = "client")]
    pub(crate) fn client(outbox: Outbox, encoder: MessageEncoder<M>, deadline: Option<Deadline>) -> Self {
        Self::new(outbox, encoder, deadline, Side::Client { is_finished: false })
    }

    #[cfg(feature = "server")]
    pub(crate) fn server(outbox: Outbox, encoder: MessageEncoder<M>, accepted: EncodingSet) -> Self {
        Self::new(outbox, encoder, None, Side::Server { accepted, is_started: false })
    }

    fn new(outbox: Outbox, encoder: MessageEncoder<M>, deadline: Option<Deadline>, side: Side) -> Self {
        Self { outbox, encoder, deadline, metadata: Metadata::new(), trailers: Metadata::new(), side }
    }

    /// Sends a message, compressed if the call is. Waits while 32 KiB are queued.
    ///
    /// # Errors
    /// The message is over the limit (RESOURCE_EXHAUSTED; the call goes on), or the call is over: then the receiving half
    /// knows the status that the peer gave.
    pub async fn send(&mut self, message: M) -> Result<(), Status> {
        self.send_with(message, self.encoder.encoding()).await
    }

    /// Sends a message as it is, also in a call that is compressed: its Compressed-Flag is 0.
    ///
    /// # Errors
    /// As for [`MessageSender::send`].
    pub async fn send_uncompressed(&mut self, message: M) -> Result<(), Status> {
        self.send_with(message, Encoding::Identity).await
    }

    /// Half-closes: no more messages. On a server this only drops the sender; the handler's return ends the call.
    ///
    /// # Errors
    /// The call is over already.
    pub async fn finish(mut self) -> Result<(), Status> {
        self.outbox.check_open()?;
        if let Side::Client { is_finished } = &mut self.side {
            *is_finished = true;
            self.outbox.end(End::HalfClose);
        }
        Ok(())
    }

    /// On a server, Custom-Metadata of Response-Headers, until they are sent: before the first message, or by
    /// [`MessageSender::send_headers`]. A client's metadata went out with its request; what is set here is never sent.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// On a server, Custom-Metadata of Trailers, sent when the handler returns. Without effect on a client.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        &mut self.trailers
    }

    /// On a server, compresses messages from here on, if the client accepts this encoding and Response-Headers are not
    /// sent yet; says whether it does.
    pub fn set_encoding(&mut self, wanted: Encoding) -> bool {
        match &self.side {
            Side::Server { accepted, is_started: false, .. } if accepted.contains(wanted) => {
                self.encoder.set_encoding(wanted);
                true
            }
            _ => self.encoder.encoding() == wanted,
        }
    }

    /// On a server, sends Response-Headers now instead of with the first message.
    pub fn send_headers(&mut self) {
        if let Side::Server { is_started, .. } = &mut self.side
            && !mem::replace(is_started, true)
        {
            let metadata = mem::take(&mut self.metadata);
            self.outbox.start(Head { metadata, encoding: self.encoder.encoding() });
        }
    }

    async fn send_with(&mut self, message: M, encoding: Encoding) -> Result<(), Status> {
        self.send_headers();
        if let Side::Server { .. } = self.side {
            // A handler that sends small messages without end waits for nothing else.
            breathe().await;
            worked_on_message();
            self.outbox.turn().await;
        }
        loop {
            if let Some(pushed) = self.outbox.push(|buf| self.encoder.encode_to(&message, encoding, buf)) {
                return pushed;
            }
            let room = pin!(async {
                self.outbox.room().await;
                Ok(())
            });
            Deadline::bound(self.deadline, room).await?;
        }
    }
}

impl<M> Drop for MessageSender<M> {
    fn drop(&mut self) {
        match self.side {
            Side::Client { is_finished: true } => {}
            Side::Client { is_finished: false } => {
                self.outbox.reset(error_code::CANCEL, Status::cancelled(DROPPED));
            }
            Side::Server { .. } => {
                if !self.metadata.is_empty() {
                    self.send_headers();
                }
                self.outbox.set_trailers(mem::take(&mut self.trailers));
            }
        }
    }
}

/// Why a call is cancelled whose client dropped the sender.
pub(super) const DROPPED: &str = "the sender was dropped before finish()";
