//! Rows about how much the kernel holds between sender and reader, and when it takes more.

use std::{io, time::Duration};

use rustix::event::PollFlags;

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    figures,
    sockets::{self, MOST, Pair},
};

/// TCP joins writes and grows its buffers; a Unix socket pays for every write with a buffer of its own.
pub(super) fn capacity(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = capacities(bench, Transport::Tcp)?;
    let unix = capacities(bench, Transport::Unix)?;
    Ok(Finding {
        tcp: listed(&tcp),
        unix: listed(&unix),
        experiment: "writes of one size until EAGAIN, nobody reads".to_owned(),
        verdict: Verdict::of(&[
            (unix.iter().all(|&taken| taken < MOST), "the Unix socket never said EAGAIN"),
            (unix[0] * 100 < unix[SIZES.len() - 1], "the Unix socket takes 1 B writes as well as large ones"),
            (tcp[0] >= MOST_SINGLE.min(tcp[SIZES.len() - 1] / 100), "TCP does not join writes of 1 B"),
        ]),
    })
}

/// TCP is writable again after a third is read; a Unix socket after three quarters.
pub(super) fn writability(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Drained::of(bench, Transport::Tcp)?;
    let unix = Drained::of(bench, Transport::Unix)?;
    Ok(Finding {
        tcp: format!("once {} are read", tcp),
        unix: format!("once {} are read", unix),
        experiment: "full by 4 KiB writes, read until POLLOUT".to_owned(),
        verdict: Verdict::of(&[
            (unix.percent() >= 60.0, "the Unix socket was writable before 60 % was read"),
            (tcp.percent() < unix.percent(), "TCP had to be drained as far as the Unix socket"),
        ]),
    })
}

fn capacities(bench: &Bench<'_>, transport: Transport) -> io::Result<[usize; SIZES.len()]> {
    let mut taken = [0; SIZES.len()];
    for (taken, (size, _)) in taken.iter_mut().zip(SIZES) {
        let most = if size == 1 { MOST_SINGLE } else { MOST };
        *taken = sockets::fill(&Pair::open(bench, transport)?.client, size, most)?;
    }
    Ok(taken)
}

/// `1 B: 278, 64 B: 17,792, ..`.
fn listed(taken: &[usize; SIZES.len()]) -> String {
    let cells = taken.iter().zip(SIZES).map(|(&taken, (size, name))| {
        let more = if size == 1 && taken >= MOST_SINGLE { "over " } else { "" };
        format!("{name}: {more}{}", figures::count_of(taken))
    });
    cells.collect::<Vec<_>>().join(", ")
}

/// How much of what a full socket held was read before it was writable again.
struct Drained {
    held: usize,
    read: usize,
}

impl Drained {
    fn of(bench: &Bench<'_>, transport: Transport) -> io::Result<Self> {
        let pair = Pair::open(bench, transport)?;
        let held = sockets::fill(&pair.client, CHUNK, MOST)?;
        let mut read = 0;
        while read + CHUNK <= held && !is_writable(&pair)? {
            sockets::drain(&pair.server, CHUNK)?;
            read += CHUNK;
        }
        Ok(Self { held, read })
    }

    fn percent(&self) -> f64 {
        self.read as f64 * 100.0 / self.held.max(1) as f64
    }
}

impl std::fmt::Display for Drained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of {} ({:.0} %)",
            figures::count_of(self.read),
            figures::bytes(self.held),
            self.percent()
        )
    }
}

fn is_writable(pair: &Pair) -> io::Result<bool> {
    Ok(sockets::poll(&pair.client, PollFlags::OUT, Duration::ZERO)?.contains(PollFlags::OUT))
}

/// The sizes of writes and how they are printed.
const SIZES: [(usize, &str); 6] =
    [(1, "1 B"), (64, "64 B"), (1024, "1 KiB"), (4096, "4 KiB"), (16_384, "16 KiB"), (65_536, "64 KiB")];
/// Where filling by single bytes ends: TCP would take a million of them.
const MOST_SINGLE: usize = 65_536;
/// The size of a write and of a read of the row on writability.
const CHUNK: usize = 4096;
