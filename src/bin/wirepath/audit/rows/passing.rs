//! The row about descriptors that a peer sends along with its bytes.
//!
//! A Unix socket carries open files (SCM_RIGHTS). Whoever reads without asking for them gets the bytes alone, and the
//! kernel closes the rest: a peer cannot fill up a server's descriptors.

use std::{
    fs,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags,
    },
};

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    figures,
    sockets::{Address, Pair},
};

/// Descriptors that travel with the bytes of a call are dropped unseen.
pub(super) fn descriptors(bench: &Bench<'_>) -> io::Result<Finding> {
    let over_tcp = Pair::open(bench, Transport::Tcp)?;
    let tcp = send_with_descriptors(&over_tcp.client, b"x").map(drop);
    let arrived = received_by(&over_tcp)?;

    let calls = bench.calls()?;
    let open = || Ok::<_, io::Error>(fs::read_dir(format!("/proc/{}/fd", calls.server_pid()))?.count());
    let connection = Address::Unix(calls.server_path().to_owned()).connect()?;
    let before = open()?;
    send_with_descriptors(&connection, PREFACE)?;
    // SETTINGS come once the preface is read to its end.
    let mut settings = [0; 9];
    rustix::net::recv(&connection, &mut settings, RecvFlags::WAITALL)?;
    let during = open()?;
    Ok(Finding {
        tcp: format!("sendmsg: {}, {arrived} arrived", figures::outcome(&tcp)),
        unix: format!("{SENT} sent, open in the server: {before} before, {during} after"),
        experiment: "SCM_RIGHTS with a client's preface".to_owned(),
        verdict: Verdict::of(&[
            (arrived == 0, "TCP carried a descriptor"),
            // The connection itself is one, and the server may have others to open meanwhile.
            (during < before + SENT / 2, "the server keeps descriptors that it was sent"),
        ]),
    })
}

/// Sends bytes and, with them, [`SENT`] copies of the sending socket.
fn send_with_descriptors(fd: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    let copies = [fd.as_fd(); SENT];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SENT))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&copies));
    Ok(rustix::net::sendmsg(fd, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
}

/// How many descriptors came to the server's end of a pair.
fn received_by(pair: &Pair) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SENT))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 1];
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    match rustix::net::recvmsg(&pair.server, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags) {
        Ok(_) | Err(Errno::AGAIN) => {}
        Err(error) => return Err(error.into()),
    }
    let counts = control.drain().map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.count(),
        _ => 0,
    });
    Ok(counts.sum())
}

/// What a client says first (RFC 9113, section 3.4), SETTINGS without a value included.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// How many descriptors go along: the kernel takes 253 with one message.
const SENT: usize = 250;
