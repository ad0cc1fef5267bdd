//! **Custom-Metadata** -> Binary-Header / ASCII-Header
//!
//! A multimap of what an application sends beside its messages. Values under one key keep their order (rule 11); binary
//! values live under keys that end in `-bin` and travel as base64, several perhaps joined by commas (rule 9).
//! Names that belong to the call cannot get in, by either door: keys are checked when they are added, reserved fields
//! are taken out when a header block is read.

pub(super) mod key;
mod value;

pub use value::MetadataValue;

use std::fmt;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::wire::WireError;
use crate::wire::error::excerpt;

/// The metadata of one header block.
#[derive(Clone, Default, PartialEq)]
pub struct Metadata {
    /// None while there is no field: most calls have none, and a pointer moves faster than a map.
    fields: Option<Box<HeaderMap>>,
}

impl Metadata {
    /// Makes empty metadata; costs nothing.
    pub fn new() -> Self {
        Metadata::default()
    }

    /// Says whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of fields; binary values that a peer joined count as one.
    pub fn len(&self) -> usize {
        self.fields.as_deref().map_or(0, HeaderMap::len)
    }

    /// Adds an ASCII value behind those of the same key. Outer spaces, which HTTP does not carry, are left out.
    ///
    /// # Errors
    /// [`WireError::MetadataKey`], [`WireError::ReservedKey`], [`WireError::KeyIsBinary`], [`WireError::MetadataValue`],
    /// [`WireError::TooManyFields`].
    pub fn append(&mut self, key: &str, value: &str) -> Result<(), WireError> {
        self.append_field(key::ascii(key)?, value::from_ascii(key, value)?)
    }

    /// Puts an ASCII value in place of all values of the key.
    ///
    /// # Errors
    /// As [`Metadata::append`].
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), WireError> {
        self.insert_field(key::ascii(key)?, value::from_ascii(key, value)?)
    }

    /// Adds a binary value behind those of the same key, which must end in `-bin`.
    ///
    /// # Errors
    /// [`WireError::MetadataKey`], [`WireError::ReservedKey`], [`WireError::KeyNotBinary`], [`WireError::TooManyFields`].
    pub fn append_bin(&mut self, key: &str, value: &[u8]) -> Result<(), WireError> {
        self.append_field(key::binary(key)?, value::from_binary(key, value)?)
    }

    /// Puts a binary value in place of all values of the key, which must end in `-bin`.
    ///
    /// # Errors
    /// As [`Metadata::append_bin`].
    pub fn insert_bin(&mut self, key: &str, value: &[u8]) -> Result<(), WireError> {
        self.insert_field(key::binary(key)?, value::from_binary(key, value)?)
    }

    /// Adds all values of another block behind those that are here. What is too much is left out.
    pub fn append_all(&mut self, later: Metadata) {
        let Some(later) = later.fields else { return };
        if self.fields.is_none() {
            self.fields = Some(later);
            return;
        }
        let mut current = None;
        for (name, value) in *later {
            // A value without a name has that of the one before it.
            current = name.or(current);
            if let Some(name) = &current {
                let _ = self.append_field(name.clone(), value);
            }
        }
    }

    /// The first ASCII value of the key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key).next()
    }

    /// The ASCII values of the key, in their order.
    pub fn get_all(&self, key: &str) -> impl Iterator<Item = &str> {
        let fields = self.fields.as_deref().filter(|_| !key::is_binary(key));
        fields.into_iter().flat_map(move |fields| fields.get_all(key)).filter_map(value::ascii_text)
    }

    /// The first binary value of the key.
    pub fn get_bin(&self, key: &str) -> Option<Bytes> {
        self.get_all_bin(key).next()
    }

    /// The binary values of the key, in their order, those apart that were joined by commas.
    pub fn get_all_bin(&self, key: &str) -> impl Iterator<Item = Bytes> {
        let fields = self.fields.as_deref().filter(|_| key::is_binary(key));
        fields.into_iter().flat_map(move |fields| fields.get_all(key)).flat_map(value::binary)
    }

    /// Takes all values of the key out and says whether there were any.
    pub fn remove(&mut self, key: &str) -> bool {
        let removed = self.fields.as_mut().is_some_and(|fields| fields.remove(key).is_some());
        self.fields.take_if(|fields| fields.is_empty());
        removed
    }

    /// Every value with its key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, MetadataValue<'_>)> {
        self.fields.iter().flat_map(|fields| fields.iter()).flat_map(|(name, value)| {
            let key = name.as_str();
            let binary = key::is_binary(key).then(|| value::binary(value));
            let plain = binary.is_none().then(|| value::plain(value));
            let binary = binary.into_iter().flatten().map(MetadataValue::Binary);
            binary.chain(plain).map(move |value| (key, value))
        })
    }

    /// Takes a received header block and leaves out what belongs to the call.
    ///
    /// # Errors
    /// [`WireError::BinaryValue`] when a `-bin` value is not base64, and [`WireError::TooManyFields`].
    pub fn from_http(headers: HeaderMap) -> Result<Self, WireError> {
        let (sound, broken) = survey(&headers);
        if let Some(name) = broken {
            return Err(WireError::BinaryValue { key: excerpt(name.as_str().as_bytes()) });
        }
        if sound > MAX_FIELDS {
            return Err(WireError::TooManyFields { max: MAX_FIELDS });
        }
        Ok(Metadata::keep(headers, sound))
    }

    /// As [`Metadata::from_http`], but drops what breaks a rule: trailers must not hide their status behind it.
    pub(super) fn from_http_lossy(headers: HeaderMap) -> Self {
        let (sound, _) = survey(&headers);
        Metadata::keep(headers, sound)
    }

    /// Adds all fields to a header block, in their order and behind those of other names.
    pub fn append_to(self, headers: &mut HeaderMap) {
        let Some(mut fields) = self.fields else { return };
        for (name, value) in fields.iter_mut() {
            if key::is_secret(name.as_str()) {
                value.set_sensitive(true);
            }
        }
        // Reserved names are not in here, so nothing is replaced by the first value of a key.
        headers.extend(*fields);
    }

    /// Keeps the sound fields of the application, which are so many.
    fn keep(headers: HeaderMap, sound: usize) -> Self {
        // The usual block holds nothing of the application's.
        if sound == 0 {
            return Metadata::new();
        }
        if sound == headers.len() && sound <= MAX_FIELDS {
            return Metadata { fields: Some(Box::new(headers)) };
        }
        let mut kept = Metadata { fields: Some(Box::new(HeaderMap::with_capacity(sound.min(MAX_FIELDS)))) };
        let mut current = None;
        for (name, value) in headers {
            // A value without a name has that of the one before it.
            current = name.or(current);
            let custom = current.as_ref().filter(|name| !key::is_reserved(name.as_str()));
            if let Some(name) = custom.filter(|name| value::is_sound(name, &value)) {
                // Beyond the limit a value is dropped; only a lossy reading comes here with so many.
                let _ = kept.append_field(name.clone(), value);
            }
        }
        kept
    }

    fn append_field(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), WireError> {
        let full = WireError::TooManyFields { max: MAX_FIELDS };
        let fields = self.fields.get_or_insert_default();
        if fields.len() >= MAX_FIELDS {
            return Err(full);
        }
        fields.try_append(name, value).map(drop).map_err(|_| full)
    }

    fn insert_field(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), WireError> {
        let full = WireError::TooManyFields { max: MAX_FIELDS };
        let fields = self.fields.get_or_insert_default();
        if fields.len() >= MAX_FIELDS && !fields.contains_key(&name) {
            return Err(full);
        }
        // Not through an entry: its `insert_mult` panics on three values and more (http 1.5.0).
        fields.try_insert(name, value).map(drop).map_err(|_| full)
    }
}

