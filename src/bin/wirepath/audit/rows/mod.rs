//! The experiments behind "what the socket replaces".
//!
//! Each states what TCP and what a Unix socket does, tries both in this very run and weighs the claim. Every socket is
//! our own: TCP ones on 127.0.0.1 at a port the kernel picks, Unix ones in the bench's private directory. No
//! experiment needs privileges, and none leaves anything behind. They block: run them outside of any async task.

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
mod measured;
mod names;
mod options;
mod ownership;
mod passing;
mod pinned;
mod procfs;
mod sockets;
mod spoken;
mod stats;
mod table;
mod talk;

pub(crate) use bench::{Bench, Calls, Load, RequestFields, Transport};
pub(crate) use child::hold_stdin;
pub(crate) use table::EXPERIMENTS;

use std::io;

use super::row::{Row, Verdict};

/// One claim and the way to try it.
pub(crate) struct Experiment {
    /// The short name that `--rows` takes.
    pub(crate) name: &'static str,
    /// What the row is about, for a reader.
    pub(crate) title: &'static str,
    /// What TCP is said to do.
    pub(crate) tcp: &'static str,
    /// What the Unix socket is said to do.
    pub(crate) unix: &'static str,
    /// Tries it on both transports.
    run: fn(&Bench<'_>) -> io::Result<Finding>,
}

/// What an experiment hands back: its row without name and number, with the figures of this run.
struct Finding {
    tcp: String,
    unix: String,
    experiment: String,
    verdict: Verdict,
}

impl Experiment {
    /// Makes the experiment.
    ///
    /// One that fails to run proves nothing either way: its row is the bare claim, `not here` with the error.
    pub(crate) fn row(&self, bench: &Bench<'_>) -> Row {
        let finding = (self.run)(bench).unwrap_or_else(|error| Finding {
            tcp: self.tcp.to_owned(),
            unix: self.unix.to_owned(),
            experiment: "not tried".to_owned(),
            verdict: Verdict::NotHere(figures::cause(&error)),
        });
        Row {
            name: self.name,
            row: self.number(),
            tcp: finding.tcp,
            unix: finding.unix,
            experiment: finding.experiment,
            verdict: finding.verdict,
        }
    }

    /// The running number of its row, from 1: its place in [`EXPERIMENTS`].
    pub(crate) fn number(&self) -> u8 {
        let before = EXPERIMENTS.iter().take_while(|experiment| experiment.name != self.name).count();
        u8::try_from(before + 1).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests;
