//! What a stream has taken and may have to take again (rule 76): shared bytes, not copies.
//!
//! A call is sent again only as long as nothing of it is missing, so beyond [`KEPT_MAX`] bytes nothing is kept. One piece
//! is kept whatever its size: that of a call with a single request is no more than the caller made.

use bytes::Buf;

use crate::http2::DataBuf;

/// The pieces taken so far; none is kept unless asked for.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pieces: Option<Vec<DataBuf>>,
    len: usize,
}

impl Kept {
    /// Keeps from now on.
    pub(super) fn begin() -> Self {
        Self { pieces: Some(Vec::new()), len: 0 }
    }

    /// Takes note of a piece that is taken.
    pub(super) fn note(&mut self, piece: &DataBuf) {
        let Some(pieces) = &mut self.pieces else { return };
        if !piece.has_remaining() {
            return;
        }
        self.len += piece.remaining();
        if self.len > KEPT_MAX && !pieces.is_empty() {
            return self.forget();
        }
        pieces.push(piece.clone());
    }

    /// Keeps no longer.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// All that was taken, if nothing is missing; keeps anew from the first piece on.
    pub(super) fn take(&mut self) -> Option<Vec<DataBuf>> {
        let pieces = self.pieces.take()?;
        *self = Self::begin();
        Some(pieces)
    }
}

// What grpc-go keeps of one call.
const KEPT_MAX: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn piece(len: usize) -> DataBuf {
        Bytes::from(vec![7; len]).into()
    }

    /// How many pieces of these sizes are at hand in the end.
    fn kept(sizes: &[usize]) -> Option<usize> {
        let mut kept = Kept::begin();
        sizes.iter().for_each(|len| kept.note(&piece(*len)));
        kept.take().map(|pieces| pieces.len())
    }

    #[test]
    fn all_is_kept_or_nothing() {
        assert_eq!(kept(&[]), Some(0));
        assert_eq!(kept(&[1, 0, KEPT_MAX - 1]), Some(2));
        assert_eq!(kept(&[1, KEPT_MAX, 1]), None);
        assert_eq!(kept(&[10 * KEPT_MAX]), Some(1));
        assert_eq!(kept(&[10 * KEPT_MAX, 1]), None);
    }
}