/// Every value with its key, but for credentials: logs are read by more people than headers are.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in self.iter() {
            if key::is_secret(key) {
                map.entry(&key, &format_args!("Sensitive"));
            } else {
                map.entry(&key, &value);
            }
        }
        map.finish()
    }
}

/// Counts the sound fields of the application in a received block, and finds one that is broken.
fn survey(headers: &HeaderMap) -> (usize, Option<&HeaderName>) {
    let mut sound = 0;
    let mut broken = None;
    for (name, value) in headers.iter().filter(|(name, _)| !key::is_reserved(name.as_str())) {
        if value::is_sound(name, value) {
            sound += 1;
        } else {
            broken = Some(name);
        }
    }
    (sound, broken)
}

/// Far beyond what the limit of a header list lets in, and far below where a [`HeaderMap`] panics.
const MAX_FIELDS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn received(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn rule_11_keeps_the_order_within_a_key() {
        let mut metadata = Metadata::new();
        for (key, value) in [("k", "1"), ("other", "x"), ("k", "2"), ("k", "1")] {
            metadata.append(key, value).unwrap();
        }
        assert_eq!(metadata.get_all("k").collect::<Vec<_>>(), ["1", "2", "1"]);
        assert_eq!((metadata.get("k"), metadata.len()), (Some("1"), 4));

        let fields = [("k", "a"), ("te", "trailers"), ("k", "b"), ("x", "y"), ("grpc-x", "z"), ("k", "c")];
        let read = Metadata::from_http(received(&fields)).unwrap();
        assert_eq!(read.get_all("k").collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn rule_11_keeps_the_order_within_a_key_across_blocks() {
        let first = || Metadata::from_http(received(&[("k", "1"), ("a", "x"), ("k", "2")])).unwrap();
        let mut all = Metadata::new();
        all.append_all(first());
        assert_eq!(all, first());
        all.append_all(Metadata::from_http(received(&[("k", "3"), ("b-bin", "AQ"), ("k", "4")])).unwrap());
        assert_eq!(all.get_all("k").collect::<Vec<_>>(), ["1", "2", "3", "4"]);
        assert_eq!(
            (all.get("a"), all.get_bin("b-bin").as_deref(), all.len()),
            (Some("x"), Some(&[1][..]), 6)
        );
    }

    #[test]
    fn insert_replaces_every_value_of_the_key() {
        let mut metadata = Metadata::new();
        metadata.append("k", "1").unwrap();
        metadata.append("k", "2").unwrap();
        metadata.append("k", "2").unwrap();
        metadata.insert("k", "3").unwrap();
        metadata.append_bin("k-bin", b"1").unwrap();
        metadata.insert_bin("k-bin", b"2").unwrap();
        assert_eq!(metadata.get_all("k").collect::<Vec<_>>(), ["3"]);
        assert_eq!(metadata.get_all_bin("k-bin").collect::<Vec<_>>(), [&b"2"[..]]);
    }

    #[test]
    fn rule_9_gives_binary_values_decoded_and_apart() {
        let read = Metadata::from_http(received(&[("k-bin", "AQ,Ag=="), ("k-bin", "Aw")])).unwrap();
        assert_eq!(read.get_all_bin("k-bin").collect::<Vec<_>>(), ["\x01", "\x02", "\x03"]);
        assert_eq!(read.get_bin("k-bin").unwrap(), [1][..]);
        assert_eq!(read.len(), 2);
        assert_eq!(read.get("k-bin"), None);
        assert_eq!(read.get_bin("k"), None);
    }

    #[test]
    fn rule_9_refuses_a_block_with_broken_base64() {
        let broken = Metadata::from_http(received(&[("k", "v"), ("k-bin", "AQ,*")]));
        assert_eq!(broken, Err(WireError::BinaryValue { key: "k-bin".into() }));
        let lossy = Metadata::from_http_lossy(received(&[("k", "v"), ("k-bin", "AQ,*"), ("k-bin", "AQ")]));
        assert_eq!(lossy.len(), 2);
        assert_eq!(lossy.get_all_bin("k-bin").collect::<Vec<_>>(), ["\x01"]);
    }

    #[test]
    fn rule_8_reserved_fields_do_not_come_in_from_the_wire() {
        let fields = [
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "x"),
            ("grpc-new", "1"),
        ];
        assert!(Metadata::from_http(received(&fields)).unwrap().is_empty());
        let mut mixed = fields.to_vec();
        mixed.push(("k", "v"));
        let read = Metadata::from_http(received(&mixed)).unwrap();
        assert_eq!(read.iter().collect::<Vec<_>>(), [("k", MetadataValue::Ascii("v"))]);
        assert!(Metadata::new().append("grpc-new", "1").is_err());
    }

    #[test]
    fn iterates_over_every_kind_of_value() {
        let mut headers = received(&[("a", " x "), ("b-bin", "AQ,Ag")]);
        headers.insert("c", HeaderValue::from_bytes(b"\xff").unwrap());
        let read = Metadata::from_http(headers).unwrap();
        let values: Vec<_> = read.iter().collect();
        let byte = |byte: u8| MetadataValue::Binary(Bytes::from(vec![byte]));
        let opaque = ("c", MetadataValue::Opaque(b"\xff"));
        assert_eq!(
            values,
            [("a", MetadataValue::Ascii("x")), ("b-bin", byte(1)), ("b-bin", byte(2)), opaque]
        );
    }

    #[test]
    fn rule_55_marks_credentials_as_never_indexed() {
        let mut metadata = Metadata::new();
        for key in ["authorization", "cookie", "x"] {
            metadata.append(key, "v").unwrap();
            metadata.append(key, "w").unwrap();
        }
        let mut headers = HeaderMap::new();
        metadata.append_to(&mut headers);
        assert_eq!(headers.len(), 6);
        for (name, value) in &headers {
            assert_eq!(value.is_sensitive(), name != "x", "{name}");
        }
    }

    #[test]
    fn debug_output_holds_no_credentials() {
        let mut metadata = Metadata::new();
        metadata.append("authorization", "Bearer secret").unwrap();
        metadata.append("tenant", "blue").unwrap();
        assert_eq!(format!("{metadata:?}"), r#"{"authorization": Sensitive, "tenant": Ascii("blue")}"#);
    }

    #[test]
    fn removes_all_values_of_a_key() {
        let mut metadata = Metadata::new();
        metadata.append("k", "1").unwrap();
        metadata.append("k", "2").unwrap();
        metadata.append("k", "3").unwrap();
        assert!(metadata.remove("k"));
        assert!(!metadata.remove("k"));
        assert!(metadata.is_empty());
    }

    #[test]
    fn refuses_more_fields_than_a_block_holds() {
        let mut metadata = Metadata::new();
        for _ in 0..MAX_FIELDS {
            metadata.append("k", "v").unwrap();
        }
        let full = Err(WireError::TooManyFields { max: MAX_FIELDS });
        assert_eq!(metadata.append("k", "v"), full);
        assert_eq!(metadata.insert("other", "v"), full);
        assert_eq!(metadata.insert("k", "v"), Ok(()));

        let mut distinct = HeaderMap::new();
        for index in 0..=MAX_FIELDS {
            distinct.insert(HeaderName::try_from(format!("k{index}")).unwrap(), HeaderValue::from_static(""));
        }
        assert_eq!(Metadata::from_http(distinct.clone()), full.map(|()| Metadata::new()));
        assert_eq!(Metadata::from_http_lossy(distinct).len(), MAX_FIELDS);
    }
}
