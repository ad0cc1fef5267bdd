//! What the runner asks of a call, in the words of the library.

use std::time::Duration;

use prost::{Message, Name};
use wirepath::{CallOptions, Channel, Encoding, Request, call::MethodDescriptor, wire::Metadata};

use crate::conformance_shared::{
    in_json, to_metadata,
    v1::{
        ClientCompatRequest, Codec, Compression, StreamType,
        client_compat_request::{Cancel, cancel::CancelTiming},
    },
};

/// A call to make.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) channel: Channel,
    pub(crate) cancel: CancelAt,
    asked: ClientCompatRequest,
    metadata: Metadata,
    options: CallOptions,
}

/// When a call is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelAt {
    Never,
    /// Instead of the half-close.
    CloseSend,
    /// So long after the half-close.
    AfterCloseSend(Duration),
    /// When so many responses have come.
    Responses(usize),
}

impl Call {
    /// Settles what does not depend on the method.
    ///
    /// # Errors
    /// Something is asked for that cannot be done.
    pub(crate) fn new(channel: Channel, asked: ClientCompatRequest) -> Result<Self, String> {
        if !asked.server_tls_cert.is_empty() {
            return Err("only plaintext is spoken".to_owned());
        }
        if asked.service() != SERVICE {
            return Err(format!("no such service: {}", asked.service()));
        }
        let metadata = to_metadata(&asked.request_headers).map_err(|error| error.to_string())?;
        let mut options = CallOptions::new().encoding(encoding(asked.compression()));
        if let Some(milliseconds) = asked.timeout_ms {
            options = options.timeout(Duration::from_millis(milliseconds.into()));
        }
        if let Some(limit) = usize::try_from(asked.message_receive_limit).ok().filter(|limit| *limit > 0) {
            options = options.max_recv(limit);
        }
        Ok(Self { channel, cancel: CancelAt::of(asked.cancel.as_ref()), asked, metadata, options })
    }

    /// The name of the method.
    pub(crate) fn method(&self) -> &str {
        self.asked.method()
    }

    /// Whether each request waits for its response.
    pub(crate) fn is_full_duplex(&self) -> bool {
        self.asked.stream_type() == StreamType::FullDuplexBidiStream
    }

    /// The method in the format that is asked for.
    pub(crate) fn in_format<Q, R>(&self, method: &MethodDescriptor<Q, R>) -> MethodDescriptor<Q, R>
    where
        Q: Message + Name + Default,
        R: Message + Name + Default,
    {
        if self.asked.codec() == Codec::Json { in_json(method) } else { *method }
    }

    /// A request with the metadata and the bounds that are asked for.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message).with_options(self.options.clone());
        *request.metadata_mut() = self.metadata.clone();
        request
    }

    /// The messages to send.
    ///
    /// # Errors
    /// One is not of the method's type.
    pub(crate) fn messages<Q: Message + Name + Default>(&self) -> Result<Vec<Q>, String> {
        let messages = self.asked.request_messages.iter().map(|any| any.to_msg::<Q>());
        messages.collect::<Result<_, _>>().map_err(|error| error.to_string())
    }

    /// The message of a method that takes one.
    ///
    /// # Errors
    /// There is none or another, or it is not of the method's type.
    pub(crate) fn only_message<Q: Message + Name + Default>(&self) -> Result<Q, String> {
        let [message] = self.messages()?.try_into().map_err(|messages: Vec<Q>| {
            format!("{} takes one message, not {}", self.method(), messages.len())
        })?;
        Ok(message)
    }

    /// Waits as long as is asked for before each message of a stream.
    pub(crate) async fn pause(&self) {
        if self.asked.request_delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.asked.request_delay_ms.into())).await;
        }
    }
}

impl CancelAt {
    /// After how many responses, if that is the moment.
    pub(crate) fn responses(self) -> Option<usize> {
        if let Self::Responses(count) = self { Some(count) } else { None }
    }

    fn of(cancel: Option<&Cancel>) -> Self {
        match cancel.map(|cancel| cancel.cancel_timing.as_ref()) {
            None => Self::Never,
            Some(None) => Self::AfterCloseSend(Duration::ZERO),
            Some(Some(CancelTiming::BeforeCloseSend(_))) => Self::CloseSend,
            Some(Some(CancelTiming::AfterCloseSendMs(milliseconds))) => {
                Self::AfterCloseSend(Duration::from_millis((*milliseconds).into()))
            }
            Some(Some(CancelTiming::AfterNumResponses(count))) => Self::Responses(*count as usize),
        }
    }
}

fn encoding(compression: Compression) -> Encoding {
    match compression {
        Compression::Unspecified | Compression::Identity => Encoding::Identity,
        Compression::Gzip => Encoding::Gzip,
        Compression::Br => Encoding::Br,
        Compression::Zstd => Encoding::Zstd,
        Compression::Deflate => Encoding::Deflate,
        Compression::Snappy => Encoding::Snappy,
    }
}

const SERVICE: &str = "connectrpc.conformance.v1.ConformanceService";
