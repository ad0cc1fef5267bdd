//! Packets on the loopback device, by its own counter.
//!
//! The counter is the whole machine's: other programs' packets are in it. Windows are therefore short and many, and
//! the median of them counts, so that a stray packet in some of them changes nothing.

use std::{fs, io};

use super::stats;

/// The median number of packets that `lo` sent during one `act`, over `windows` of them.
pub(super) fn packets_during(windows: usize, mut act: impl FnMut() -> io::Result<()>) -> io::Result<f64> {
    let mut seen = Vec::with_capacity(windows);
    for _ in 0..windows {
        let before = packets_sent()?;
        act()?;
        seen.push(packets_sent()?.saturating_sub(before) as f64);
    }
    Ok(stats::median(&seen))
}

/// What to say when packets were counted where none can be ours.
pub(super) const BUSY: &str = "too noisy: other programs are busy on lo";

fn packets_sent() -> io::Result<u64> {
    let table = fs::read_to_string("/proc/thread-self/net/dev")?;
    sent_by_lo(&table).ok_or_else(|| io::Error::other("no loopback device in /proc/net/dev"))
}

/// The tenth column: eight are of what was received, then bytes sent, then packets sent.
fn sent_by_lo(table: &str) -> Option<u64> {
    let counters = table.lines().find_map(|line| line.trim_start().strip_prefix("lo:"))?;
    counters.split_ascii_whitespace().nth(9)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_packets_sent_by_lo() {
        let table = "Inter-|   Receive                            |  Transmit\n\
                     \x20face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n\
                     \x20 eth0:  1 2 0 0 0 0 0 0  3 4 0 0 0 0 0 0\n\
                     \x20   lo: 12345 67 0 0 0 0 0 0 12345 68 0 0 0 0 0 0\n";
        assert_eq!(sent_by_lo(table), Some(68));
        assert_eq!(sent_by_lo("  eth0: 1 2 0 0 0 0 0 0 3 4 0"), None);
        assert_eq!(sent_by_lo("  lo: 1 2"), None);
    }
}
