//! **Content-Coding** -> "identity" / "gzip" / "deflate" / "snappy" / {custom}
//!
//! **Message-Encoding** names the one compression of a stream's messages, **Message-Accept-Encoding** the set that a
//! side can read. Names unknown here are passed over in a set; as a Message-Encoding they end the call (rule 23).
//! What is compiled in, and the compression itself, is the codec's business.

use std::fmt;
use std::sync::OnceLock;

use http::HeaderValue;

/// A compression of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// No compression.
    #[default]
    Identity,
    /// RFC 1952.
    Gzip,
    /// The zlib format of RFC 1950, which HTTP calls deflate.
    Deflate,
    /// RFC 8878.
    Zstd,
    /// Brotli, RFC 7932.
    Br,
    /// Snappy's framing format.
    Snappy,
}

impl Encoding {
    /// Every encoding, in the order in which a set is written.
    pub const ALL: [Encoding; 6] = [
        Encoding::Identity,
        Encoding::Gzip,
        Encoding::Deflate,
        Encoding::Zstd,
        Encoding::Br,
        Encoding::Snappy,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
            Encoding::Gzip => "gzip",
            Encoding::Deflate => "deflate",
            Encoding::Zstd => "zstd",
            Encoding::Br => "br",
            Encoding::Snappy => "snappy",
        }
    }

    /// The encoding of this name; names are case-insensitive as all content codings are (RFC 9110, section 8.4.1).
    pub fn parse(name: &str) -> Option<Encoding> {
        Encoding::ALL.into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn from_header(value: &HeaderValue) -> Option<Encoding> {
        Encoding::parse(value.to_str().ok()?.trim_ascii())
    }

    pub(super) const fn to_header_value(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }

    const fn bit(self) -> u8 {
        match self {
            Encoding::Identity => 1,
            Encoding::Gzip => 1 << 1,
            Encoding::Deflate => 1 << 2,
            Encoding::Zstd => 1 << 3,
            Encoding::Br => 1 << 4,
            Encoding::Snappy => 1 << 5,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of encodings.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct EncodingSet(u8);

impl EncodingSet {
    /// No encoding at all; as a header it is left out.
    pub const EMPTY: EncodingSet = EncodingSet(0);

    /// The set with one more encoding.
    #[must_use]
    pub const fn with(self, encoding: Encoding) -> Self {
        EncodingSet(self.0 | encoding.bit())
    }

    /// Says whether the set holds the encoding.
    pub const fn contains(self, encoding: Encoding) -> bool {
        self.0 & encoding.bit() != 0
    }

    /// Says whether the set holds nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The encodings of both sets.
    #[must_use]
    pub const fn union(self, other: EncodingSet) -> Self {
        EncodingSet(self.0 | other.0)
    }

    /// What is in both sets.
    pub const fn intersection(self, other: EncodingSet) -> Self {
        EncodingSet(self.0 & other.0)
    }

    /// The encodings of the set, in the order of [`Encoding::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Encoding> {
        Encoding::ALL.into_iter().filter(move |encoding| self.contains(*encoding))
    }

    /// Reads a comma-separated list and passes over names unknown here.
    pub fn parse(list: &[u8]) -> Self {
        list.split(|byte| *byte == b',')
            .filter_map(|name| Encoding::parse(std::str::from_utf8(name.trim_ascii()).ok()?))
            .collect()
    }

    /// The set as `grpc-accept-encoding`; none when it says nothing beyond `identity`, which every side reads.
    ///
    /// The text of each set is made once: the header stands in every request.
    pub(super) fn to_header_value(self) -> Option<HeaderValue> {
        static TEXTS: [OnceLock<HeaderValue>; 64] = [const { OnceLock::new() }; 64];
        if matches!(self, EncodingSet(0 | 1)) {
            return None;
        }
        let text = TEXTS.get(usize::from(self.0))?;
        let value = text.get_or_init(|| {
            // Names and commas are always a legal value.
            HeaderValue::try_from(self.to_string()).unwrap_or(HeaderValue::from_static("identity"))
        });
        Some(value.clone())
    }
}

impl FromIterator<Encoding> for EncodingSet {
    fn from_iter<I: IntoIterator<Item = Encoding>>(encodings: I) -> Self {
        encodings.into_iter().fold(EncodingSet::EMPTY, EncodingSet::with)
    }
}

impl fmt::Display for EncodingSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, encoding) in self.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            f.write_str(encoding.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for EncodingSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_reads_back() {
        for encoding in Encoding::ALL {
            assert_eq!(Encoding::parse(encoding.name()), Some(encoding));
            assert_eq!(Encoding::from_header(&encoding.to_header_value()), Some(encoding));
        }
        assert_eq!(Encoding::parse("GZIP"), Some(Encoding::Gzip));
        for name in ["", "gzip2", "x-gzip", "gzip,br", "lz4"] {
            assert_eq!(Encoding::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_set_passes_over_unknown_names() {
        // rule 23: grpc-js lists codings of both kinds, C-core lists without spaces.
        let table: [(&[u8], &str); 7] = [
            (b"identity, deflate, gzip", "identity,gzip,deflate"),
            (b"identity,deflate,gzip", "identity,gzip,deflate"),
            (b"lz4,gzip,,x", "gzip"),
            (b" gzip ,\tbr", "gzip,br"),
            (b"gzip,gzip", "gzip"),
            (b"\xff,zstd,snappy", "zstd,snappy"),
            (b"", ""),
        ];
        for (list, text) in table {
            assert_eq!(EncodingSet::parse(list).to_string(), text, "{}", list.escape_ascii());
        }
    }

    #[test]
    fn every_set_reads_back_from_its_header() {
        for bits in 0..64 {
            let set = EncodingSet(bits);
            let header = set.to_header_value();
            assert_eq!(header.is_some(), bits > 1, "{set:?}");
            if let Some(value) = header {
                assert_eq!(EncodingSet::parse(value.as_bytes()), set);
                assert_eq!(value, set.to_string());
            }
        }
    }

    #[test]
    fn holds_what_was_added() {
        let set = EncodingSet::EMPTY.with(Encoding::Gzip).with(Encoding::Zstd);
        assert!(
            set.contains(Encoding::Gzip) && set.contains(Encoding::Zstd) && !set.contains(Encoding::Identity)
        );
        assert_eq!(set.iter().collect::<Vec<_>>(), [Encoding::Gzip, Encoding::Zstd]);
        assert_eq!(set.union(EncodingSet::EMPTY.with(Encoding::Br)).to_string(), "gzip,zstd,br");
        assert!(EncodingSet::EMPTY.is_empty() && !set.is_empty());
    }
}
