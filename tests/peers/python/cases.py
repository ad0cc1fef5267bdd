"""The 18 functional cases of gRPC's interop test descriptions, against any library that `calls.Calls` is written for.

A case returns when all that its description asserts was seen; else it raises the first difference.
"""

import random

from checks import ends, equal, fails, is_zeros, next_response, only_response, streamed_request
from messages import (
    ECHO_INITIAL,
    ECHO_TRAILING,
    Empty,
    Method,
    Payload,
    SimpleRequest,
    StreamingInputCallRequest,
    StreamingOutputCallRequest,
    zeros,
)

EMPTY_CALL = Method.named("EmptyCall")
UNARY_CALL = Method.named("UnaryCall")
STREAMING_INPUT_CALL = Method.named("StreamingInputCall")
STREAMING_OUTPUT_CALL = Method.named("StreamingOutputCall")
FULL_DUPLEX_CALL = Method.named("FullDuplexCall")
UNIMPLEMENTED_CALL = Method.named("UnimplementedCall")
UNIMPLEMENTED_SERVICE = Method.named("UnimplementedCall", service="UnimplementedService")

LARGE_REQUEST, LARGE_RESPONSE = 271_828, 314_159
REQUEST_SIZES = (27_182, 8, 1_828, 45_904)
RESPONSE_SIZES = (31_415, 9, 2_653, 58_979)


def large_request(**fields):
    return SimpleRequest(response_size=LARGE_RESPONSE, payload=zeros(LARGE_REQUEST), **fields)


async def next_is_zeros(stream, size):
    what = f"the streamed response of {size}"
    is_zeros(what, await next_response(what, stream), size)


async def empty_unary(calls):
    answer = await calls.unary(EMPTY_CALL, Empty())
    # As bytes: every message decodes to an Empty.
    equal("the response", answer.message.SerializeToString(), b"")


async def large_unary(calls):
    answer = await calls.unary(UNARY_CALL, large_request())
    is_zeros("the response", answer.message, LARGE_RESPONSE)


async def client_compressed_unary(calls):
    expecting, not_expecting = ({"expect_compressed": {"value": value}} for value in (True, False))
    probe = calls.unary(UNARY_CALL, large_request(**expecting))
    await fails("the uncompressed probe", "INVALID_ARGUMENT", probe)
    answer = await calls.unary(UNARY_CALL, large_request(**expecting), gzip=True)
    is_zeros("the response to the compressed request", answer.message, LARGE_RESPONSE)
    answer = await calls.unary(UNARY_CALL, large_request(**not_expecting))
    is_zeros("the response to the uncompressed request", answer.message, LARGE_RESPONSE)


async def server_compressed_unary(calls):
    for compressed in (True, False):
        request = large_request(response_compressed={"value": compressed})
        answer = await calls.unary(UNARY_CALL, request)
        is_zeros("the response", answer.message, LARGE_RESPONSE)
        answer = await calls.showing_flags().unary(UNARY_CALL, request)
        equal("Compressed-Flag of the response", answer.message.compressed, compressed)
        is_zeros("the response as it came", answer.message.message, LARGE_RESPONSE)


async def client_streaming(calls):
    stream = await calls.client_streaming(STREAMING_INPUT_CALL)
    for size in REQUEST_SIZES:
        await stream.send(StreamingInputCallRequest(payload=zeros(size)))
    await stream.finish()
    response = await only_response("the call", stream)
    equal("aggregated_payload_size", response.aggregated_payload_size, 74_922)


async def client_compressed_streaming(calls):
    """The second message must go plain in a compressed call. No library here has a switch for one message of a call,
    but C-core sends plain what gzip would not make smaller: so its payload is noise, not zeros."""
    first = StreamingInputCallRequest(expect_compressed={"value": True}, payload=zeros(27_182))
    noise = Payload(body=random.Random(0).randbytes(45_904))
    second = StreamingInputCallRequest(expect_compressed={"value": False}, payload=noise)

    async def probe():
        stream = await calls.client_streaming(STREAMING_INPUT_CALL)
        await stream.send(first)
        await stream.finish()
        await stream.recv()

    await fails("the uncompressed probe", "INVALID_ARGUMENT", probe())

    stream = await calls.client_streaming(STREAMING_INPUT_CALL, gzip=True)
    await stream.send(first)
    await stream.send(second)
    await stream.finish()
    response = await only_response("the call", stream)
    equal("aggregated_payload_size", response.aggregated_payload_size, 73_086)


async def server_streaming(calls):
    request = streamed_request(0, RESPONSE_SIZES)
    stream = await calls.server_streaming(STREAMING_OUTPUT_CALL, request)
    for size in RESPONSE_SIZES:
        await next_is_zeros(stream, size)
    await ends("the call", stream)


