//! empty_unary, large_unary, unimplemented_method, unimplemented_service.

use bytes::Bytes;
use wirepath::{
    Channel, Code,
    call::{MethodDescriptor, MethodType},
    client::invoke,
    codec::Codec,
    generated::grpc::testing::{
        Empty, test_service_client::TestServiceClient,
        unimplemented_service_client::UnimplementedServiceClient,
    },
};

use super::checks::{LARGE_RESPONSE, Outcome, equal, fails, is_zeros, large_request, server_says};

/// A message of zero bytes each way: seen as bytes, because every proto decodes to an `Empty`.
pub(crate) async fn empty_unary(channel: &Channel) -> Outcome {
    const EMPTY_CALL: MethodDescriptor<Bytes, Bytes> = MethodDescriptor::new(
        "/grpc.testing.TestService/EmptyCall",
        MethodType::Unary,
        Codec::RAW,
        Codec::RAW,
    );
    let response = invoke::unary(channel, &EMPTY_CALL, Bytes::new().into()).await?;
    equal("the response", response.into_message(), Bytes::new())
}

pub(crate) async fn large_unary(client: &TestServiceClient) -> Outcome {
    let response = client.unary_call(large_request()).await?;
    is_zeros("the response", response.into_message().payload, LARGE_RESPONSE)
}

pub(crate) async fn unimplemented_method(client: &TestServiceClient) -> Outcome {
    let result = client.unimplemented_call(Empty {}).await;
    server_says("TestService/UnimplementedCall", result, Code::Unimplemented).map(drop)
}

/// Servers that route like a web server's (connect's) say it by HTTP 404 alone, which this side maps to the status.
pub(crate) async fn unimplemented_service(channel: Channel) -> Outcome {
    let result = UnimplementedServiceClient::new(channel).unimplemented_call(Empty {}).await;
    fails("UnimplementedService/UnimplementedCall", result, Code::Unimplemented).map(drop)
}
