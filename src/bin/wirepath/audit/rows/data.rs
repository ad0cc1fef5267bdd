//! Rows about bytes on their way: are small writes joined, and who else can see a connection.

use std::{io, os::fd::OwnedFd, time::Duration};

use rustix::{event::PollFlags, net::SendFlags};

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    figures,
    procfs::{self, TcpLine, UnixLine},
    sockets::{self, Listening, Pair},
};

/// TCP holds back what a program says it will continue; a Unix socket passes each write on at once.
pub(super) fn merging(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = readable_after_each(bench, Transport::Tcp)?;
    let unix = readable_after_each(bench, Transport::Unix)?;

    let pair = Pair::open(bench, Transport::Unix)?;
    let buffer = rustix::net::sockopt::socket_send_buffer_size(&pair.client)?;
    let singles = sockets::fill(&pair.client, 1, buffer)?;

    let at_once = |readable: &[u64]| readable.iter().filter(|&&count| count > 0).count();
    let last = |readable: &[u64]| readable.last().copied().unwrap_or(0);
    let all: Vec<u64> = (1..=WRITES as u64).collect();
    Ok(Finding {
        tcp: format!(
            "joined: {} of {WRITES} writes held back, then all {} readable",
            WRITES - at_once(&tcp),
            last(&tcp)
        ),
        unix: format!(
            "not joined: {} of {WRITES} readable at once; each 1 B write takes {} of {}",
            at_once(&unix),
            figures::bytes(buffer / singles.max(1)),
            figures::bytes(buffer)
        ),
        experiment: "writes of 1 B, all but the last with MSG_MORE".to_owned(),
        verdict: Verdict::of(&[
            (at_once(&tcp) == 1, "TCP passed on bytes that were to be continued"),
            (last(&tcp) == WRITES as u64, "TCP lost the bytes it joined"),
            (unix == all, "the Unix socket held back bytes"),
            (buffer / singles.max(1) > 100, "the Unix socket stores single bytes without overhead"),
        ]),
    })
}

/// A TCP connection shows addresses, state and queues to all; a Unix socket its path and little more.
pub(super) fn visibility(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Listening::open(bench, Transport::Tcp)?;
    let unix = Listening::open(bench, Transport::Unix)?;
    let (tcp_pair, unix_pair) = (tcp.pair()?, unix.pair()?);
    sockets::send(&tcp_pair.client, &[0; UNREAD])?;
    sockets::send(&unix_pair.client, &[0; UNREAD])?;

    let tcp_lines = procfs::tcp_lines()?;
    let tcp_line = |fd: &OwnedFd| inode(fd).map(|inode| tcp_lines.iter().find(|line| line.inode == inode));
    let (tcp_client, tcp_server) = (tcp_line(&tcp_pair.client)?, tcp_line(&tcp_pair.server)?);
    let (Some(tcp_client), Some(tcp_server)) = (tcp_client, tcp_server) else {
        return Err(io::Error::other("our TCP connection is not in /proc/net/tcp"));
    };

    let unix_lines = procfs::unix_lines()?;
    let unix_line = |fd: &OwnedFd| inode(fd).map(|inode| unix_lines.iter().find(|line| line.inode == inode));
    let (Some(unix_client), Some(unix_server)) =
        (unix_line(&unix_pair.client)?, unix_line(&unix_pair.server)?)
    else {
        return Err(io::Error::other("our Unix connection is not in /proc/net/unix"));
    };

    Ok(Finding {
        tcp: format!(
            "both ends with their ports ({}, {}), state, {} B unread",
            tcp_client.local_port, tcp_server.local_port, tcp_server.unread
        ),
        unix: format!(
            "server end: {}; client end: {}; no peer, no queue",
            path_or_none(unix_server),
            path_or_none(unix_client)
        ),
        experiment: format!("{UNREAD} B unread, both ends looked up by inode"),
        verdict: Verdict::of(&[
            (names_its_peer(tcp_client, tcp_server), "/proc/net/tcp does not name the peer"),
            (tcp_server.unread == UNREAD, "/proc/net/tcp does not tell what is unread"),
            (unix_server.path.as_deref() == unix.address().path(), "/proc/net/unix hides the path"),
            (unix_client.path.is_none(), "the client's end has a name"),
        ]),
    })
}

/// How many bytes can be read after each of the writes of one byte.
fn readable_after_each(bench: &Bench<'_>, transport: Transport) -> io::Result<Vec<u64>> {
    let pair = Pair::open(bench, transport)?;
    let mut readable = Vec::with_capacity(WRITES);
    for write in 1..=WRITES {
        let more = if write < WRITES { SendFlags::MORE } else { SendFlags::empty() };
        rustix::net::send(&pair.client, &[0], more | SendFlags::NOSIGNAL)?;
        if write == WRITES {
            sockets::poll(&pair.server, PollFlags::IN, Duration::from_millis(500))?;
        }
        readable.push(rustix::io::ioctl_fionread(&pair.server)?);
    }
    Ok(readable)
}

fn names_its_peer(client: &TcpLine, server: &TcpLine) -> bool {
    (client.local_port, client.remote_port) == (server.remote_port, server.local_port)
}

fn path_or_none(line: &UnixLine) -> &'static str {
    if line.path.is_some() { "its path" } else { "no name" }
}

fn inode(fd: &OwnedFd) -> io::Result<u64> {
    Ok(rustix::fs::fstat(fd)?.st_ino)
}

/// Writes of one byte that are watched.
const WRITES: usize = 10;
/// Bytes left unread while /proc is looked at.
const UNREAD: usize = 5;
