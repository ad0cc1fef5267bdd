//! What the kernel tells of a peer, and how far it holds: other users, forks, other namespaces, ended processes.
//!
//! On Linux: elsewhere the kernel tells less, and another way.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use tempfile::tempdir;
use tokio::io::{AsyncBufReadExt, BufReader};
use wirepath::transport::{Credentials, Peer, UnixListenOptions};

use crate::{NOBODY, child, is_root, listen, open_to_all, unix};

#[tokio::test]
async fn another_user_is_seen_with_its_ids() {
    if !is_root("the ids of another user") {
        return;
    }
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut listener = listen(&path).await.unwrap();
    open_to_all(&path);
    let mut client = child::command_by("setpriv --reuid 65534 --regid 1234 --groups 4,24", ROLE);
    let mut client = child::start(client.env("ENDPOINT", unix(&path).to_string()));
    let accepted = listener.accept().await.unwrap();
    let pid = client.next_answer().parse().unwrap();
    assert_eq!(accepted.peer().credentials(), Some(Credentials { uid: NOBODY, gid: 1234, pid: Some(pid) }));
}

#[tokio::test]
async fn a_fork_speaks_with_the_ids_of_the_process_that_connected() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut listener = listen(&path).await.unwrap();
    let ours = OwnedFd::from(UnixStream::connect(&path).unwrap());
    let mut speaker =
        Command::new("sh").args(["-c", "echo $$ >&0"]).stdin(Stdio::from(ours)).spawn().unwrap();
    let (io, peer) = listener.accept().await.unwrap().into_parts();
    let said = BufReader::new(io).lines().next_line().await.unwrap().unwrap();
    assert_eq!(said, speaker.id().to_string(), "a child spoke");
    assert_eq!(peer.credentials().unwrap().pid, Some(std::process::id()), "its parent had connected");
    speaker.wait().unwrap();
}

