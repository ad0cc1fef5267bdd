//! **Custom-Metadata** -> Binary-Header / ASCII-Header
//!
//! A multimap of what an application sends beside its messages. Values under one key keep their order (rule 11); binary
//! values live under keys that end in `-bin` and travel as base64, several perhaps joined by commas (rule 9).
//! Names that belong to the call cannot get in, by either door: keys are checked when they are added, reserved fields
//! are taken out when a header block is read.

pub(super) mod key;

use bytes::Bytes;
use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};

use crate::wire::error::excerpt;
use crate::wire::{WireError, base64};

/// The metadata of one header block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    headers: HeaderMap,
}

/// One value of [`Metadata`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataValue<'a> {
    /// Text of 0x20 to 0x7E, without outer spaces.
    Ascii(&'a str),
    /// The value of a `-bin` key, decoded.
    Binary(Bytes),
    /// Bytes that HTTP allows and gRPC does not, such as UTF-8; they do no harm (rule 10).
    Opaque(&'a [u8]),
}

impl Metadata {
    /// Makes empty metadata; costs nothing.
    pub fn new() -> Self {
        Metadata::default()
    }

    /// Says whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// The number of fields; binary values that a peer joined count as one.
    pub fn len(&self) -> usize {
        self.headers.len()
    }

    /// Adds an ASCII value behind those of the same key. Outer spaces, which HTTP does not carry, are left out.
    ///
    /// # Errors
    /// [`WireError::MetadataKey`], [`WireError::ReservedKey`], [`WireError::KeyIsBinary`], [`WireError::MetadataValue`],
    /// [`WireError::TooManyFields`].
    pub fn append(&mut self, key: &str, value: &str) -> Result<(), WireError> {
        self.append_field(key::ascii(key)?, ascii_value(key, value)?)
    }

    /// Puts an ASCII value in place of all values of the key.
    ///
    /// # Errors
    /// As [`Metadata::append`].
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), WireError> {
        self.insert_field(key::ascii(key)?, ascii_value(key, value)?)
    }

    /// Adds a binary value behind those of the same key, which must end in `-bin`.
    ///
    /// # Errors
    /// [`WireError::MetadataKey`], [`WireError::ReservedKey`], [`WireError::KeyNotBinary`], [`WireError::TooManyFields`].
    pub fn append_bin(&mut self, key: &str, value: &[u8]) -> Result<(), WireError> {
        self.append_field(key::binary(key)?, binary_value(key, value)?)
    }

    /// Puts a binary value in place of all values of the key, which must end in `-bin`.
    ///
    /// # Errors
    /// As [`Metadata::append_bin`].
    pub fn insert_bin(&mut self, key: &str, value: &[u8]) -> Result<(), WireError> {
        self.insert_field(key::binary(key)?, binary_value(key, value)?)
    }

    /// The first ASCII value of the key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key).next()
    }

    /// The ASCII values of the key, in their order.
    pub fn get_all(&self, key: &str) -> impl Iterator<Item = &str> {
        let fields = (!key::is_binary(key)).then(|| self.headers.get_all(key));
        fields.into_iter().flatten().filter_map(ascii_text)
    }

    /// The first binary value of the key.
    pub fn get_bin(&self, key: &str) -> Option<Bytes> {
        self.get_all_bin(key).next()
    }

    /// The binary values of the key, in their order, those apart that were joined by commas.
    pub fn get_all_bin(&self, key: &str) -> impl Iterator<Item = Bytes> {
        let fields = key::is_binary(key).then(|| self.headers.get_all(key));
        fields.into_iter().flatten().flat_map(split_joined).filter_map(decode)
    }

    /// Takes all values of the key out and says whether there were any.
    pub fn remove(&mut self, key: &str) -> bool {
        self.headers.remove(key).is_some()
    }

    /// Every value with its key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, MetadataValue<'_>)> {
        self.headers.iter().flat_map(|(name, value)| {
            let key = name.as_str();
            let binary = key::is_binary(key).then(|| split_joined(value).filter_map(decode));
            let plain = binary.is_none().then(|| plain_value(value));
            let binary = binary.into_iter().flatten().map(MetadataValue::Binary);
            binary.chain(plain).map(move |value| (key, value))
        })
    }

    /// Takes a received header block and leaves out what belongs to the call.
    ///
    /// # Errors
    /// [`WireError::BinaryValue`] when a `-bin` value is not base64, and [`WireError::TooManyFields`].
    pub fn from_http(headers: HeaderMap) -> Result<Self, WireError> {
        let broken = |(name, value): &(&HeaderName, &HeaderValue)| !is_sound(name, value);
        if let Some((name, _)) = headers.iter().find(broken) {
            return Err(WireError::BinaryValue { key: excerpt(name.as_str().as_bytes()) });
        }
        if headers.len() > MAX_FIELDS {
            return Err(WireError::TooManyFields { max: MAX_FIELDS });
        }
        Ok(Metadata::from_fields(headers, |_, _| true))
    }

    /// As [`Metadata::from_http`], but drops what breaks a rule: trailers must not hide their status behind it.
    pub(super) fn from_http_lossy(headers: HeaderMap) -> Self {
        Metadata::from_fields(headers, is_sound)
    }

    /// Adds all fields to a header block, in their order and behind those of other names.
    pub fn append_to(mut self, headers: &mut HeaderMap) {
        for (name, value) in &mut self.headers {
            if key::is_secret(name.as_str()) {
                value.set_sensitive(true);
            }
        }
        // Reserved names are not in here, so nothing is replaced by the first value of a key.
        headers.extend(self.headers);
    }

    fn from_fields(headers: HeaderMap, keep: fn(&HeaderName, &HeaderValue) -> bool) -> Self {
        let is_custom = |name: &HeaderName| !key::is_reserved(name.as_str());
        let kept = headers.iter().filter(|(name, value)| is_custom(name) && keep(name, value)).count();
        // The usual block holds nothing of the application's.
        if kept == 0 {
            return Metadata::new();
        }
        if kept == headers.len() && kept <= MAX_FIELDS {
            return Metadata { headers };
        }
        let mut custom = Metadata { headers: HeaderMap::with_capacity(kept.min(MAX_FIELDS)) };
        let mut current = None;
        for (name, value) in headers {
            // A value without a name has that of the one before it.
            current = name.or(current);
            if let Some(name) = current.as_ref().filter(|name| is_custom(name) && keep(name, &value)) {
                // Beyond the limit a value is dropped; only a lossy reading comes here with so many.
                let _ = custom.append_field(name.clone(), value);
            }
        }
        custom
    }

    fn append_field(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), WireError> {
        let full = WireError::TooManyFields { max: MAX_FIELDS };
        if self.headers.len() >= MAX_FIELDS {
            return Err(full);
        }
        self.headers.try_append(name, value).map(drop).map_err(|_| full)
    }

    fn insert_field(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), WireError> {
        let full = WireError::TooManyFields { max: MAX_FIELDS };
        let is_full = self.headers.len() >= MAX_FIELDS;
        match self.headers.try_entry(name).map_err(|_| full.clone())? {
            Entry::Occupied(mut field) => {
                field.insert_mult(value);
                Ok(())
            }
            Entry::Vacant(_) if is_full => Err(full),
            Entry::Vacant(field) => field.try_insert(value).map(drop).map_err(|_| full),
        }
    }
}

