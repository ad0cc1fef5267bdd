//! Answers as the suite's requests define them: metadata, pauses, data, and the status to end with.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use wirepath::{MessageSender, Response, Status, generated::google::rpc, wire::Metadata};

use crate::{
    conformance_shared::{
        to_metadata,
        v1::{
            ConformancePayload, Error, Header, StreamResponseDefinition, UnaryResponseDefinition,
            conformance_payload::RequestInfo, unary_response_definition,
        },
    },
    seen::any,
};

/// The one answer of a call; without a definition it holds the request and nothing else.
///
/// # Errors
/// The status that is asked for, with the metadata of both blocks; a definition that cannot be met.
pub(crate) async fn answer_once(
    definition: Option<UnaryResponseDefinition>,
    info: RequestInfo,
) -> Result<Response<ConformancePayload>, Status> {
    let Some(definition) = definition else { return Ok(Response::new(payload(Bytes::new(), Some(info)))) };
    let UnaryResponseDefinition { response_headers, response_trailers, response, response_delay_ms, .. } =
        definition;
    let (mut headers, trailers) = (metadata(&response_headers)?, metadata(&response_trailers)?);
    pause(response_delay_ms).await;
    let data = match response {
        Some(unary_response_definition::Response::Error(error)) => {
            headers.append_all(trailers);
            return Err(status(error, Some(info))?.with_metadata(headers));
        }
        Some(unary_response_definition::Response::ResponseData(data)) => data,
        None => Bytes::new(),
    };
    let mut response = Response::new(payload(data, Some(info)));
    *response.metadata_mut() = headers;
    *response.trailers_mut() = trailers;
    Ok(response)
}

/// The answers of a stream that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    data: VecDeque<Bytes>,
    delay_ms: u32,
    error: Option<Error>,
}

impl Answers {
    /// Sends Response-Headers; the rest waits to be asked for. Without a definition there is nothing to send.
    ///
    /// # Errors
    /// Metadata that cannot be sent.
    pub(crate) fn begin<M>(
        definition: Option<StreamResponseDefinition>,
        responses: &mut MessageSender<M>,
    ) -> Result<Self, Status> {
        let Some(definition) = definition else { return Ok(Self::default()) };
        *responses.metadata_mut() = metadata(&definition.response_headers)?;
        *responses.trailers_mut() = metadata(&definition.response_trailers)?;
        responses.send_headers();
        Ok(Self {
            data: definition.response_data.into(),
            delay_ms: definition.response_delay_ms,
            error: definition.error,
        })
    }

    /// The data of the next one, after its pause.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let data = self.data.pop_front()?;
        pause(self.delay_ms).await;
        Some(data)
    }

    /// How the call ends; the request goes into the status if no answer has held it.
    ///
    /// # Errors
    /// The status that is asked for.
    pub(crate) fn end(self, info: Option<RequestInfo>) -> Result<(), Status> {
        self.error.map_or(Ok(()), |error| Err(status(error, info)?))
    }
}

/// What a response holds.
pub(crate) fn payload(data: Bytes, request_info: Option<RequestInfo>) -> ConformancePayload {
    ConformancePayload { data, request_info }
}

/// The status that is asked for, with the request in its details.
fn status(error: Error, info: Option<RequestInfo>) -> Result<Status, Status> {
    let mut details = error.details;
    if let Some(info) = info {
        details.push(any(&info)?);
    }
    let message = error.message.unwrap_or_default();
    Ok(rpc::Status { code: error.code, message, details }.into())
}

fn metadata(headers: &[Header]) -> Result<Metadata, Status> {
    Ok(to_metadata(headers)?)
}

async fn pause(milliseconds: u32) {
    if milliseconds > 0 {
        tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
    }
}
