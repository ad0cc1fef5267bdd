//! However a stream is cut, the deframer gives what a plain reading of the whole gives, in memory that follows the bytes.
//!
//! The first byte says how the rest is cut, the second sets the limit.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use wirepath::wire::{LengthPrefixedMessage, MessageDeframer, MessagePrefix, WireError};
use wirepath_fuzz::assert_bounded;

fuzz_target!(|data: &[u8]| {
    let [cut, limit, stream @ ..] = data else { return };
    let max = match limit {
        255 => None,
        limit => Some(usize::from(*limit) * usize::from(*limit)),
    };
    let expected = read_whole(stream, max);
    // Pieces of 4096 and more are held as they are; let some come.
    let piece = if *cut > 250 { 4094 + usize::from(cut - 250) } else { usize::from(*cut) + 1 };
    assert_bounded(stream.len(), 8, || {
        let mut deframer = MessageDeframer::new(max);
        let mut expected = expected.iter();
        for piece in stream.chunks(piece) {
            deframer.push(Bytes::copy_from_slice(piece));
            loop {
                match deframer.next_message() {
                    Ok(None) => break,
                    Ok(Some(message)) => assert_eq!(expected.next(), Some(&Ok(message))),
                    Err(error) => {
                        assert_eq!(deframer.next_message(), Err(error.clone()));
                        assert_eq!(expected.next(), Some(&Err(error)));
                        return;
                    }
                }
            }
        }
        assert_eq!(deframer.finish().err().map(Err).as_ref(), expected.next());
        assert_eq!(expected.next(), None);
    });
});

/// The messages of a stream and how it breaks off, if it does.
fn read_whole(mut stream: &[u8], max: Option<usize>) -> Vec<Result<LengthPrefixedMessage, WireError>> {
    let mut read = Vec::new();
    while !stream.is_empty() {
        let Some((prefix, rest)) = stream.split_first_chunk() else {
            read.push(Err(WireError::TruncatedPrefix { received: stream.len() }));
            break;
        };
        let prefix = match MessagePrefix::parse(*prefix) {
            Ok(prefix) => prefix,
            Err(error) => {
                read.push(Err(error));
                break;
            }
        };
        let len = prefix.len as usize;
        if let Some(max) = max.filter(|max| len > *max) {
            read.push(Err(WireError::MessageTooLarge { len: len as u64, max: max as u64 }));
            break;
        }
        let Some((data, rest)) = rest.split_at_checked(len) else {
            read.push(Err(WireError::TruncatedMessage { len: prefix.len, received: rest.len() }));
            break;
        };
        let data = Bytes::copy_from_slice(data);
        read.push(Ok(LengthPrefixedMessage { compressed: prefix.compressed, data }));
        stream = rest;
    }
    read
}
