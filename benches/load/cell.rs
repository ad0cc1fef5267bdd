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
}

/// The kind of call that a cell makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One message there, the same one back.
    Unary,
    /// One message there, the same one back [`STREAM_LEN`] times.
    ServerStream,
}

impl Shape {
    /// What the rate of a cell counts.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Unary => "call",
            Self::ServerStream => "message",
        }
    }
}

/// Every cell, in the order of the report.
pub(crate) const CELLS: [Cell; 4] = [
    Cell { name: "unary 128 B x 1", shape: Shape::Unary, message_len: 128, in_flight: 1 },
    Cell { name: "unary 128 B x 64", shape: Shape::Unary, message_len: 128, in_flight: 64 },
    Cell { name: "unary 64 KiB x 8", shape: Shape::Unary, message_len: 64 * 1024, in_flight: 8 },
    Cell { name: "server stream 128 B", shape: Shape::ServerStream, message_len: 128, in_flight: 1 },
];

/// Messages of one server stream: enough that opening the call does not show.
pub(crate) const STREAM_LEN: usize = 20_000;

/// The cell of that name.
pub(crate) fn named(name: &str) -> Option<&'static Cell> {
    CELLS.iter().find(|cell| cell.name == name)
}
