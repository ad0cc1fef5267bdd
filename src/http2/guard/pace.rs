//! How much of what the peer has sent h2 sees at a time.
//!
//! h2 handles all frames that it is given before it returns. Given everything, it starves the calls of its own connection,
//! which could answer the first requests while later ones are read, and the other connections of the thread. So after
//! [`FRAMES_PER_ROUND`] frames or [`BYTES_PER_ROUND`] bytes of payload the rest waits for the next round.

/// What is left of a round.
#[derive(Debug)]
pub(super) struct Pace {
    frames_left: usize,
    bytes_left: usize,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { frames_left: FRAMES_PER_ROUND, bytes_left: BYTES_PER_ROUND }
    }

    /// Begins a new round.
    pub(super) fn refill(&mut self) {
        *self = Self::new();
    }

    /// Takes note of a frame that begins.
    pub(super) fn frame(&mut self) {
        self.frames_left = self.frames_left.saturating_sub(1);
    }

    /// Takes note of payload.
    pub(super) fn payload(&mut self, len: usize) {
        self.bytes_left = self.bytes_left.saturating_sub(len);
    }

    /// Whether the next frame belongs to the next round.
    pub(super) fn is_over(&self) -> bool {
        self.frames_left == 0 || self.bytes_left == 0
    }
}

// A unary request is two frames, its answer three: about as many calls as the driver runs in a round.
pub(super) const FRAMES_PER_ROUND: usize = 48;

// Some four frames of the largest size that this library announces.
pub(super) const BYTES_PER_ROUND: usize = 256 * 1024;
