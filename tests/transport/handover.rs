//! A path that goes from one server to the next while clients connect, servers race and some are killed.

use std::fs;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tempfile::tempdir;
use wirepath::transport::{Listener, UnixListenOptions};

use crate::ownership::names;
use crate::{assert_carries, child, listen, make_stale, pair, unix};

async fn take_over(path: impl AsRef<Path>) -> io::Result<Box<dyn Listener>> {
    UnixListenOptions::new().take_over().listen(&unix(path)).await
}

/// What a future is ready with at its first poll.
async fn poll_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    poll_fn(|context| match Pin::new(&mut *future).poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn assert_reaches(path: &Path, listener: &mut dyn Listener) {
    let (client, server) = pair(&unix(path), listener).await;
    assert_carries(client, server).await;
}

#[tokio::test]
async fn the_path_passes_on_and_the_old_end_leaves_it_alone() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut first = take_over(&path).await.expect("with nobody there it starts as usual");
    assert_reaches(&path, &mut *first).await;
    let mut second = take_over(&path).await.unwrap();
    assert_eq!(second.endpoint(), unix(&path).to_string());
    let (client, server) = pair(&unix(&path), &mut *second).await;
    assert_eq!(client.peer().to_string(), unix(&path).to_string(), "not the name it was bound aside by");
    assert_carries(client, server).await;
    assert_eq!(names(directory.path()), ["a.sock", "a.sock.lock"]);
    assert_live(&path).await;
    drop(first);
    assert_reaches(&path, &mut *second).await;
    assert_live(&path).await;
    let mut third = take_over(&path).await.unwrap();
    let fourth = take_over(&path).await.unwrap();
    drop((second, fourth));
    assert_eq!(names(directory.path()), [""; 0], "its last owner has ended");
    assert!(tokio::time::timeout(Duration::from_millis(20), third.accept()).await.is_err());
    drop(third);
    assert_eq!(names(directory.path()), [""; 0]);
}

async fn assert_live(path: &Path) {
    let error = listen(path).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("a live server has this path (EADDRINUSE)"), "{error}");
}

/// A client that is interrupted between its walk to the file and its knock may find that the file's server has ended; its
/// next attempt walks anew. So who is refused was passed by, and the path itself is never missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_instant_the_path_leads_to_a_server() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut server = listen(&path).await.unwrap();
    // Renames that are done: whoever begins to connect after the n-th finds server n, or a later one.
    let handovers = AtomicUsize::new(0);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut connected = 0;
            while !is_over.load(Ordering::SeqCst) {
                let before = handovers.load(Ordering::SeqCst);
                match UnixStream::connect(&path) {
                    Ok(_) => connected += 1,
                    Err(error) => {
                        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{error}");
                        let after = handovers.load(Ordering::SeqCst);
                        assert!(after > before, "refused by the server that had the path: {error}");
                    }
                }
            }
            connected
        });
        tokio::task::block_in_place(|| {
            let runtime = tokio::runtime::Handle::current();
            for round in 0..300 {
                let next = runtime.block_on(take_over(&path)).unwrap();
                handovers.fetch_add(1, Ordering::SeqCst);
                let mut old = std::mem::replace(&mut server, next);
                // Most end at once, which is the hardest; some as a server does.
                while round % 20 == 0 && runtime.block_on(old.accept_queued()).is_some() {}
            }
            is_over.store(true, Ordering::SeqCst);
            // Where the backlog is full, the client waits in its connect.
            while !client.is_finished() {
                let _ = runtime.block_on(async {
                    tokio::time::timeout(Duration::from_millis(1), server.accept()).await
                });
            }
        });
        assert!(client.join().unwrap() > 0);
    });
}

#[tokio::test]
async fn who_waits_at_the_old_server_is_given_out_at_its_end_and_then_nobody() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut first = listen(&path).await.unwrap();
    let waiting: Vec<_> = (0..50).map(|_| UnixStream::connect(&path).unwrap()).collect();
    let mut second = take_over(&path).await.unwrap();
    let mut accepted = 0;
    while let Some(connected) = first.accept_queued().await {
        connected.unwrap();
        accepted += 1;
    }
    assert_eq!(accepted, waiting.len());
    assert_reaches(&path, &mut *second).await;
    // A path that is nobody else's is given up first.
    let _late = UnixStream::connect(&path).unwrap();
    assert!(second.accept_queued().await.is_some());
    assert_eq!(names(directory.path()), [""; 0]);
    assert!(second.accept_queued().await.is_none());
}