#[tokio::test]
async fn a_server_in_other_namespaces_sees_nobody_without_a_pid() {
    if !is_root("a server in namespaces of its own") {
        return;
    }
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut server =
        child::command_by("unshare --user --pid --fork --kill-child", "identity::role_tells_who_connects");
    let mut server = child::start(server.env("SOCKET", &path));
    assert_eq!(server.next_answer(), "listening");
    let _client = UnixStream::connect(&path).unwrap();
    assert_eq!(server.next_answer(), "uid 65534, gid 65534, pid None");
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_tells_who_connects() {
    let Some(path) = child::given("SOCKET") else { return };
    // Whose directory it is cannot be seen in the namespace either.
    let options = UnixListenOptions::new().accept_any_directory();
    let mut listener = options.listen(&unix(path)).await.unwrap();
    child::tell("listening");
    let accepted = listener.accept().await.unwrap();
    let Credentials { uid, gid, pid } = accepted.peer().credentials().unwrap();
    child::tell(format_args!("uid {uid}, gid {gid}, pid {pid:?}"));
    std::future::pending::<()>().await;
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_connects_and_stays() {
    use wirepath::transport::{Connector, Endpoint};
    let Some(endpoint) = child::given("ENDPOINT") else { return };
    let _connected = endpoint.parse::<Endpoint>().unwrap().connect().await.unwrap();
    child::tell(std::process::id());
    std::future::pending::<()>().await;
}

#[test]
fn other_transports_have_no_credentials() {
    for peer in [Peer::Tcp(([127, 0, 0, 1], 5).into()), Peer::InMemory, Peer::Other("x".into())] {
        assert_eq!(peer.credentials(), None);
    }
}

#[cfg(feature = "peer-details")]
mod details {
    use std::os::fd::AsRawFd;
    use std::os::unix::process::CommandExt;

    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn another_users_groups_are_seen() {
        if !is_root("the groups of another user") {
            return;
        }
        let directory = tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let mut listener = listen(&path).await.unwrap();
        open_to_all(&path);
        let mut client = child::command_by("setpriv --reuid 65534 --regid 1234 --groups 4,24", ROLE);
        let mut client = child::start(client.env("ENDPOINT", unix(&path).to_string()));
        let (_io, peer) = listener.accept().await.unwrap().into_parts();
        assert_eq!(peer.groups(), has_pidfds(&peer).then(|| vec![4, 24]));
        assert_eq!(peer.clone(), peer);
        client.kill();
        assert_eq!(peer.groups(), None, "it has ended");
        assert_eq!(peer.pidfd().map(|pidfd| pid_behind(&pidfd)), has_pidfds(&peer).then_some(-1));
    }

    #[tokio::test]
    async fn each_side_has_the_others_pidfd_and_groups() {
        let directory = tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let mut listener = listen(&path).await.unwrap();
        let (client, server) = crate::pair(&unix(&path), &mut *listener).await;
        for peer in [client.peer(), server.peer()] {
            let pid = i64::from(std::process::id());
            assert_eq!(peer.pidfd().map(|pidfd| pid_behind(&pidfd)), has_pidfds(peer).then_some(pid));
            assert_eq!(peer.groups(), has_pidfds(peer).then(own_groups));
        }
    }

    #[tokio::test]
    async fn a_process_that_changed_its_user_lends_no_groups() {
        if !is_root("a change of the user") {
            return;
        }
        let directory = tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let mut listener = listen(&path).await.unwrap();
        let mut client = child::command("identity::details::role_connects_and_becomes_another");
        let mut client = client.env("SOCKET", &path).stderr(Stdio::piped()).spawn().unwrap();
        let (mut io, peer) = listener.accept().await.unwrap().into_parts();
        // What it says it says as the other user.
        let mut said = [0; 6];
        io.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"65534\n");
        assert_eq!(peer.credentials().unwrap().pid, Some(client.id()));
        assert_eq!(peer.credentials().unwrap().uid, 0);
        assert_eq!(peer.groups(), None, "they are of uid 65534 now");
        assert!(!has_pidfds(&peer) || peer.pidfd().is_some());
        client.kill().unwrap();
        client.wait().unwrap();
    }

    #[tokio::test]
    #[ignore = "a child's role"]
    async fn role_connects_and_becomes_another() {
        let Some(path) = child::given("SOCKET") else { return };
        let stream = OwnedFd::from(UnixStream::connect(path).unwrap());
        let mut other = Command::new("setpriv");
        other.args(["--reuid", "65534", "--clear-groups", "sh", "-c", "id -u >&0; sleep 60"]);
        panic!("{}", other.stdin(Stdio::from(stream)).exec());
    }

    #[tokio::test]
    async fn a_label_is_the_one_the_kernel_shows_of_the_process() {
        let directory = tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let mut listener = listen(&path).await.unwrap();
        let (client, _server) = crate::pair(&unix(&path), &mut *listener).await;
        let shown = std::fs::read_to_string("/proc/self/attr/current").unwrap_or_default();
        let shown = shown.trim_end_matches(['\0', '\n']);
        match client.peer().security_label() {
            // AppArmor's file adds the profile's mode in parentheses.
            Some(label) => assert!(shown.starts_with(label.to_str().unwrap()), "{label:?} {shown}"),
            None => println!("no security module labels sockets here; /proc shows {shown:?}"),
        }
    }

    /// Linux 6.5 and later; what this process asks of itself tells.
    fn has_pidfds(peer: &Peer) -> bool {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
        let has = (numbers.next(), numbers.next()) >= (Some(6), Some(5));
        assert_eq!(peer.pidfd().is_some(), has, "on Linux {release}");
        has
    }

    fn pid_behind(pidfd: &impl AsRawFd) -> i64 {
        let info = format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd());
        let info = std::fs::read_to_string(info).unwrap();
        info.lines().find_map(|line| line.strip_prefix("Pid:")).unwrap().trim().parse().unwrap()
    }

    fn own_groups() -> Vec<u32> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap();
        groups.split_whitespace().map(|group| group.parse().unwrap()).collect()
    }
}

const ROLE: &str = "identity::role_connects_and_stays";
