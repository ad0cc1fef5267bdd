//! What the kernel tells about threads and sockets in /proc, to anybody.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// A line of /proc/net/tcp.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TcpLine {
    pub(super) local_port: u16,
    pub(super) remote_port: u16,
    pub(super) state: u8,
    pub(super) unread: usize,
    /// What is left of its timer, for a socket in TIME_WAIT the time until it is gone.
    pub(super) timer: Duration,
    pub(super) inode: u64,
}

/// A line of /proc/net/unix.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnixLine {
    pub(super) inode: u64,
    pub(super) path: Option<PathBuf>,
}

/// What the threads of a process have used up together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Time on a processor.
    pub(super) cpu: Duration,
    /// Times that a thread went to sleep.
    pub(super) switches: u64,
}

/// `TCP_TIME_WAIT` of the kernel's `tcp_states.h`.
pub(super) const TIME_WAIT: u8 = 6;

/// The TCP sockets over IPv4 of this network namespace.
pub(super) fn tcp_lines() -> io::Result<Vec<TcpLine>> {
    let table = fs::read_to_string("/proc/thread-self/net/tcp")?;
    Ok(table.lines().filter_map(tcp_line).collect())
}

/// The Unix sockets of this network namespace.
pub(super) fn unix_lines() -> io::Result<Vec<UnixLine>> {
    // A path need not be UTF-8.
    let table = fs::read("/proc/thread-self/net/unix")?;
    Ok(String::from_utf8_lossy(&table).lines().filter_map(unix_line).collect())
}

/// Runs `act` and counts the calls to read() that this thread made in it.
pub(super) fn reads_of_thread<T>(act: impl FnOnce() -> io::Result<T>) -> io::Result<(T, u64)> {
    // Reading the counter is counted as well: how much so is measured by doing nothing.
    let idle = reads()?;
    let before = reads()?;
    let done = act()?;
    let after = reads()?;
    Ok((done, after.saturating_sub(before).saturating_sub(before.saturating_sub(idle))))
}

/// What the threads that a process has now have used up.
pub(super) fn usage(pid: u32) -> io::Result<Usage> {
    let mut usage = Usage::default();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        usage.cpu += Duration::from_nanos(on_processor(&task)?);
        usage.switches += named_count(&task.join("status"), "voluntary_ctxt_switches:")?;
    }
    Ok(usage)
}

/// The first number of schedstat: nanoseconds on a processor.
fn on_processor(task: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(task.join("schedstat"))?;
    text.split_ascii_whitespace().next().and_then(|ns| ns.parse().ok()).ok_or_else(|| missing("schedstat"))
}

fn reads() -> io::Result<u64> {
    named_count(Path::new("/proc/thread-self/io"), "syscr:")
}

fn named_count(path: &Path, name: &'static str) -> io::Result<u64> {
    let text = fs::read_to_string(path)?;
    let count = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    count.ok_or_else(|| missing(name))
}

fn missing(what: &str) -> io::Error {
    io::Error::other(format!("this kernel does not tell {what}"))
}

/// `sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode ..`, numbers in hex but inode.
fn tcp_line(line: &str) -> Option<TcpLine> {
    let columns: Vec<&str> = line.split_ascii_whitespace().collect();
    let port = |column: usize| {
        let (_, port) = columns.get(column)?.split_once(':')?;
        u16::from_str_radix(port, 16).ok()
    };
    Some(TcpLine {
        local_port: port(1)?,
        remote_port: port(2)?,
        state: u8::from_str_radix(columns.get(3)?, 16).ok()?,
        unread: usize::from_str_radix(columns.get(4)?.split_once(':')?.1, 16).ok()?,
        // In hundredths of a second (USER_HZ), whatever the kernel's own tick.
        timer: Duration::from_millis(10)
            * u32::from_str_radix(columns.get(5)?.split_once(':')?.1, 16).ok()?,
        inode: columns.get(9)?.parse().ok()?,
    })
}

/// `Num RefCount Protocol Flags Type St Inode Path`, where a path may hold spaces and an abstract name begins with `@`.
fn unix_line(line: &str) -> Option<UnixLine> {
    let mut columns = line.split_once(": ")?.1.trim_start().split(' ').filter(|column| !column.is_empty());
    let inode = columns.nth(5)?.parse().ok()?;
    let path = columns.collect::<Vec<_>>().join(" ");
    Some(UnixLine { inode, path: (!path.is_empty()).then(|| PathBuf::from(path)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_tcp_line() {
        let line = "   1: 0100007F:9C40 0100007F:1F90 06 00000000:00000005 03:00001770 00000000  1000        0 4711 1 0 20";
        assert_eq!(
            tcp_line(line),
            Some(TcpLine {
                local_port: 40000,
                remote_port: 8080,
                state: TIME_WAIT,
                unread: 5,
                timer: Duration::from_secs(60),
                inode: 4711
            })
        );
        assert_eq!(tcp_line("  sl  local_address rem_address   st tx_queue rx_queue"), None);
    }

    #[test]
    fn reads_unix_lines_with_and_without_a_path() {
        let named = "0000000000000000: 00000002 00000000 00010000 0001 01  4711 /run/a b.sock";
        let unnamed = "0000000000000000: 00000003 00000000 00000000 0001 03 4712";
        assert_eq!(unix_line(named), Some(UnixLine { inode: 4711, path: Some("/run/a b.sock".into()) }));
        assert_eq!(unix_line(unnamed), Some(UnixLine { inode: 4712, path: None }));
        assert_eq!(unix_line("Num       RefCount Protocol Flags    Type St Inode Path"), None);
    }

    #[test]
    fn counts_the_reads_of_a_thread() -> io::Result<()> {
        let (_, reads) = reads_of_thread(|| Ok(()))?;
        assert_eq!(reads, 0);
        let (_, reads) = reads_of_thread(|| fs::read("/proc/self/comm"))?;
        assert!(reads > 0);
        Ok(())
    }
}
