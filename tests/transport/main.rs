//! The transports through the public API: who owns a path, what errors say, what the kernel tells of a peer.
//!
//! Another process, user, umask or working directory is this binary again: a test marked as a child's role is
//! run by the others in a process of its own, told by the environment what to do.
#![cfg(feature = "unix")]

mod access;
#[cfg(all(feature = "inherited", target_os = "linux"))]
mod activation;
mod admission;
mod attacks;
mod child;
mod descriptors;
mod directories;
mod foreign_files;
mod handover;
mod identity;
#[cfg(all(feature = "inherited", target_os = "linux"))]
mod inherited;
mod ownership;
mod paths;
mod races;
mod reasons;
mod roles;
mod squatting;
mod streams;
#[cfg(feature = "tcp")]
mod tcp;

use std::io;
use std::path::Path;

use wirepath::transport::{Connected, Connector, Endpoint, Io, Listener};

fn unix(path: impl AsRef<Path>) -> Endpoint {
    Endpoint::Unix(path.as_ref().to_owned())
}

async fn listen(path: impl AsRef<Path>) -> io::Result<Box<dyn Listener>> {
    unix(path).listen().await
}

/// Connects, accepts, and gives both ends.
async fn pair(connector: &dyn Connector, listener: &mut dyn Listener) -> (Connected, Connected) {
    let client = connector.connect().await.expect("connects");
    (client, listener.accept().await.expect("accepts"))
}

/// Sends bytes one way and the other.
async fn assert_carries(client: Connected, server: Connected) {
    let (mut client, mut server) = (client.into_parts().0, server.into_parts().0);
    assert_carries_one_way(&mut client, &mut server).await;
    assert_carries_one_way(&mut server, &mut client).await;
}

async fn assert_carries_one_way(from: &mut Box<dyn Io>, to: &mut Box<dyn Io>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    from.write_all(b"PRI * HTTP/2.0").await.expect("writes");
    from.flush().await.expect("flushes");
    let mut received = [0; 14];
    to.read_exact(&mut received).await.expect("reads");
    assert_eq!(&received, b"PRI * HTTP/2.0");
}

/// Leaves a socket file that nobody listens on. It never did listen: a listener that is closed lives on for
/// an instant in a child that another test is just about to start.
fn make_stale(path: &Path) {
    let socket = tokio::net::UnixSocket::new_stream().expect("makes a socket");
    socket.bind(path).expect("binds it");
}

/// Whether another user can be played; says what is left out if not.
fn is_root(left_out: &str) -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|metadata| {
        use std::os::unix::fs::MetadataExt;
        metadata.uid() == 0
    });
    if !root {
        println!("not root, so not shown here: {left_out}");
    }
    root
}

/// Lets every user connect to a socket, so that it is not the mode that decides.
fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o666)).expect("is our file");
    let directory = path.parent().expect("lies in a directory");
    std::fs::set_permissions(directory, PermissionsExt::from_mode(0o755)).expect("is our directory");
}

/// A user that owns nothing here.
const NOBODY: u32 = 65534;
