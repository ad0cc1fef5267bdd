//! The command as its users run it: `wirepath audit` and `wirepath serve`, their output, exit status and what they leave
//! behind.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn wirepath(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirepath"));
    command.args(arguments).stdin(Stdio::null()).env_remove("NO_COLOR");
    command
}

fn run(arguments: &[&str]) -> Output {
    wirepath(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "never came true: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The processes whose command line holds this text.
fn processes_of(text: &str) -> Vec<i32> {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_of = |pid: &i32| {
        fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    };
    processes.filter(is_of).collect()
}

#[test]
fn the_json_document_has_rows_frames_ledger_and_sameness() {
    let temporary = tempfile::tempdir().unwrap();
    let arguments = ["audit", "--format", "json", "--rows", "address,options"];
    let output = wirepath(&arguments).env("TMPDIR", temporary.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();

    let rows = document["rows"].as_array().unwrap();
    assert_eq!(
        rows.iter().map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["address", "options"]
    );
    for row in rows {
        for key in ["tcp", "unix", "experiment", "verdict"] {
            assert!(row[key].is_string(), "{key} of {row}");
        }
        assert!(row["row"].is_u64());
    }
    let methods: Vec<_> =
        document["ledger"].as_array().unwrap().iter().map(|column| &column["method"]).collect();
    assert_eq!(methods, ["Say", "Collect", "Count", "Chat"]);
    for column in document["ledger"].as_array().unwrap() {
        assert_eq!(column["unix"]["unread"], 0);
    }
    let sameness = document["sameness"].as_array().unwrap();
    assert_eq!(sameness.len(), 8);
    assert!(
        sameness
            .iter()
            .all(|one| one["own_authority"]["equal"] == true && one["same_authority"]["equal"] == true)
    );
    assert_eq!(document["frames"][0]["frame"], "preface");
    assert!(is_empty(temporary.path()));
}

#[test]
fn an_interrupted_audit_leaves_no_file_and_no_process() {
    for (which, exit) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let temporary = tempfile::tempdir().unwrap();
        let mut audit =
            wirepath(&["audit"]).env("TMPDIR", temporary.path()).stdout(Stdio::null()).spawn().unwrap();
        let directory = temporary.path().to_str().unwrap().to_owned();
        eventually("the server listens", || {
            fs::read_dir(temporary.path())
                .unwrap()
                .flatten()
                .any(|entry| entry.path().join("echo.sock").exists())
        });
        assert!(!processes_of(&directory).is_empty());
        signal(&audit, which);
        assert_eq!(audit.wait().unwrap().code(), Some(exit));
        assert!(
            is_empty(temporary.path()),
            "{:?}",
            fs::read_dir(temporary.path()).unwrap().collect::<Vec<_>>()
        );
        eventually("no process is left", || processes_of(&directory).is_empty());
    }
}

#[test]
fn the_second_process_ends_with_a_killed_audit() {
    let temporary = tempfile::tempdir().unwrap();
    let mut audit =
        wirepath(&["audit"]).env("TMPDIR", temporary.path()).stdout(Stdio::null()).spawn().unwrap();
    let directory = temporary.path().to_str().unwrap().to_owned();
    eventually("the server runs", || !processes_of(&directory).is_empty());
    audit.kill().unwrap();
    audit.wait().unwrap();
    eventually("the server is gone", || processes_of(&directory).is_empty());
}

#[test]
fn audits_run_side_by_side_from_any_directory() {
    let working = tempfile::tempdir().unwrap();
    let deep = working.path().join("d".repeat(90));
    fs::create_dir(&deep).unwrap();
    let spawn = || {
        let mut command = wirepath(&["audit", "--rows", "address"]);
        command.current_dir(working.path()).env("TMPDIR", &deep).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    for audit in [spawn(), spawn()] {
        let output = audit.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    }
    assert!(is_empty(&deep));
}

#[test]
fn out_names_the_file_that_holds_the_report() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report.txt");
    let output = run(&["audit", "--rows", "address", "--out", file.to_str().unwrap()]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
    let text = fs::read_to_string(file).unwrap();
    for heading in
        ["1  ONE CALL, FRAME BY FRAME", "2  WHERE THE BYTES GO", "3  WHAT THE SOCKET", "4  WHAT IT LEAVES"]
    {
        assert!(text.contains(heading), "{heading}");
    }
    assert!(!text.contains('\x1b'));
}

#[test]
fn wrong_usage_is_one_line_and_exit_2() {
    let table: [(&[&str], &[&str]); 7] = [
        (&["audit", "--rows", "nosuch"], &["--rows nosuch: no such row: the rows are resolution, address"]),
        (&["audit", "--format", "xml"], &["--format xml: no such value: choose one of text, json"]),
        (&["audit", "--colour"], &["--colour: no such argument: "]),
        (
            &["audit", "--out", "/nonexistent/file"],
            &["--out /nonexistent/file: its directory does not exist: "],
        ),
        (&["serve"], &["ENDPOINT", "missing"]),
        (&["serve", "nonsense"], &["wirepath: endpoint \"nonsense\" has no known scheme; write unix:PATH"]),
        (&["serve", "unix:"], &["wirepath: endpoint \"unix:\" names nothing", "write a path"]),
    ];
    for (arguments, expected) in table {
        let output = run(arguments);
        let line = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
        assert!(line.starts_with("wirepath: ") && line.ends_with('\n'), "{arguments:?}: {line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        expected.iter().for_each(|text| assert!(line.contains(text), "{text:?} in {line}"));
    }
}

#[test]
fn an_endpoint_that_does_not_open_is_one_line_and_exit_1() {
    let output = run(&["serve", "unix:/nonexistent/echo.sock"]);
    let line = stderr(&output);
    assert_eq!((output.status.code(), line.lines().count()), (Some(1), 1), "{line}");
    assert!(line.contains("/nonexistent/echo.sock"), "{line}");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut audit = wirepath(&["audit", "--rows", "address"]);
    let mut audit = audit.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(audit.stdout.take());
    let mut complaint = String::new();
    audit.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((audit.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [&["--help"][..], &["--version"], &["audit", "--help"], &["serve", "--help"]] {
        let output = run(arguments);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn serve_says_where_it_listens_and_drains_on_either_signal() {
    for which in [Signal::TERM, Signal::INT] {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("echo.sock");
        let endpoint = format!("unix:{}", socket.display());
        let mut command = wirepath(&["serve", &endpoint, "tcp:127.0.0.1:0"]);
        let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert_eq!(lines.next().unwrap(), format!("listening on {endpoint}"));
        let tcp = lines.next().unwrap();
        let port = tcp.strip_prefix("listening on tcp:127.0.0.1:").unwrap();
        assert_ne!(port.parse::<u16>().unwrap(), 0);
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
        // At once: the handlers stand before the lines.
        signal(&server, which);
        assert_eq!(server.wait().unwrap().code(), Some(0));
        assert!(!socket.exists());
    }
}

#[test]
fn serve_does_not_wait_for_calls_after_a_second_signal() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("echo.sock");
    let mut command = wirepath(&["serve", &format!("unix:{}", socket.display())]);
    let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    // A Chat that is never finished: HEADERS without END_STREAM.
    let mut call = UnixStream::connect(&socket).unwrap();
    let mut block = vec![0x83, 0x86];
    let fields =
        [(":path", "/wirepath.echo.v1.Echo/Chat"), ("te", "trailers"), ("content-type", "application/grpc")];
    for (name, value) in fields {
        block.extend([0, name.len() as u8]);
        block.extend(name.as_bytes());
        block.push(value.len() as u8);
        block.extend(value.as_bytes());
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    bytes.extend([0, 0, block.len() as u8, 1, 4, 0, 0, 0, 1]);
    bytes.extend(block);
    // A PING, whose answer says that all before it was read.
    bytes.extend(b"\0\0\x08\x06\0\0\0\0\0pingping");
    call.write_all(&bytes).unwrap();
    let (mut answer, mut chunk) = (Vec::<u8>::new(), [0; 1024]);
    call.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    while !answer.windows(8).any(|bytes: &[u8]| bytes == b"pingping") {
        let count = call.read(&mut chunk).unwrap();
        assert_ne!(count, 0, "the server hung up");
        answer.extend(&chunk[..count]);
    }

    signal(&server, Signal::INT);
    eventually("the listener closes", || !socket.exists());
    assert!(server.try_wait().unwrap().is_none(), "it drains");
    signal(&server, Signal::INT);
    assert_eq!(server.wait().unwrap().code(), Some(130));
    assert!(is_empty(directory.path()));
}

#[test]
fn serve_refuses_a_path_that_stands_twice() {
    let output = run(&["serve", "unix:/nonexistent/a", "tcp:127.0.0.1:0", "unix:/nonexistent/a"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "wirepath: unix:/nonexistent/a: named twice: name it once\n");
}

#[test]
fn an_audit_takes_an_empty_tmpdir_for_none_and_a_dash_for_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let mut audit = wirepath(&["audit", "--format", "json", "--out", "-", "--rows", " options , address"]);
    let output = audit.env("TMPDIR", "").current_dir(directory.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["rows"].as_array().unwrap().len(), 2);
    assert!(is_empty(directory.path()));
}
