//! `deflate`: the zlib format of RFC 1950, as in HTTP; not the bare stream of RFC 1951.

use std::io::{self, Read, Write};

use bytes::{BufMut, BytesMut};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};

use super::bounded::{Broken, read_to_end};
use super::{Coder, Inflated};

pub(super) const CODER: Option<Coder> = Some(Coder { compress, decompress });

fn compress(message: &[u8], out: &mut BytesMut) -> io::Result<()> {
    let mut encoder = ZlibEncoder::new(out.writer(), Compression::default());
    encoder.write_all(message)?;
    encoder.finish()?;
    Ok(())
}

fn decompress(bytes: &[u8], max_len: Option<usize>) -> Result<Inflated, Broken> {
    let mut stream = Stream { input: bytes, state: Decompress::new(true), ended: false };
    let message = read_to_end(&mut stream, max_len)?;
    Ok(Inflated { message, rest: stream.input.len() })
}

/// What flate2's `ZlibDecoder` is, but for a stream cut short: that one takes it as whole.
struct Stream<'a> {
    input: &'a [u8],
    state: Decompress,
    ended: bool,
}

impl Read for Stream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let (read, written) = (self.state.total_in(), self.state.total_out());
        let status = self.state.decompress(self.input, buf, FlushDecompress::None)?;
        let (read, written) = (self.state.total_in() - read, self.state.total_out() - written);
        self.input = &self.input[read as usize..];
        self.ended = status == Status::StreamEnd;
        if written == 0 && !self.ended {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(written as usize)
    }
}
