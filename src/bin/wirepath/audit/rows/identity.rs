//! The row about who is at the other end.
//!
//! SO_PEERCRED on a TCP socket is no error: it answers with nobody. Whoever asks must know that the socket is a Unix
//! one. The answer is read through tokio, whose type has room for a pid of 0.

use std::{
    io,
    os::{fd::OwnedFd, unix::net},
};

use tokio::net::{UnixStream, unix::UCred};

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    sockets::{Address, Pair},
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

fn credentials(fd: OwnedFd) -> io::Result<UCred> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    let stream = net::UnixStream::from(fd);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)?.peer_cred()
}
