//! `LISTEN_FDS`: sockets that a supervisor passes, found by whom they are meant for, once, and by no child of theirs.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use tempfile::tempdir;
use wirepath::transport::{Connector, Endpoint, activated_listeners};

use crate::child;

/// Runs the role with this socket as descriptors 3 and 4, and `LISTEN_FDS` and its like as `setup` has them.
fn activated(setup: &str, role: &str) -> Vec<String> {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mut command = child::command_after(&format!("exec 3<&0 4<&0 </dev/null; {setup}"), role);
    command.env("ACTIVATED", &path).stdin(Stdio::from(OwnedFd::from(listener)));
    let answers = child::answers(&mut command);
    assert!(path.exists(), "the path is the supervisor's");
    answers
}

const TWO: &str = "export LISTEN_FDS=2 LISTEN_PID=$$ LISTEN_FDNAMES=web:admin";

#[test]
fn all_sockets_are_given_out_with_their_names_and_once() {
    let answers = activated(TWO, "activation::role_takes_all");
    assert_eq!(answers, ["[Some(\"web\"), Some(\"admin\")]", "[]", "None None"]);
    let answers = activated("export LISTEN_FDS=1 LISTEN_PID=$$", "activation::role_takes_all");
    assert_eq!(answers, ["[None]", "[]", "None None"]);
}

#[test]
fn what_is_meant_for_another_process_is_left_alone() {
    for (setup, environment) in [
        ("export LISTEN_FDS=1", "Some(\"1\") None"),
        ("export LISTEN_FDS=1 LISTEN_PID=1", "Some(\"1\") Some(\"1\")"),
        ("export LISTEN_FDS=many LISTEN_PID=1", "Some(\"many\") Some(\"1\")"),
        ("true", "None None"),
    ] {
        let answers = activated(setup, "activation::role_takes_all");
        assert_eq!(answers, ["[]", "[]", environment], "{setup}");
        let answers = activated(setup, "activation::role_lists_its_sockets_after_a_listen");
        assert_eq!(answers, ["3 4", "3 4"], "open as they were, to its children too: {setup}");
    }
}

#[test]
fn a_child_of_the_activated_process_finds_nothing() {
    // Not `exec`: the process that the variables name is the shell, the child inherits them.
    let setup = "export LISTEN_FDS=1 LISTEN_PID=$$; \"$0\" \"$@\"; exit $?";
    assert_eq!(activated(setup, "activation::role_takes_all")[..2], ["[]", "[]"]);
}

#[test]
fn a_child_and_a_self_exec_find_neither_variables_nor_descriptors() {
    let answers = activated(TWO, "activation::role_lists_its_sockets_after_a_listen");
    assert_eq!(answers, ["3 4", ""], "its own, and a child's");
    let answers = activated(TWO, "activation::role_executes_itself_anew");
    assert_eq!(answers, ["two were passed", "[]", "[]", "None None"]);
}

#[test]
fn a_listener_is_the_original_and_its_drop_closes_it() {
    let answers = activated(TWO, "activation::role_drops_its_listeners");
    assert_eq!(answers, ["3 4", "4", ""]);
}

#[test]
fn a_socket_of_the_programs_own_is_never_taken_whatever_the_variables_count() {
    let setup = "exec 3<&- 4<&-; export LISTEN_FDS=60 LISTEN_PID=$$ LISTEN_FDNAMES=$(seq -s: 3 62)";
    let answers = activated(setup, "activation::role_has_sockets_of_its_own");
    assert!(answers[0].contains("it is close-on-exec, so no supervisor passed it"), "{answers:?}");
    assert_eq!(answers[1..], ["it listens on"]);
}

#[test]
fn what_is_no_stream_socket_stays_at_its_number_and_the_others_are_taken() {
    let (datagram, _peer) = UnixDatagram::pair().unwrap();
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let mut command = child::command_after(
        "exec 3<&0 4<&2 2>&1 </dev/null; export LISTEN_FDS=2 LISTEN_PID=$$ LISTEN_FDNAMES=web:datagram",
        "activation::role_finds_a_datagram_socket",
    );
    command.env("ACTIVATED", &path).stdin(Stdio::from(OwnedFd::from(UnixListener::bind(&path).unwrap())));
    command.stderr(Stdio::from(OwnedFd::from(datagram)));
    let answers = child::answers(&mut command);
    let words = "cannot listen on fd:4: it is a datagram or seqpacket socket";
    assert!(answers[0].starts_with(words) && answers[1].starts_with(words), "{answers:?}");
    assert_eq!(answers[2..], ["listening", "3 4"]);
}

#[test]
fn a_passed_connection_is_served_once_and_ended() {
    use std::io::{Read, Write};
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let setup = "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=connection";
    let mut command = child::command_after(setup, "activation::role_serves_a_connection");
    command.env("ACTIVATED", "").stdin(Stdio::from(OwnedFd::from(theirs)));
    let mut server = child::start(&mut command);
    drop(command);
    ours.write_all(b"echo").unwrap();
    let mut echoed = Vec::new();
    ours.read_to_end(&mut echoed).unwrap();
    assert_eq!(echoed, b"echo", "and then its end, while the server lives");
    assert_eq!(server.next_answer(), "");
}

#[test]
fn an_endpoint_takes_the_socket_of_its_name() {
    let answers = activated(TWO, "activation::role_takes_by_name");
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
}

