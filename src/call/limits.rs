//! How large one message may be, in bytes after decompression.
//!
//! A prefix may promise 4 GiB; the limit is checked on the promise, before anything is kept, and again while a compressed
//! message inflates (rule 20). What nearer levels leave open, farther ones decide: call, method, channel or server.

/// Limits on the size of one message. `None` leaves the decision to the next level; `usize::MAX` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The largest message that is received. 4 MiB unless some level says otherwise, as in the official gRPCs.
    pub max_recv: Option<usize>,
    /// The largest message that is sent. Unlimited unless some level says otherwise.
    pub max_send: Option<usize>,
}

impl Limits {
    /// Nothing decided.
    pub const UNSET: Limits = Limits { max_recv: None, max_send: None };

    /// What is left open here is taken from `farther`.
    pub fn or(self, farther: Limits) -> Limits {
        Limits { max_recv: self.max_recv.or(farther.max_recv), max_send: self.max_send.or(farther.max_send) }
    }

    pub(crate) fn recv_bytes(&self) -> usize {
        self.max_recv.unwrap_or(DEFAULT_MAX_RECV)
    }

    pub(crate) fn send_bytes(&self) -> usize {
        self.max_send.unwrap_or(usize::MAX)
    }
}

// The default of grpc-go, grpc-java and C-core.
const DEFAULT_MAX_RECV: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_level_decides_and_4_mib_is_received_by_default() {
        let (call, channel) =
            (Limits { max_recv: Some(1), max_send: None }, Limits { max_recv: Some(2), max_send: Some(3) });
        assert_eq!(call.or(channel), Limits { max_recv: Some(1), max_send: Some(3) });
        assert_eq!(Limits::UNSET.recv_bytes(), 4 * 1024 * 1024);
        assert_eq!(Limits::UNSET.send_bytes(), usize::MAX);
    }
}
