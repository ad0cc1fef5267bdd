//! Rows about what a target is called: looking a name up, the address the kernel takes, the name sent along.

use std::{io, net::ToSocketAddrs, os::unix::net::UnixListener, time::Instant};

use rustix::io::Errno;

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    figures, procfs,
    sockets::{Address, Listening},
};

/// A host name is looked up in user space; a path is walked by the kernel inside connect().
pub(super) fn resolution(bench: &Bench<'_>) -> io::Result<Finding> {
    let look_up = || ("localhost", 80).to_socket_addrs().map(Iterator::count);
    // The first look-up of a program also loads the resolver's own configuration.
    look_up()?;
    let start = Instant::now();
    let (addresses, tcp_reads) = procfs::reads_of_thread(look_up)?;
    let took = start.elapsed();

    let listening = Listening::open(bench, Transport::Unix)?;
    let link = bench.fresh_path();
    std::os::unix::fs::symlink(listening.address().path().unwrap_or(bench.dir()), &link)?;
    let (connected, unix_reads) = procfs::reads_of_thread(|| Address::Unix(link).connect())?;
    drop(connected);

    Ok(Finding {
        tcp: format!(
            "localhost: {tcp_reads} reads of files, {}, addresses: {addresses}",
            figures::span(took)
        ),
        unix: format!("{unix_reads} reads: connect() walks the path, symlinks too"),
        experiment: "reads this thread made, /proc/thread-self/io".to_owned(),
        verdict: if tcp_reads == 0 && unix_reads == 0 {
            Verdict::NotHere("the resolver answered without reading a file".to_owned())
        } else {
            Verdict::of(&[(unix_reads == 0, "something was read to connect to a path")])
        },
    })
}

/// An address and port of fixed size against a path of at most 107 bytes.
pub(super) fn address(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Listening::open(bench, Transport::Tcp)?;
    let tcp_len = rustix::net::getsockname(&tcp)?.addr_len();
    let tcp_client_len = rustix::net::getsockname(tcp.connect()?)?.addr_len();
    let unnamed_len =
        rustix::net::getsockname(Listening::open(bench, Transport::Unix)?.connect()?)?.addr_len();

    let room = LONGEST_PATH.saturating_sub(bench.dir().as_os_str().len() + 1);
    if room == 0 {
        return Err(io::Error::other("the temporary directory's own path is too long"));
    }
    let path_of = |len: usize| bench.dir().join("p".repeat(room + len - LONGEST_PATH));
    let longest = UnixListener::bind(path_of(LONGEST_PATH));
    let too_long = UnixListener::bind(path_of(LONGEST_PATH + 1));
    let far_too_long = rustix::net::SocketAddrUnix::new(path_of(LONGEST_PATH + 2));

    Ok(Finding {
        tcp: format!("{tcp_len} B (IPv6 28): address and port, the client's too"),
        unix: format!(
            "path of {LONGEST_PATH} B: {}; {} B: refused before the call; client: no name, {unnamed_len} B",
            figures::outcome(&longest),
            LONGEST_PATH + 1,
        ),
        experiment: format!("bind at paths of {LONGEST_PATH} and {} B, getsockname", LONGEST_PATH + 1),
        verdict: Verdict::of(&[
            (longest.is_ok(), "the longest path was refused"),
            (
                too_long.is_err_and(|error| error.kind() == io::ErrorKind::InvalidInput),
                "a path over the limit was not refused as invalid input",
            ),
            (far_too_long == Err(Errno::NAMETOOLONG), "a path that fills sun_path was not too long"),
            (tcp_len == 16 && tcp_client_len == 16, "an IPv4 address is not 16 bytes"),
            (unnamed_len == 2, "the client of a Unix socket has a name"),
        ]),
    })
}

/// The authority names the host that was dialled; a path has no host, and gRPC says `localhost`.
pub(super) fn authority(bench: &Bench<'_>) -> io::Result<Finding> {
    let fields = bench.fields()?;
    let (tcp, tcp_rest) = split_authority(&fields.tcp);
    let (unix, unix_rest) = split_authority(&fields.unix);
    Ok(Finding {
        tcp: format!("{} ({} B)", tcp.unwrap_or("none"), tcp.map_or(0, str::len)),
        unix: format!(
            "{} ({} B); {} other fields are equal",
            unix.unwrap_or("none"),
            unix.map_or(0, str::len),
            { tcp_rest.iter().filter(|field| unix_rest.contains(field)).count() }
        ),
        experiment: "the fields of one call, read below HTTP/2".to_owned(),
        verdict: Verdict::of(&[
            (unix == Some("localhost"), "the authority over the Unix socket is not localhost"),
            (tcp_rest == unix_rest, "the calls differ in more than :authority"),
        ]),
    })
}

/// The `:authority` of a call, and its other fields in order.
fn split_authority(fields: &[(String, String)]) -> (Option<&str>, Vec<&(String, String)>) {
    let (authority, rest) = fields.iter().partition::<Vec<_>, _>(|(name, _)| name == ":authority");
    (authority.first().map(|(_, value)| value.as_str()), rest)
}

/// `sun_path` holds 108 bytes; portable programs keep the last for a NUL.
const LONGEST_PATH: usize = 107;
