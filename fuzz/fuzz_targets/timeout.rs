//! The grammar is taken and nothing else; a value reads back; a duration is never shortened.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wirepath::wire::Timeout;
use wirepath_fuzz::assert_bounded;

fuzz_target!(|data: &[u8]| {
    let parsed = assert_bounded(0, 0, || Timeout::parse(data));
    assert_eq!(parsed.is_ok(), is_legal(data));
    if let Ok(timeout) = parsed {
        assert_eq!(Timeout::parse(timeout.to_string().as_bytes()), Ok(timeout));
        assert_eq!(Timeout::from_duration(timeout.duration()), timeout);
    }

    if let Some((secs, rest)) = data.split_first_chunk() {
        let nanos = rest.first_chunk().map_or(0, |nanos| u32::from_le_bytes(*nanos) % 1_000_000_000);
        let duration = Duration::new(u64::from_le_bytes(*secs), nanos);
        let timeout = Timeout::from_duration(duration);
        assert!(timeout.duration() >= duration || timeout == Timeout::MAX);
        assert_eq!(Timeout::parse(timeout.to_string().as_bytes()), Ok(timeout));
    }
});

fn is_legal(text: &[u8]) -> bool {
    text.split_last().is_some_and(|(unit, digits)| {
        b"HMSmun".contains(unit) && (1..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
    })
}
