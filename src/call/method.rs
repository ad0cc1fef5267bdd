//! A method: its path, its shape, and the format and the codecs of its two message types.

use std::fmt;

use crate::{call::Limits, codec::Codec, wire::ContentType};

/// Everything that both ends know about a method before any call of it; a constant in generated code.
pub struct MethodDescriptor<Q, R> {
    path: &'static str,
    method_type: MethodType,
    request: Codec<Q>,
    response: Codec<R>,
    format: &'static str,
    limits: Limits,
}

impl<Q, R> MethodDescriptor<Q, R> {
    /// A method at `path`: "/" Service "/" Method, as it stands in `:path`.
    pub const fn new(
        path: &'static str,
        method_type: MethodType,
        request: Codec<Q>,
        response: Codec<R>,
    ) -> Self {
        Self { path, method_type, request, response, format: "", limits: Limits::UNSET }
    }

    /// The same method with its messages in another format, which `content-type` names: `application/grpc+` `subtype`.
    ///
    /// A client sends what its descriptor says. A server may have one method in several formats and serves each call in
    /// that of its request.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use wirepath::{call::{MethodDescriptor, MethodType}, codec::Codec};
    ///
    /// const SAY: MethodDescriptor<Bytes, Bytes> =
    ///     MethodDescriptor::new("/example.Echo/Say", MethodType::Unary, Codec::RAW, Codec::RAW);
    /// const SAY_JSON: MethodDescriptor<Bytes, Bytes> = SAY.with_format("json", Codec::RAW, Codec::RAW);
    /// ```
    pub const fn with_format(mut self, subtype: &'static str, request: Codec<Q>, response: Codec<R>) -> Self {
        (self.format, self.request, self.response) = (subtype, request, response);
        self
    }

    /// The same method with limits of its own on the size of its messages.
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// "/" Service "/" Method.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// How many messages go each way.
    pub const fn method_type(&self) -> MethodType {
        self.method_type
    }

    /// The format of the messages.
    pub const fn content_type(&self) -> ContentType {
        ContentType::of_format(self.format)
    }

    /// The limits that hold for this method unless a call says otherwise.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) const fn request_codec(&self) -> Codec<Q> {
        self.request
    }

    pub(crate) const fn response_codec(&self) -> Codec<R> {
        self.response
    }
}

// By hand, because a derive would ask the same of the message types.
impl<Q, R> Clone for MethodDescriptor<Q, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q, R> Copy for MethodDescriptor<Q, R> {}

impl<Q, R> fmt::Debug for MethodDescriptor<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodDescriptor")
            .field("path", &self.path)
            .field("method_type", &self.method_type)
            .field("format", &self.format)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The four call shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MethodType {
    /// One request, one response.
    Unary,
    /// Many requests, one response.
    ClientStreaming,
    /// One request, many responses.
    ServerStreaming,
    /// Many of both, in any order.
    BidiStreaming,
}
