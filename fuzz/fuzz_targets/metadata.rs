//! A received block gives metadata that reads back and holds nothing of the call; a key and a value are taken as the
//! grammar says and by no other door.
#![no_main]

use http::header::HeaderMap;
use libfuzzer_sys::fuzz_target;
use wirepath::wire::{Metadata, MetadataValue};
use wirepath_fuzz::{assert_bounded, header_block};

fuzz_target!(|data: &[u8]| {
    let (_, headers) = header_block(data);
    if let Ok(metadata) = assert_bounded(data.len(), 64, || Metadata::from_http(headers)) {
        for (key, value) in metadata.iter() {
            assert!(!key.starts_with("grpc-") && !RESERVED.contains(&key));
            assert_eq!(key.ends_with("-bin"), matches!(value, MetadataValue::Binary(_)));
        }
        let mut written = HeaderMap::new();
        metadata.clone().append_to(&mut written);
        assert_eq!(Metadata::from_http(written), Ok(metadata));
    }

    let text = String::from_utf8_lossy(data);
    if let Some((key, value)) = text.split_once(": ") {
        append(key, value);
    }
});

fn append(key: &str, value: &str) {
    let legal_key = !key.is_empty()
        && key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'_' | b'-' | b'.'))
        && !key.starts_with("grpc-")
        && !RESERVED.contains(&key);
    let is_binary = key.ends_with("-bin");

    let mut metadata = Metadata::new();
    let appended = metadata.append(key, value).is_ok();
    assert_eq!(appended, legal_key && !is_binary && value.bytes().all(|byte| matches!(byte, 0x20..=0x7e)));
    assert_eq!(metadata.get(key), appended.then(|| value.trim_matches(' ')));

    let mut metadata = Metadata::new();
    let appended = metadata.append_bin(key, value.as_bytes()).is_ok();
    assert_eq!(appended, legal_key && is_binary);
    assert_eq!(metadata.get_bin(key).as_deref(), appended.then_some(value.as_bytes()));
}

const RESERVED: [&str; 10] = [
    "te",
    "content-type",
    "content-length",
    "user-agent",
    "host",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];
