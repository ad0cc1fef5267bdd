//! Mode, owner and group of a socket's file, and who is let in by it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use tempfile::{TempDir, tempdir};
use tokio::io::AsyncWriteExt;
use wirepath::transport::{Admission, Endpoint, Listener, UnixListenOptions};

use crate::{NOBODY, child, is_root, make_stale, unix};

#[test]
fn the_mode_holds_exactly_under_any_umask() {
    for umask in ["0", "022", "077", "0177", "0777"] {
        for mode in ["600", "660", "666", "060", "777"] {
            let directory = tempdir().unwrap();
            let mut server = child::command_after(&format!("umask {umask}"), "roles::role_listens_as_told");
            server.env("SOCKET", directory.path().join("a.sock")).env("MODE", mode);
            let answer = child::answers(&mut server).concat();
            assert!(answer.starts_with(&format!("0{mode} ")), "{umask} {mode}: {answer}");
        }
    }
}

#[test]
fn at_no_instant_is_the_file_wider_than_asked_or_open_before_it_has_its_owner() {
    let gives_away = is_root("a file given to another user");
    let directory = tempdir().unwrap();
    for succeeds in [false, true] {
        let path = directory.path().join(format!("{succeeds}.sock"));
        let mut server = child::command_after("umask 0", "roles::role_listens_again_and_again_as_told");
        server.env("SOCKET", &path).env("MODE", "660");
        if gives_away {
            server.env("OWNER", NOBODY.to_string()).env("GROUP", NOBODY.to_string());
        }
        if succeeds {
            server.env("TAKE_OVER", "");
        }
        let mut server = child::start(&mut server);
        assert_eq!(server.next_answer(), "listening");
        let (mut seen, mut open) = (0, 0);
        // On a busy machine a thousand looks may fall into one instant.
        while seen < 5000 || open < 10 {
            let Ok(file) = fs::symlink_metadata(&path) else {
                assert!(!succeeds, "nobody stood at the path after {seen} looks");
                continue;
            };
            assert_eq!(file.mode() & 0o7777 & !0o660, 0, "{:o} after {seen} looks", file.mode());
            if file.mode() & 0o777 != 0 {
                open += 1;
                let owner = (file.uid(), file.gid());
                assert!(!gives_away || owner == (NOBODY, NOBODY), "{owner:?} after {seen} looks");
            }
            seen += 1;
        }
        server.kill();
    }
}

#[test]
fn a_socket_that_was_given_away_is_replaced_by_the_next_server_of_its_kind() {
    if !is_root("a file given to another user") {
        return;
    }
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut command = child::command("roles::role_listens_again_and_again_as_told");
    let mut server = child::start(command.env("SOCKET", &path).env("OWNER", NOBODY.to_string()));
    assert_eq!(server.next_answer(), "listening");
    server.kill();
    let mut next = child::command("roles::role_listens_as_told");
    next.env("SOCKET", &path).env("OWNER", NOBODY.to_string());
    assert_eq!(child::answers(&mut next), [format!("0600 {NOBODY} 0")]);
}

