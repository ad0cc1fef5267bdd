//! Rows about the file that a Unix listener leaves in the file system: stale, guarded by its mode, bound anew.

use std::{
    fs::{self, Permissions},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{MetadataExt, PermissionsExt},
    },
    path::Path,
    thread,
};

use rustix::{
    net::sockopt,
    process::{Gid, Uid},
    thread::{CapabilitySet, CapabilitySets},
};

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    figures,
    sockets::{self, Address, Listening},
};

/// A port is free once its listener is gone; a file stays and has to be removed.
pub(super) fn stale(bench: &Bench<'_>) -> io::Result<Finding> {
    let gone = |transport| {
        let listening = Listening::open(bench, transport)?;
        // It can be reached while it is there, so that what follows is due to its end.
        sockets::close_without_trace(listening.connect()?)?;
        Ok::<_, io::Error>(listening.address().clone())
    };
    let bind = |address: &Address| figures::outcome(&address.socket().and_then(|fd| address.bind(&fd)));
    let connect = |address: &Address| figures::outcome(&address.connect());

    let tcp = gone(Transport::Tcp)?;
    let (tcp_connect, tcp_bind) = (connect(&tcp), bind(&tcp));

    let unix = gone(Transport::Unix)?;
    let (unix_connect, unix_bind) = (connect(&unix), bind(&unix));
    fs::remove_file(unix.path().unwrap_or(bench.dir()))?;
    let (removed_connect, removed_bind) = (connect(&unix), bind(&unix));

    let claim = Verdict::of(&[
        (tcp_connect == "ECONNREFUSED", "connecting to a port that nobody listens at was not refused"),
        (tcp_bind == "ok", "the port could not be bound anew"),
        (unix_connect == "ECONNREFUSED", "connecting to a stale file was not refused"),
        (unix_bind == "EADDRINUSE", "a stale file did not keep its path in use"),
        (removed_connect == "ENOENT", "connecting to no file was not ENOENT"),
        (removed_bind == "ok", "the path could not be bound once its file was gone"),
    ]);
    Ok(Finding {
        tcp: format!("nothing stays: connect {tcp_connect}, bind {tcp_bind}"),
        unix: format!(
            "the file stays: connect {unix_connect}, bind {unix_bind}; removed: {removed_connect}, {removed_bind}"
        ),
        experiment: "listener closed, then connect and bind there".to_owned(),
        verdict: claim,
    })
}

/// Any local user may dial a port; a path has a mode and a directory.
pub(super) fn permissions(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Listening::open(bench, Transport::Tcp)?;
    let unix = Listening::open(bench, Transport::Unix)?;
    let path = unix.address().path().unwrap_or(bench.dir());
    // Whoever else is refused, we are not.
    drop((tcp.connect()?, unix.connect()?));
    let born = fs::metadata(path)?.mode() & 0o777;
    let mut finding = match as_somebody_else(|| tcp.connect())? {
        Ok(as_other) => permissions_of_others(bench, path, as_other),
        Err(_) => permissions_of_our_own(path),
    }?;
    finding.unix = format!("{born:04o} from bind on; {}", finding.unix);
    if born != 0o600 && finding.verdict == Verdict::Proved {
        finding.verdict = Verdict::Differs(format!("the file was bound with mode {born:04o}"));
    }
    Ok(finding)
}

/// Who closes first keeps a port busy for a minute; a path is free once its file is removed.
pub(super) fn rebind(bench: &Bench<'_>) -> io::Result<Finding> {
    // Linux frees the port only if the socket that left it had SO_REUSEADDR set as well.
    let reuse = |fd: &OwnedFd| Ok(sockopt::set_socket_reuseaddr(fd, true)?);
    let leave = |transport| {
        let listening = Listening::open_with(bench, transport, 1, reuse)?;
        let pair = listening.pair()?;
        drop(pair.server);
        drop(pair.client);
        Ok::<_, io::Error>(listening.address().clone())
    };
    let bind = |address: &Address| Ok::<_, io::Error>(figures::outcome(&address.bind(&address.socket()?)));
    let bind_reusing = |address: &Address| {
        let fd = address.socket()?;
        reuse(&fd)?;
        Ok::<_, io::Error>(figures::outcome(&address.bind(&fd)))
    };
    let tcp = leave(Transport::Tcp)?;
    let (plain, reused) = (bind(&tcp)?, bind_reusing(&tcp)?);

    let unix = leave(Transport::Unix)?;
    let (kept, kept_reused) = (bind(&unix)?, bind_reusing(&unix)?);
    fs::remove_file(unix.path().unwrap_or(bench.dir()))?;
    let removed = bind(&unix)?;

    let claim = Verdict::of(&[
        (plain == "EADDRINUSE", "the port was free although its connection lingers"),
        (reused == "ok", "SO_REUSEADDR did not free the port"),
        (kept == "EADDRINUSE", "the path was free although its file exists"),
        (kept_reused == "EADDRINUSE", "SO_REUSEADDR has an effect on a path"),
        (removed == "ok", "the path was not free once its file was gone"),
    ]);
    Ok(Finding {
        tcp: format!("{plain} (TIME_WAIT); with SO_REUSEADDR {reused}"),
        unix: format!("{kept}, with SO_REUSEADDR {kept_reused}; file removed: {removed}"),
        experiment: "server closes first, then binds again".to_owned(),
        verdict: claim,
    })
}

