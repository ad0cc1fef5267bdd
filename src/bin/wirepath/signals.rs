//! SIGINT, SIGTERM and SIGHUP as a future. The handlers stand from [`Signals::install`] on, before anyone waits for them.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Interrupt;

/// The signals' handlers, installed.
#[derive(Debug)]
pub(crate) struct Signals {
    hup: Signal,
    int: Signal,
    term: Signal,
}

impl Signals {
    /// Installs the handlers; needs a tokio runtime with I/O.
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Signals {
            hup: signal(SignalKind::hangup())?,
            int: signal(SignalKind::interrupt())?,
            term: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for any; one that came since `install` counts.
    pub(crate) async fn next(&mut self) -> Interrupt {
        tokio::select! {
            _ = self.hup.recv() => Interrupt::Hup,
            _ = self.int.recv() => Interrupt::Int,
            _ = self.term.recv() => Interrupt::Term,
        }
    }
}
