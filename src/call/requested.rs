//! A stream that waits for its response, or for the stream that takes its place.
//!
//! Who carries a call's messages also sends the call again where that is right (rule 76). The receiving half only learns
//! which stream to listen to from then on.

use tokio::sync::oneshot;

use crate::{
    http2::{Fate, PendingResponse, RecvHalf},
    wire::Status,
};

/// The receiving half of a call before its Response-Headers.
#[derive(Debug)]
pub(crate) struct Requested {
    response: PendingResponse,
    successor: oneshot::Receiver<Successor>,
}

/// What comes of a call whose stream is gone.
pub(crate) type Successor = Result<Requested, Status>;

impl Requested {
    /// A stream, and the way to hear of another one in its place.
    pub(crate) fn new(response: PendingResponse) -> (Self, oneshot::Sender<Successor>) {
        let (sender, successor) = oneshot::channel();
        (Self { response, successor }, sender)
    }

    /// Waits for Response-Headers, on whichever stream they come.
    pub(crate) async fn response(&mut self) -> Result<(http::Response<()>, RecvHalf), Status> {
        loop {
            let error = match self.response.response().await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if self.response.fate() == Fate::Unknown {
                return Err(error.into());
            }
            match (&mut self.successor).await {
                Ok(successor) => *self = successor?,
                // It was not sent again.
                Err(_) => return Err(error.into()),
            }
        }
    }
}