/// With the right to become another user: the other user tries.
fn permissions_of_others(bench: &Bench<'_>, path: &Path, tcp: String) -> io::Result<Finding> {
    let attempt = || {
        as_somebody_else(|| Address::Unix(path.to_owned()).connect()).map(|tried| tried.unwrap_or_default())
    };
    fs::set_permissions(bench.dir(), Permissions::from_mode(0o700))?;
    fs::set_permissions(path, Permissions::from_mode(0o666))?;
    let behind_0700 = attempt()?;
    let (open, closed) = {
        let _searchable = Searchable::make(bench.dir())?;
        let open = attempt()?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        (open, attempt()?)
    };
    Ok(Finding {
        tcp: format!("no mode: uid {NOBODY} connects, {tcp}"),
        unix: format!("uid {NOBODY}: {closed}; 0666 in a directory of 0700: {behind_0700}"),
        experiment: format!("connects of uid {NOBODY}; with 0711 and 0666: {open}"),
        verdict: match open.as_str() {
            "ok" => Verdict::of(&[
                (closed == "EACCES", "mode 0600 did not keep another user out"),
                (behind_0700 == "EACCES", "a directory of 0700 did not keep another user out"),
                (tcp == "ok", "another user could not connect over TCP"),
            ]),
            _ => {
                Verdict::NotHere(format!("uid {NOBODY} cannot reach the temporary directory at all: {open}"))
            }
        },
    })
}

/// Without that right: we take the mode from our own file.
fn permissions_of_our_own(path: &Path) -> io::Result<Finding> {
    let attempt = || without_privileges(|| Address::Unix(path.to_owned()).connect());
    let open = attempt()?;
    fs::set_permissions(path, Permissions::from_mode(0o000))?;
    let closed = attempt()?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(Finding {
        tcp: "no file, no mode: any local user connects".to_owned(),
        unix: format!("at mode 0000 not even its owner: {closed}"),
        experiment: format!("our own file without its mode; with 0600: {open}"),
        verdict: Verdict::of(&[
            (closed == "EACCES", "mode 0000 did not keep us out"),
            (open == "ok", "mode 0600 kept us out of our own socket"),
        ]),
    })
}

/// Runs `attempt` as a user that owns nothing and names its outcome; the inner error says that this process may not
/// become another user.
fn as_somebody_else<T: Send>(
    attempt: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<io::Result<String>> {
    on_a_thread_of_its_own(|| become_nobody().map(|()| figures::outcome(&attempt())))
}

/// Makes this thread, for as long as it lives, one of the user that owns nothing.
pub(super) fn become_nobody() -> io::Result<()> {
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_gid(Gid::from_raw(NOBODY))?;
    Ok(rustix::thread::set_thread_uid(Uid::from_raw(NOBODY))?)
}

/// Runs `attempt` without the capabilities by which root, also that of a container, passes any mode.
fn without_privileges<T: Send>(attempt: impl FnOnce() -> io::Result<T> + Send) -> io::Result<String> {
    on_a_thread_of_its_own(|| {
        let all = rustix::thread::capabilities(None)?;
        let none_in_effect = CapabilitySets { effective: CapabilitySet::empty(), ..all };
        rustix::thread::set_capabilities(None, none_in_effect)?;
        Ok(figures::outcome(&attempt()))
    })?
}

/// The kernel keeps ids and capabilities per thread: what `act` gives up here, nobody else has lost.
pub(super) fn on_a_thread_of_its_own<T: Send>(act: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| scope.spawn(act).join())
        .map_err(|_| io::Error::other("the thread of the attempt panicked"))
}

/// A directory whose parts others may reach by name, until this is dropped.
pub(super) struct Searchable<'a>(&'a Path);

impl<'a> Searchable<'a> {
    pub(super) fn make(dir: &'a Path) -> io::Result<Self> {
        fs::set_permissions(dir, Permissions::from_mode(0o711))?;
        Ok(Self(dir))
    }
}

impl Drop for Searchable<'_> {
    fn drop(&mut self) {
        // It is our own directory, which is about to be removed.
        let _ = fs::set_permissions(self.0, Permissions::from_mode(0o700));
    }
}

/// The user that owns nothing (`nobody`), and its group.
pub(super) const NOBODY: u32 = 65534;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_keeps_out_its_owner_and_root_without_capabilities() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("own.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path)?;
        let finding = permissions_of_our_own(&path)?;
        assert_eq!(finding.verdict, Verdict::Proved, "{}", finding.unix);
        Ok(())
    }
}
