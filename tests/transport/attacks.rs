//! Another user in the directory of a socket: what it may do there, and what it gains by it.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use tempfile::tempdir;
use wirepath::transport::{Admission, Connector, UnixListenOptions};

use crate::child::{self, Running};
use crate::{NOBODY, assert_carries, is_root, listen, pair, unix};

/// In a sticky directory every user makes names, and none touches another's.
#[tokio::test]
async fn whoever_is_busy_at_the_names_of_a_socket_may_bar_a_start_and_gains_nothing() {
    if !is_root("another user at work in the directory") {
        return;
    }
    let (shared, own) = (tempdir().unwrap(), tempdir().unwrap());
    fs::set_permissions(shared.path(), Permissions::from_mode(0o1777)).unwrap();
    fs::set_permissions(own.path(), Permissions::from_mode(0o755)).unwrap();
    let (path, victim) = (shared.path().join("a.sock"), own.path().join("victim"));
    fs::write(&victim, "").unwrap();
    fs::set_permissions(&victim, Permissions::from_mode(0o600)).unwrap();
    let before = fs::metadata(&victim).unwrap();
    let mut attacker = attacker("attacks::role_is_busy", &path, &victim);
    assert_eq!(attacker.next_answer(), "at work");

    let (mut server, mut starts, mut refusals) = (None, 0, BTreeSet::new());
    for round in 0.. {
        let options = match round % 3 {
            0 => {
                server = None;
                UnixListenOptions::new()
            }
            _ => UnixListenOptions::new().take_over(),
        };
        match options.listen(&unix(&path)).await {
            Ok(mut listener) => {
                let file = fs::symlink_metadata(&path).unwrap();
                assert_eq!((file.mode(), file.uid()), (0o140600, 0), "in round {round}");
                let (client, peer) = pair(&unix(&path), &mut *listener).await;
                assert_carries(client, peer).await;
                starts += 1;
                server = Some(listener);
            }
            Err(error) => {
                assert!(error.to_string().starts_with("cannot listen on unix:"), "{error}");
                assert!(!error.to_string().contains("see unix(7)"), "without a reason: {error}");
                refusals.insert(error.kind().to_string());
            }
        }
        if starts >= 100 && round >= 1000 {
            break;
        }
        assert!(round < 100_000, "it hardly ever starts: {starts} times; {refusals:?}");
    }
    drop(server);
    attacker.kill();
    assert!(!refusals.is_empty(), "nobody was at work there");
    let after = fs::metadata(&victim).unwrap();
    let of = |file: &fs::Metadata| (file.mode(), file.uid(), file.len(), file.mtime(), file.mtime_nsec());
    assert_eq!(of(&before), of(&after), "what the attacker led to was not touched");
    File::open(&victim).unwrap().try_lock().expect("nor locked");
}

/// Its owner opens the directory to others under a server's feet.
#[tokio::test]
async fn a_socket_that_is_replaced_under_a_live_server_is_refused_by_clients_and_left_at_the_end() {
    if !is_root("another user in the directory") {
        return;
    }
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let listener = listen(&path).await.unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
    let mut attacker = attacker("attacks::role_replaces_the_socket", &path, Path::new("/"));
    assert_eq!(attacker.next_answer(), "replaced");
    let error = unix(&path).connect().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
    for successor in [UnixListenOptions::new(), UnixListenOptions::new().take_over()] {
        let error = successor.listen(&unix(&path)).await.unwrap_err();
        assert!(error.to_string().contains("others may write to its directory"), "{error}");
    }
    drop(listener);
    assert_eq!(fs::symlink_metadata(&path).unwrap().uid(), NOBODY, "it is not ours to remove");
    attacker.kill();
}

