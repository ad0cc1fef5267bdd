//! Every string reads back; any bytes decode to a string that reads back, and text without escapes is not changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirepath::wire::percent;
use wirepath_fuzz::assert_bounded;

fuzz_target!(|data: &[u8]| {
    // A byte that is not UTF-8 becomes a replacement character of three.
    let decoded = assert_bounded(data.len(), 8, || percent::decode(data));
    assert_reads_back(&decoded);
    if let Ok(text) = std::str::from_utf8(data) {
        assert_reads_back(text);
        if !text.contains('%') {
            assert_eq!(decoded, text);
        }
    }
});

fn assert_reads_back(message: &str) {
    let encoded = percent::encode(message);
    assert!(encoded.bytes().all(|byte| matches!(byte, 0x20..=0x7e)));
    assert_eq!(percent::decode(encoded.as_bytes()), message);
}
