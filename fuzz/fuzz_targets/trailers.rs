//! Any block ends a call: reading never fails, only `grpc-status: 0` is success, and what is read reads back.
#![no_main]

use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use wirepath::wire::{ContentType, EncodingSet, Origin, ResponseStart, Trailers};
use wirepath_fuzz::{assert_bounded, header_block};

fuzz_target!(|data: &[u8]| {
    let (_, headers) = header_block(data);
    let status = headers.get("grpc-status").cloned();
    let read = assert_bounded(data.len(), 64, || Trailers::from_http(headers, StatusCode::OK));
    assert_eq!(read.status.is_ok(), status.is_some_and(|status| status == "0"));

    // What was made here for want of a status comes back as the peer's word.
    let sent = Trailers {
        status: read.status.map_err(|status| status.with_origin(Origin::Remote)),
        metadata: read.metadata,
    };
    assert_eq!(Trailers::from_http(sent.clone().to_http(), StatusCode::OK), sent);
    let only = sent.clone().to_http_only(ContentType::GRPC, EncodingSet::EMPTY);
    assert_eq!(ResponseStart::from_http(only, true), Ok(ResponseStart::TrailersOnly(sent)));
});
