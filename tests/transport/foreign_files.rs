//! What stands at a path or at its lock file and is not ours: never deleted, never changed, always named.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

use crate::ownership::names;
use crate::{NOBODY, child, is_root, listen, make_stale};

#[tokio::test]
async fn nothing_but_a_stale_socket_is_ever_replaced() {
    type Make = fn(&Path);
    let table: [(&str, Make); 6] = [
        ("a regular file stands at this path", |path| fs::write(path, "precious").unwrap()),
        ("a directory stands at this path", |path| fs::create_dir(path).unwrap()),
        ("a fifo stands at this path", make_fifo),
        ("a symlink stands at this path", |path| symlink("/nowhere", path).unwrap()),
        ("a symlink stands at this path", |path| {
            make_stale(&path.with_file_name("stale"));
            symlink(path.with_file_name("stale"), path).unwrap();
        }),
        ("whether it lives is unclear", |path| {
            std::mem::forget(UnixDatagram::bind(path).unwrap());
        }),
    ];
    for (reason, make) in table {
        let directory = tempdir().unwrap();
        let path = directory.path().join("a.sock");
        make(&path);
        let before = (names(directory.path()), fs::symlink_metadata(&path).unwrap().modified().unwrap());
        let error = listen(&path).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
        assert!(error.to_string().contains("remove it, or choose another path"), "{error}");
        let after = (names(directory.path()), fs::symlink_metadata(&path).unwrap().modified().unwrap());
        assert_eq!(before, after, "{reason}");
    }
}

#[tokio::test]
async fn a_stale_socket_of_another_user_stays() {
    if !is_root("a socket of another user") {
        return;
    }
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    make_stale(&path);
    chown(&path, Some(NOBODY), None).unwrap();
    let error = listen(&path).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("a socket of uid 65534 stands at this path"), "{error}");
    assert!(path.exists());
}

#[tokio::test]
async fn a_lock_file_that_is_none_is_refused_without_waiting_or_following() {
    type Make = fn(&Path);
    let table: [(&str, Make); 4] = [
        ("is a symlink (ELOOP)", |lock| {
            fs::write(lock.with_file_name("victim"), "precious").unwrap();
            symlink(lock.with_file_name("victim"), lock).unwrap();
        }),
        ("is a directory (EISDIR)", |lock| fs::create_dir(lock).unwrap()),
        ("is no regular file", make_fifo),
        ("is a socket or a device (ENXIO)", |lock| drop(UnixListener::bind(lock).unwrap())),
    ];
    for (reason, make) in table {
        let directory = tempdir().unwrap();
        make(&directory.path().join("a.sock.lock"));
        let before = names(directory.path());
        let error = listen(directory.path().join("a.sock")).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(error.to_string().contains("a.sock.lock"), "names the lock file: {error}");
        assert_eq!(names(directory.path()), before);
    }
}

#[tokio::test]
async fn a_lock_file_of_another_user_is_refused() {
    if !is_root("a lock file of another user") {
        return;
    }
    let directory = tempdir().unwrap();
    let lock = directory.path().join("a.sock.lock");
    fs::write(&lock, "").unwrap();
    chown(&lock, Some(NOBODY), None).unwrap();
    let error = listen(directory.path().join("a.sock")).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("of uid 65534"), "{error}");
    assert_eq!(names(directory.path()), ["a.sock.lock"]);
}

#[tokio::test]
async fn a_file_of_another_program_where_a_lock_goes_is_refused_and_stays_as_it_is() {
    for (name, content, mode) in [("Cargo.lock", "precious", 0o600), ("Cargo.turn", "", 0o644)] {
        let directory = tempdir().unwrap();
        let file = directory.path().join(name);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let error = listen(directory.path().join("Cargo")).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
        assert!(error.to_string().contains(&format!("{name} is where its lock file goes")), "{error}");
        assert!(error.to_string().contains("choose another path"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
        assert_eq!(names(directory.path()), [name]);
    }
}

/// In a directory that others write to, one of them may link what this user locks elsewhere (fs.protected_hardlinks = 0).
#[tokio::test]
async fn a_lock_with_a_second_name_is_refused_and_keeps_both() {
    for name in ["a.sock.lock", "a.sock.turn"] {
        let directory = tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let elsewhere = fs::File::create(at("elsewhere")).unwrap();
        fs::set_permissions(at("elsewhere"), Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(at("elsewhere"), at(name)).unwrap();
        let error = listen(at("a.sock")).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
        assert!(error.to_string().contains("with a second name"), "{error}");
        assert_eq!(names(directory.path()), [name, "elsewhere"]);
        elsewhere.try_lock().expect("its other users are not locked out");
    }
}

#[tokio::test]
async fn a_file_that_another_user_put_where_a_lock_goes_is_named_with_its_owner() {
    if !is_root("another user's server") {
        return;
    }
    type Make = fn(&Path);
    let table: [(&str, Make); 2] = [
        ("a regular file", |lock| {
            fs::write(lock, "").unwrap();
            fs::set_permissions(lock, Permissions::from_mode(0o600)).unwrap();
        }),
        ("a socket", make_stale),
    ];
    for (kind, make) in table {
        let directory = tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o1777)).unwrap();
        make(&directory.path().join("a.sock.lock"));
        let mut server =
            child::command_by("setpriv --reuid 65534 --clear-groups", "roles::role_listens_as_told");
        let told = child::answers(server.env("SOCKET", directory.path().join("a.sock"))).concat();
        assert!(told.starts_with("PermissionDenied: "), "{told}");
        assert!(told.contains(&format!("a.sock.lock goes stands {kind} of uid 0")), "{told}");
        assert_eq!(names(directory.path()), ["a.sock.lock"]);
    }
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}
