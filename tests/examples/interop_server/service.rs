//! `grpc.testing.TestService` as doc/interop-test-descriptions.md asks of a server.
//!
//! Requests say what the responses are to be like: their sizes, pauses and Compressed-Flags, the status to end with, the
//! metadata to send back. A request whose own Compressed-Flag is not the one it announces is INVALID_ARGUMENT.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wirepath::{
    Code, Encoding, MessageReceiver, MessageSender, Metadata, Request, Response, Status,
    generated::grpc::testing::{
        BoolValue, EchoStatus, Empty, Payload, PayloadType, ResponseParameters, SimpleRequest,
        SimpleResponse, StreamingInputCallRequest, StreamingInputCallResponse, StreamingOutputCallRequest,
        StreamingOutputCallResponse, test_service_server::TestService,
    },
};

use crate::interop_shared::{ECHO_INITIAL, ECHO_TRAILING, zeros};

/// The service; it keeps nothing from call to call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Testing;

impl TestService for Testing {
    async fn empty_call(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }

    async fn unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        let asked = request.message();
        check_compressed(asked.expect_compressed, request.is_compressed())?;
        let mut trailers = Metadata::new();
        echo_trailing(request.metadata(), &mut trailers)?;
        check_status(asked.response_status.as_ref())
            .map_err(|status| status.with_metadata(trailers.clone()))?;
        let payload = Some(payload(asked.response_type, asked.response_size)?);
        let server_id = if asked.fill_server_id { SERVER_ID.to_owned() } else { String::new() };
        let mut response = Response::new(SimpleResponse { payload, server_id, ..Default::default() });
        echo_initial(request.metadata(), response.metadata_mut())?;
        *response.trailers_mut() = trailers;
        Ok(if is_true(asked.response_compressed) { response.with_encoding(Encoding::Gzip) } else { response })
    }

    async fn cacheable_unary_call(
        &self,
        _request: Request<SimpleRequest>,
    ) -> Result<Response<SimpleResponse>, Status> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string();
        let payload = Payload { r#type: PayloadType::Compressable.into(), body: now.into() };
        let mut response = Response::new(SimpleResponse { payload: Some(payload), ..Default::default() });
        response.metadata_mut().insert("cache-control", "max-age=60, public")?;
        Ok(response)
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
        mut responses: MessageSender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        respond(request.message(), &mut responses).await
    }

    async fn streaming_input_call(
        &self,
        requests: Request<MessageReceiver<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let mut requests = requests.into_message();
        let mut received = 0;
        while let Some(request) = requests.recv().await? {
            check_compressed(request.expect_compressed, requests.is_compressed())?;
            received += request.payload.map_or(0, |payload| payload.body.len());
        }
        let aggregated_payload_size =
            received.try_into().map_err(|_| Status::out_of_range(format!("{received} bytes received")))?;
        Ok(Response::new(StreamingInputCallResponse { aggregated_payload_size }))
    }

    async fn full_duplex_call(
        &self,
        requests: Request<MessageReceiver<StreamingOutputCallRequest>>,
        mut responses: MessageSender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        echo_initial(requests.metadata(), responses.metadata_mut())?;
        echo_trailing(requests.metadata(), responses.trailers_mut())?;
        let mut requests = requests.into_message();
        while let Some(request) = requests.recv().await? {
            respond(&request, &mut responses).await?;
        }
        Ok(())
    }

    async fn half_duplex_call(
        &self,
        requests: Request<MessageReceiver<StreamingOutputCallRequest>>,
        mut responses: MessageSender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let (mut requests, mut all) = (requests.into_message(), Vec::new());
        while let Some(request) = requests.recv().await? {
            all.push(request);
        }
        for request in &all {
            respond(request, &mut responses).await?;
        }
        Ok(())
    }

    async fn unimplemented_call(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        Err(Status::unimplemented("UnimplementedCall is here to be missing"))
    }
}

/// Sends the responses that one request asks for, each after its pause.
pub(crate) async fn respond(
    request: &StreamingOutputCallRequest,
    responses: &mut MessageSender<StreamingOutputCallResponse>,
) -> Result<(), Status> {
    check_status(request.response_status.as_ref())?;
    if request.response_parameters.iter().any(|asked| is_true(asked.compressed)) {
        responses.set_encoding(Encoding::Gzip);
    }
    for ResponseParameters { size, interval_us, compressed } in &request.response_parameters {
        if let Ok(pause @ 1..) = u64::try_from(*interval_us) {
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
        let response = StreamingOutputCallResponse { payload: Some(payload(request.response_type, *size)?) };
        if is_true(*compressed) {
            responses.send(response).await?;
        } else {
            responses.send_uncompressed(response).await?;
        }
    }
    Ok(())
}

fn payload(response_type: i32, size: i32) -> Result<Payload, Status> {
    if response_type != i32::from(PayloadType::Compressable) {
        return Err(Status::invalid_argument(format!("a payload of type {response_type}")));
    }
    match usize::try_from(size) {
        Ok(size) if size <= LARGEST => Ok(zeros(size)),
        _ => Err(Status::invalid_argument(format!("a payload of {size} bytes, at most {LARGEST}"))),
    }
}

fn check_compressed(expected: Option<BoolValue>, is_compressed: bool) -> Result<(), Status> {
    match expected {
        Some(expected) if expected.value != is_compressed => Err(Status::invalid_argument(format!(
            "expect_compressed is {}, the Compressed-Flag is {}",
            expected.value,
            u8::from(is_compressed)
        ))),
        _ => Ok(()),
    }
}

fn check_status(asked: Option<&EchoStatus>) -> Result<(), Status> {
    match asked {
        Some(EchoStatus { code: 0, .. }) | None => Ok(()),
        Some(EchoStatus { code, message }) => {
            if message.len() > LONGEST {
                let text = format!("a message of {} bytes, at most {LONGEST}", message.len());
                return Err(Status::invalid_argument(text));
            }
            let code = u32::try_from(*code).ok().and_then(Code::from_number).unwrap_or(Code::Unknown);
            Err(Status::new(code, message))
        }
    }
}

fn echo_initial(received: &Metadata, initial: &mut Metadata) -> Result<(), Status> {
    for value in received.get_all(ECHO_INITIAL) {
        initial.append(ECHO_INITIAL, value)?;
    }
    Ok(())
}

fn echo_trailing(received: &Metadata, trailing: &mut Metadata) -> Result<(), Status> {
    for value in received.get_all_bin(ECHO_TRAILING) {
        trailing.append_bin(ECHO_TRAILING, &value)?;
    }
    Ok(())
}

fn is_true(value: Option<BoolValue>) -> bool {
    value.is_some_and(|value| value.value)
}

const SERVER_ID: &str = "wirepath";

/// The largest payload that is made: below the 4 MiB that clients take by default.
const LARGEST: usize = 4_000_000;

/// The longest message of a status: percent-encoded it is three times as long, and clients take 8 KiB of fields by default.
const LONGEST: usize = 4096;
