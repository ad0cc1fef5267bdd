//! This test binary again, in a process of its own.

use std::{
    fs,
    future::Future,
    process::{Command, Stdio},
    time::Duration,
};

/// Runs the ignored test `role` (`module::test`) in a child, behind a shell that first runs `setup`.
///
/// # Panics
/// If the child fails; what it wrote is part of the message.
pub(crate) fn succeeds_after(setup: &str, role: &str) {
    let output = Command::new("sh")
        .args(["-c", &format!("{setup}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", role, "--ignored", "--nocapture", "--test-threads=1"])
        .env(MARK, role)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("1 passed"), "{role}: {stdout}\n{stderr}");
}

pub(crate) fn succeeds(role: &str) {
    succeeds_after("true", role);
}

/// In the child: plays the role on a runtime of one thread; does nothing if nobody plays the parent.
pub(crate) fn play(role: impl Future<Output = ()>) {
    if std::env::var_os(MARK).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(role);
    }
}

/// How many descriptors this process has open.
pub(crate) fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Resident memory of this process, in bytes.
pub(crate) fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Time that this process has spent on a processor; asking takes no descriptor.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap()
}

const MARK: &str = "WIREPATH_TEST_CHILD";
