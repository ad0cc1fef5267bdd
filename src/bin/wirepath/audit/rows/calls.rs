//! Rows about real gRPC calls, made over connections that are already open to a server in a second process.

use std::{io, time::Duration};

use super::{
    Finding, Verdict,
    bench::{Bench, Load, Transport},
    figures, lo,
    measured::Measured,
};

/// Small calls, one after the other.
pub(super) const ONE_BY_ONE: Load = Load { calls: 1, in_flight: 1, message_len: 128 };

/// Request and response pass the loopback device, with their acknowledgements; or do not.
pub(super) fn segments(bench: &Bench<'_>) -> io::Result<Finding> {
    let calls = bench.calls()?;
    let load = Load { calls: WINDOW, ..ONE_BY_ONE };
    let per_call = |transport| {
        calls.unary(transport, load)?;
        let packets = lo::packets_during(WINDOWS, || calls.unary(transport, load))?;
        Ok::<_, io::Error>(packets / f64::from(WINDOW))
    };
    let (tcp, unix) = (per_call(Transport::Tcp)?, per_call(Transport::Unix)?);
    Ok(Finding {
        tcp: format!("{tcp:.1} packets on lo"),
        unix: format!("{unix:.1} packets on lo"),
        experiment: format!("counter of lo, median of {WINDOWS} x {WINDOW} calls"),
        verdict: match unix {
            0.0 => Verdict::of(&[(tcp >= 2.0, "a call over TCP takes fewer than 2 packets")]),
            _ => Verdict::NotHere(lo::BUSY.to_owned()),
        },
    })
}

/// The time of one small call after the other.
pub(super) fn round_trip(bench: &Bench<'_>) -> io::Result<Finding> {
    let measured = bench.single_calls()?;
    let ratio = measured.ratio(|cost| cost.time);
    let cell = |transport| {
        let time = Duration::from_secs_f64(measured.median(transport, |cost| cost.time));
        format!("{} a call", figures::span(time))
    };
    Ok(Finding {
        tcp: cell(Transport::Tcp),
        unix: cell(Transport::Unix),
        experiment: format!("128 B, 1 at a time, {}; unix/tcp {ratio}", how(measured)),
        verdict: ratio.less("time"),
    })
}

/// Large messages, several calls at a time.
pub(super) fn throughput(bench: &Bench<'_>) -> io::Result<Finding> {
    let measured = Measured::of(bench.calls()?, BULK)?;
    let ratio = measured.ratio(|cost| cost.time);
    let cell = |transport| {
        let rate = BULK.message_len as f64 / measured.median(transport, |cost| cost.time);
        format!("{:.0} MB/s each way", rate / 1e6)
    };
    Ok(Finding {
        tcp: cell(Transport::Tcp),
        unix: cell(Transport::Unix),
        experiment: format!(
            "64 KiB, {} at a time, {}; time unix/tcp {ratio}",
            BULK.in_flight,
            how(&measured)
        ),
        verdict: ratio.less("time"),
    })
}

/// What both processes pay for a call.
pub(super) fn cpu(bench: &Bench<'_>) -> io::Result<Finding> {
    let measured = bench.single_calls()?;
    let ratio = measured.ratio(|cost| cost.cpu);
    let cell = |transport| {
        let cpu = Duration::from_secs_f64(measured.median(transport, |cost| cost.cpu));
        format!("{}, {:.1} switches", figures::span(cpu), measured.median(transport, |cost| cost.switches))
    };
    Ok(Finding {
        tcp: cell(Transport::Tcp),
        unix: cell(Transport::Unix),
        experiment: format!("a call, both processes, {}; CPU unix/tcp {ratio}", how(measured)),
        verdict: ratio.less("CPU"),
    })
}

fn how(measured: &Measured) -> String {
    format!("{} x {} on {}", measured.rounds(), measured.load.calls, measured.place)
}

/// Large calls, several at a time.
const BULK: Load = Load { calls: 1, in_flight: 8, message_len: 64 * 1024 };
/// Windows in which packets are counted.
const WINDOWS: usize = 41;
/// Calls of such a window.
const WINDOW: u32 = 10;