/// A default ACL takes the umask's place, and the mode's group bits are its mask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn an_access_control_list_opens_no_more_than_the_mode() {
    if !is_root("a connect by another user") {
        return;
    }
    let directory = tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    if let Err(error) = grant(directory.path(), "system.posix_acl_default") {
        return println!("not shown here, this file system has no such lists: {error}");
    }
    let path = directory.path().join("a.sock");
    let connect = || {
        let mut client =
            child::command_by("setpriv --reuid 65534 --clear-groups", "roles::role_connects_and_looks");
        let answer = child::answers(client.env("ENDPOINT", unix(&path).to_string())).concat();
        answer.split(':').next().unwrap().to_owned()
    };
    let listener = listen(&path).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(directory.path().join("a.sock.lock")).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(connect(), "PermissionDenied");
    drop(listener);

    let options = UnixListenOptions::new().mode(0o660);
    let error = options.clone().listen(&unix(&path)).await.unwrap_err();
    assert!(error.to_string().contains("lets other users than the owner connect"), "{error}");
    let mut listener = options.admit(Admission::own_user()).listen(&unix(&path)).await.unwrap();
    let accepting = tokio::spawn(async move { listener.accept().await });
    assert_eq!(connect(), "closed", "the list let it in, the admission did not");
    accepting.abort();

    grant(directory.path(), "system.posix_acl_access").unwrap();
    let error = listen(&path).await.unwrap_err();
    assert!(error.to_string().contains("others may write to its directory"), "{error}");
}

/// Gives the other user all rights by an ACL.
#[cfg(target_os = "linux")]
fn grant(path: &Path, list: &str) -> io::Result<()> {
    // linux/posix_acl_xattr.h: version 2, then (tag, permissions, id), little-endian.
    let (nobody_special, all) = (u32::MAX, 0o7_u16);
    let entries: [(u16, u16, u32); 5] = [
        (0x01, all, nobody_special),
        (0x02, all, NOBODY),
        (0x04, 0o5, nobody_special),
        (0x10, all, nobody_special),
        (0x20, 0o5, nobody_special),
    ];
    let mut value = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        value.extend(tag.to_le_bytes());
        value.extend(permissions.to_le_bytes());
        value.extend(id.to_le_bytes());
    }
    Ok(rustix::fs::setxattr(path, list, &value, rustix::fs::XattrFlags::empty())?)
}

fn attacker(role: &str, path: &Path, victim: &Path) -> Running {
    let mut attacker = child::command_by("setpriv --reuid 65534 --regid 65534 --clear-groups", role);
    child::start(attacker.env("SOCKET", path).env("VICTIM", victim))
}

/// Puts whatever there is at the names of a socket and takes it away again, as fast as it can.
#[test]
#[ignore = "a child's role"]
fn role_is_busy() {
    let (Some(path), Some(victim)) = (child::given("SOCKET"), child::given("VICTIM")) else { return };
    let names = ["", ".lock", ".turn", ".next"].map(|suffix| format!("{path}{suffix}"));
    let deeds: [fn(&str, &str); 8] = [
        |name, _| drop(fs::remove_file(name)),
        |name, _| drop(fs::remove_dir(name)),
        |name, victim| drop(symlink(victim, name)),
        |name, victim| drop(fs::hard_link(victim, name)),
        |name, _| drop(File::create_new(name)),
        |name, _| drop(UnixListener::bind(name)),
        |name, _| drop(fs::create_dir(name)),
        |name, _| drop(fs::rename(name, format!("{name}.away"))),
    ];
    child::tell("at work");
    let mut random = 1_u64;
    loop {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let name = &names[(random >> 33) as usize % names.len()];
        deeds[(random >> 48) as usize % deeds.len()](name, &victim);
        // What was put there goes again, so that a server starts now and then.
        if (random >> 60) < 12 {
            let _ = fs::remove_file(name).or_else(|_| fs::remove_dir(name));
        }
    }
}

#[test]
#[ignore = "a child's role"]
fn role_replaces_the_socket() {
    let Some(path) = child::given("SOCKET") else { return };
    fs::rename(&path, format!("{path}.away")).unwrap();
    let _squatting = UnixListener::bind(&path).unwrap();
    child::tell("replaced");
    loop {
        std::thread::park();
    }
}
