//! Every production of the grammar reads back what it wrote, and takes any bytes without a panic.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Request, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;

use wirepath::wire::{
    Code, ContentType, Encoding, EncodingSet, LengthPrefixedMessage, MessageDeframer, MessageFramer,
    MessagePrefix, Metadata, Origin, RequestHeaders, ResponseHeaders, ResponseStart, Status, Timeout,
    Trailers, base64, percent,
};

proptest! {
    #[test]
    fn base64_reads_back_with_and_without_padding(value: Vec<u8>) {
        let text = base64::encode(&value);
        prop_assert!(!text.contains('='));
        prop_assert_eq!(base64::decode(text.as_bytes()).unwrap(), &value[..]);
        let padded = format!("{text:=<width$}", width = text.len().next_multiple_of(4));
        prop_assert_eq!(base64::decode(padded.as_bytes()).unwrap(), value);
    }

    #[test]
    fn base64_of_any_text_is_refused_or_means_one_value(text in "[A-Za-z0-9+/=_ -]{0,12}") {
        if let Ok(value) = base64::decode(text.as_bytes()) {
            let bare = base64::encode(&value);
            prop_assert_eq!(text.trim_end_matches('=').len(), bare.len());
            prop_assert_eq!(base64::decode(bare.as_bytes()).unwrap(), value);
        }
    }

    #[test]
    fn percent_reads_back_every_string(message: String) {
        let encoded = percent::encode(&message);
        prop_assert!(encoded.bytes().all(|byte| matches!(byte, 0x20..=0x7e)));
        prop_assert_eq!(percent::decode(encoded.as_bytes()), message);
    }

    #[test]
    fn percent_decoding_keeps_all_text_without_escapes(text in "[^%]*", escape in "%[^0-9a-fA-F][a-z]") {
        prop_assert_eq!(percent::decode(text.as_bytes()), &text[..]);
        prop_assert_eq!(percent::decode(escape.as_bytes()), escape);
    }

    #[test]
    fn timeout_never_shortens_and_adds_less_than_its_unit(duration: Duration) {
        let timeout = Timeout::from_duration(duration);
        let text = timeout.to_string();
        prop_assert!(text.len() <= 9);
        prop_assert_eq!(Timeout::parse(text.as_bytes()), Ok(timeout));
        if timeout < Timeout::MAX {
            let added = timeout.duration().checked_sub(duration).expect("rounded up");
            let unit = Timeout::parse(format!("1{}", &text[text.len() - 1..]).as_bytes()).unwrap();
            prop_assert!(added < unit.duration());
        } else {
            prop_assert_eq!(text, "99999999H");
        }
    }

    #[test]
    fn timeout_reads_what_the_grammar_allows_and_nothing_else(text in "[0-9]{0,10}[HMSmunhs ]?") {
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let legal = (1..=8).contains(&digits.len()) && ["H", "M", "S", "m", "u", "n"].contains(&unit);
        prop_assert_eq!(Timeout::parse(text.as_bytes()).is_ok(), legal);
    }

    #[test]
    fn content_type_reads_back(subtype in "[a-z0-9.+_-]{1,20}", parameters in "(;[ a-z=]{0,9})?") {
        let content_type = ContentType::with_subtype(&subtype).unwrap();
        let text = format!("{content_type}{parameters}");
        let read = ContentType::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(read.subtype(), subtype);
        prop_assert_eq!(read, content_type);
    }

    #[test]
    fn encoding_set_reads_back_among_unknown_names(set in encoding_set(), unknown in "[a-z]{6,8}[0-9]") {
        prop_assert_eq!(EncodingSet::parse(format!("{unknown}, {set},{unknown}").as_bytes()), set);
    }

    #[test]
    fn prefix_reads_back(compressed: bool, len: u32) {
        let prefix = MessagePrefix { compressed, len };
        prop_assert_eq!(MessagePrefix::parse(prefix.encode()), Ok(prefix));
    }

    #[test]
    fn messages_read_back_however_the_stream_is_cut(messages in messages(), cuts in vec(0..9000_usize, 1..20)) {
        let mut stream = framed(&messages);
        let mut deframer = MessageDeframer::new(None);
        let mut read = Vec::new();
        for cut in cuts.into_iter().chain([usize::MAX]) {
            deframer.push(stream.split_to(cut.min(stream.len())));
            while let Some(message) = deframer.next_message().unwrap() {
                read.push(message);
            }
        }
        prop_assert_eq!(deframer.finish(), Ok(()));
        prop_assert_eq!(read, messages);
    }

    #[test]
    fn messages_read_back_when_all_of_the_stream_came_first(messages in messages(), cuts in vec(0..9000_usize, 1..20)) {
        let mut stream = framed(&messages);
        let mut deframer = MessageDeframer::new(None);
        for cut in cuts.into_iter().chain([usize::MAX]) {
            deframer.push(stream.split_to(cut.min(stream.len())));
        }
        for message in messages {
            prop_assert_eq!(deframer.next_message(), Ok(Some(message)));
        }
        prop_assert_eq!(deframer.next_message(), Ok(None));
        prop_assert!(deframer.is_empty());
    }

    #[test]
    fn a_stream_cut_short_is_never_taken_for_whole(messages in messages(), short in 1..6_usize) {
        let stream = framed(&messages);
        prop_assume!(!stream.is_empty());
        let last = messages.last().map_or(0, |message| message.data.len());
        let mut deframer = MessageDeframer::new(None);
        deframer.push(stream.slice(..stream.len() - short.min(5 + last)));
        let whole = std::iter::from_fn(|| deframer.next_message().unwrap()).count();
        prop_assert_eq!(whole, messages.len() - 1);
        // Five bytes are the whole of an empty message.
        prop_assert_eq!(deframer.finish().is_err(), short < 5 + last);
    }

    #[test]
    fn metadata_reads_back_in_order(fields in fields()) {
        let metadata = metadata(&fields);
        let mut headers = HeaderMap::new();
        metadata.clone().append_to(&mut headers);
        let read = Metadata::from_http(headers).unwrap();
        prop_assert_eq!(&read, &metadata);
        for (key, _) in &fields {
            let sent = fields.iter().filter(|(other, _)| other == key);
            if key.ends_with("-bin") {
                prop_assert!(read.get_all_bin(key).eq(sent.map(|(_, value)| value.as_bytes())));
            } else {
                prop_assert!(read.get_all(key).eq(sent.map(|(_, value)| value.trim_matches(' '))));
            }
        }
    }

    #[test]
    fn joined_binary_values_come_apart(values in vec(vec(any::<u8>(), 0..20), 1..5)) {
        let joined: Vec<_> = values.iter().map(|value| base64::encode(value)).collect();
        let mut headers = HeaderMap::new();
        headers.insert("k-bin", HeaderValue::from_str(&joined.join(",")).unwrap());
        let read = Metadata::from_http(headers).unwrap();
        prop_assert!(read.get_all_bin("k-bin").eq(values));
    }

    #[test]
    fn request_headers_read_back(headers in request_headers()) {
        let request = headers.clone().to_http();
        prop_assert_eq!(RequestHeaders::from_http(request), Ok(headers));
    }

    #[test]
    fn response_headers_read_back(encoding in encoding(), accept_encoding in accepted(), fields in fields()) {
        let headers = ResponseHeaders { encoding, accept_encoding, metadata: metadata(&fields) };
        let response = headers.clone().to_http(ContentType::GRPC);
        prop_assert_eq!(ResponseStart::from_http(response, false), Ok(ResponseStart::Headers(headers)));
    }

    #[test]
    fn trailers_read_back(trailers in trailers()) {
        let read = Trailers::from_http(trailers.clone().to_http(), StatusCode::OK);
        prop_assert_eq!(read, trailers);
    }

    #[test]
    fn trailers_only_reads_back(trailers in trailers(), accept in accepted()) {
        let response = trailers.clone().to_http_only(ContentType::GRPC, accept);
        prop_assert_eq!(ResponseStart::from_http(response, true), Ok(ResponseStart::TrailersOnly(trailers)));
    }

    #[test]
    fn any_header_block_is_read_or_refused(block in header_block(), end_stream: bool, http in 100..1000_u16) {
        let http = StatusCode::from_u16(http).unwrap();
        let mut request = Request::post("http://localhost/s/m").body(()).unwrap();
        *request.headers_mut() = block.clone();
        if let Err(refusal) = RequestHeaders::from_http(request) {
            let (response, body) = refusal.to_http(EncodingSet::EMPTY);
            prop_assert!(body.is_some() || response.headers().contains_key("grpc-status"));
        }

        let trailers = Trailers::from_http(block.clone(), http);
        prop_assert_eq!(trailers.status.is_ok(), block.get("grpc-status").is_some_and(|status| status == "0"));

        let mut response = http::Response::new(());
        *response.status_mut() = http;
        *response.headers_mut() = block;
        match ResponseStart::from_http(response, end_stream) {
            Ok(ResponseStart::TrailersOnly(only)) => prop_assert!(end_stream && only == trailers),
            Ok(ResponseStart::Headers(_)) => prop_assert!(!end_stream && http == StatusCode::OK),
            Ok(ResponseStart::NotGrpc(_)) => {}
            Err(status) => prop_assert_eq!(status.code(), Code::Internal),
        }
    }
}

