//! The experiments behind "what the socket replaces", in the order in which they are printed.
//!
//! Each states what TCP and what a Unix socket does, tries both in this very run and weighs the claim. Every socket is
//! our own: TCP ones on 127.0.0.1 at a port the kernel picks, Unix ones in the bench's private directory. No
//! experiment needs privileges, and none leaves anything behind.

mod bench;
mod buffers;
mod calls;
mod child;
mod connect;
mod data;
mod end;
mod figures;
mod files;
mod identity;
mod lo;
mod names;
mod options;
mod procfs;
mod sockets;
mod stats;

pub(crate) use bench::{Bench, Calls, Load, RequestFields, Transport};
pub(crate) use child::hold_stdin;

use std::io;

use super::row::{Row, Verdict};

/// One claim and the way to try it.
pub(crate) struct Experiment {
    /// The short name that `--rows` takes.
    pub(crate) name: &'static str,
    /// What the row is about, for a reader.
    pub(crate) title: &'static str,
    /// Tries it on both transports.
    run: fn(&Bench<'_>) -> io::Result<Finding>,
}

impl Experiment {
    const fn new(
        name: &'static str,
        title: &'static str,
        run: fn(&Bench<'_>) -> io::Result<Finding>,
    ) -> Self {
        Self { name, title, run }
    }

    /// Makes the experiment and numbers its row by its place in [`EXPERIMENTS`].
    ///
    /// An experiment that fails to run proves nothing either way: its row is `not here`, with the error.
    pub(crate) fn row(&self, bench: &Bench<'_>) -> Row {
        let place = EXPERIMENTS.iter().position(|experiment| experiment.name == self.name);
        let finding = (self.run)(bench).unwrap_or_else(|error| Finding {
            tcp: String::new(),
            unix: String::new(),
            experiment: String::new(),
            verdict: Verdict::NotHere(figures::cause(&error)),
        });
        Row {
            name: self.name,
            row: place.map_or(0, |place| place as u8 + 1),
            tcp: finding.tcp,
            unix: finding.unix,
            experiment: finding.experiment,
            verdict: finding.verdict,
        }
    }
}

/// All rows of the table, in print order.
pub(crate) const EXPERIMENTS: &[Experiment] = &[
    Experiment::new("resolution", "name resolution", names::resolution),
    Experiment::new("address", "address and its limit", names::address),
    Experiment::new("connect", "connect", connect::cost),
    Experiment::new("backlog", "backlog full", connect::backlog),
    Experiment::new("stale-file", "stale file", files::stale),
    Experiment::new("permissions", "permissions", files::permissions),
    Experiment::new("authority", ":authority", names::authority),
    Experiment::new("identity", "peer identity", identity::peer),
    Experiment::new("options", "NODELAY, USER_TIMEOUT", options::of_tcp),
    Experiment::new("buffers", "SO_SNDBUF, SO_RCVBUF", options::of_buffers),
    Experiment::new("capacity", "capacity", buffers::capacity),
    Experiment::new("writability", "writable again", buffers::writability),
    Experiment::new("merging", "merging of small writes", data::merging),
    Experiment::new("segments", "segments per call", calls::segments),
    Experiment::new("visibility", "seen in /proc/net", data::visibility),
    Experiment::new("half-close", "half close", end::half_close),
    Experiment::new("unread-close", "close with unread data", end::unread_close),
    Experiment::new("write-after-close", "first write after close", end::write_after_close),
    Experiment::new("killed-peer", "killed peer", child::killed_peer),
    Experiment::new("time-wait", "TIME_WAIT", end::time_wait),
    Experiment::new("rebind", "rebind at once", files::rebind),
    Experiment::new("round-trip", "round trip", calls::round_trip),
    Experiment::new("throughput", "throughput", calls::throughput),
    Experiment::new("cpu", "CPU and context switches", calls::cpu),
];

/// What an experiment hands back: its row without name and number.
struct Finding {
    tcp: String,
    unix: String,
    experiment: String,
    verdict: Verdict,
}

#[cfg(test)]
mod tests;
