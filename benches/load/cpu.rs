//! CPU time of a process, its own or another's, as Linux tells it to anyone of the same user.

use std::fs;
use std::time::Duration;

/// User and system time of all threads of the process so far; `None` where the system does not tell.
///
/// `/proc/<pid>/task/*/schedstat` counts nanoseconds, where `/proc/<pid>/stat` counts ticks of 10 ms.
pub(crate) fn time_of(process: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let mut nanoseconds = 0;
    for thread in threads {
        let schedstat = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += schedstat.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanoseconds))
}
