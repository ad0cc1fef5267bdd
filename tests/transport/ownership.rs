//! A path, its mode, its lock file, and what is left of them.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use tempfile::tempdir;
use wirepath::transport::{Connector, UnixListenOptions};

use crate::{NOBODY, assert_carries, child, is_root, listen, make_stale, pair, unix};

#[tokio::test]
async fn a_socket_file_appears_with_its_lock_and_goes_with_it() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut listener = listen(&path).await.unwrap();
    assert_eq!(listener.endpoint(), format!("unix:{}", path.display()));
    assert_eq!(names(directory.path()), ["a.sock", "a.sock.lock"]);
    assert_eq!(fs::metadata(lock_of(&path)).unwrap().permissions().mode() & 0o777, 0o600);
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    assert_carries(client, server).await;
    drop(listener);
    assert_eq!(names(directory.path()), [""; 0]);
}

#[test]
fn the_file_has_mode_0600_at_every_instant_under_any_umask() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut server = child::command_after("umask 0", "ownership::role_listens_again_and_again");
    let mut server = child::start(server.env("SOCKET", &path));
    let mut seen = 0;
    while seen < 5000 {
        if let Ok(metadata) = fs::symlink_metadata(&path) {
            assert_eq!(metadata.mode(), 0o140600, "after {seen} looks");
            seen += 1;
        }
    }
    server.kill();
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_listens_again_and_again() {
    let Some(path) = child::given("SOCKET") else { return };
    loop {
        drop(listen(&path).await.unwrap());
    }
}

#[tokio::test]
async fn another_user_is_denied_and_told_why() {
    if !is_root("a connect by another user") {
        return;
    }
    use std::os::unix::process::CommandExt;
    let directory = tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = directory.path().join("a.sock");
    let _listener = listen(&path).await.unwrap();
    let connect = || {
        let mut command = child::command("reasons::role_connects");
        child::answers(command.env("ENDPOINT", unix(&path).to_string()).uid(NOBODY)).concat()
    };
    let answer = connect();
    assert!(answer.starts_with("PermissionDenied: "), "{answer}");
    assert!(answer.contains("the socket is of uid 0 with mode 0600 (EACCES)"), "{answer}");

    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let answer = connect();
    assert!(answer.starts_with("PermissionDenied: "), "{answer}");
    assert!(answer.contains("may not be searched by this user (EACCES)"), "{answer}");
}

#[tokio::test]
async fn a_stale_socket_is_replaced() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    make_stale(&path);
    let mut listener = listen(&path).await.unwrap();
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    assert_carries(client, server).await;
}

#[tokio::test]
async fn a_killed_server_leaves_a_path_for_the_next() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut server = child::command("ownership::role_listens_until_killed");
    let mut server = child::start(server.env("SOCKET", &path));
    assert_eq!(server.next_answer(), "listening");
    assert_eq!(listen(&path).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    server.kill();
    assert_eq!(names(directory.path()), ["a.sock", "a.sock.lock"]);
    let mut listener = listen(&path).await.unwrap();
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    assert_carries(client, server).await;
    drop(listener);
    assert_eq!(names(directory.path()), [""; 0]);
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_listens_until_killed() {
    let Some(path) = child::given("SOCKET") else { return };
    let _listener = listen(&path).await.unwrap();
    child::tell("listening");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_live_server_is_refused_and_goes_on() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut listener = listen(&path).await.unwrap();
    let error = listen(&path).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("a live server has this path (EADDRINUSE)"), "{error}");
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    assert_carries(client, server).await;
}

#[tokio::test]
async fn a_live_server_whose_socket_was_removed_is_told_by_its_lock() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let first = listen(&path).await.unwrap();
    fs::remove_file(&path).unwrap();
    let error = listen(&path).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let words = format!("a live process holds its lock file {}, but no socket", lock_of(&path).display());
    assert!(error.to_string().contains(&words), "{error}");
    let successor = UnixListenOptions::new().take_over().listen(&unix(&path)).await.unwrap();
    drop(first);
    assert_eq!(names(directory.path()), ["a.sock", "a.sock.lock"]);
    drop(successor);
    assert_eq!(names(directory.path()), [""; 0]);
}

