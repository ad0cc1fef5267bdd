//! Rows about whose a path is: its mode at every instant, the one server that owns it, and who may pose as that server.
//!
//! What the kernel leaves open the library closes: here its own listener and its own connector are put to the test.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt},
        net,
    },
    path::Path,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::Mode;
use tokio::runtime::Runtime;
use wirepath::{Endpoint, transport::Connector};

use super::{
    Finding, Verdict,
    bench::{Bench, Transport},
    figures,
    files::{NOBODY, Searchable, become_nobody, on_a_thread_of_its_own},
    sockets::{Address, Listening},
};

/// A chmod after bind leaves an instant for whoever is quick; a mode set before bind leaves none.
pub(super) fn mode(bench: &Bench<'_>) -> io::Result<Finding> {
    let path = bench.fresh_path();
    let socket = net::UnixListener::bind(&path)?;
    let before_chmod = mode_of(&path)?;
    drop(socket);
    fs::remove_file(&path)?;

    let (runtime, endpoint) = (runtime()?, Endpoint::Unix(path.clone()));
    let (seen, looks) = modes_seen(&path, || runtime.block_on(endpoint.listen()))?;
    let seen_modes: Vec<_> = seen.iter().map(|mode| format!("{mode:04o}")).collect();
    Ok(Finding {
        tcp: "a port has none".to_owned(),
        unix: format!(
            "{}, {looks} times seen; by bind, before its chmod: {before_chmod:04o}",
            seen_modes.join(", ")
        ),
        experiment: format!("{BINDS} listeners, while another thread looks"),
        verdict: match looks {
            0 => Verdict::NotHere("the other thread never saw the file".to_owned()),
            _ => Verdict::of(&[
                (before_chmod != 0o600, "bind alone gave the file mode 0600"),
                (seen == BTreeSet::from([0o600]), "the socket was seen with another mode"),
            ]),
        },
    })
}

/// The kernel lets one bind a port; a path is owned by who holds its lock.
pub(super) fn owner(bench: &Bench<'_>) -> io::Result<Finding> {
    let tcp = Listening::open(bench, Transport::Tcp)?;
    let second_port = tcp.address().bind(&tcp.address().socket()?);

    let path = bench.fresh_path();
    let endpoint = Endpoint::Unix(path.clone());
    runtime()?.block_on(async {
        let first = endpoint.listen().await?;
        let second = figures::outcome(&endpoint.listen().await);
        let alive = figures::outcome(&endpoint.connect().await);
        drop(first);

        drop(net::UnixListener::bind(&path)?);
        let stale = figures::outcome(&endpoint.listen().await);

        fs::write(&path, "not ours")?;
        let foreign = figures::outcome(&endpoint.listen().await);
        let kept = fs::read(&path)? == b"not ours";
        fs::remove_file(&path)?;

        Ok(Finding {
            tcp: format!("a second bind: {}", figures::outcome(&second_port)),
            unix: format!(
                "a second server: {second}; a stale file: {stale}; another's file: {foreign}, kept"
            ),
            experiment: "four servers on one path".to_owned(),
            verdict: Verdict::of(&[
                (second == "EADDRINUSE", "a second server was not refused"),
                (alive == "ok", "the first server lost its path to the second"),
                (stale == "ok", "a stale file was not replaced"),
                (foreign == "EADDRINUSE" && kept, "a file that is no socket was not left alone"),
            ]),
        })
    })
}

/// A path can be taken by another user before the server comes; the client looks at who listens before it speaks.
pub(super) fn squatting(bench: &Bench<'_>) -> io::Result<Finding> {
    let directory = bench.fresh_path();
    // As /tmp is: everybody may add a file, nobody remove another's.
    fs::DirBuilder::new().mode(0o700).create(&directory)?;
    rustix::fs::chmod(&directory, Mode::from_raw_mode(0o1777))?;
    let _searchable = Searchable::make(bench.dir())?;
    let path = directory.join("a.sock");
    let squatted = on_a_thread_of_its_own(|| squat(&path))??;
    let Ok((unix, tcp)) = squatted else {
        return Err(io::Error::other(format!("this user may not become uid {NOBODY} to try it")));
    };
    let by_kernel = Address::Unix(path.clone()).connect();
    let by_us = runtime()?.block_on(Endpoint::Unix(path.clone()).connect());
    let owner = fs::metadata(&path)?.uid();
    let by_port = std::net::TcpStream::connect(tcp.local_addr()?);
    drop(unix);
    let refused = by_us.err().map(|error| error.kind());
    Ok(Finding {
        tcp: format!("uid {NOBODY} listens, connect: {}; nobody can tell", figures::outcome(&by_port)),
        unix: format!(
            "uid {owner} listens, connect(2): {}; the client {}",
            figures::outcome(&by_kernel),
            if refused.is_some() { "refuses before it speaks" } else { "speaks to it" },
        ),
        experiment: format!("uid {NOBODY} takes port and path first"),
        verdict: Verdict::of(&[
            (by_port.is_ok(), "the port of another user could not be reached"),
            (by_kernel.is_ok(), "the kernel itself refused the path of another user"),
            (refused == Some(io::ErrorKind::PermissionDenied), "the client spoke to another user's server"),
        ]),
    })
}

type Squatted = Result<(net::UnixListener, std::net::TcpListener), io::Error>;

/// Listens as a user that owns nothing; the inner error says that this process may not become one.
fn squat(path: &Path) -> io::Result<Squatted> {
    if let Err(error) = become_nobody() {
        return Ok(Err(error));
    }
    let unix = net::UnixListener::bind(path)?;
    rustix::fs::chmod(path, Mode::from_raw_mode(0o666))?;
    Ok(Ok((unix, std::net::TcpListener::bind("127.0.0.1:0")?)))
}

/// The modes with which a file was seen at `path` while `listen` ran again and again, and how often.
fn modes_seen<T>(path: &Path, mut listen: impl FnMut() -> io::Result<T>) -> io::Result<(BTreeSet<u32>, u32)> {
    let (done, looks) = (AtomicBool::new(false), AtomicU32::new(0));
    let seen = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                if let Ok(mode) = mode_of(path) {
                    seen.insert(mode);
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            }
            seen
        });
        let listened: io::Result<()> = (0..BINDS).try_for_each(|_| {
            let (before, start) = (looks.load(Ordering::Relaxed), Instant::now());
            let listener = listen();
            // On a busy machine the watcher may not run meanwhile.
            while looks.load(Ordering::Relaxed) == before && start.elapsed() < PATIENCE {
                thread::yield_now();
            }
            listener.map(drop)
        });
        done.store(true, Ordering::Relaxed);
        let seen = watcher.join().map_err(|_| io::Error::other("the watcher panicked"))?;
        listened.map(|()| seen)
    })?;
    Ok((seen, looks.into_inner()))
}

fn mode_of(path: &Path) -> io::Result<u32> {
    Ok(fs::symlink_metadata(path)?.mode() & 0o777)
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// How long a listener stays for the watcher to see it.
const PATIENCE: Duration = Duration::from_millis(10);

/// Enough for a watcher on another core to look some hundred times.
const BINDS: usize = 300;
