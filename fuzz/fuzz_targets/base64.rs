//! Every value reads back; a text is refused or means one value, which its canonical text means, too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wirepath::wire::base64;
use wirepath_fuzz::assert_bounded;

fuzz_target!(|data: &[u8]| {
    let text = assert_bounded(data.len(), 2, || base64::encode(data));
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'));
    assert_eq!(base64::decode(text.as_bytes()).unwrap(), data);
    let padded = format!("{text:=<width$}", width = text.len().next_multiple_of(4));
    assert_eq!(base64::decode(padded.as_bytes()).unwrap(), data);

    if let Ok(value) = assert_bounded(data.len(), 1, || base64::decode(data)) {
        let padding = data.iter().rev().take_while(|byte| **byte == b'=').count();
        let canonical = base64::encode(&value);
        assert!(padding <= 2);
        assert_eq!(canonical.len(), data.len() - padding);
        assert_eq!(base64::decode(canonical.as_bytes()).unwrap(), value);
    }
});
