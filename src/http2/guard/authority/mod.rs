//! **Authority cure**: an `:authority` that h2 would refuse becomes one that it takes
//!
//! Clients on a Unix socket send the socket's path as `:authority`, raw (grpc-java, Debian's etcdctl and gobgp) or
//! percent-encoded (gRPC C-core), or nothing; h2 resets each such stream. The cure overwrites the value in the header
//! block by legal octets of the same decoded length, so that an entry of the dynamic table (RFC 7541, section 4.1) has
//! the same size on both sides, and tells what was sent. An empty value cannot be overwritten: the field is taken out,
//! since a request may come without `:authority`. Blocks that break HPACK or HTTP are left to h2 to refuse.

mod edits;
mod field;
mod history;
mod legal;
mod reading;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub(super) use self::field::representations;
use self::{history::History, reading::Reading};
use crate::frame::hpack::DEFAULT_TABLE_SIZE;

/// Cures the header blocks that a peer sends on one connection, in their order.
///
/// It must see every block, trailers too: HPACK refers to a field by how many were added to the dynamic table since.
/// What it remembers is bounded by the size of that table.
#[derive(Debug)]
pub struct AuthorityCure {
    history: History,
    familiar: Familiar,
    /// A block broke HPACK: h2 ends the connection, and what later blocks refer to is unknown.
    is_lost: bool,
}

/// What became of a header block.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Cured {
    /// The block is its first `len` octets now, what follows is zero. Fewer than before where an empty `:authority` was
    /// taken out, in this block or one that it refers to, and where a Huffman-coded one holds an octet that has no legal
    /// one of the same coded length (RFC 7541, appendix B).
    pub len: usize,
    /// What the peer sent as `:authority`, when h2 reads something else or nothing.
    pub sent: Option<Bytes>,
}

impl AuthorityCure {
    /// For a connection on which this SETTINGS_HEADER_TABLE_SIZE is announced to the peer.
    pub fn new(header_table_size: usize) -> Self {
        // Until the peer has read the setting it uses the default.
        Self {
            history: History::new(header_table_size.max(DEFAULT_TABLE_SIZE)),
            familiar: Familiar::default(),
            is_lost: false,
        }
    }

    /// Cures a whole header block in place: HEADERS and its CONTINUATIONs without padding and priority.
    pub fn cure(&mut self, block: &mut [u8]) -> Cured {
        let mut untouched = Cured { len: block.len(), sent: None };
        if self.is_lost {
            return untouched;
        }
        if self.familiar.block == block {
            untouched.sent.clone_from(&self.familiar.sent);
            return untouched;
        }
        let added = self.history.added();
        let mut reading = Reading::new(&mut self.history);
        if reading.read(block).is_err() {
            self.is_lost = true;
            return untouched;
        }
        let (edits, sent) = reading.finish();
        if edits.is_empty() && self.history.added() == added {
            self.familiar.learn(block, &sent);
        } else {
            self.familiar = Familiar::default();
        }
        untouched.sent = sent;
        Cured { len: edits.apply(block), ..untouched }
    }
}

/// The last block that needed no edit and added no entry: until one is added, the same octets say the same again. Calls of
/// one method are that alike.
#[derive(Debug, Default)]
struct Familiar {
    block: Vec<u8>,
    sent: Option<Bytes>,
}

impl Familiar {
    fn learn(&mut self, block: &[u8], sent: &Option<Bytes>) {
        self.block.clear();
        // What is longer is not only indexes.
        if block.len() <= FAMILIAR_MAX {
            self.block.extend_from_slice(block);
            self.sent.clone_from(sent);
        } else {
            self.sent = None;
        }
    }
}

const FAMILIAR_MAX: usize = 128;