/// **ASCII-Value** -> 1*( %x20-%x7E ), the empty one allowed as all peers do.
fn ascii_value(key: &str, value: &str) -> Result<HeaderValue, WireError> {
    let refuse = |byte| WireError::MetadataValue { key: excerpt(key.as_bytes()), byte };
    match value.bytes().find(|byte| !matches!(byte, 0x20..=0x7e)) {
        Some(byte) => Err(refuse(byte)),
        None => HeaderValue::from_str(value.trim_matches(' ')).map_err(|_| refuse(0)),
    }
}

fn binary_value(key: &str, value: &[u8]) -> Result<HeaderValue, WireError> {
    // The alphabet of base64 is always a legal value.
    HeaderValue::try_from(base64::encode(value))
        .map_err(|_| WireError::BinaryValue { key: excerpt(key.as_bytes()) })
}

fn plain_value(value: &HeaderValue) -> MetadataValue<'_> {
    ascii_text(value).map_or_else(|| MetadataValue::Opaque(value.as_bytes()), MetadataValue::Ascii)
}

/// The text of an ASCII value without the outer spaces, which peers may or may not have stripped (rule 10).
fn ascii_text(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok().map(|text| text.trim_matches(' '))?;
    (!text.contains('\t')).then_some(text)
}

/// Says whether the value can be read: all can but for base64 that is broken.
fn is_sound(name: &HeaderName, value: &HeaderValue) -> bool {
    key::is_reserved(name.as_str())
        || !key::is_binary(name.as_str())
        || split_joined(value).all(base64::is_valid)
}

/// The parts of a binary value that a peer or a proxy joined.
fn split_joined(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn decode(text: &[u8]) -> Option<Bytes> {
    base64::decode(text).ok().map(Bytes::from)
}

/// What an [`HeaderMap`] takes for certain, with room for the fields of the call.
const MAX_FIELDS: usize = 16_384;
