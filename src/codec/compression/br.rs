//! `br`: one Brotli stream of RFC 7932.

use std::io::{self, Read};

use brotli::enc::{BrotliEncoderParams, StandardAlloc};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use bytes::{BufMut, BytesMut};

use super::bounded::{Broken, read_to_end};
use super::{Coder, Inflated};

pub(super) const CODER: Option<Coder> = Some(Coder { compress, decompress });

fn compress(message: &[u8], out: &mut BytesMut) -> io::Result<()> {
    let params = BrotliEncoderParams { quality: QUALITY, size_hint: message.len(), ..Default::default() };
    brotli::BrotliCompress(&mut &*message, &mut out.writer(), &params)?;
    Ok(())
}

fn decompress(bytes: &[u8], max_len: Option<usize>) -> Result<Inflated, Broken> {
    let mut stream = Stream { input: bytes, state: Box::new(new_state()), ended: false };
    let message = read_to_end(&mut stream, max_len)?;
    Ok(Inflated { message, rest: stream.input.len() })
}

type State = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// Strict: no large windows, by which a header of two bytes asks for up to 1 GiB, and which RFC 7932 does not have.
fn new_state() -> State {
    BrotliState::new_strict(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default())
}

/// What brotli's `Decompressor` is, but for telling apart input cut short, corrupt, and left over.
struct Stream<'a> {
    input: &'a [u8],
    state: Box<State>,
    ended: bool,
}

impl Read for Stream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let (mut left, mut read) = (self.input.len(), 0);
        let (mut room, mut written, mut total) = (buf.len(), 0, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            self.input,
            &mut room,
            &mut written,
            buf,
            &mut total,
            &mut self.state,
        );
        self.input = &self.input[read..];
        match result {
            BrotliResult::ResultSuccess => self.ended = true,
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::NeedsMoreInput if written > 0 => {}
            BrotliResult::NeedsMoreInput => return Err(io::ErrorKind::UnexpectedEof.into()),
            BrotliResult::ResultFailure => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(written)
    }
}

/// Brotli's own default of 11 is for files that are compressed once; this is about as fast as gzip, and denser.
const QUALITY: i32 = 5;
