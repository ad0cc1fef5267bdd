//! `connectrpc.conformance.v1.ConformanceService` as the suite's docs/testing_servers.md asks of a server.
//!
//! The service is registered twice, with its messages in protobuf and in JSON: the router takes the one that the
//! request's content-subtype names. Responses are compressed as their requests are.

use std::mem;

use wirepath::{MessageReceiver, MessageSender, Request, Response, Router, Service, Status};

use crate::{
    conformance_shared::{
        in_json,
        v1::{
            BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse,
            IdempotentUnaryRequest, IdempotentUnaryResponse, ServerStreamRequest, ServerStreamResponse,
            UnaryRequest, UnaryResponse, UnimplementedRequest, UnimplementedResponse,
            conformance_service_methods::{
                BIDI_STREAM, CLIENT_STREAM, IDEMPOTENT_UNARY, SERVER_STREAM, UNARY,
            },
            conformance_service_server::ConformanceService,
        },
    },
    definition::{Answers, answer_once, payload},
    seen::{Seen, any},
};

/// The service; it keeps nothing from call to call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conformance;

impl ConformanceService for Conformance {
    async fn unary(&self, request: Request<UnaryRequest>) -> Result<Response<UnaryResponse>, Status> {
        let (seen, encoding) = (Seen::of(&request), request.encoding());
        let request = request.into_message();
        let info = seen.with([any(&request)?]);
        let response = answer_once(request.response_definition, info).await?;
        Ok(response.map(|payload| UnaryResponse { payload: Some(payload) }).with_encoding(encoding))
    }

    async fn idempotent_unary(
        &self,
        request: Request<IdempotentUnaryRequest>,
    ) -> Result<Response<IdempotentUnaryResponse>, Status> {
        let (seen, encoding) = (Seen::of(&request), request.encoding());
        let request = request.into_message();
        let info = seen.with([any(&request)?]);
        let response = answer_once(request.response_definition, info).await?;
        Ok(response.map(|payload| IdempotentUnaryResponse { payload: Some(payload) }).with_encoding(encoding))
    }

    async fn client_stream(
        &self,
        requests: Request<MessageReceiver<ClientStreamRequest>>,
    ) -> Result<Response<ClientStreamResponse>, Status> {
        let (seen, encoding) = (Seen::of(&requests), requests.encoding());
        let (mut requests, mut received, mut definition) = (requests.into_message(), Vec::new(), None);
        while let Some(request) = requests.recv().await? {
            received.push(any(&request)?);
            // Only the first request defines the answer.
            if received.len() == 1 {
                definition = request.response_definition;
            }
        }
        let response = answer_once(definition, seen.with(received)).await?;
        Ok(response.map(|payload| ClientStreamResponse { payload: Some(payload) }).with_encoding(encoding))
    }

    async fn server_stream(
        &self,
        request: Request<ServerStreamRequest>,
        mut responses: MessageSender<ServerStreamResponse>,
    ) -> Result<(), Status> {
        let (seen, encoding) = (Seen::of(&request), request.encoding());
        let request = request.into_message();
        let mut info = Some(seen.with([any(&request)?]));
        responses.set_encoding(encoding);
        let mut answers = Answers::begin(request.response_definition, &mut responses)?;
        while let Some(data) = answers.next().await {
            responses.send(ServerStreamResponse { payload: Some(payload(data, info.take())) }).await?;
        }
        answers.end(info)
    }

    async fn bidi_stream(
        &self,
        requests: Request<MessageReceiver<BidiStreamRequest>>,
        mut responses: MessageSender<BidiStreamResponse>,
    ) -> Result<(), Status> {
        let (mut seen, encoding) = (Some(Seen::of(&requests)), requests.encoding());
        let mut requests = requests.into_message();
        let Some(first) = requests.recv().await? else { return Ok(()) };
        let mut received = vec![any(&first)?];
        responses.set_encoding(encoding);
        let mut answers = Answers::begin(first.response_definition, &mut responses)?;
        if first.full_duplex {
            // A response to each request, as long as there are any of both.
            while let Some(data) = answers.next().await {
                let info = seen.take().unwrap_or_default().with(mem::take(&mut received));
                responses.send(BidiStreamResponse { payload: Some(payload(data, Some(info))) }).await?;
                let Some(request) = requests.recv().await? else { break };
                received.push(any(&request)?);
            }
        } else {
            while let Some(request) = requests.recv().await? {
                received.push(any(&request)?);
            }
        }
        // What is left follows the last request.
        let mut info = seen.map(|seen| seen.with(received));
        while let Some(data) = answers.next().await {
            responses.send(BidiStreamResponse { payload: Some(payload(data, info.take())) }).await?;
        }
        answers.end(info)
    }

    async fn unimplemented(
        &self,
        _request: Request<UnimplementedRequest>,
    ) -> Result<Response<UnimplementedResponse>, Status> {
        Err(Status::unimplemented("Unimplemented is here to be missing"))
    }
}

/// The same service with its messages in JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InJson;

impl Service for InJson {
    fn register(self, router: &mut Router) {
        router.unary(&in_json(&UNARY), |request| async { Conformance.unary(request).await });
        router.unary(&in_json(&IDEMPOTENT_UNARY), |request| async {
            Conformance.idempotent_unary(request).await
        });
        router.client_streaming(&in_json(&CLIENT_STREAM), |requests| async {
            Conformance.client_stream(requests).await
        });
        router.server_streaming(&in_json(&SERVER_STREAM), |request, responses| async {
            Conformance.server_stream(request, responses).await
        });
        router.bidi_streaming(&in_json(&BIDI_STREAM), |requests, responses| async {
            Conformance.bidi_stream(requests, responses).await
        });
    }
}
