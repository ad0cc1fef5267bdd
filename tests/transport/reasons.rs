//! An error of connect or listen keeps the kernel's kind and says in one line: what, why, the way out.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use tempfile::tempdir;
use wirepath::transport::{Connector, Endpoint, SocketError};

use crate::{NOBODY, child, is_root, listen, make_stale, unix};

#[tokio::test]
async fn connect_tells_each_cause_from_the_others() {
    let directory = tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    make_stale(&at("stale"));
    fs::write(at("file"), "").unwrap();
    let _datagram = UnixDatagram::bind(at("datagram")).unwrap();
    symlink(at("loop"), at("loop")).unwrap();
    let table = [
        ("absent", io::ErrorKind::NotFound, "no file stands at this path (ENOENT); start the server"),
        ("stale", io::ErrorKind::ConnectionRefused, "the socket file is stale"),
        ("file", io::ErrorKind::ConnectionRefused, "a regular file stands at this path, and no socket"),
        ("file/a", io::ErrorKind::NotADirectory, "a file and no directory (ENOTDIR); correct"),
        ("datagram", io::Error::from_raw_os_error(libc::EPROTOTYPE).kind(), "(EPROTOTYPE); connect to"),
        ("loop", io::Error::from_raw_os_error(libc::ELOOP).kind(), "too many symlinks (ELOOP); connect"),
    ];
    for (name, kind, words) in table {
        let error = unix(at(name)).connect().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_says(&error, &at(name), words);
    }
}

#[tokio::test]
async fn a_full_backlog_is_told_at_once_as_a_live_server() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let server = tokio::net::UnixSocket::new_stream().unwrap();
    server.bind(&path).unwrap();
    let _server = server.listen(0).unwrap();
    let _in_queue = unix(&path).connect().await.unwrap();
    let error = unix(&path).connect().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert_says(
        &error,
        &path,
        "the server lives, but its backlog of connections is full (EAGAIN); try again",
    );
    let error = error.get_ref().unwrap().downcast_ref::<SocketError>().unwrap();
    assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
    assert_eq!(error.endpoint(), unix(&path).to_string());
}

#[tokio::test]
async fn listen_names_what_is_wrong_with_the_directory() {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    symlink(directory.path().join("loop"), directory.path().join("loop")).unwrap();
    let table = [
        (
            "loop/a.sock",
            io::Error::from_raw_os_error(libc::ELOOP).kind(),
            "too many symlinks (ELOOP); name the real directory",
        ),
        ("absent/a.sock", io::ErrorKind::NotFound, "does not exist (ENOENT); make the directory first"),
        ("file/a.sock", io::ErrorKind::NotADirectory, "is no directory (ENOTDIR); correct the path"),
    ];
    for (name, kind, words) in table {
        let path = directory.path().join(name);
        let error = listen(&path).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_says(&error, &path, words);
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn listen_does_not_call_a_directory_absent_that_takes_no_files() {
    let path = Path::new("/proc/a.sock");
    let error = listen(path).await.unwrap_err();
    assert_says(&error, path, "its directory /proc takes no new files (ENOENT); choose another");
}

#[test]
fn listen_in_the_directory_of_another_user_is_denied_in_words() {
    if !is_root("a directory of another user") {
        return;
    }
    use std::os::unix::process::CommandExt;
    let directory = tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let endpoint = unix(directory.path().join("a.sock")).to_string();
    let mut server = child::command("reasons::role_listens");
    let answer = child::answers(server.env("ENDPOINT", &endpoint).uid(NOBODY)).concat();
    assert!(answer.starts_with(&format!("PermissionDenied: cannot listen on {endpoint}: ")), "{answer}");
    assert!(answer.contains("this user may not write to the directory"), "{answer}");
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_connects() {
    let Some(endpoint) = child::given("ENDPOINT") else { return };
    match endpoint.parse::<Endpoint>().unwrap().connect().await {
        Ok(_) => child::tell("connected"),
        Err(error) => child::tell(format_args!("{:?}: {error}", error.kind())),
    }
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_listens() {
    let Some(endpoint) = child::given("ENDPOINT") else { return };
    match endpoint.parse::<Endpoint>().unwrap().listen().await {
        Ok(listener) => child::tell(listener.endpoint()),
        Err(error) => child::tell(format_args!("{:?}: {error}", error.kind())),
    }
}

fn assert_says(error: &io::Error, path: &Path, words: &str) {
    let text = error.to_string();
    assert!(text.contains(&unix(path).to_string()), "names the endpoint: {text}");
    assert!(text.contains(words), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}
