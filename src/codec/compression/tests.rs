//! The same claims for every encoding that is compiled in, and what each peer's encoder writes.

use proptest::prelude::*;

use super::*;

fn compressed(encoding: Encoding, message: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    compress(encoding, message, &mut out).expect("compiled in");
    out.to_vec()
}

fn compressors() -> impl Iterator<Item = Encoding> {
    supported().iter().filter(|encoding| *encoding != Encoding::Identity)
}

/// Text that compresses, of about 20,000 bytes.
fn prose() -> Vec<u8> {
    (0..).flat_map(|n: u32| format!("line {n}\n").into_bytes()).take(20_000).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn round_trips(message in proptest::collection::vec(any::<u8>(), 0..5_000)) {
        for encoding in supported().iter() {
            let bytes = compressed(encoding, &message);
            prop_assert_eq!(&decompress(encoding, &bytes, None).expect("our own"), &message);
        }
    }

    #[test]
    fn arbitrary_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for encoding in compressors() {
            let _ = decompress(encoding, &bytes, Some(1000)).map(|message| assert!(message.len() <= 1000));
        }
    }
}

#[test]
fn appends_to_what_the_buffer_holds() {
    for encoding in supported().iter() {
        let mut out = BytesMut::from(&[0, 0, 0, 0, 0][..]);
        compress(encoding, b"message", &mut out).expect("compiled in");
        assert_eq!(out[..5], [0; 5], "{encoding}");
        assert_eq!(out[5..], compressed(encoding, b"message"), "{encoding}");
    }
}

#[test]
fn compresses_what_compresses() {
    let message = prose();
    for encoding in compressors() {
        let len = compressed(encoding, &message).len();
        assert!(len < message.len() / 2, "{encoding}: {len}");
    }
}

// rule 20
#[test]
fn stops_at_the_limit() {
    let message = prose();
    for encoding in supported().iter() {
        let bytes = compressed(encoding, &message);
        let within = decompress(encoding, &bytes, Some(message.len()));
        assert_eq!(within.expect("within the limit"), message, "{encoding}");

        let beyond = decompress(encoding, &bytes, Some(message.len() - 1));
        assert!(matches!(beyond, Err(CompressError::TooLarge { max_len: 19_999 })), "{encoding}: {beyond:?}");
    }
}

// rule 20: 8 MiB of zeros, of which gzip makes 8 KiB; bounded.rs shows that no more than the limit is held
#[test]
fn refuses_a_bomb() {
    let message = vec![0; 8 << 20];
    for encoding in compressors() {
        let bomb = compressed(encoding, &message);
        let result = decompress(encoding, &bomb, Some(4096));
        assert!(matches!(result, Err(CompressError::TooLarge { max_len: 4096 })), "{encoding}: {result:?}");
    }
}

// rules 25 and 26
#[test]
fn refuses_a_message_cut_short() {
    let message = prose();
    for encoding in compressors() {
        let bytes = compressed(encoding, &message);
        let first = match encoding {
            // Its frames have no end, so that a cut between two chunks cannot be seen.
            Encoding::Snappy => 11,
            // No bytes are the empty message of some encoders.
            Encoding::Zstd => 1,
            _ => 0,
        };
        for len in first..bytes.len() {
            let result = decompress(encoding, &bytes[..len], None);
            assert!(matches!(result, Err(CompressError::Truncated { .. })), "{encoding}, {len}: {result:?}");
        }
    }
}

// rules 25 and 26
#[test]
fn refuses_what_follows_the_end() {
    for encoding in compressors().filter(|encoding| *encoding != Encoding::Snappy) {
        let bytes = compressed(encoding, b"message");
        // Neither a byte nor a second member: a message is one.
        for rest in [&b"x"[..], &bytes] {
            let result = decompress(encoding, &[&bytes, rest].concat(), None);
            let Err(CompressError::Trailing { len, .. }) = result else { panic!("{encoding}: {result:?}") };
            assert_eq!(len, rest.len(), "{encoding}");
        }
    }
}

// rule 26
#[test]
fn refuses_what_is_not_of_the_format() {
    for encoding in compressors() {
        let result = decompress(encoding, b"\xf5 of another format", None);
        assert!(matches!(result, Err(CompressError::Corrupt { .. })), "{encoding}: {result:?}");
    }
}

// rule 26
#[test]
fn notices_a_wrong_checksum() {
    for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Snappy] {
        if supported().contains(encoding) {
            let mut bytes = compressed(encoding, b"a message that is too short to compress");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            assert!(decompress(encoding, &bytes, None).is_err(), "{encoding}");
        }
    }
}

#[test]
fn reads_what_other_encoders_write() {
    for (encoding, bytes) in PEERS {
        if supported().contains(encoding) {
            let message = decompress(encoding, bytes, Some(64)).expect("a peer's");
            assert_eq!(message, "hello, hello, hello", "{encoding}");
        }
    }
}

#[cfg(feature = "zstd")]
#[test]
fn takes_no_zstd_frame_for_the_empty_message() {
    assert_eq!(decompress(Encoding::Zstd, b"", Some(0)).expect("a peer's"), "");
}

// rule 23
#[test]
fn says_which_encoding_is_not_compiled_in() {
    for encoding in Encoding::ALL {
        let mut out = BytesMut::new();
        let missing = matches!(compress(encoding, b"", &mut out), Err(CompressError::Unsupported { .. }));
        assert_eq!(missing, !supported().contains(encoding), "{encoding}");
        let missing = matches!(decompress(encoding, b"", None), Err(CompressError::Unsupported { .. }));
        assert_eq!(missing, !supported().contains(encoding), "{encoding}");
    }
}

/// "hello, hello, hello" by Go's compress/gzip and compress/zlib, klauspost/compress, andybalholm/brotli and golang/snappy,
/// which are what grpc-go and connectrpc's conformance suite send with.
const PEERS: [(Encoding, &[u8]); 5] = [
    (
        Encoding::Gzip,
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xcaH\xcd\xc9\xc9\xd7Q@\xa6\x00\x01\x00\x00\xff\xff\x9f\xa1\xca\t\x13\x00\x00\x00",
    ),
    (Encoding::Deflate, b"x\x9c\xcaH\xcd\xc9\xc9\xd7Q@\xa6\x00\x01\x00\x00\xff\xffD(\x06\xd5"),
    (Encoding::Zstd, b"(\xb5/\xfd\x04\x00\x99\x00\x00hello, hello, hellou\xf3\x98\x8e"),
    (Encoding::Br, b"\x1b\x12\x00\x00\xa4@Xj\x90h*\xf1\x9c."),
    (Encoding::Snappy, b"\xff\x06\x00\x00sNaPpY\x01\x17\x00\x00\x1f\xe4\xd0{hello, hello, hello"),
];
