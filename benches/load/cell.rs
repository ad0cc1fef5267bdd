//! The cells of the ladder: the call shape, the message and how many calls are in flight.

/// One column of the ladder's grid, the same for every peer.
#[derive(Debug)]
pub(crate) struct Cell {
    /// What the report calls it, and what names it between the processes.
    pub(crate) name: &'static str,
    /// Which kind of call.
    pub(crate) shape: Shape,
    /// Bytes of the message's one field.
    pub(crate) message_len: usize,
    /// Calls that the client keeps open at the same time.
    pub(crate) in_flight: usize,
    /// Where both processes run.
    pub(crate) cores: Cores,
}

/// Where the two processes of a run may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// Wherever the system puts them.
    Any,
    /// Both on one. A single call at a time loses nothing by it, since the two take turns, and it shows the work: on two
    /// idle cores most of the time goes into waking them, and the busier peer may win by keeping them awake.
    One,
}

/// The kind of call that a cell makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One message there, the same one back.
    Unary,
    /// One message there, the same one back [`STREAM_LEN`] times.
    ServerStream,
}

/// Every cell, in the order of the report.
pub(crate) const CELLS: [Cell; 5] = [
    unary("unary 128 B x 1", 128, 1),
    Cell { cores: Cores::One, ..unary("unary 128 B x 1, one core", 128, 1) },
    unary("unary 128 B x 64", 128, 64),
    unary("unary 64 KiB x 8", 64 * 1024, 8),
    Cell { shape: Shape::ServerStream, ..unary("server stream 128 B", 128, 1) },
];

/// Messages of one server stream: enough that opening the call does not show.
pub(crate) const STREAM_LEN: usize = 20_000;

/// The cell of that name.
pub(crate) fn named(name: &str) -> Option<&'static Cell> {
    CELLS.iter().find(|cell| cell.name == name)
}

const fn unary(name: &'static str, message_len: usize, in_flight: usize) -> Cell {
    Cell { name, shape: Shape::Unary, message_len, in_flight, cores: Cores::Any }
}
