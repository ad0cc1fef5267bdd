//! How a call ended, in the words of the runner.

use wirepath::{MessageReceiver, Response, Status, generated::google::rpc};

use crate::conformance_shared::{
    from_metadata,
    v1::{ClientResponseResult, ConformancePayload, Error},
};

/// What the response message of a method holds.
pub(crate) type PayloadOf<R> = fn(R) -> Option<ConformancePayload>;

/// Of a call with one response. A failure has all metadata in its status, and the runner takes it as trailers.
pub(crate) fn of_one<R>(
    answered: Result<Response<R>, Status>,
    payload_of: PayloadOf<R>,
) -> ClientResponseResult {
    match answered {
        Ok(response) => ClientResponseResult {
            response_headers: from_metadata(response.metadata()),
            response_trailers: from_metadata(response.trailers()),
            payloads: vec![payload_of(response.into_message()).unwrap_or_default()],
            ..Default::default()
        },
        Err(status) => of_failed(&status),
    }
}

/// Of a call that failed before there was a stream.
pub(crate) fn of_failed(status: &Status) -> ClientResponseResult {
    ClientResponseResult {
        response_trailers: from_metadata(status.metadata()),
        error: Some(error(status)),
        ..Default::default()
    }
}

/// The status of a call that this program has cancelled by letting go of it.
pub(crate) fn cancelled() -> Status {
    Status::cancelled("as the runner asked")
}

/// A stream of responses, and what came of it so far.
#[derive(Debug)]
pub(crate) struct Receiving<R> {
    responses: MessageReceiver<R>,
    payload_of: PayloadOf<R>,
    cancel_after: Option<usize>,
    has_begun: bool,
    result: ClientResponseResult,
}

impl<R> Receiving<R> {
    /// Nothing so far. The call is cancelled when so many responses have come, if that is asked for.
    pub(crate) fn new(
        responses: MessageReceiver<R>,
        payload_of: PayloadOf<R>,
        cancel_after: Option<usize>,
    ) -> Self {
        Self {
            responses,
            payload_of,
            cancel_after,
            has_begun: false,
            result: ClientResponseResult::default(),
        }
    }

    /// Takes the next response; says whether there may be another.
    pub(crate) async fn next(&mut self) -> bool {
        self.has_begun = true;
        match self.responses.recv().await {
            Ok(Some(response)) => {
                self.result.payloads.push((self.payload_of)(response).unwrap_or_default());
                if self.cancel_after == Some(self.result.payloads.len()) {
                    self.fail(&cancelled());
                    return false;
                }
                true
            }
            Ok(None) => false,
            Err(status) => {
                self.fail(&status);
                false
            }
        }
    }

    /// Notes how many requests were not sent.
    pub(crate) fn set_unsent(&mut self, count: usize) {
        self.result.num_unsent_requests = count.try_into().unwrap_or(i32::MAX);
    }

    /// Lets go of the call, and says what came of it.
    pub(crate) async fn cancel(mut self) -> ClientResponseResult {
        self.fail(&cancelled());
        self.into_result().await
    }

    /// What came of it. A call that is not over is cancelled.
    pub(crate) async fn into_result(mut self) -> ClientResponseResult {
        if self.has_begun {
            // At hand, because a message or the end has come after them.
            let headers = self.responses.headers().await;
            self.result.response_headers = headers.map(from_metadata).unwrap_or_default();
        }
        self.result.response_trailers = self.responses.trailers().map(from_metadata).unwrap_or_default();
        self.result
    }

    fn fail(&mut self, status: &Status) {
        self.result.error = Some(error(status));
    }
}

fn error(status: &Status) -> Error {
    let details = rpc::Status::from_details(status).ok().flatten().unwrap_or_default().details;
    Error { code: status.code().number() as i32, message: Some(status.message().to_owned()), details }
}
