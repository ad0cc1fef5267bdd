//! `snappy`: Snappy's framing format, not a bare block.
//!
//! The name says which of the two nowhere; peers that offer it (connectrpc's conformance suite among them) send frames.
//! The format has no end: a message cut between two chunks is a shorter message.

use std::io::{self, Write};

use bytes::{BufMut, BytesMut};
use snap::read::FrameDecoder;
use snap::write::FrameEncoder;

use super::bounded::{Broken, read_to_end};
use super::{Coder, Inflated};

pub(super) const CODER: Option<Coder> = Some(Coder { compress, decompress });

fn compress(message: &[u8], out: &mut BytesMut) -> io::Result<()> {
    let mut encoder = FrameEncoder::new(out.writer());
    encoder.write_all(message)?;
    encoder.flush()
}

fn decompress(bytes: &[u8], max_len: Option<usize>) -> Result<Inflated, Broken> {
    // A chunk holds 64 KiB at most, and the decoder no more than one.
    read_to_end(&mut FrameDecoder::new(bytes), max_len).map(Inflated::whole)
}
