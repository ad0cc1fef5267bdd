//! Who is let in: refused peers are closed, cost no one else anything, and never speak HTTP/2.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::tempdir;
use wirepath::transport::{Admission, Connector, Endpoint, Listener, UnixConnectOptions, UnixListenOptions};

use crate::{NOBODY, assert_carries, child, is_root, listen, open_to_all, pair, unix};

#[tokio::test]
async fn after_a_thousand_refused_the_next_is_admitted() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let admission = Admission::by(move |_| counter.fetch_add(1, Ordering::Relaxed) >= 1000);
    let mut listener = admission.before(listen(&path).await.unwrap());
    assert_eq!(listener.endpoint(), unix(&path).to_string());
    let refused: Vec<_> = (0..1000).map(|_| UnixStream::connect(&path).unwrap()).collect();
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    assert_carries(client, server).await;
    assert_eq!(asked.load(Ordering::Relaxed), 1001);
    for stream in refused {
        assert_closed(&stream);
    }
}

#[tokio::test]
async fn who_waits_at_the_end_is_given_out_if_admitted() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let asked = AtomicUsize::new(0);
    let every_second = Admission::by(move |_| asked.fetch_add(1, Ordering::Relaxed) % 2 == 1);
    let mut listener = every_second.before(listen(&path).await.unwrap());
    let waiting: Vec<_> = (0..4).map(|_| UnixStream::connect(&path).unwrap()).collect();
    let mut admitted = Vec::new();
    while let Some(queued) = listener.accept_queued().await {
        admitted.push(queued.unwrap());
    }
    assert_eq!(admitted.len(), 2);
    assert_closed(&waiting[0]);
    assert_closed(&waiting[2]);
}

#[tokio::test]
async fn a_refused_peer_that_stays_holds_up_nobody() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let own = std::process::id();
    let admission = Admission::by(move |peer| peer.credentials().is_some_and(|ids| ids.pid == Some(own)));
    let mut listener = admission.before(listen(&path).await.unwrap());
    let mut stranger = child::command("identity::role_connects_and_stays");
    let mut stranger = child::start(stranger.env("ENDPOINT", unix(&path).to_string()));
    stranger.next_answer();
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    assert_carries(client, server).await;
}

#[tokio::test]
async fn a_closure_that_panics_refuses_that_peer_and_the_listener_goes_on() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let asked = AtomicUsize::new(0);
    let admission = Admission::by(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => panic!("the first peer: this panic is part of the test"),
        _ => true,
    });
    let mut listener = admission.before(listen(&path).await.unwrap());
    let first = UnixStream::connect(&path).unwrap();
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    assert_carries(client, server).await;
    assert_closed(&first);
}

#[tokio::test]
async fn only_the_users_named_are_let_in() {
    if !is_root("the refusal of another user") {
        return;
    }
    let table = [
        (Admission::own_user(), [true, false]),
        (Admission::uids([NOBODY]), [false, true]),
        (Admission::uids([0, NOBODY]), [true, true]),
        (Admission::uids([]), [false, false]),
    ];
    for (admission, expected) in table {
        let directory = tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let mut listener = admission.clone().before(listen(&path).await.unwrap());
        open_to_all(&path);
        let found =
            [connects_as(0, &path, &mut listener).await, connects_as(NOBODY, &path, &mut listener).await];
        assert_eq!(found, expected, "{admission:?}");
    }
}

