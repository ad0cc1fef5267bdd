//! Rows about who is at the other end.
//!
//! SO_PEERCRED on a TCP socket is no error: it answers with nobody. Whoever asks must know that the socket is a Unix
//! one. The answer is read through tokio, whose type has room for a pid of 0.

use std::{
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net,
    },
    time::Duration,
};

use rustix::event::PollFlags;
use tokio::net::{UnixStream, unix::UCred};
use wirepath::{Endpoint, transport::Connector};

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    child::Peer,
    sockets::{self, Address, Pair},
};

/// An address says which machine; the kernel vouches for process, user and group.
pub(super) fn peer(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = credentials(Pair::open(bench, Transport::Tcp)?.client)?;
    let calls = bench.calls()?;
    let unix = credentials(Address::Unix(calls.server_path().to_owned()).connect()?)?;
    let (pid, uid) = (unix.pid().unwrap_or(0), unix.uid());
    let our_uid = rustix::process::geteuid().as_raw();
    let tcp_pid = tcp.pid().unwrap_or(0);
    Ok(Finding {
        tcp: format!("an address; SO_PEERCRED says pid {tcp_pid}, uid {}, no error", tcp.uid() as i32),
        unix: format!("pid {pid}, uid {uid}, gid {}: the server's", unix.gid()),
        experiment: format!("SO_PEERCRED of the server, pid {}", calls.server_pid()),
        verdict: match pid {
            0 => Verdict::NotHere("the server is in another pid namespace".to_owned()),
            _ => Verdict::of(&[
                (
                    u32::try_from(pid) == Ok(calls.server_pid()),
                    "the kernel names another process than the server",
                ),
                (uid == our_uid, "the kernel names another user than the one who started the server"),
                (tcp_pid == 0 && tcp.uid() == u32::MAX, "SO_PEERCRED names somebody on TCP"),
            ]),
        },
    })
}

/// The kernel wrote the ids down at connect(): a child that writes on the same socket is not told from its parent.
pub(super) fn after_fork(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Fork::of(bench, Transport::Tcp)?;
    let unix = Fork::of(bench, Transport::Unix)?;
    let ours = std::process::id();
    Ok(Finding {
        tcp: format!("pid {}, before and after", tcp.named),
        unix: format!("pid {}, which connected; pid {} wrote", unix.named, unix.writer),
        experiment: format!("a child writes on the socket of pid {ours}"),
        verdict: match unix.named {
            0 => Verdict::NotHere("the two ends are in different pid namespaces".to_owned()),
            named => Verdict::of(&[
                (named == ours, "the kernel names another process than the one that connected"),
                (unix.writer != ours, "the child is not another process"),
                (tcp.named == 0, "SO_PEERCRED names somebody on TCP"),
            ]),
        },
    })
}

/// A pid is given away again; a pidfd is of one process for ever.
pub(super) fn pidfd(bench: &Bench<'_>) -> io::Result<Finding> {
    let endpoint = Endpoint::Unix(bench.fresh_path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (_client, accepted) = runtime.block_on(async {
        let mut listener = endpoint.listen().await?;
        Ok::<_, io::Error>((endpoint.connect().await?, listener.accept().await?))
    })?;
    let Some(pidfd) = accepted.peer().pidfd() else {
        return Err(io::Error::other("this kernel has no SO_PEERPIDFD"));
    };
    let info = fs::read_to_string(format!("/proc/thread-self/fdinfo/{}", pidfd.as_raw_fd()))?;
    let named = info.lines().find_map(|line| line.strip_prefix("Pid:")).unwrap_or("nobody").trim().to_owned();
    let is_alive = sockets::poll(pidfd, PollFlags::IN, Duration::ZERO)?.is_empty();
    Ok(Finding {
        tcp: "none: an address has no process".to_owned(),
        unix: format!(
            "a descriptor of pid {named}, {}",
            if is_alive { "which lives" } else { "which has ended" }
        ),
        experiment: "SO_PEERPIDFD at accept, then its fdinfo and poll".to_owned(),
        verdict: Verdict::of(&[
            (
                named == std::process::id().to_string(),
                "the pidfd names another process than the one that connected",
            ),
            (is_alive, "the process that connected is told to have ended"),
        ]),
    })
}

/// Who wrote on a connection, and whom the kernel names at its other end.
struct Fork {
    writer: u32,
    named: u32,
}

impl Fork {
    fn of(bench: &Bench<'_>, transport: Transport) -> io::Result<Self> {
        let Pair { client, server } = Pair::open(bench, transport)?;
        let peer = Peer::start(bench, client, &server)?;
        let named = credentials(server)?.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
        Ok(Self { writer: peer.pid(), named })
    }
}

fn credentials(fd: OwnedFd) -> io::Result<UCred> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    let stream = net::UnixStream::from(fd);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)?.peer_cred()
}