#[test]
fn who_may_not_give_a_socket_away_is_told_so_and_leaves_nothing() {
    let Some(directory) = directory_of_nobody() else { return };
    let mut server = child::command("roles::role_listens_as_told");
    server.env("SOCKET", directory.path().join("a.sock")).env("OWNER", "1").uid(NOBODY).gid(NOBODY);
    let answer = child::answers(&mut server).concat();
    assert!(answer.starts_with("PermissionDenied: "), "{answer}");
    assert!(answer.contains("may not give the socket to uid 1 (EPERM); run as root"), "{answer}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// A server that was killed between bind and chmod.
#[test]
fn a_stale_socket_that_shuts_out_its_own_owner_is_replaced() {
    let Some(directory) = directory_of_nobody() else { return };
    let path = directory.path().join("a.sock");
    shut_out_nobody(&path);
    let mut server = child::command("roles::role_listens_as_told");
    server.env("SOCKET", &path).uid(NOBODY).gid(NOBODY);
    assert_eq!(child::answers(&mut server), [format!("0600 {NOBODY} {NOBODY}")]);
}

#[test]
fn a_live_socket_that_shuts_out_its_own_owner_is_refused_and_keeps_its_mode() {
    let Some(directory) = directory_of_nobody() else { return };
    let path = directory.path().join("a.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    let mut server = child::command("roles::role_listens_as_told");
    server.env("SOCKET", &path).uid(NOBODY).gid(NOBODY);
    let answer = child::answers(&mut server).concat();
    assert!(answer.contains("a live server has this path"), "{answer}");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0);
}

#[tokio::test]
async fn an_open_door_without_an_admission_is_refused() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    for mode in [0o620, 0o602, 0o666, 0o777] {
        let error = UnixListenOptions::new().mode(mode).listen(&unix(&path)).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains(&format!("mode {mode:04o} lets other users")), "{error}");
        assert!(error.to_string().contains("`admit`"), "{error}");
    }
    for mode in [0o700, 0o644, 0o400] {
        UnixListenOptions::new().mode(mode).listen(&unix(&path)).await.expect("nobody else may write");
    }
    let error = UnixListenOptions::new().mode(0o4600).listen(&unix(&path)).await.unwrap_err();
    assert!(error.to_string().contains("0o4600 is no mode of a socket"), "{error}");
    let name = Endpoint::UnixAbstract(format!("wirepath-open-{}", std::process::id()).into_bytes());
    for refused in [name.listen().await, UnixListenOptions::new().listen(&name).await] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("`UnixListenOptions::admit`"), "{error}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn options_of_a_file_are_refused_where_there_is_none() {
    let name = Endpoint::UnixAbstract(format!("wirepath-none-{}", std::process::id()).into_bytes());
    let admitting = || UnixListenOptions::new().admit(Admission::own_user());
    let senseless = [
        admitting().mode(0o600),
        admitting().owner(0),
        admitting().group(0),
        admitting().take_over(),
        admitting().accept_any_directory(),
    ];
    for options in senseless {
        let error = options.listen(&name).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("it makes no file"), "{error}");
    }
    let error = admitting().listen(&Endpoint::Tcp("127.0.0.1:0".into())).await.unwrap_err();
    assert!(error.to_string().contains("it is no Unix socket"), "{error}");
}

#[tokio::test]
async fn only_who_is_admitted_gets_beyond_the_accept() {
    if !is_root("a connect by another user") {
        return;
    }
    let directory = tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let file = unix(directory.path().join("a.sock")).to_string();
    // One each: a child that another test has forked and that has not executed yet holds a closed listener's name.
    let name = |of: &str| format!("unix-abstract:wirepath-{of}-{}", std::process::id());
    for [admitting, refusing] in [[name("admitting"), name("refusing")], [file.clone(), file]] {
        for (endpoint, admission, expected) in
            [(admitting, Admission::uids([NOBODY]), "greeted"), (refusing, Admission::own_user(), "closed")]
        {
            let target: Endpoint = endpoint.parse().unwrap();
            let mut options = UnixListenOptions::new().admit(admission);
            if let Endpoint::Unix(_) = target {
                options = options.mode(0o666);
            }
            let greeting = tokio::spawn(greet_all(options.listen(&target).await.unwrap()));
            let mut command = child::command("roles::role_connects_and_looks");
            command.env("ENDPOINT", &endpoint).uid(NOBODY).gid(NOBODY);
            let answer = answer_of(command).await;
            assert_eq!(answer, expected, "{endpoint}");
            greeting.abort();
            let _ = greeting.await;
        }
    }
}

/// In a group that may write, one reaches the socket; outside of it, one does not.
#[tokio::test]
async fn the_group_of_the_file_decides_who_reaches_it() {
    if !is_root("a connect by another group") {
        return;
    }
    let directory = tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let endpoint = unix(directory.path().join("a.sock"));
    let options = UnixListenOptions::new().mode(0o660).group(4242).admit(Admission::by(|_| true));
    let greeting = tokio::spawn(greet_all(options.listen(&endpoint).await.unwrap()));
    for (gid, expected) in [(4242, "greeted"), (NOBODY, "PermissionDenied")] {
        let mut command = child::command("roles::role_connects_and_looks");
        command.env("ENDPOINT", endpoint.to_string()).uid(NOBODY).gid(gid);
        let answer = answer_of(command).await;
        assert!(answer.starts_with(expected), "{gid}: {answer}");
    }
    greeting.abort();
}

async fn greet_all(mut listener: Box<dyn Listener>) {
    let mut greeted = Vec::new();
    while let Ok(connected) = listener.accept().await {
        let (mut io, _) = connected.into_parts();
        io.write_all(b"hello").await.unwrap();
        io.flush().await.unwrap();
        greeted.push(io);
    }
}

async fn answer_of(mut command: Command) -> String {
    tokio::task::spawn_blocking(move || child::answers(&mut command).concat()).await.unwrap()
}

/// A directory in which a child may play another user's server.
fn directory_of_nobody() -> Option<TempDir> {
    if !is_root("a server of another user") {
        return None;
    }
    let directory = tempdir().unwrap();
    chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    Some(directory)
}

fn shut_out_nobody(path: &Path) {
    make_stale(path);
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o0)).unwrap();
}