fn framed(messages: &[LengthPrefixedMessage]) -> Bytes {
    let mut stream = BytesMut::new();
    for message in messages {
        let start = MessageFramer::reserve(&mut stream);
        stream.extend_from_slice(&message.data);
        MessageFramer::finish(&mut stream, start, 0, message.compressed, None).unwrap();
    }
    stream.freeze()
}

fn messages() -> impl Strategy<Value = Vec<LengthPrefixedMessage>> {
    let len = prop_oneof![4 => 0..300_usize, 1 => 4000..20_000_usize];
    let message = (any::<bool>(), any::<u8>(), len).prop_map(|(compressed, first, len)| {
        let data = (0..len).map(|index| first.wrapping_add(index as u8)).collect();
        LengthPrefixedMessage { compressed, data }
    });
    vec(message, 0..8)
}

/// Keys of few kinds, so that some stand several times.
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let ascii = ("[a-d_.]|authorization|[0-9a-z_.-]{1,9}x", "[ -~]{0,20}");
    let binary = ("([a-c]|[0-9a-z_.-]{1,9})-bin", any::<String>());
    vec(prop_oneof![ascii, binary], 0..8)
        .prop_map(|fields| fields.into_iter().filter(|(key, _)| !key.starts_with("grpc-")).collect())
}

