//! `zstd`: one frame of RFC 8878.

use std::io::{self, Write};

use bytes::{BufMut, Bytes, BytesMut};
use zstd::{Decoder, Encoder};

use super::bounded::{Broken, read_to_end};
use super::{Coder, Inflated};

pub(super) const CODER: Option<Coder> = Some(Coder { compress, decompress });

fn compress(message: &[u8], out: &mut BytesMut) -> io::Result<()> {
    let mut encoder = Encoder::new(out.writer(), zstd::DEFAULT_COMPRESSION_LEVEL)?;
    // Known in advance, it keeps the window, and so the decoder's memory, as small as the message.
    encoder.set_pledged_src_size(Some(message.len() as u64))?;
    encoder.include_contentsize(true)?;
    encoder.write_all(message)?;
    encoder.finish()?;
    Ok(())
}

fn decompress(bytes: &[u8], max_len: Option<usize>) -> Result<Inflated, Broken> {
    // What klauspost/compress, and so every zstd of Go's gRPCs, makes of an empty message: no frame at all.
    if bytes.is_empty() {
        return Ok(Inflated::whole(Bytes::new()));
    }
    let mut decoder = Decoder::with_buffer(bytes)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    let message = read_to_end(&mut decoder, max_len)?;
    Ok(Inflated { message, rest: decoder.finish().len() })
}

/// A window of 8 MiB is what HTTP lets an encoder use, and asks of a decoder (RFC 9659). It is the decoder's own memory,
/// of which only what is inflated is ever touched.
const WINDOW_LOG_MAX: u32 = 23;
