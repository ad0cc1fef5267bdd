//! `LISTEN_FDS`: sockets that a supervisor passes, found by whom they are meant for, and once.

use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Stdio;

use tempfile::tempdir;
use wirepath::transport::{Connector, Endpoint, activated_listeners};

use crate::child;

/// Runs the role with this socket as descriptors 3 and 4, and `LISTEN_FDS` and its like as `setup` has them.
fn activated(setup: &str, role: &str) -> Vec<String> {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mut command = child::command_after(&format!("exec 3<&0 4<&0 </dev/null; {setup}"), role);
    command.env("ACTIVATED", &path).stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
    let answers = child::answers(&mut command);
    assert!(path.exists(), "the path is the supervisor's");
    answers
}

#[test]
fn all_sockets_are_given_out_with_their_names_and_once() {
    let setup = "export LISTEN_FDS=2 LISTEN_PID=$$ LISTEN_FDNAMES=web:admin";
    let answers = activated(setup, "activation::role_takes_all");
    assert_eq!(answers, ["[Some(\"web\"), Some(\"admin\")]", "[]", "the environment is as it was"]);
    let answers = activated("export LISTEN_FDS=1 LISTEN_PID=$$", "activation::role_takes_all");
    assert_eq!(answers[..2], ["[None]", "[]"]);
}

#[test]
fn what_is_meant_for_another_process_is_left_alone() {
    for setup in ["export LISTEN_FDS=1", "export LISTEN_PID=$$", "export LISTEN_FDS=1 LISTEN_PID=1", "true"] {
        assert_eq!(activated(setup, "activation::role_takes_all")[..2], ["[]", "[]"], "{setup}");
    }
}

#[test]
fn a_child_of_the_activated_process_finds_nothing() {
    // Not `exec`: the process that the variables name is the shell, the child inherits them.
    let setup = "export LISTEN_FDS=1 LISTEN_PID=$$; \"$0\" \"$@\"; exit $?";
    assert_eq!(activated(setup, "activation::role_takes_all")[..2], ["[]", "[]"]);
}

#[test]
fn an_endpoint_takes_the_socket_of_its_name() {
    let setup = "export LISTEN_FDS=2 LISTEN_PID=$$ LISTEN_FDNAMES=web:admin";
    let answers = activated(setup, "activation::role_takes_by_name");
    let expected = [
        ("", "several sockets fit: web, admin; name one"),
        ("other", "no passed socket has this name, they are: web, admin"),
        ("web", "listening"),
        ("web", "this process has taken it before"),
        ("admin", "listening"),
    ];
    assert_eq!(answers.len(), expected.len(), "{answers:?}");
    for ((name, words), answer) in expected.iter().zip(&answers) {
        assert!(answer.contains(words), "{name}: {answer}");
    }
    let answers = activated("true", "activation::role_takes_by_name");
    assert!(answers.iter().all(|answer| answer.contains("no supervisor has passed a socket")), "{answers:?}");
    let setup = "export LISTEN_FDS=many LISTEN_PID=$$";
    let answers = activated(setup, "activation::role_takes_by_name");
    assert!(answers.iter().all(|answer| answer.contains("LISTEN_FDS is \"many\"")), "{answers:?}");
}

#[tokio::test]
async fn nobody_connects_to_what_is_passed() {
    let error = Endpoint::Activated(Some("web".into())).connect().await.unwrap_err();
    assert!(error.to_string().contains("cannot connect to activated:web: "), "{error}");
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_takes_all() {
    let Some(path) = child::given("ACTIVATED") else { return };
    let before = child::given("LISTEN_FDS");
    let mut listeners = activated_listeners().unwrap();
    child::tell(format_args!("{:?}", listeners.iter().map(|(name, _)| name).collect::<Vec<_>>()));
    child::tell(format_args!("{:?}", activated_listeners().unwrap()));
    if let Some((_, listener)) = listeners.first_mut() {
        assert_eq!(listener.endpoint(), format!("unix:{path}"));
        let _client = UnixStream::connect(path).unwrap();
        listener.accept().await.unwrap();
        assert!(listener.accept_queued().await.is_none(), "the queue is the next process's");
    }
    assert_eq!(before, child::given("LISTEN_FDS"));
    child::tell("the environment is as it was");
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_takes_by_name() {
    if child::given("ACTIVATED").is_none() {
        return;
    }
    for name in ["", "other", "web", "web", "admin"] {
        match format!("activated:{name}").parse::<Endpoint>().unwrap().listen().await {
            Ok(_) => child::tell("listening"),
            Err(error) => child::tell(error),
        }
    }
}
