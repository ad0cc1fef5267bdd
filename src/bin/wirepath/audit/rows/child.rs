//! The row about a peer that dies, and the process that dies for it.
//!
//! The second process is this program again. Its stdin is its end of the connection under test, so it needs no
//! address and no protocol; it ends with the connection if nobody kills it.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::PollFlags,
    process::{Pid, Signal, kill_process, set_parent_process_death_signal},
};

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    figures,
    sockets::{self, Pair},
};

/// What the second process does: it writes one byte to its stdin, which is a socket, and reads there until the end.
pub(crate) fn hold_stdin() -> io::Result<()> {
    // While it is stopped, it could not see that we are gone.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The family does not matter: a stream only reads and writes its descriptor.
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    stream.write_all(&[READY])?;
    let mut buffer = [0; 64];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// The kernel closes for the dead on both; a stopped peer is silent on both; only a lost machine is TCP's alone.
pub(super) fn killed_peer(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Death::of(bench, Transport::Tcp)?;
    let unix = Death::of(bench, Transport::Unix)?;
    Ok(Finding {
        tcp: format!("{tcp}; a lost machine is silence until a timeout"),
        unix: format!("{unix}; no machine to lose"),
        experiment: "SIGSTOP, then SIGKILL to a second process".to_owned(),
        verdict: Verdict::of(&[
            (tcp.silent_while_stopped && unix.silent_while_stopped, "a stopped peer was noticed"),
            (unix.outcome == figures::END, "the Unix socket did not end with its peer"),
            (tcp.outcome == figures::END, "the TCP connection did not end with its peer"),
        ]),
    })
}

/// What a peer's death looks like from the other end.
struct Death {
    silent_while_stopped: bool,
    outcome: String,
    took: Duration,
}

impl Death {
    fn of(bench: &Bench<'_>, transport: Transport) -> io::Result<Self> {
        let Pair { client, server } = Pair::open(bench, transport)?;
        let peer = Peer::start(bench, client, &server)?;
        peer.signal(Signal::STOP)?;
        let silent_while_stopped = sockets::poll(&server, ANY_END, STOPPED)?.is_empty();
        let start = Instant::now();
        peer.signal(Signal::KILL)?;
        let read = sockets::recv(&server, &mut [0; 64]);
        let took = start.elapsed();
        let outcome = figures::outcome_of_read(&read);
        Ok(Self { silent_while_stopped, outcome, took })
    }
}

impl std::fmt::Display for Death {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stopped = if self.silent_while_stopped { "silence" } else { "an event" };
        write!(f, "killed: {} after {}; stopped: {stopped}", self.outcome, figures::span(self.took))
    }
}

/// A process that does not outlive the experiment.
pub(super) struct Peer(Child);

impl Peer {
    /// Gives `client` to a second process, and waits until it has written its byte there.
    pub(super) fn start(bench: &Bench<'_>, client: OwnedFd, server: &OwnedFd) -> io::Result<Self> {
        let peer = {
            let mut command = bench.hold()?;
            command.stdin(Stdio::from(client)).stdout(Stdio::null()).stderr(Stdio::null());
            Self(command.spawn()?)
        };
        let mut ready = [0];
        if sockets::recv(server, &mut ready)? != 1 || ready != [READY] {
            return Err(io::Error::other("the second process did not start"));
        }
        Ok(peer)
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.0), signal)?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both fail only for a child that is dead or reaped, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The byte by which the second process says that it runs.
const READY: u8 = b'r';
/// How long a stopped peer is listened to.
const STOPPED: Duration = Duration::from_millis(30);
/// Anything by which an end would be noticed.
const ANY_END: PollFlags = PollFlags::IN.union(PollFlags::RDHUP);
