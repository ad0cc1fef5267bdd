//! A path or a name that somebody else has taken: clients look who listens before they speak.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use tempfile::tempdir;
use wirepath::transport::{Connector, Endpoint, SocketError, UnixConnectOptions};

use crate::child::{self, Running};
use crate::{NOBODY, assert_carries, is_root, listen, open_to_all, pair, unix};

#[tokio::test]
async fn a_squatted_path_is_refused_before_a_byte_is_sent() {
    if !is_root("a server of another user") {
        return;
    }
    let directory = tempdir().unwrap();
    fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    let endpoint = unix(directory.path().join("a.sock"));
    let mut squatter = squatter_at(&endpoint);
    assert_refused(&endpoint, &endpoint, "trusted is only uid 0;").await;
    assert_eq!(squatter.next_answer(), "received 0 bytes");

    let options = UnixConnectOptions::new(endpoint.clone());
    assert_refused(&options.clone().server_uids([0, 7]), &endpoint, "trusted is only uid 0, uid 7;").await;
    assert_eq!(squatter.next_answer(), "received 0 bytes");
    for trusting in [options.clone().server_uids([7, NOBODY]), options.any_server()] {
        drop(trusting.connect().await.expect("this user is trusted"));
        assert_eq!(squatter.next_answer(), "received 0 bytes");
    }
}

#[tokio::test]
async fn a_squatted_abstract_name_is_refused_too() {
    if !is_root("a server of another user") {
        return;
    }
    let endpoint = Endpoint::UnixAbstract(format!("wirepath-squatted-{}", std::process::id()).into_bytes());
    let mut squatter = squatter_at(&endpoint);
    assert_refused(&endpoint, &endpoint, "trusted is only uid 0;").await;
    assert_eq!(squatter.next_answer(), "received 0 bytes");
    UnixConnectOptions::new(endpoint).any_server().connect().await.expect("anybody is trusted");
}

/// Both are 65534 there, and that makes them no friends.
#[tokio::test]
async fn a_client_whose_user_namespace_does_not_map_it_trusts_no_squatter() {
    if !is_root("a client in a user namespace of its own") {
        return;
    }
    let endpoint = Endpoint::UnixAbstract(format!("wirepath-unmapped-{}", std::process::id()).into_bytes());
    let mut squatter = squatter_at(&endpoint);
    let starter = "setpriv --reuid 1234 --clear-groups unshare --user";
    let mut client = child::command_by(starter, "squatting::role_connects");
    let answers = child::answers(client.env("ENDPOINT", endpoint.to_string()).env("TRUSTED", ""));
    assert_eq!(answers, ["PermissionDenied"]);
    assert_eq!(squatter.next_answer(), "received 0 bytes");
}

#[tokio::test]
async fn a_server_of_root_is_trusted_by_other_users_unless_they_say_who() {
    if !is_root("a client of another user") {
        return;
    }
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let _listener = listen(&path).await.unwrap();
    open_to_all(&path);
    for (trusted, expected) in [("", "connected"), ("65534", "PermissionDenied"), ("65534 0", "connected")] {
        let mut client =
            child::command_by("setpriv --reuid 65534 --clear-groups", "squatting::role_connects");
        let answers = child::answers(client.env("ENDPOINT", unix(&path).to_string()).env("TRUSTED", trusted));
        assert_eq!(answers, [expected], "trusted: {trusted}");
    }
}

#[tokio::test]
async fn a_server_of_this_user_is_trusted() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut listener = listen(&path).await.unwrap();
    let connector = UnixConnectOptions::new(unix(&path));
    assert_eq!(connector.endpoint(), unix(&path).to_string());
    let (client, server) = pair(&connector, &mut *listener).await;
    assert_carries(client, server).await;
}

#[tokio::test]
async fn options_that_cannot_be_kept_are_refused() {
    for text in ["tcp:localhost:1", "fd:0"] {
        let error = UnixConnectOptions::new(text.parse().unwrap()).connect().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(text), "{error}");
    }
    let too_long = Endpoint::Unix("a".repeat(200).into());
    let error = UnixConnectOptions::new(too_long).connect().await.unwrap_err();
    assert!(error.to_string().contains("takes 200 bytes"), "{error}");
}

/// A server of another user that tells how much each client said.
fn squatter_at(endpoint: &Endpoint) -> Running {
    let mut squatter = child::command_by("setpriv --reuid 65534 --clear-groups", "squatting::role_squats");
    let mut squatter = child::start(squatter.env("ENDPOINT", endpoint.to_string()));
    assert_eq!(squatter.next_answer(), "listening");
    squatter
}

/// By std's means, as a squatter does: no admission, whatever directory.
#[test]
#[ignore = "a child's role"]
fn role_squats() {
    use std::io::Read;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener};
    let Some(endpoint) = child::given("ENDPOINT") else { return };
    let address = match endpoint.parse().unwrap() {
        Endpoint::Unix(path) => SocketAddr::from_pathname(path),
        Endpoint::UnixAbstract(name) => SocketAddr::from_abstract_name(name),
        other => panic!("{other}"),
    };
    let listener = UnixListener::bind_addr(&address.unwrap()).unwrap();
    child::tell("listening");
    for stream in listener.incoming() {
        let said = stream.unwrap().read_to_end(&mut Vec::new()).unwrap();
        child::tell(format_args!("received {said} bytes"));
    }
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_connects() {
    let Some(endpoint) = child::given("ENDPOINT") else { return };
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let trusted: Vec<u32> =
        child::given("TRUSTED").unwrap().split(' ').filter_map(|uid| uid.parse().ok()).collect();
    let connected = match &trusted[..] {
        [] => endpoint.connect().await,
        uids => UnixConnectOptions::new(endpoint).server_uids(uids.iter().copied()).connect().await,
    };
    match connected {
        Ok(_) => child::tell("connected"),
        Err(error) => child::tell(format_args!("{:?}", error.kind())),
    }
}

async fn assert_refused(connector: &dyn Connector, endpoint: &Endpoint, expected: &str) {
    let error = connector.connect().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    let words = error.to_string();
    assert!(words.starts_with(&format!("cannot connect to {endpoint}: uid 65534 (pid ")), "{words}");
    assert!(words.contains(expected) && words.contains("UnixConnectOptions::server_uids"), "{words}");
    assert!(error.get_ref().is_some_and(|payload| payload.is::<SocketError>()));
}