/// As one that was interrupted on its way: it has walked to the file before the rename, and knocks after it.
#[tokio::test]
async fn who_knocks_at_the_old_server_while_its_queue_ends_is_given_out_at_once() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut first = listen(&path).await.unwrap();
    let old_name = directory.path().join("old");
    fs::hard_link(&path, &old_name).unwrap();
    let _second = take_over(&path).await.unwrap();
    let mut ending = first.accept_queued();
    assert!(poll_once(&mut ending).await.is_none(), "nobody waits yet");
    let _straggler = UnixStream::connect(&old_name).unwrap();
    ending.await.expect("the straggler").unwrap();
    assert!(first.accept_queued().await.is_none());
}

#[tokio::test]
async fn a_server_that_knows_no_lock_is_succeeded_too_and_a_foreign_file_never() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let _foreign = UnixListener::bind(&path).unwrap();
    let mut listener = take_over(&path).await.unwrap();
    assert_reaches(&path, &mut *listener).await;
    drop(listener);

    fs::write(&path, "precious").unwrap();
    let error = take_over(&path).await.unwrap_err();
    assert!(error.to_string().contains("a regular file stands at this path"), "{error}");
    fs::remove_file(&path).unwrap();
    let _live = listen(&path).await.unwrap();
    let aside = directory.path().join("a.sock.next");
    symlink("/nowhere", &aside).unwrap();
    let error = take_over(&path).await.unwrap_err();
    assert!(
        error.to_string().contains("a symlink stands at ") && error.to_string().contains(".next"),
        "{error}"
    );
    assert_eq!(names(directory.path()), ["a.sock", "a.sock.lock", "a.sock.next"]);
}

#[tokio::test]
async fn a_server_that_lives_at_the_name_of_a_successor_is_not_robbed() {
    let directory = tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let mut neighbour = listen(at("a.sock.next")).await.unwrap();
    let mut first = listen(at("a.sock")).await.unwrap();
    neighbour.accept().await.expect("the question whether it lives");
    assert_reaches(&at("a.sock.next"), &mut *neighbour).await;
    let error = take_over(at("a.sock")).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("a.sock.next, where a successor binds first"), "{error}");
    while let Some(asked) = neighbour.accept_queued().await {
        asked.expect("the same question");
    }
    assert_reaches(&at("a.sock"), &mut *first).await;
}

/// Both have begun before either has its turn.
#[tokio::test]
async fn of_two_successors_that_begin_at_once_one_is_refused() {
    for _ in 0..20 {
        let directory = tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let first = listen(&path).await.unwrap();
        let turn = make_lock(&directory.path().join("a.sock.turn"));
        turn.lock().unwrap();
        let racers = [tokio::spawn(take_over(path.clone())), tokio::spawn(take_over(path.clone()))];
        // Let both begin; without the turn neither gets further.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(racers.iter().all(|racer| !racer.is_finished()));
        turn.unlock().unwrap();
        let (mut won, mut refused) = (Vec::new(), Vec::new());
        for racer in racers {
            match racer.await.unwrap() {
                Ok(listener) => won.push(listener),
                Err(error) => refused.push(error),
            }
        }
        let [error] = &refused[..] else { panic!("{refused:?}") };
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains("has taken this path over in this instant"), "{error}");
        drop(first);
        assert_reaches(&path, &mut *won[0]).await;
    }
}

