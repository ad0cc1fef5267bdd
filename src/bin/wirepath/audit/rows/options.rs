//! Rows about socket options: which exist, and whose buffer decides.

use std::{fmt, io, os::fd::OwnedFd};

use rustix::net::sockopt;

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    figures,
    sockets::{self, Listening, Pair},
};

/// What TCP needs tuned (Nagle's delay, how long to wait for a lost peer) has no counterpart to tune.
pub(super) fn of_tcp(bench: &Bench<'_>) -> io::Result<Finding> {
    let set = |transport| {
        let pair = Pair::open(bench, transport)?;
        let nodelay = sockopt::set_tcp_nodelay(&pair.client, true).map_err(io::Error::from);
        let timeout = sockopt::set_tcp_user_timeout(&pair.client, 20_000).map_err(io::Error::from);
        Ok::<_, io::Error>((figures::outcome(&nodelay), figures::outcome(&timeout)))
    };
    let tcp = set(Transport::Tcp)?;
    let unix = set(Transport::Unix)?;
    let both = |errno: &str, got: &(String, String)| got.0 == errno && got.1 == errno;
    Ok(Finding {
        tcp: format!("NODELAY {}, USER_TIMEOUT {}", tcp.0, tcp.1),
        unix: format!("NODELAY {}, USER_TIMEOUT {}: not needed", unix.0, unix.1),
        experiment: "setsockopt on a connection of each".to_owned(),
        verdict: Verdict::of(&[
            (both("ok", &tcp), "TCP refused its own options"),
            (both("EOPNOTSUPP", &unix), "the Unix socket did not refuse with EOPNOTSUPP"),
        ]),
    })
}

/// Over TCP both ends' buffers bound what is under way; over a Unix socket the sender's alone.
pub(super) fn of_buffers(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Capacities::of(bench, Transport::Tcp)?;
    let unix = Capacities::of(bench, Transport::Unix)?;
    Ok(Finding {
        tcp: tcp.to_string(),
        unix: unix.to_string(),
        experiment: format!("writes of {} until EAGAIN, buffers set before", figures::bytes(WRITE)),
        verdict: Verdict::of(&[
            (tcp.small_sender < tcp.default / 2, "TCP ignores the sender's SO_SNDBUF"),
            (tcp.small_both < tcp.small_sender, "TCP ignores the receiver's SO_RCVBUF"),
            (unix.small_sender < unix.default / 2, "the Unix socket ignores the sender's SO_SNDBUF"),
            (unix.small_both == unix.small_sender, "the receiver's SO_RCVBUF bounds the Unix socket"),
        ]),
    })
}

/// What a connection takes while nobody reads, in bytes.
struct Capacities {
    default: usize,
    small_sender: usize,
    small_both: usize,
}

impl Capacities {
    fn of(bench: &Bench<'_>, transport: Transport) -> io::Result<Self> {
        let fill = |pair: &Pair| sockets::fill(&pair.client, WRITE, sockets::MOST);
        let shrink_sender = |pair: &Pair| sockopt::set_socket_send_buffer_size(&pair.client, SMALL);
        let shrink_receiver = |fd: &OwnedFd| Ok(sockopt::set_socket_recv_buffer_size(fd, SMALLEST)?);

        let default = fill(&Pair::open(bench, transport)?)?;

        let pair = Pair::open(bench, transport)?;
        shrink_sender(&pair)?;
        let small_sender = fill(&pair)?;

        // An accepted TCP socket takes over the listener's buffer, a Unix one has its own: both are set.
        let pair = Listening::open_with(bench, transport, 1, shrink_receiver)?.pair()?;
        shrink_receiver(&pair.server)?;
        shrink_sender(&pair)?;
        let small_both = fill(&pair)?;
        Ok(Self { default, small_sender, small_both })
    }
}

impl fmt::Display for Capacities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [default, sender, both] = [self.default, self.small_sender, self.small_both].map(figures::bytes);
        write!(f, "{default}; SO_SNDBUF 32 KiB: {sender}; and SO_RCVBUF 4 KiB: {both}")
    }
}

/// The sender's buffer, below any default; the kernel doubles it.
const SMALL: usize = 32 * 1024;
/// The receiver's buffer, below that.
const SMALLEST: usize = 4 * 1024;
/// The size of the writes that fill them.
const WRITE: usize = 16 * 1024;
