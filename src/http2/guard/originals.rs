//! What peers really sent as `:authority`, by stream, until the call is accepted.
//!
//! The guard writes while h2 reads; the server's side takes when h2 hands the stream out, in the order of the streams.
//! A connection whose authorities need no cure never locks.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;

/// The authorities that were cured and not yet taken.
#[derive(Clone, Debug, Default)]
pub(in crate::http2) struct Originals {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    is_used: AtomicBool,
    by_stream: Mutex<VecDeque<(u32, Bytes)>>,
}

impl Originals {
    /// Keeps one for the stream that is being opened.
    pub(super) fn put(&self, stream_id: u32, authority: Bytes) {
        let mut by_stream = self.shared.by_stream.lock().unwrap_or_else(PoisonError::into_inner);
        if by_stream.len() == WAITING_MAX {
            by_stream.pop_front();
        }
        by_stream.push_back((stream_id, authority));
        self.shared.is_used.store(true, Ordering::Relaxed);
    }

    /// What came for this stream; forgets streams before it, which h2 refused.
    pub(in crate::http2) fn take(&self, stream_id: u32) -> Option<Bytes> {
        if !self.shared.is_used.load(Ordering::Relaxed) {
            return None;
        }
        let mut by_stream = self.shared.by_stream.lock().unwrap_or_else(PoisonError::into_inner);
        while by_stream.front().is_some_and(|(id, _)| *id < stream_id) {
            by_stream.pop_front();
        }
        if by_stream.front()?.0 != stream_id {
            return None;
        }
        by_stream.pop_front().map(|(_, authority)| authority)
    }
}

// h2 hands streams out in the poll that reads them: more than a round's frames never wait.
const WAITING_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stream_takes_its_own_once() {
        let originals = Originals::default();
        assert_eq!(originals.take(1), None);
        for id in [1, 5, 7] {
            originals.put(id, Bytes::from(vec![b'/'; 2]));
        }
        assert_eq!(originals.take(3), None);
        assert_eq!(originals.take(5), Some(Bytes::from_static(b"//")));
        assert_eq!((originals.take(5), originals.take(9)), (None, None));
    }

    #[test]
    fn streams_that_nobody_takes_are_forgotten() {
        let originals = Originals::default();
        for id in 0..10_000 {
            originals.put(id, Bytes::new());
        }
        assert_eq!(originals.shared.by_stream.lock().unwrap().len(), WAITING_MAX);
        assert!(originals.take(9_999).is_some());
    }
}
