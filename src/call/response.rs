//! A response: one message, and the metadata before and after it.

use crate::wire::{Encoding, Metadata};

/// What a handler answers, or a client is answered, where the answer is one message.
#[derive(Clone, Debug)]
pub struct Response<T> {
    message: T,
    metadata: Metadata,
    trailers: Metadata,
    encoding: Encoding,
    is_compressed: bool,
}

impl<T> Response<T> {
    /// A response without metadata.
    pub fn new(message: T) -> Self {
        Self {
            message,
            metadata: Metadata::new(),
            trailers: Metadata::new(),
            encoding: Encoding::Identity,
            is_compressed: false,
        }
    }

    pub(crate) fn received(message: T, metadata: Metadata, trailers: Metadata, is_compressed: bool) -> Self {
        Self { message, metadata, trailers, encoding: Encoding::Identity, is_compressed }
    }

    /// The message.
    pub fn message(&self) -> &T {
        &self.message
    }

    /// The message alone.
    pub fn into_message(self) -> T {
        self.message
    }

    /// Custom-Metadata of Response-Headers, before the message.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Custom-Metadata of Response-Headers, to add to it.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// Custom-Metadata of Trailers, after the message.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// Custom-Metadata of Trailers, to add to it.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        &mut self.trailers
    }

    /// On a server, compresses the message if the client accepts this encoding; otherwise it goes out as it is.
    pub fn with_encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// On a client, whether the message came with its Compressed-Flag set.
    pub fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    /// Puts another message in place of this one.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Response<U> {
        Response {
            message: map(self.message),
            metadata: self.metadata,
            trailers: self.trailers,
            encoding: self.encoding,
            is_compressed: self.is_compressed,
        }
    }

    pub(crate) fn into_parts(self) -> (T, Metadata, Metadata, Encoding) {
        (self.message, self.metadata, self.trailers, self.encoding)
    }
}

impl<T> From<T> for Response<T> {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}
