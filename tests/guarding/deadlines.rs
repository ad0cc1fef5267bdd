//! Clients that begin and do not go on.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use wirepath::frame::PREFACE;

use crate::raw::{Raw, block, call, frame, goaways, headers, serve};

const SETTINGS_TIMEOUT: u32 = 0x4;
const CALM: u32 = 0xb;

fn seconds(start: Instant) -> u64 {
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn without_a_preface_a_connection_is_closed_after_ten_seconds() {
    for said in [&b""[..], b"PRI * HTTP/2.0"] {
        let start = Instant::now();
        let mut raw = Raw::silent(&serve(|_| ())).await;
        raw.send(said).await;
        raw.read_to_end().await;
        assert_eq!(seconds(start), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn without_settings_and_without_their_acknowledgement_it_is_cut() {
    let settings = frame(0x4, 0, 0, &[]);
    for (said, text, expected) in [
        (PREFACE.to_vec(), "no_settings", 10),
        ([&PREFACE[..], &settings].concat(), "no_settings_ack", 20),
        ([&PREFACE[..], &settings, &call(1, b"hi")].concat(), "no_settings_ack", 20),
    ] {
        let start = Instant::now();
        let mut raw = Raw::silent(&serve(|_| ())).await;
        raw.send(&said).await;
        assert_eq!(raw.cut_off().await, (SETTINGS_TIMEOUT, text.to_owned()));
        assert_eq!(seconds(start), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_head_and_half_a_block_have_ten_seconds() {
    let open = frame(0x1, 0, 1, &block());
    let long = frame(0x9, 0, 1, &[0; 3_000]);
    for said in [&headers(1)[..1], &headers(1)[..8], &headers(1)[..30], &open, &[&open[..], &long].concat()] {
        let mut raw = Raw::to(|_| ()).await;
        raw.call(101).await;
        // The handshake's deadlines are long past.
        sleep(Duration::from_secs(60)).await;
        let start = Instant::now();
        raw.send(said).await;
        assert_eq!(raw.cut_off().await, (CALM, "field_block_too_slow".to_owned()), "{said:?}");
        assert_eq!(seconds(start), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_block_that_drips_is_cut_and_one_that_comes_in_time_is_served() {
    let mut raw = Raw::to(|_| ()).await;
    let call = call(1, b"hi");
    for octet in &call {
        raw.send(&[*octet]).await;
        sleep(Duration::from_millis(100)).await;
    }
    raw.call(3).await;
    let start = Instant::now();
    for octet in headers(5) {
        if !raw.offer(&[octet]).await {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(raw.cut_off().await, (CALM, "field_block_too_slow".to_owned()));
    assert!((10..=12).contains(&seconds(start)));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_connection_lives_on_by_default() {
    let mut raw = Raw::to(|_| ()).await;
    sleep(Duration::from_secs(30 * 86_400)).await;
    raw.call(1).await;
}

/// Rule 64.
#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_told_max_idle() {
    let mut raw = Raw::to(|config| config.lifetime.max_idle = Duration::from_secs(50)).await;
    sleep(Duration::from_secs(40)).await;
    raw.call(1).await;
    let start = Instant::now();
    let frames = raw.read_to_end().await;
    assert_eq!(goaways(&frames)[0], (0, "max_idle".to_owned()));
    // The PING of the drain is not answered.
    assert_eq!(seconds(start), 55);
}

/// Rule 64.
#[tokio::test(start_paused = true)]
async fn an_old_connection_is_told_max_age_and_closed_after_its_grace() {
    let mut raw = Raw::to(|config| {
        config.lifetime.max_age = Duration::from_secs(1_000);
        config.lifetime.max_age_grace = Duration::from_secs(100);
    })
    .await;
    let start = Instant::now();
    raw.send(&call(1, b"wait")).await;
    let told = raw.read_until(|frames| !goaways(frames).is_empty()).await;
    assert_eq!(goaways(&told)[0], (0, "max_age".to_owned()));
    let age = seconds(start);
    assert!((899..=1_101).contains(&age), "{age}");
    raw.read_to_end().await;
    assert_eq!((seconds(start) - age).div_ceil(10), 10);
}