#[tokio::test]
async fn a_lock_file_that_a_umask_closed_to_its_own_owner_bars_nobody() {
    if !is_root("a user whom modes keep out") {
        return;
    }
    let directory = tempdir().unwrap();
    chown(directory.path(), Some(NOBODY), None).unwrap();
    let path = directory.path().join("a.sock");
    let starter = r#"setpriv --reuid 65534 --clear-groups sh -c 'umask 0777; exec "$0" "$@"'"#;
    let server = |role| {
        let mut server = child::command_by(starter, role);
        server.env("SOCKET", &path);
        server
    };
    let mut first = child::start(&mut server("ownership::role_listens_until_killed"));
    assert_eq!(first.next_answer(), "listening");
    let told = child::answers(&mut server("roles::role_listens_as_told")).concat();
    assert!(told.contains("a live server has this path"), "{told}");
    first.kill();
    let told = child::answers(&mut server("roles::role_listens_as_told")).concat();
    assert!(told.starts_with("0600 65534 "), "{told}");
    assert_eq!(names(directory.path()), [""; 0]);
}

#[tokio::test]
async fn a_live_server_that_knows_no_lock_is_refused_too() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let _foreign = UnixListener::bind(&path).unwrap();
    let error = listen(&path).await.unwrap_err();
    assert!(error.to_string().contains("a live server has this path"), "{error}");
    unix(&path).connect().await.expect("its socket is still there");
    assert_eq!(names(directory.path()), ["a.sock"]);
}

#[tokio::test]
async fn a_full_backlog_is_a_live_server() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let foreign = tokio::net::UnixSocket::new_stream().unwrap();
    foreign.bind(&path).unwrap();
    let _foreign = foreign.listen(0).unwrap();
    let _in_queue = unix(&path).connect().await.unwrap();
    assert_eq!(unix(&path).connect().await.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let error = listen(&path).await.unwrap_err();
    assert!(error.to_string().contains("a live server has this path"), "{error}");
    assert!(path.exists());
}

#[tokio::test]
async fn only_the_file_that_was_bound_is_removed() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let listener = listen(&path).await.unwrap();
    fs::rename(&path, directory.path().join("moved")).unwrap();
    let _successor = UnixListener::bind(&path).unwrap();
    drop(listener);
    assert_eq!(names(directory.path()), ["a.sock", "moved"]);
    unix(&path).connect().await.expect("the successor has its path");
}

#[tokio::test]
async fn the_lock_of_another_is_not_removed() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let listener = listen(&path).await.unwrap();
    fs::remove_file(lock_of(&path)).unwrap();
    fs::write(lock_of(&path), "of another").unwrap();
    drop(listener);
    assert_eq!(fs::read(lock_of(&path)).unwrap(), b"of another");
}

#[test]
fn a_relative_path_is_removed_where_it_was_made() {
    let (bound_in, left_for) = (tempdir().unwrap(), tempdir().unwrap());
    let mut server = child::command("ownership::role_listens_and_leaves");
    server.env("DIRECTORY", left_for.path()).current_dir(bound_in.path());
    assert_eq!(child::answers(&mut server), ["unix:a.sock"]);
    assert_eq!(names(bound_in.path()), [""; 0]);
    assert_eq!(names(left_for.path()), ["a.sock"], "a namesake elsewhere stays");
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_listens_and_leaves() {
    let Some(directory) = child::given("DIRECTORY") else { return };
    let mut listener = listen("a.sock").await.unwrap();
    let (client, server) = pair(&unix("a.sock"), &mut *listener).await;
    assert_carries(client, server).await;
    child::tell(listener.endpoint());
    std::env::set_current_dir(directory).unwrap();
    fs::write("a.sock", "a namesake").unwrap();
}

#[tokio::test]
async fn a_path_of_107_bytes_works_and_one_of_108_touches_nothing() {
    // rule 70
    let directory = tempdir().unwrap();
    let length = directory.path().as_os_str().len() + 1;
    let path = directory.path().join("a".repeat(107 - length));
    let mut listener = listen(&path).await.unwrap();
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    assert_carries(client, server).await;
    drop(listener);

    let path = directory.path().join("a".repeat(108 - length));
    let refusals = [listen(&path).await.unwrap_err(), unix(&path).connect().await.unwrap_err()];
    for error in refusals {
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("takes 108 bytes, but a socket address holds 107"), "{error}");
    }
    assert_eq!(names(directory.path()), [""; 0]);
}

fn lock_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.lock", path.display()))
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
