//! `gzip`: one member of RFC 1952.

use std::io::{self, Write};

use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use super::Coder;
use super::bounded::{Broken, nothing_after, read_to_end};

pub(super) const CODER: Option<Coder> = Some(Coder { compress, decompress });

fn compress(message: &[u8], out: &mut BytesMut) -> io::Result<()> {
    let mut encoder = GzEncoder::new(out.writer(), Compression::default());
    encoder.write_all(message)?;
    encoder.finish()?;
    Ok(())
}

fn decompress(message: &[u8], max_len: Option<usize>) -> Result<Bytes, Broken> {
    let mut decoder = GzDecoder::new(message);
    let inflated = read_to_end(&mut decoder, max_len)?;
    nothing_after(decoder.into_inner())?;
    Ok(inflated)
}
