//! `wirepath serve` on sockets that are not the default: modes, groups, users, handover, a supervisor's sockets.
#![cfg(feature = "cli")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::tempdir;

fn wirepath() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wirepath"))
}

/// A running server; dropping it ends it.
struct Serving {
    child: Child,
    announced: String,
}

impl Serving {
    /// Starts the command and waits for its first line.
    fn start(command: &mut Command) -> Serving {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut announced = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut announced).unwrap();
        Serving { child, announced: announced.trim_end().to_owned() }
    }

    fn of(path: &Path, flags: &[&str]) -> Serving {
        Serving::start(wirepath().arg("serve").arg(endpoint(path)).args(flags))
    }

    /// Ends it by SIGTERM, which drains.
    fn end(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn endpoint(path: &Path) -> String {
    format!("unix:{}", path.display())
}

/// What a command that ends by itself says on stderr, and its exit status.
fn complaint(arguments: &[&str]) -> (String, Option<i32>) {
    let Output { status, stderr, .. } = wirepath().args(arguments).output().unwrap();
    let line = String::from_utf8(stderr).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    (line, status.code())
}

#[test]
fn mode_and_group_are_the_files() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let gid = fs::metadata(directory.path()).unwrap().gid();
    let serving =
        Serving::of(&path, &["--mode", "660", "--group", &gid.to_string(), "--allow-uid", "0", "1000"]);
    let file = fs::metadata(&path).unwrap();
    assert_eq!((file.mode() & 0o7777, file.gid()), (0o660, gid));
    serving.end();
}

#[test]
fn flags_that_cannot_be_followed_are_wrong_usage() {
    let table: [(&[&str], &str); 11] = [
        (&["fd:3", "fd:3"], "fd:3: named twice: name it once"),
        (&["unix:/a", "--mode", "8"], "mode \"8\": no octal number up to 0777"),
        (&["unix:/a", "--mode", "1777"], "mode \"1777\": no octal number up to 0777"),
        (
            &["unix:/a", "--mode", "660"],
            "--mode 0660: lets others than the owner connect: say which by --allow-uid",
        ),
        (&["unix:/a", "--group", "wheel"], "id \"wheel\": no number of a user or group"),
        (&["unix:/a", "--allow-uid", "me"], "id \"me\": no number"),
        (&["unix:/a", "--allow-uid"], "--allow-uid: needs a value"),
        (&["tcp:127.0.0.1:0", "--mode", "600"], "--mode: no endpoint is a path: listen on unix:PATH"),
        (&["unix-abstract:a", "--take-over"], "--take-over: no endpoint is a path"),
        (&["tcp:127.0.0.1:0", "--allow-uid", "0"], "--allow-uid: no endpoint is a Unix socket"),
        (&["activated:a:b"], "holds a colon"),
    ];
    for (arguments, words) in table {
        let (line, status) = complaint(&[&["serve"], arguments].concat());
        assert!(line.contains(words), "{arguments:?}: {line}");
        assert_eq!(status, Some(2), "{line}");
    }
}

#[test]
fn a_process_without_free_descriptors_says_so_in_one_line() {
    for limit in 5..12 {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")]);
        shell.arg(env!("CARGO_BIN_EXE_wirepath")).args(["serve", "unix:/nowhere/a.sock"]);
        let Output { status, stderr, .. } = shell.output().unwrap();
        let line = String::from_utf8(stderr).unwrap();
        assert!(line.starts_with("wirepath: file descriptors: 16 more cannot be opened"), "{limit}: {line}");
        assert_eq!((line.lines().count(), status.code()), (1, Some(1)), "{limit}: {line}");
    }
}

#[test]
fn a_directory_of_anybody_is_refused_and_accepted_by_the_flag() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let anybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(directory.path(), anybody).unwrap();
    let (line, status) = complaint(&["serve", &endpoint(&path)]);
    assert!(line.contains("mode 0777") && line.contains("accept_any_directory"), "{line}");
    assert_eq!(status, Some(1));
    Serving::of(&path, &["--accept-any-directory"]).end();
}

#[test]
fn a_second_server_is_refused_and_takes_the_path_over_by_the_flag() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let first = Serving::of(&path, &[]);
    let (line, status) = complaint(&["serve", &endpoint(&path)]);
    assert!(line.contains("a live server has this path (EADDRINUSE)"), "{line}");
    assert_eq!(status, Some(1));
    let second = Serving::of(&path, &["--take-over"]);
    assert_eq!(second.announced, format!("listening on {}", endpoint(&path)));
    let owner = fs::metadata(&path).unwrap().ino();
    first.end();
    assert_eq!(fs::metadata(&path).unwrap().ino(), owner);
    UnixStream::connect(&path).expect("the second server");
    second.end();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_supervisors_socket_is_served_and_left_standing() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let with_socket = |setup: &str, endpoint: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 3<&0 </dev/null; {setup}; exec \"$0\" \"$@\"")]);
        shell.arg(env!("CARGO_BIN_EXE_wirepath")).args(["serve", endpoint]);
        shell.stdin(Stdio::from(OwnedFd::from(listener.try_clone().unwrap())));
        shell
    };
    let setup = "export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=echo";
    for endpoint in ["activated:", "activated:echo"] {
        let serving = Serving::start(&mut with_socket(setup, endpoint));
        assert_eq!(serving.announced, format!("listening on unix:{}", path.display()));
        UnixStream::connect(&path).unwrap();
        serving.end();
        assert!(path.exists());
    }
    let refused = with_socket("unset LISTEN_FDS", "activated:").output().unwrap();
    let line = String::from_utf8(refused.stderr).unwrap();
    assert!(line.contains("no supervisor has passed a socket to this process"), "{line}");
    assert_eq!(refused.status.code(), Some(1));
}