async def server_compressed_streaming(calls):
    asked = ((31_415, True), (92_653, False))
    request = StreamingOutputCallRequest()
    for size, compressed in asked:
        request.response_parameters.add(size=size, compressed={"value": compressed})

    stream = await calls.server_streaming(STREAMING_OUTPUT_CALL, request)
    for size, _ in asked:
        await next_is_zeros(stream, size)
    await ends("the call", stream)

    stream = await calls.showing_flags().server_streaming(STREAMING_OUTPUT_CALL, request)
    for size, compressed in asked:
        response = await next_response(f"the response of {size} as it came", stream)
        equal(f"Compressed-Flag of the response of {size}", response.compressed, compressed)
        is_zeros(f"the response of {size} as it came", response.message, size)
    await ends("the call", stream)


async def ping_pong(calls):
    stream = await calls.bidi(FULL_DUPLEX_CALL)
    for request_size, response_size in zip(REQUEST_SIZES, RESPONSE_SIZES):
        await stream.send(streamed_request(request_size, [response_size]))
        await next_is_zeros(stream, response_size)
    await stream.finish()
    await ends("the call", stream)


async def empty_stream(calls):
    stream = await calls.bidi(FULL_DUPLEX_CALL)
    await stream.finish()
    await ends("the call", stream)


async def custom_metadata(calls):
    sent = ((ECHO_INITIAL, "test_initial_metadata_value"), (ECHO_TRAILING, b"\xab\xab\xab"))

    def is_echoed(what, initial, trailing):
        equal(f"{what}: {ECHO_INITIAL} in front", [pair for pair in initial if pair[0] == ECHO_INITIAL], [sent[0]])
        equal(f"{what}: {ECHO_TRAILING} at the end", [pair for pair in trailing if pair[0] == ECHO_TRAILING], [sent[1]])

    answer = await calls.unary(UNARY_CALL, large_request(), metadata=sent)
    is_zeros("UnaryCall: the response", answer.message, LARGE_RESPONSE)
    is_echoed("UnaryCall", answer.initial, answer.trailing)

    stream = await calls.bidi(FULL_DUPLEX_CALL, metadata=sent)
    await stream.send(streamed_request(LARGE_REQUEST, [LARGE_RESPONSE]))
    await stream.finish()
    await next_is_zeros(stream, LARGE_RESPONSE)
    await ends("FullDuplexCall", stream)
    is_echoed("FullDuplexCall", await stream.initial(), await stream.trailing())


async def status_code_and_message(calls):
    asked = {"code": 2, "message": "test status message"}
    await is_status("UnaryCall", asked, calls.unary(UNARY_CALL, SimpleRequest(response_status=asked)))

    async def full_duplex():
        stream = await calls.bidi(FULL_DUPLEX_CALL)
        await stream.send(StreamingOutputCallRequest(response_status=asked))
        await stream.finish()
        await stream.recv()

    await is_status("FullDuplexCall", asked, full_duplex())


async def special_status_message(calls):
    text = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    asked = {"code": 2, "message": text}
    await is_status("UnaryCall", asked, calls.unary(UNARY_CALL, SimpleRequest(response_status=asked)))


async def is_status(what, asked, call):
    failed = await fails(what, "UNKNOWN", call)
    equal(f"{what}: the status message", failed.message, asked["message"])


async def unimplemented_method(calls):
    await fails("UnimplementedCall", "UNIMPLEMENTED", calls.unary(UNIMPLEMENTED_CALL, Empty()))


async def unimplemented_service(calls):
    await fails("UnimplementedService", "UNIMPLEMENTED", calls.unary(UNIMPLEMENTED_SERVICE, Empty()))


# The three below begin and end with a plain call: so the connection stands when they start, and outlives them.


async def cancel_after_begin(calls):
    await empty_unary(calls)
    stream = await calls.client_streaming(STREAMING_INPUT_CALL)
    await stream.cancel()
    await fails("the cancelled call", "CANCELLED", stream.recv())
    await empty_unary(calls)


async def cancel_after_first_response(calls):
    await empty_unary(calls)
    stream = await calls.bidi(FULL_DUPLEX_CALL)
    await stream.send(streamed_request(27_182, [31_415]))
    await next_is_zeros(stream, 31_415)
    await stream.cancel()
    await fails("the cancelled call", "CANCELLED", stream.recv())
    await empty_unary(calls)


async def timeout_on_sleeping_server(calls):
    async def sleeping():
        stream = await calls.bidi(FULL_DUPLEX_CALL, timeout=0.001)
        await stream.send(streamed_request(27_182, []))
        await stream.recv()

    await empty_unary(calls)
    await fails("the call with a timeout of 1 ms", "DEADLINE_EXCEEDED", sleeping())
    await empty_unary(calls)


CASES = {
    case.__name__: case
    for case in (
        empty_unary,
        large_unary,
        client_compressed_unary,
        server_compressed_unary,
        client_streaming,
        client_compressed_streaming,
        server_streaming,
        server_compressed_streaming,
        ping_pong,
        empty_stream,
        custom_metadata,
        status_code_and_message,
        special_status_message,
        unimplemented_method,
        unimplemented_service,
        cancel_after_begin,
        cancel_after_first_response,
        timeout_on_sleeping_server,
    )
}