/// The server and all its clients are 65534 there.
#[tokio::test]
async fn a_server_whose_user_namespace_does_not_map_it_admits_nobody_as_its_own_user() {
    if !is_root("a server in a user namespace of its own") {
        return;
    }
    let name = format!("wirepath-unmapped-server-{}", std::process::id());
    let endpoint = Endpoint::UnixAbstract(name.into_bytes()).to_string();
    let starter = "setpriv --reuid 1234 --clear-groups unshare --user";
    let mut server = child::command_by(starter, "admission::role_admits_its_own_user");
    let mut server = child::start(server.env("ENDPOINT", &endpoint));
    assert_eq!(server.next_answer(), "listening");
    let mut client = child::command_by("setpriv --reuid 65534 --clear-groups", "admission::role_looks");
    assert_eq!(child::answers(client.env("ENDPOINT", endpoint)), ["closed"]);
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_admits_its_own_user() {
    use tokio::io::AsyncWriteExt;
    let Some(endpoint) = child::given("ENDPOINT") else { return };
    let options = UnixListenOptions::new().admit(Admission::own_user());
    let mut listener = options.listen(&endpoint.parse().unwrap()).await.unwrap();
    child::tell("listening");
    loop {
        let (mut io, _) = listener.accept().await.unwrap().into_parts();
        io.write_all(b"hello").await.unwrap();
    }
}

/// Connects whoever listens, and tells whether it is let in.
#[tokio::test]
#[ignore = "a child's role"]
async fn role_looks() {
    use tokio::io::AsyncReadExt;
    let Some(endpoint) = child::given("ENDPOINT") else { return };
    let client = UnixConnectOptions::new(endpoint.parse().unwrap()).any_server();
    let (mut io, _) = client.connect().await.unwrap().into_parts();
    match io.read(&mut [0; 8]).await.unwrap() {
        0 => child::tell("closed"),
        _ => child::tell("greeted"),
    }
}

#[cfg(all(feature = "inherited", target_os = "linux"))]
#[tokio::test]
async fn an_inherited_listener_can_have_an_admission() {
    use std::os::fd::AsRawFd;
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let parents = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let inherited = Endpoint::Fd(parents.as_raw_fd()).listen().await.unwrap();
    let mut listener = Admission::uids([NOBODY]).before(inherited);
    let stranger = UnixStream::connect(&path).unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), listener.accept()).await.is_err());
    assert_closed(&stranger);
}

#[cfg(feature = "tcp")]
#[tokio::test]
async fn a_list_of_users_lets_nobody_in_over_tcp() {
    let inner = Endpoint::Tcp("127.0.0.1:0".into()).listen().await.unwrap();
    let mut listener = Admission::own_user().before(inner);
    let address = listener.endpoint();
    let stranger = std::net::TcpStream::connect(address.strip_prefix("tcp:").unwrap()).unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), listener.accept()).await.is_err());
    assert_closed(&stranger);
}

#[cfg(all(feature = "peer-details", target_os = "linux"))]
#[tokio::test]
async fn a_closure_decides_by_groups() {
    if !is_root("the groups of another user") {
        return;
    }
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let admission = Admission::by(|peer| peer.groups().is_some_and(|groups| groups.contains(&24)));
    let mut listener = admission.before(listen(&path).await.unwrap());
    open_to_all(&path);
    for (groups, expected) in [("4", None), ("4,24", Some(NOBODY))] {
        let starter = format!("setpriv --reuid 65534 --regid 65534 --groups {groups}");
        let mut client = child::command_by(&starter, "identity::role_connects_and_stays");
        let mut client = child::start(client.env("ENDPOINT", unix(&path).to_string()));
        client.next_answer();
        let accepted = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await.ok();
        let uid = accepted.map(|accepted| accepted.unwrap().peer().credentials().unwrap().uid);
        assert_eq!(uid, expected, "groups {groups}");
    }
}

/// Whether a client of this user is let in.
async fn connects_as(uid: u32, path: &std::path::Path, listener: &mut Box<dyn Listener>) -> bool {
    let starter = format!("setpriv --reuid {uid} --clear-groups");
    let mut client = child::command_by(&starter, "identity::role_connects_and_stays");
    let mut client = child::start(client.env("ENDPOINT", unix(path).to_string()));
    // It waits in the queue now.
    client.next_answer();
    let accepted = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    accepted.is_ok_and(|accepted| accepted.unwrap().peer().credentials().unwrap().uid == uid)
}

/// Finds the end of the connection, and no byte before it.
fn assert_closed(mut stream: impl io::Read) {
    assert_eq!(stream.read(&mut [0; 8]).expect("an end and no error: nothing was sent"), 0);
}