/// The instant between the two renames, and the one after `bind`.
#[tokio::test]
async fn what_a_killed_successor_leaves_bars_nobody() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let at = |name: &str| directory.path().join(name);
    let mut first = listen(&path).await.unwrap();
    fs::remove_file(at("a.sock.lock")).unwrap();
    make_lock(&at("a.sock.lock"));
    make_lock(&at("a.sock.turn"));
    make_stale(&at("a.sock.next"));
    assert_live(&path).await;
    first.accept().await.expect("the question whether it lives");
    assert_reaches(&path, &mut *first).await;
    make_stale(&at("a.sock.next"));
    let mut second = take_over(&path).await.unwrap();
    drop(first);
    assert_reaches(&path, &mut *second).await;
    drop(second);
    assert_eq!(names(directory.path()), [""; 0]);
}

/// A lock file as a killed server leaves it.
fn make_lock(path: &Path) -> fs::File {
    let file = fs::File::create(path).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o600)).unwrap();
    file
}

#[tokio::test]
async fn a_successor_killed_at_any_instant_leaves_a_path_for_the_next() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    for round in 0..20 {
        let mut command = child::command("roles::role_listens_again_and_again_as_told");
        let mut server = child::start(command.env("SOCKET", &path).env("TAKE_OVER", ""));
        assert_eq!(server.next_answer(), "listening");
        std::thread::sleep(Duration::from_micros(317 * round));
        server.kill();
        let mut next = listen(&path).await.unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_reaches(&path, &mut *next).await;
        drop(next);
        assert_eq!(names(directory.path()), [""; 0], "round {round}");
    }
}

#[test]
fn successors_that_race_as_processes_leave_nobody_without_a_server() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime.block_on(listen(&path)).unwrap();
    let race = |_| child::start(child::command("handover::role_succeeds").env("SOCKET", &path));
    let mut racers: Vec<_> = (0..3).map(race).collect();
    let mut owned = 0;
    for racer in &mut racers {
        owned += racer.next_answer().parse::<usize>().unwrap();
        racer.wait();
    }
    assert!(owned >= 3, "{owned}");
    drop(first);
    assert_eq!(names(directory.path()), [""; 0]);
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_succeeds() {
    let Some(path) = child::given("SOCKET") else { return };
    let (mut server, mut owned) = (None, 0);
    for _ in 0..100 {
        match take_over(&path).await {
            Ok(listener) => {
                owned += 1;
                // The last owner's end would leave the path to nobody: each waits for a successor of its own.
                drop(server.replace(listener));
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}"),
        }
    }
    child::tell(owned);
}

/// There is no room for the successor's suffix, whether the name is long or its directory.
#[tokio::test]
async fn a_path_of_107_bytes_passes_on_too() {
    // rule 70
    let directory = tempdir().unwrap();
    let room = 107 - directory.path().as_os_str().len() - 1;
    let deep = directory.path().join("d".repeat(room - 2));
    fs::create_dir(&deep).unwrap();
    for path in [directory.path().join("a".repeat(room)), deep.join("a")] {
        assert_eq!(path.as_os_str().len(), 107);
        let first = listen(&path).await.unwrap();
        let mut second = take_over(&path).await.unwrap();
        drop(first);
        assert_reaches(&path, &mut *second).await;
        drop(second);
        assert_eq!(names(path.parent().unwrap()).len(), usize::from(path.parent() == deep.parent()));
    }
}

#[test]
fn a_relative_path_passes_on_and_a_later_chdir_changes_nothing() {
    let (bound_in, left_for) = (tempdir().unwrap(), tempdir().unwrap());
    let mut server = child::command("handover::role_passes_on_and_leaves");
    server.env("DIRECTORY", left_for.path()).current_dir(bound_in.path());
    assert_eq!(child::answers(&mut server), ["unix:a.sock"]);
    assert_eq!(names(bound_in.path()), [""; 0]);
    assert_eq!(names(left_for.path()), ["a.sock"], "a namesake elsewhere stays");
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_passes_on_and_leaves() {
    let Some(directory) = child::given("DIRECTORY") else { return };
    let first = listen("a.sock").await.unwrap();
    let mut second = take_over("a.sock").await.unwrap();
    assert_reaches(Path::new("a.sock"), &mut *second).await;
    child::tell(second.endpoint());
    std::env::set_current_dir(directory).unwrap();
    fs::write("a.sock", "a namesake").unwrap();
    drop(first);
}
