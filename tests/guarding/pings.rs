//! Ping strikes: gRFC A8 as a server keeps it.

use std::time::Duration;

use tokio::time::{Instant, advance};

use crate::raw::{Raw, call, frame};

fn ping() -> Vec<u8> {
    frame(0x6, 0, 0, b"pingping")
}

const CALM: u32 = 0xb;

/// Rule 61.
#[tokio::test(start_paused = true)]
async fn the_third_bad_ping_is_answered_by_too_many_pings() {
    let mut raw = Raw::to(|_| ()).await;
    // The first is free.
    for _ in 0..3 {
        raw.send(&ping()).await;
    }
    raw.call(1).await;
    raw.send(&ping()).await;
    for _ in 0..3 {
        raw.send(&ping()).await;
    }
    assert_eq!(raw.cut_off().await, (CALM, "too_many_pings".to_owned()));
}

/// Rule 60.
#[tokio::test(start_paused = true)]
async fn five_minutes_suffice_with_a_call_and_two_hours_without() {
    let mut raw = Raw::to(|_| ()).await;
    for _ in 0..10 {
        raw.send(&ping()).await;
        advance(Duration::from_secs(7_200)).await;
    }
    raw.send(&call(1, b"wait")).await;
    for _ in 0..10 {
        raw.send(&ping()).await;
        advance(Duration::from_secs(300)).await;
    }
    raw.call(3).await;
    // Four that are too early: the one after the answer is free.
    let start = Instant::now();
    for _ in 0..4 {
        raw.send(&ping()).await;
        advance(Duration::from_secs(299)).await;
    }
    assert_eq!(raw.cut_off().await, (CALM, "too_many_pings".to_owned()));
    assert!(start.elapsed() < Duration::from_secs(1_200));
}

#[tokio::test(start_paused = true)]
async fn with_leave_to_ping_without_calls_five_minutes_suffice() {
    let mut raw = Raw::to(|config| config.pings.permit_without_calls = true).await;
    for _ in 0..10 {
        raw.send(&ping()).await;
        advance(Duration::from_secs(300)).await;
    }
    raw.call(1).await;
}

/// Rule 62: as with grpc-go, which pings when data has come, and then says a larger window.
#[tokio::test(start_paused = true)]
async fn probing_for_bandwidth_passes() {
    let mut raw = Raw::to(|_| ()).await;
    for number in 0..161 {
        raw.call(2 * number + 1).await;
        raw.send(&ping()).await;
        raw.send(&frame(0x4, 0, 0, &[0, 4, 0, 1, 0, 0])).await;
    }
    raw.call(999).await;
}
