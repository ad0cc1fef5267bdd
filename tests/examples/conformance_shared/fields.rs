//! Custom-Metadata as the suite writes it: a list of keys with their values, those of `-bin` keys in base64.

use wirepath::wire::{Metadata, MetadataValue, WireError, base64};

use super::v1::Header;

/// Metadata with these values, in their order.
///
/// # Errors
/// A key or a value that gRPC does not allow.
pub(crate) fn to_metadata(headers: &[Header]) -> Result<Metadata, WireError> {
    let mut metadata = Metadata::new();
    for Header { name, value } in headers {
        let key = name.to_ascii_lowercase();
        for text in value {
            if key.ends_with("-bin") {
                metadata.append_bin(&key, &base64::decode(text.as_bytes())?)?;
            } else {
                metadata.append(&key, text)?;
            }
        }
    }
    Ok(metadata)
}

/// The values of the metadata under their keys.
pub(crate) fn from_metadata(metadata: &Metadata) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for (key, value) in metadata.iter() {
        let text = match value {
            MetadataValue::Ascii(text) => text.to_owned(),
            MetadataValue::Binary(bytes) => base64::encode(&bytes),
            MetadataValue::Opaque(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        };
        match headers.iter_mut().find(|header| header.name == key) {
            Some(header) => header.value.push(text),
            None => headers.push(Header { name: key.to_owned(), value: vec![text] }),
        }
    }
    headers
}
