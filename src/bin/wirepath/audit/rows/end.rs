//! Rows about how a connection ends, as the end that stays sees it.

use std::{io, os::fd::OwnedFd, time::Duration};

use rustix::{event::PollFlags, net::Shutdown};

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    figures, procfs,
    sockets::{self, Listening, Pair},
};

/// "I have no more to say" works alike on both.
pub(super) fn half_close(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = HalfClosed::of(bench, Transport::Tcp)?;
    let unix = HalfClosed::of(bench, Transport::Unix)?;
    Ok(Finding {
        tcp: tcp.to_string(),
        unix: format!("the same: {unix}"),
        experiment: "shutdown(SHUT_WR), then an answer back".to_owned(),
        verdict: Verdict::of(&[
            (tcp.works(), "TCP: the end was not seen, or no answer came back"),
            (unix.works(), "Unix socket: the end was not seen, or no answer came back"),
        ]),
    })
}

/// A peer that closes before it has read all resets the connection, after what it had sent.
pub(super) fn unread_close(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = after_unread_close(bench, Transport::Tcp)?;
    let unix = after_unread_close(bench, Transport::Unix)?;
    let reset = ["4 B", "ECONNRESET", "EPIPE"];
    Ok(Finding {
        tcp: format!("read {}, read {}, write {}", tcp[0], tcp[1], tcp[2]),
        unix: format!("the same: read {}, read {}, write {}", unix[0], unix[1], unix[2]),
        experiment: "peer sends 4 B, closes with 4 B unread".to_owned(),
        verdict: Verdict::of(&[
            (tcp == reset, "TCP did not deliver and then reset"),
            (unix == reset, "the Unix socket did not deliver and then reset"),
        ]),
    })
}

/// TCP finds out that nobody is there by writing; a Unix socket knows.
pub(super) fn write_after_close(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = writes_after_close(bench, Transport::Tcp)?;
    let unix = writes_after_close(bench, Transport::Unix)?;
    Ok(Finding {
        tcp: format!("first {}, second {}", tcp[0], tcp[1]),
        unix: format!("first {}, second {}", unix[0], unix[1]),
        experiment: "peer closes, then two writes of 4 B".to_owned(),
        verdict: Verdict::of(&[
            (tcp == ["ok", "EPIPE"], "TCP did not accept the first write and refuse the second"),
            (unix == ["EPIPE", "EPIPE"], "the Unix socket did not refuse the first write with EPIPE"),
        ]),
    })
}

/// A closed TCP connection stays in the kernel for a minute; a Unix one is gone.
pub(super) fn time_wait(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Listening::open(bench, Transport::Tcp)?;
    let unix = Listening::open(bench, Transport::Unix)?;
    for listening in [&tcp, &unix] {
        for _ in 0..CLOSES {
            let pair = listening.pair()?;
            drop(pair.client);
            sockets::recv(&pair.server, &mut [0])?;
        }
    }
    let port = tcp.address().port();
    let mut lines = procfs::tcp_lines()?;
    lines.retain(|line| line.state == procfs::TIME_WAIT && Some(line.remote_port) == port);
    let waiting = lines.len();
    let longest = lines.iter().map(|line| line.timer).max().unwrap_or_default();
    // One line is the listener's own.
    let path = unix.address().path();
    let left =
        procfs::unix_lines()?.iter().filter(|line| line.path.as_deref() == path).count().saturating_sub(1);
    Ok(Finding {
        tcp: format!("{waiting} of {CLOSES} in TIME_WAIT, for {:.0} s", longest.as_secs_f64()),
        unix: format!("{left} of {CLOSES} left"),
        experiment: format!("{CLOSES} connections closed by the client, /proc/net"),
        verdict: Verdict::of(&[
            (waiting > 0, "no closed TCP connection is in TIME_WAIT"),
            (left == 0, "closed Unix connections are still in /proc/net/unix"),
        ]),
    })
}

/// What the other end sees of a half close.
struct HalfClosed {
    told: bool,
    read: String,
    answered: String,
}

impl HalfClosed {
    fn of(bench: &Bench<'_>, transport: Transport) -> io::Result<Self> {
        let pair = Pair::open(bench, transport)?;
        rustix::net::shutdown(&pair.client, Shutdown::Write)?;
        let told = sockets::poll(&pair.server, PollFlags::RDHUP, SOON)?.contains(PollFlags::RDHUP);
        let read = read(&pair.server);
        sockets::send(&pair.server, ANSWER)?;
        Ok(Self { told, read, answered: self::read(&pair.client) })
    }

    fn works(&self) -> bool {
        self.told && self.read == figures::END && self.answered == "4 B"
    }
}

impl std::fmt::Display for HalfClosed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = if self.told { "POLLRDHUP" } else { "no event" };
        write!(f, "{told}, {}; {} come back the other way", self.read, self.answered)
    }
}

fn after_unread_close(bench: &Bench<'_>, transport: Transport) -> io::Result<[String; 3]> {
    let Pair { client, server } = Pair::open(bench, transport)?;
    sockets::send(&client, ANSWER)?;
    // What is not there yet is not unread.
    sockets::poll(&server, PollFlags::IN, SOON)?;
    sockets::send(&server, ANSWER)?;
    drop(server);
    sockets::poll(&client, PollFlags::HUP, SOON)?;
    Ok([read(&client), read(&client), figures::outcome(&sockets::send(&client, ANSWER))])
}

fn writes_after_close(bench: &Bench<'_>, transport: Transport) -> io::Result<[String; 2]> {
    let Pair { client, server } = Pair::open(bench, transport)?;
    drop(server);
    sockets::poll(&client, PollFlags::RDHUP, SOON)?;
    let first = figures::outcome(&sockets::send(&client, ANSWER));
    // The reset that answers the first write of TCP.
    sockets::poll(&client, PollFlags::HUP, SOON)?;
    Ok([first, figures::outcome(&sockets::send(&client, ANSWER))])
}

fn read(fd: &OwnedFd) -> String {
    figures::outcome_of_read(&sockets::recv(fd, &mut [0; 64]))
}

/// Connections closed to look for what they leave.
const CLOSES: usize = 10;
/// How long an event on loopback may take on a busy machine.
const SOON: Duration = Duration::from_millis(500);
/// What is sent.
const ANSWER: &[u8] = b"data";
