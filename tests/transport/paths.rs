//! Paths and names of every shape: what they lead to, and what is refused before a file is made.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::tempdir;
use wirepath::transport::{Admission, Connector, Endpoint, UnixListenOptions};

use crate::ownership::names;
use crate::{assert_carries, child, is_root, listen, pair, unix};

#[tokio::test]
async fn what_names_a_directory_is_refused_and_touches_nothing() {
    let directory = tempdir().unwrap();
    let inside = directory.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let text = inside.to_str().unwrap();
    for path in [format!("{text}/"), format!("{text}/."), format!("{text}/.."), "/".into(), "..".into()] {
        for error in [listen(&path).await.unwrap_err(), unix(&path).connect().await.unwrap_err()] {
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("ends as a directory does"), "{error}");
        }
    }
    assert_eq!((names(directory.path()), names(&inside).len()), (vec!["inside".to_owned()], 0));
}

/// An empty address would have the kernel choose a name (autobind).
#[tokio::test]
async fn what_no_address_holds_is_refused_and_bound_to_nothing() {
    let table = [
        (Endpoint::Unix("".into()), "names nothing"),
        (Endpoint::Unix("a\0b".into()), "holds a NUL byte"),
        (Endpoint::Unix("\0a".into()), "holds a NUL byte"),
        (Endpoint::UnixAbstract(Vec::new()), "names nothing"),
        (Endpoint::UnixAbstract(vec![0; 108]), "takes 108 bytes, but a socket address holds 107"),
    ];
    for (endpoint, words) in table {
        let options = UnixListenOptions::new().admit(Admission::own_user());
        let refused = [
            endpoint.listen().await.map(drop),
            options.listen(&endpoint).await.map(drop),
            endpoint.connect().await.map(drop),
        ];
        for error in refused.map(Result::unwrap_err) {
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn abstract_names_differ_by_nuls_wherever_they_stand() {
    let plain = format!("wirepath-nul-{}", std::process::id());
    let endpoints = [plain.clone(), format!("\0{plain}"), format!("{plain}\0"), format!("{plain}\0\0")]
        .map(|name| Endpoint::UnixAbstract(name.into_bytes()));
    let mut listeners = Vec::new();
    for endpoint in &endpoints {
        let options = UnixListenOptions::new().admit(Admission::own_user());
        listeners.push(options.listen(endpoint).await.expect("it is another's name"));
    }
    for (endpoint, listener) in endpoints.iter().zip(&mut listeners) {
        let (client, server) = pair(endpoint, &mut **listener).await;
        assert_carries(client, server).await;
    }
}

#[tokio::test]
async fn a_name_that_is_not_utf_8_is_as_good_as_any() {
    let directory = tempdir().unwrap();
    let path = directory.path().join(OsStr::from_bytes(b"\xff\xfe.sock"));
    let first = listen(&path).await.unwrap();
    assert_eq!(first.endpoint().parse(), Ok(unix(&path)));
    let mut second = UnixListenOptions::new().take_over().listen(&unix(&path)).await.unwrap();
    drop(first);
    let (client, server) = pair(&unix(&path), &mut *second).await;
    assert_carries(client, server).await;
    drop(second);
    assert_eq!(names(directory.path()), [""; 0]);
}

#[tokio::test]
async fn dots_within_a_path_lead_to_the_same_server() {
    let directory = tempdir().unwrap();
    fs::create_dir(directory.path().join("inside")).unwrap();
    let path = directory.path().join("inside/.././/a.sock");
    let mut listener = listen(&path).await.unwrap();
    let straight = directory.path().join("a.sock");
    assert_eq!(listen(&straight).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    let (client, server) = pair(&unix(&straight), &mut *listener).await;
    assert_carries(client, server).await;
    drop(listener);
    assert_eq!(names(directory.path()), ["inside"]);
}

/// A way to directories whose path is too long for an address.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_directory_that_is_reached_by_its_descriptor_is_accepted_by_name() {
    let directory = tempdir().unwrap();
    let open = File::open(directory.path()).unwrap();
    let path = format!("/proc/self/fd/{}/a.sock", open.as_raw_fd());
    let error = listen(&path).await.unwrap_err();
    assert!(error.to_string().contains("is a symlink"), "{error}");
    let options = UnixListenOptions::new().accept_any_directory();
    let first = options.clone().listen(&unix(&path)).await.unwrap();
    let mut second = options.take_over().listen(&unix(&path)).await.unwrap();
    drop(first);
    for way in [Path::new(&path), &directory.path().join("a.sock")] {
        let (client, server) = pair(&unix(way), &mut *second).await;
        assert_carries(client, server).await;
    }
    drop(second);
    assert_eq!(names(directory.path()), [""; 0]);
}

/// Another thread of the program may change it at any time.
#[test]
fn a_relative_path_is_bound_where_it_was_given_though_the_working_directory_changes() {
    let (given_in, left_for) = (tempdir().unwrap(), tempdir().unwrap());
    let turn = File::create(given_in.path().join("a.sock.turn")).unwrap();
    turn.set_permissions(fs::Permissions::from_mode(0o600)).unwrap();
    turn.lock().unwrap();
    let mut server = child::command("paths::role_leaves_while_it_waits_for_its_turn");
    server.env("DIRECTORY", left_for.path()).current_dir(given_in.path());
    let mut server = child::start(&mut server);
    assert_eq!(server.next_answer(), "left");
    turn.unlock().unwrap();
    assert_eq!(server.next_answer(), "listening on unix:a.sock");
    std::os::unix::net::UnixStream::connect(given_in.path().join("a.sock")).expect("its socket");
    assert_eq!(names(left_for.path()), [""; 0]);
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_leaves_while_it_waits_for_its_turn() {
    let Some(directory) = child::given("DIRECTORY") else { return };
    let mut starting = Box::pin(listen("a.sock"));
    let waits = tokio::time::timeout(std::time::Duration::from_millis(1), &mut starting).await;
    assert!(waits.is_err(), "the turn is another's");
    std::env::set_current_dir(directory).unwrap();
    child::tell("left");
    let listener = starting.await.unwrap();
    child::tell(format_args!("listening on {}", listener.endpoint()));
    std::future::pending::<()>().await;
}

/// As a container has it that is given a server's directory to look at.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_read_only_file_system_bars_servers_and_no_clients() {
    if !is_root("a mount") {
        return;
    }
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let _listener = listen(&path).await.unwrap();
    let here = directory.path().display();
    let mounting = format!(
        "unshare --mount sh -c 'mount --bind {here} {here} && mount -o remount,bind,ro {here} && exec \"$0\" \"$@\"'"
    );
    let run = |role, path: &Path| {
        let mut command = child::command_by(&mounting, role);
        child::answers(command.env("ENDPOINT", unix(path).to_string())).concat()
    };
    assert_eq!(run("reasons::role_connects", &path), "connected");
    let told = run("reasons::role_listens", &directory.path().join("b.sock"));
    assert!(told.starts_with("ReadOnlyFilesystem: "), "{told}");
    assert!(told.contains("is on a read-only file system (EROFS); choose another directory"), "{told}");
}
