//! What the streams carry and who the peers are: abstract names, credentials, descriptors used up.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wirepath::transport::{
    Admission, Connected, Connector, Endpoint, Io, Listener, Peer, UnixAddress, UnixConnectOptions,
    UnixListenOptions,
};

use crate::{assert_carries, child, listen, pair, unix};

async fn listen_abstract(endpoint: &Endpoint) -> io::Result<Box<dyn Listener>> {
    UnixListenOptions::new().admit(Admission::own_user()).listen(endpoint).await
}

#[tokio::test]
async fn an_abstract_name_is_its_exact_bytes() {
    // rule 69
    let name = format!("wirepath-{}", std::process::id());
    let mut listener = listen_abstract(&Endpoint::UnixAbstract(name.clone().into_bytes())).await.unwrap();
    assert_eq!(listener.endpoint(), format!("unix-abstract:{name}"));
    for other in [format!("{name}\0"), format!("{name}x"), name[1..].to_owned()] {
        let error = Endpoint::UnixAbstract(other.into_bytes()).connect().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains("nobody listens on this name (ECONNREFUSED)"), "{error}");
    }
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(&name).unwrap()).expect("as std writes it");
    drop(listener.accept().await.unwrap());
    let connector: Endpoint = format!("unix-abstract:{name}").parse().unwrap();
    let (client, server) = pair(&connector, &mut *listener).await;
    let Peer::Unix { address, .. } = client.peer() else { panic!("{:?}", client.peer()) };
    assert_eq!(*address, UnixAddress::Abstract(name.into_bytes()));
    assert_carries(client, server).await;
}

#[tokio::test]
async fn an_abstract_name_holds_any_107_bytes() {
    let mut name = format!("wirepath-{}\0\n\u{e4}", std::process::id()).into_bytes();
    name.resize(107, 0xff);
    let endpoint = Endpoint::UnixAbstract(name);
    let mut listener = listen_abstract(&endpoint).await.unwrap();
    let (client, server) = pair(&endpoint, &mut *listener).await;
    assert_carries(client, server).await;
    let error = listen_abstract(&endpoint).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("another server has this name (EADDRINUSE)"), "{error}");
}

#[tokio::test]
async fn each_side_knows_the_others_user_and_process() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut listener = listen(&path).await.unwrap();
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    let names = [(client.peer(), UnixAddress::Path(path)), (server.peer(), UnixAddress::Unnamed)];
    for (peer, name) in names {
        let Peer::Unix { address, credentials: Some(credentials), .. } = peer else { panic!("{peer:?}") };
        assert_eq!(*address, name);
        assert_eq!(credentials.pid, Some(std::process::id()));
        use std::os::unix::fs::MetadataExt;
        let own = std::fs::metadata("/proc/self").unwrap();
        assert_eq!((credentials.uid, credentials.gid), (own.uid(), own.gid()));
    }
}

#[tokio::test]
async fn any_stream_can_be_plugged_in() {
    let (ours, theirs) = tokio::io::duplex(64);
    let (reader, writer) = tokio::io::split(ours);
    let joined = Connected::new(tokio::io::join(reader, writer), Peer::Other("two halves".into()));
    assert_eq!(joined.peer().to_string(), "two halves");
    assert_carries(joined, Connected::new(theirs, Peer::InMemory)).await;
}

#[tokio::test]
async fn a_dropped_stream_ends_the_other_side() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut listener = listen(&path).await.unwrap();
    let (client, server) = pair(&unix(&path), &mut *listener).await;
    let mut server = server.into_parts().0;
    drop(client);
    assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(server.write(b"late").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn accept_hands_on_the_errors_of_the_kernel_and_goes_on() {
    let directory = tempdir().unwrap();
    let mut server = child::command_after("ulimit -n 40", "streams::role_runs_out_of_descriptors");
    let answers = child::answers(server.env("SOCKET", directory.path().join("a.sock")));
    assert_eq!(answers, [format!("{:?}", Some(libc::EMFILE)), "accepted".to_owned()]);
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_runs_out_of_descriptors() {
    let Some(path) = child::given("SOCKET") else { return };
    let mut listener = listen(&path).await.unwrap();
    let _client = unix(&path).connect().await.unwrap();
    let hoard: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    let error = listener.accept().await.unwrap_err();
    drop(hoard);
    child::tell(format_args!("{:?}", error.raw_os_error()));
    listener.accept().await.unwrap();
    child::tell("accepted");
}

#[tokio::test]
async fn the_backlog_is_as_long_as_asked() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut listener = UnixListenOptions::new().backlog(1).listen(&unix(&path)).await.unwrap();
    let connect = || tokio::net::UnixStream::connect(&path);
    let _queued = (connect().await.unwrap(), connect().await.expect("Linux takes one more"));
    assert_eq!(connect().await.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    listener.accept().await.unwrap();
    connect().await.expect("a place came free");
}

#[tokio::test]
async fn the_send_buffer_of_each_end_bounds_what_the_other_leaves_unread() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let small = 8 * 1024;
    let mut taken = Vec::new();
    for (listening, connecting) in [
        (UnixListenOptions::new().send_buffer(small), UnixConnectOptions::new(unix(&path))),
        (UnixListenOptions::new(), UnixConnectOptions::new(unix(&path)).send_buffer(small)),
    ] {
        let mut listener = listening.listen(&unix(&path)).await.unwrap();
        let (client, server) = pair(&connecting, &mut *listener).await;
        let (mut client, mut server) = (client.into_parts().0, server.into_parts().0);
        taken.push([taken_by(&mut server).await, taken_by(&mut client).await]);
    }
    let [[server_small, client_usual], [server_usual, client_small]] = taken[..] else { panic!() };
    assert!(server_small < 32 * 1024 && server_usual > 4 * server_small, "{taken:?}");
    assert!(client_small < 32 * 1024 && client_usual > 4 * client_small, "{taken:?}");
}

/// How many bytes a stream takes that nobody reads.
async fn taken_by(io: &mut Box<dyn Io>) -> usize {
    let mut bytes = 0;
    // The reactor tells at once of a socket that was never full; one that is full never comes back here.
    while let Ok(written) = tokio::time::timeout(Duration::from_millis(100), io.write(&[0; 4096])).await {
        bytes += written.unwrap();
    }
    bytes
}