#[test]
fn variables_that_contradict_each_other_are_refused_each_time_and_stay() {
    for (variables, words) in [
        ("LISTEN_FDS=many LISTEN_PID=$$", "LISTEN_FDS is \"many\""),
        ("LISTEN_FDS=-1 LISTEN_PID=$$", "LISTEN_FDS is \"-1\""),
        ("LISTEN_FDS=9999 LISTEN_PID=$$", "LISTEN_FDS is \"9999\""),
        ("LISTEN_FDS=1 LISTEN_PID=me", "LISTEN_PID is \"me\""),
        ("LISTEN_FDS=1 LISTEN_PID=", "LISTEN_PID is \"\""),
        (
            "LISTEN_FDS=2 LISTEN_PID=$$ LISTEN_FDNAMES=web",
            "LISTEN_FDS counts 2 sockets and LISTEN_FDNAMES 1 names",
        ),
        ("LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDS_FIRST_FD=4", "LISTEN_FDS_FIRST_FD is \"4\""),
    ] {
        let setup = format!("export {variables}");
        let answers = activated(&setup, "activation::role_takes_by_name");
        assert!(answers.iter().all(|answer| answer.contains(words)), "{variables}: {answers:?}");
        let answers = activated(&setup, "activation::role_lists_its_sockets_after_a_listen");
        assert_eq!(answers, ["3 4", "3 4"], "{variables}");
    }
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
    let mut listeners = activated_listeners().unwrap();
    child::tell(format_args!("{:?}", listeners.iter().map(|(name, _)| name).collect::<Vec<_>>()));
    child::tell(format_args!("{:?}", activated_listeners().unwrap()));
    if let Some((_, listener)) = listeners.first_mut() {
        assert_eq!(listener.endpoint(), format!("unix:{path}"));
        let _client = UnixStream::connect(path).unwrap();
        listener.accept().await.unwrap();
        assert!(listener.accept_queued().await.is_none(), "the queue is the next process's");
    }
    let [fds, pid] = ["LISTEN_FDS", "LISTEN_PID"].map(child::given);
    child::tell(format_args!("{fds:?} {pid:?}"));
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

#[tokio::test]
#[ignore = "a child's role"]
async fn role_lists_its_sockets_after_a_listen() {
    if child::given("ACTIVATED").is_none() {
        return;
    }
    let passed = Passed::look();
    let _listener = Endpoint::Activated(Some("web".into())).listen().await;
    child::tell(passed.numbers("self"));
    let mut process = Command::new("sleep").arg("60").spawn().unwrap();
    child::tell(passed.numbers(&process.id().to_string()));
    process.kill().unwrap();
    process.wait().unwrap();
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_executes_itself_anew() {
    if child::given("ACTIVATED").is_none() {
        return;
    }
    let listeners = activated_listeners().unwrap();
    assert_eq!(listeners.len(), 2);
    child::tell("two were passed");
    panic!("{}", child::command("activation::role_takes_all").stdout(Stdio::inherit()).exec());
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_drops_its_listeners() {
    if child::given("ACTIVATED").is_none() {
        return;
    }
    let passed = Passed::look();
    let mut listeners = activated_listeners().unwrap();
    while !listeners.is_empty() {
        child::tell(passed.numbers("self"));
        drop(listeners.remove(0));
    }
    child::tell(passed.numbers("self"));
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_has_sockets_of_its_own() {
    if child::given("ACTIVATED").is_none() {
        return;
    }
    let directory = tempdir().unwrap();
    let path = directory.path().join("own.sock");
    let own = UnixListener::bind(&path).unwrap();
    child::tell(Endpoint::Activated(Some(own.as_raw_fd().to_string())).listen().await.unwrap_err());
    activated_listeners().unwrap_err();
    let _client = UnixStream::connect(&path).unwrap();
    own.accept().unwrap();
    child::tell("it listens on");
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_finds_a_datagram_socket() {
    if child::given("ACTIVATED").is_none() {
        return;
    }
    let passed = Passed::look();
    child::tell(activated_listeners().unwrap_err());
    child::tell(Endpoint::Activated(Some("datagram".into())).listen().await.unwrap_err());
    let _listener = Endpoint::Activated(Some("web".into())).listen().await.unwrap();
    child::tell("listening");
    child::tell(passed.numbers("self"));
}

#[tokio::test]
#[ignore = "a child's role"]
async fn role_serves_a_connection() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    if child::given("ACTIVATED").is_none() {
        return;
    }
    let passed = Passed::look();
    let mut listener = Endpoint::Activated(Some("connection".into())).listen().await.unwrap();
    let (mut io, _) = listener.accept().await.unwrap().into_parts();
    let mut bytes = [0; 4];
    io.read_exact(&mut bytes).await.unwrap();
    io.write_all(&bytes).await.unwrap();
    drop(io);
    child::tell(passed.numbers("self"));
    std::future::pending::<()>().await;
}

/// The sockets that stood at 3 and 4 when this process began.
struct Passed {
    sockets: Vec<std::path::PathBuf>,
}

impl Passed {
    fn look() -> Passed {
        let at = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).ok();
        let is_socket = |link: &std::path::PathBuf| link.to_string_lossy().starts_with("socket:");
        Passed { sockets: [3, 4].into_iter().filter_map(at).filter(is_socket).collect() }
    }

    /// At which numbers a process has them open.
    fn numbers(&self, process: &str) -> String {
        let mut numbers: Vec<u32> = Vec::new();
        for entry in fs::read_dir(format!("/proc/{process}/fd")).unwrap().map(Result::unwrap) {
            if fs::read_link(entry.path()).is_ok_and(|link| self.sockets.contains(&link)) {
                numbers.push(entry.file_name().to_str().unwrap().parse().unwrap());
            }
        }
        numbers.sort_unstable();
        numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
    }
}
