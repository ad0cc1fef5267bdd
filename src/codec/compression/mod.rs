//! **Message-Encoding**: the compression of one message.
//!
//! Each message is compressed for itself and is one complete stream of its format: cut short, or with bytes after its
//! end, it is refused (rules 25 and 26). Inflating holds no more than the limit and one block, whatever a header promises,
//! and stops at the first byte past the limit (rule 20).
//!
//! One file per encoding, each behind the feature of its name. One that is not compiled in has no coder: a request that
//! uses it ends with UNIMPLEMENTED (rule 23).

#[cfg(not(all(
    feature = "gzip",
    feature = "deflate",
    feature = "zstd",
    feature = "br",
    feature = "snappy"
)))]
mod absent;
mod bounded;
#[cfg(feature = "br")]
mod br;
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(feature = "zstd")]
mod zstd;

#[cfg(not(feature = "br"))]
use self::absent as br;
#[cfg(not(feature = "deflate"))]
use self::absent as deflate;
#[cfg(not(feature = "gzip"))]
use self::absent as gzip;
#[cfg(not(feature = "snappy"))]
use self::absent as snappy;
#[cfg(not(feature = "zstd"))]
use self::absent as zstd;

use std::io;

use bytes::{Bytes, BytesMut};

use self::bounded::Broken;
use super::CompressError;
use crate::wire::{Encoding, EncodingSet};

/// The encodings compiled in, `identity` among them: what `grpc-accept-encoding` says by default.
pub const fn supported() -> EncodingSet {
    let set = EncodingSet::EMPTY.with(Encoding::Identity);
    let set = with_if(set, Encoding::Gzip);
    let set = with_if(set, Encoding::Deflate);
    let set = with_if(set, Encoding::Zstd);
    let set = with_if(set, Encoding::Br);
    with_if(set, Encoding::Snappy)
}

/// Appends the message in its compressed form, which may be the longer one.
///
/// # Errors
///
/// [`CompressError::Unsupported`], and [`CompressError::Failed`] when the compressor itself gives up.
pub fn compress(encoding: Encoding, message: &[u8], out: &mut BytesMut) -> Result<(), CompressError> {
    if encoding == Encoding::Identity {
        out.extend_from_slice(message);
        return Ok(());
    }
    let coder = coder(encoding).ok_or(CompressError::Unsupported { encoding })?;
    (coder.compress)(message, out).map_err(|error| CompressError::Failed { encoding, error })
}

/// Gives back the message, if it is no longer than `max_len`.
///
/// # Errors
///
/// [`CompressError::Unsupported`]; [`CompressError::TooLarge`]; [`CompressError::Corrupt`],
/// [`CompressError::Truncated`] and [`CompressError::Trailing`] when the peer broke the format.
pub fn decompress(encoding: Encoding, bytes: &[u8], max_len: Option<usize>) -> Result<Bytes, CompressError> {
    let inflated = match (encoding, coder(encoding)) {
        (Encoding::Identity, _) => bounded::read_to_end(&mut &*bytes, max_len).map(Inflated::whole),
        (_, Some(coder)) => (coder.decompress)(bytes, max_len),
        (_, None) => return Err(CompressError::Unsupported { encoding }),
    };
    match inflated {
        Ok(Inflated { message, rest: 0 }) => Ok(message),
        Ok(Inflated { rest, .. }) => Err(CompressError::Trailing { encoding, len: rest }),
        Err(Broken::TooLarge { max_len }) => Err(CompressError::TooLarge { max_len }),
        Err(Broken::Format(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(CompressError::Truncated { encoding })
        }
        Err(Broken::Format(error)) => Err(CompressError::Corrupt { encoding, error }),
    }
}

/// The two directions of an encoding.
struct Coder {
    compress: fn(&[u8], &mut BytesMut) -> io::Result<()>,
    decompress: fn(&[u8], Option<usize>) -> Result<Inflated, Broken>,
}

/// A message, and how many of its bytes the format did not take.
struct Inflated {
    message: Bytes,
    rest: usize,
}

impl Inflated {
    fn whole(message: Bytes) -> Self {
        Self { message, rest: 0 }
    }
}

const fn coder(encoding: Encoding) -> Option<Coder> {
    match encoding {
        Encoding::Identity => None,
        Encoding::Gzip => gzip::CODER,
        Encoding::Deflate => deflate::CODER,
        Encoding::Zstd => zstd::CODER,
        Encoding::Br => br::CODER,
        Encoding::Snappy => snappy::CODER,
    }
}

const fn with_if(set: EncodingSet, encoding: Encoding) -> EncodingSet {
    if coder(encoding).is_some() { set.with(encoding) } else { set }
}

#[cfg(test)]
mod tests;
