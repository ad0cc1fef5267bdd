//! Any header block that opens a call or a response is read or refused in words; what is read reads back.
//!
//! The input is a block as text; `:method`, `:path`, `:authority` and `:status` are taken where HTTP allows their values.
#![no_main]

use http::{Method, Request, Response, StatusCode, Uri};
use libfuzzer_sys::fuzz_target;
use wirepath::wire::{
    Code, ContentType, Encoding, EncodingSet, RequestHeaders, ResponseHeaders, ResponseStart, Trailers,
};
use wirepath_fuzz::{assert_bounded, header_block};

fuzz_target!(|data: &[u8]| {
    let (pseudo, headers) = header_block(data);
    let find = |wanted: &str| {
        let value = pseudo.iter().find(|(name, _)| *name == wanted.as_bytes())?.1;
        std::str::from_utf8(value).ok()
    };

    let mut request = Request::new(());
    let method = find(":method").and_then(|method| Method::try_from(method).ok());
    *request.method_mut() = method.unwrap_or(Method::POST);
    let uri = Uri::builder().scheme("http").authority(find(":authority").unwrap_or("localhost"));
    let path = find(":path").unwrap_or("/s/m");
    *request.uri_mut() =
        uri.path_and_query(path).build().or_else(|_| Uri::try_from(path)).unwrap_or_default();
    *request.headers_mut() = headers.clone();
    check_request(request, data.len());

    let mut response = Response::new(());
    let status = find(":status").and_then(|status| StatusCode::try_from(status).ok());
    *response.status_mut() = status.unwrap_or(StatusCode::OK);
    *response.headers_mut() = headers;
    check_response(response.clone(), true, data.len());
    check_response(response, false, data.len());
});

fn check_request(request: Request<()>, received: usize) {
    match assert_bounded(received, FACTOR, || RequestHeaders::from_http(request)) {
        Ok(mut read) => {
            read.accept_encoding = as_sent(read.accept_encoding);
            let written = read.clone().to_http();
            assert_eq!(RequestHeaders::from_http(written), Ok(read));
        }
        Err(refusal) => {
            let (response, body) = refusal.to_http(EncodingSet::EMPTY);
            if body.is_some() {
                assert!(response.status().is_client_error());
                return;
            }
            let trailers = Trailers::from_http(response.headers().clone(), response.status());
            let code = trailers.status.expect_err("a refusal is no success").code();
            assert!(matches!(code, Code::Internal | Code::Unimplemented));
        }
    }
}

fn check_response(response: Response<()>, end_stream: bool, received: usize) {
    match assert_bounded(received, FACTOR, || ResponseStart::from_http(response, end_stream)) {
        Ok(ResponseStart::Headers(mut read)) => {
            assert!(!end_stream);
            read.accept_encoding = as_sent(read.accept_encoding);
            let written = ResponseHeaders::clone(&read).to_http(ContentType::GRPC);
            assert_eq!(ResponseStart::from_http(written, false), Ok(ResponseStart::Headers(read)));
        }
        Ok(ResponseStart::TrailersOnly(_)) => assert!(end_stream),
        Ok(ResponseStart::NotGrpc(_)) => {}
        Err(status) => assert_eq!(status.code(), Code::Internal),
    }
}

/// `identity` alone goes without saying.
fn as_sent(accept: EncodingSet) -> EncodingSet {
    if accept == EncodingSet::EMPTY.with(Encoding::Identity) { EncodingSet::EMPTY } else { accept }
}

/// A field of three bytes becomes a slot of a map.
const FACTOR: usize = 64;
