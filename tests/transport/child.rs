//! This test binary again, as another process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A command that runs the child's role `role` (`module::test`).
pub(crate) fn command(role: &str) -> Command {
    // By this link and not by its path, which another user may not be able to walk.
    with_role(Command::new("/proc/self/exe"), role)
}

/// The same behind a shell, which first runs `setup` (umask, ulimit, redirections).
pub(crate) fn command_after(setup: &str, role: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{setup}; exec \"$0\" \"$@\""));
    shell.arg(std::env::current_exe().expect("this binary has a path"));
    with_role(shell, role)
}

/// The same by util-linux's `setpriv` or `unshare`, given with its options, which need root.
///
/// The binary is handed on as a descriptor: another user may not be able to walk to its path.
pub(crate) fn command_by(starter: &str, role: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("exec 9<\"$0\"; exec {starter} /proc/self/fd/9 \"$@\""));
    shell.arg(std::env::current_exe().expect("this binary has a path"));
    with_role(shell, role)
}

fn with_role(mut command: Command, role: &str) -> Command {
    command.args(["--exact", role, "--ignored", "--nocapture"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// Runs a child to its end and gives what it told; it must not fail.
pub(crate) fn answers(command: &mut Command) -> Vec<String> {
    let mut child = start(command);
    let answers = child.answers.by_ref().collect();
    child.wait();
    answers
}

/// Starts a child, which tells as it goes.
pub(crate) fn start(command: &mut Command) -> Running {
    let mut child = command.spawn().expect("a child starts");
    let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let lines = stdout.lines().map_while(Result::ok);
    let answers = lines.filter_map(|line| line.strip_prefix(MARK).map(str::to_owned));
    Running { child, answers: Box::new(answers) }
}

/// A child at work; it does not outlive its test.
pub(crate) struct Running {
    child: Child,
    answers: Box<dyn Iterator<Item = String>>,
}

impl Running {
    /// Waits until the child tells something.
    pub(crate) fn next_answer(&mut self) -> String {
        self.answers.next().expect("the child tells something")
    }

    /// Waits for the child's end, which must be a good one.
    pub(crate) fn wait(&mut self) {
        assert!(self.child.wait().expect("it is a child").success());
    }

    /// Ends the child by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is a child");
        self.child.wait().expect("it is a child");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the child: tells the parent one line.
pub(crate) fn tell(text: impl std::fmt::Display) {
    // The newline before it ends what the test harness has begun to print.
    println!("\n{MARK}{text}");
}

/// In the child: what it was given; `None` if nobody plays the parent.
pub(crate) fn given(name: impl AsRef<OsStr>) -> Option<String> {
    std::env::var(name).ok()
}

const MARK: &str = "told: ";
