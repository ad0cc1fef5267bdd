//! `gzip`: one member of RFC 1952.

use std::io::{self, Write};

use bytes::{BufMut, BytesMut};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use super::bounded::{Broken, read_to_end};
use super::{Coder, Inflated};

pub(super) const CODER: Option<Coder> = Some(Coder { compress, decompress });

fn compress(message: &[u8], out: &mut BytesMut) -> io::Result<()> {
    let mut encoder = GzEncoder::new(out.writer(), Compression::default());
    encoder.write_all(message)?;
    encoder.finish()?;
    Ok(())
}

fn decompress(bytes: &[u8], max_len: Option<usize>) -> Result<Inflated, Broken> {
    let mut decoder = GzDecoder::new(bytes);
    let message = read_to_end(&mut decoder, max_len)?;
    Ok(Inflated { message, rest: decoder.into_inner().len() })
}
