//! Rows about connecting: what it costs, and what a full backlog does to it.

use std::{
    io,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{event::PollFlags, io::ioctl_fionbio};

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    figures, lo,
    sockets::{self, Listening},
    stats::{self, Ratio},
};

/// Three packets through the loopback device and its softirq, against one call into the kernel.
pub(super) fn cost(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Listening::open(bench, Transport::Tcp)?;
    let unix = Listening::open(bench, Transport::Unix)?;
    let (tcp_packets, unix_packets) = (packets(&tcp)?, packets(&unix)?);

    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rounds.push((seconds(&unix)?, seconds(&tcp)?));
    }
    let (unix_times, tcp_times): (Vec<_>, Vec<_>) = rounds.iter().copied().unzip();
    let each =
        |times: &[f64]| figures::span(Duration::from_secs_f64(stats::median(times) / f64::from(PER_ROUND)));
    let ratio = Ratio::of(rounds.into_iter());

    Ok(Finding {
        tcp: format!("{tcp_packets} packets, {}", each(&tcp_times)),
        unix: format!("{unix_packets} packets, {}", each(&unix_times)),
        experiment: format!("{} connects, counter of lo; time unix/tcp {ratio}", ROUNDS as u32 * PER_ROUND),
        verdict: match (unix_packets == 0.0, tcp_packets >= 3.0) {
            (true, true) => ratio.less("time"),
            (true, false) => Verdict::Differs("TCP connects with fewer than 3 packets".to_owned()),
            (false, _) => Verdict::NotHere(lo::BUSY.to_owned()),
        },
    })
}

/// A full backlog keeps a TCP client waiting for its next SYN; a Unix client is told at once.
pub(super) fn backlog(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Listening::open_with(bench, Transport::Tcp, 1, |_| Ok(()))?;
    let unix = Listening::open_with(bench, Transport::Unix, 1, |_| Ok(()))?;

    let _queued = (tcp.connect()?, tcp.connect()?, unix.connect()?, unix.connect()?);
    let start = Instant::now();
    let (third_unix, refusal) = begin(&unix)?;
    let told = start.elapsed();

    let start = Instant::now();
    let (third_tcp, pending) = begin(&tcp)?;
    let still_out = sockets::poll(&third_tcp, PollFlags::OUT, PAUSE)?.is_empty();

    let _room = (tcp.accept()?, unix.accept()?);
    let again = unix.address().connect_by(&third_unix);
    let connected = !sockets::poll(&third_tcp, PollFlags::OUT, SYN_AGAIN * 3)?.is_empty();
    let waited = start.elapsed();

    Ok(Finding {
        tcp: format!(
            "{}: the third waits; connected after {}",
            figures::outcome(&pending),
            figures::span(waited)
        ),
        unix: format!(
            "{}: the third is told after {}; tried again: {}",
            figures::outcome(&refusal),
            figures::span(told),
            figures::outcome(&again)
        ),
        experiment: format!("backlog 1, 3 connects, room after {}", figures::span(PAUSE)),
        verdict: Verdict::of(&[
            (figures::outcome(&refusal) == "EAGAIN", "the third Unix connect did not fail with EAGAIN"),
            (again.is_ok(), "the Unix connect failed although there was room"),
            (figures::outcome(&pending) == "EINPROGRESS", "the third TCP connect was not left in progress"),
            (still_out, "the third TCP connect did not wait"),
            (connected, "the third TCP connect never came through"),
            (waited > SYN_AGAIN / 2, "the third TCP connect did not wait for its second SYN"),
        ]),
    })
}

/// Packets of one connect, the connections being kept until all are counted.
fn packets(listening: &Listening) -> io::Result<f64> {
    let mut pairs = Vec::new();
    let packets = lo::packets_during(ROUNDS, || {
        pairs.push(listening.pair()?);
        Ok(())
    })?;
    pairs.into_iter().try_for_each(|pair| sockets::close_without_trace(pair.client))?;
    Ok(packets)
}

/// The time of a round of connects.
fn seconds(listening: &Listening) -> io::Result<f64> {
    let mut took = Duration::ZERO;
    for _ in 0..PER_ROUND {
        let start = Instant::now();
        let client = listening.connect()?;
        took += start.elapsed();
        let _server = listening.accept()?;
        sockets::close_without_trace(client)?;
    }
    Ok(took.as_secs_f64())
}

/// Begins to connect without waiting.
fn begin(listening: &Listening) -> io::Result<(OwnedFd, io::Result<()>)> {
    let fd = listening.address().socket()?;
    ioctl_fionbio(&fd, true)?;
    let outcome = listening.address().connect_by(&fd);
    Ok((fd, outcome))
}

/// Rounds of connects.
const ROUNDS: usize = 25;
/// Connects of a round.
const PER_ROUND: u32 = 16;
/// How long the third connect is watched before there is room for it.
const PAUSE: Duration = Duration::from_millis(50);
/// After how long a SYN that was dropped is sent again (RFC 6298, section 2).
const SYN_AGAIN: Duration = Duration::from_secs(1);
