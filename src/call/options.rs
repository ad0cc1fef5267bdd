//! What one call, or all calls of a channel, ask for beyond their message.

use std::time::Duration;

use crate::{
    call::{Deadline, Limits},
    wire::Encoding,
};

/// Bounds and wishes of a call. What a call leaves open, its channel decides.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) limits: Limits,
    pub(crate) encoding: Option<Encoding>,
    pub(crate) wait_for_ready: Option<bool>,
}

impl CallOptions {
    /// No bounds, no wishes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the call up this long after it is made. The server is told by `grpc-timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Gives the call up at this instant. With a timeout as well, the earlier of the two counts.
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the largest message this side accepts, in bytes after decompression.
    pub fn max_recv(mut self, bytes: usize) -> Self {
        self.limits.max_recv = Some(bytes);
        self
    }

    /// Sets the largest message this side sends, in bytes before compression.
    pub fn max_send(mut self, bytes: usize) -> Self {
        self.limits.max_send = Some(bytes);
        self
    }

    /// Compresses the messages this side sends. The encoding's feature has to be compiled in.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// With `true` a call waits for its server to appear, until its deadline; otherwise it fails as UNAVAILABLE when the
    /// first attempt to connect does.
    pub fn wait_for_ready(mut self, wait: bool) -> Self {
        self.wait_for_ready = Some(wait);
        self
    }

    /// What is left open here is taken from `farther`.
    pub(crate) fn or(self, farther: &CallOptions) -> CallOptions {
        CallOptions {
            timeout: self.timeout.or(farther.timeout),
            deadline: self.deadline.or(farther.deadline),
            limits: self.limits.or(farther.limits),
            encoding: self.encoding.or(farther.encoding),
            wait_for_ready: self.wait_for_ready.or(farther.wait_for_ready),
        }
    }

    /// The instant at which a call made now is given up.
    pub(crate) fn deadline_from_now(&self) -> Option<Deadline> {
        Deadline::earlier(self.deadline, self.timeout.map(Deadline::after))
    }
}