fn metadata(fields: &[(String, String)]) -> Metadata {
    let mut metadata = Metadata::new();
    for (key, value) in fields {
        let appended = match key.ends_with("-bin") {
            true => metadata.append_bin(key, value.as_bytes()),
            false => metadata.append(key, value),
        };
        appended.unwrap();
    }
    metadata
}

fn encoding() -> impl Strategy<Value = Encoding> {
    prop::sample::select(Encoding::ALL.to_vec())
}

fn encoding_set() -> impl Strategy<Value = EncodingSet> {
    vec(encoding(), 0..6).prop_map(|encodings| encodings.into_iter().collect())
}

/// A set as it is sent: `identity` alone goes without saying.
fn accepted() -> impl Strategy<Value = EncodingSet> {
    let alone = EncodingSet::EMPTY.with(Encoding::Identity);
    encoding_set().prop_map(move |set| if set == alone { EncodingSet::EMPTY } else { set })
}

fn request_headers() -> impl Strategy<Value = RequestHeaders> {
    let path = "/[A-Za-z0-9._]{1,20}/[A-Za-z0-9_]{1,20}";
    let timeout = proptest::option::of(any::<Duration>().prop_map(Timeout::from_duration));
    let rest = (encoding(), accepted(), proptest::option::of("[!-~]{1,30}"), fields());
    ("[a-z0-9.-]{1,20}(:[1-9][0-9]{0,3})?", path, timeout, "[a-z0-9.]{0,9}", rest).prop_map(
        |(authority, path, timeout, subtype, (encoding, accept_encoding, user_agent, fields))| {
            let authority = Authority::try_from(authority).unwrap();
            let mut headers = RequestHeaders::new(authority, PathAndQuery::try_from(path).unwrap());
            headers.timeout = timeout;
            headers.content_type = ContentType::with_subtype(&subtype).unwrap_or(ContentType::GRPC);
            headers.encoding = encoding;
            headers.accept_encoding = accept_encoding;
            headers.user_agent = user_agent.map(|agent| HeaderValue::try_from(agent).unwrap());
            headers.metadata = metadata(&fields);
            headers
        },
    )
}

fn trailers() -> impl Strategy<Value = Trailers> {
    let failure =
        (prop::sample::select(Code::ALL.to_vec()), any::<String>(), vec(any::<u8>(), 0..40), fields());
    let failure = failure.prop_map(|(code, message, details, fields)| {
        let status = Status::new(code, message).with_details(details).with_metadata(metadata(&fields));
        Trailers::from_status(status.with_origin(Origin::Remote))
    });
    prop_oneof![fields().prop_map(|fields| Trailers::ok(metadata(&fields))), failure]
}

/// Blocks of the fields that matter, with values near to and far from the grammar.
fn header_block() -> impl Strategy<Value = HeaderMap> {
    let names = [
        "content-type",
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "grpc-timeout",
        "grpc-encoding",
        "grpc-accept-encoding",
        "te",
        "host",
        "connection",
        "user-agent",
        "k",
        "k-bin",
        "grpc-x",
        "authorization",
    ];
    let likely = "application/grpc|0|5|gzip|identity|5S|trailers|AQ,Ag==|a%20b";
    let value = prop_oneof![
        likely.prop_map(String::into_bytes),
        vec(prop_oneof![Just(b'\t'), b' '..=b'~', 0x80..=0xff_u8], 0..20),
    ];
    vec((prop::sample::select(names.to_vec()), value), 0..10).prop_map(|fields| {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(&value).unwrap());
        }
        headers
    })
}
