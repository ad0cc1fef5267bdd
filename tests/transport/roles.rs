//! What a child does as another user, or under another umask: listens as it is told, connects and looks.

use std::io;
use std::path::Path;

use tokio::io::AsyncReadExt;
use wirepath::transport::{Admission, Connector, Endpoint, Listener, UnixListenOptions};

use crate::{child, unix};

/// Listens on `SOCKET` as `MODE` (octal), `OWNER`, `GROUP`, `TAKE_OVER` and `ANY_DIRECTORY` say; admits all.
pub(crate) async fn listen_as_told(socket: &str) -> io::Result<Box<dyn Listener>> {
    let number = |name| child::given(name).map(|text| text.parse().unwrap());
    let mut options = UnixListenOptions::new().admit(Admission::by(|_| true));
    if let Some(mode) = child::given("MODE") {
        options = options.mode(u32::from_str_radix(&mode, 8).unwrap());
    }
    if let Some(uid) = number("OWNER") {
        options = options.owner(uid);
    }
    if let Some(gid) = number("GROUP") {
        options = options.group(gid);
    }
    if child::given("TAKE_OVER").is_some() {
        options = options.take_over();
    }
    if child::given("ANY_DIRECTORY").is_some() {
        options = options.accept_any_directory();
    }
    options.listen(&unix(Path::new(socket))).await
}

/// Tells the mode, owner and group of the file while it listens, or the error.
#[tokio::test]
#[ignore = "a child's role"]
async fn role_listens_as_told() {
    use std::os::unix::fs::MetadataExt;
    let Some(socket) = child::given("SOCKET") else { return };
    match listen_as_told(&socket).await {
        Ok(_listener) => {
            let file = std::fs::symlink_metadata(&socket).unwrap();
            child::tell(format_args!("{:04o} {} {}", file.mode() & 0o7777, file.uid(), file.gid()));
        }
        Err(error) => child::tell(format_args!("{:?}: {error}", error.kind())),
    }
}

/// Listens until it is killed, each time anew; with `TAKE_OVER` the old listener ends after the new one stands.
#[tokio::test]
#[ignore = "a child's role"]
async fn role_listens_again_and_again_as_told() {
    let Some(socket) = child::given("SOCKET") else { return };
    let mut listener = Some(listen_as_told(&socket).await.unwrap());
    child::tell("listening");
    loop {
        if child::given("TAKE_OVER").is_none() {
            listener = None;
        }
        drop(listener.replace(listen_as_told(&socket).await.unwrap()));
    }
}

/// Connects, and tells whether the server keeps the connection or closes it at once.
#[tokio::test]
#[ignore = "a child's role"]
async fn role_connects_and_looks() {
    let Some(endpoint) = child::given("ENDPOINT") else { return };
    let connected = match endpoint.parse::<Endpoint>().unwrap().connect().await {
        Ok(connected) => connected,
        Err(error) => return child::tell(format_args!("{:?}: {error}", error.kind())),
    };
    let (mut io, _) = connected.into_parts();
    match io.read(&mut [0; 8]).await {
        Ok(0) => child::tell("closed"),
        Ok(_) => child::tell("greeted"),
        Err(error) => child::tell(format_args!("{:?}", error.kind())),
    }
}
