"""The interop server on grpcio, gRPC's C-core for Python, by its threaded interface.

At the library's defaults but for one: requests are inflated here, so that their Compressed-Flags can be checked.
"""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

from command import endpoints
from compressed_flag import UNINFLATED, reads
from messages import (
    ECHO_INITIAL,
    ECHO_TRAILING,
    Empty,
    Method,
    SimpleResponse,
    StreamingInputCallResponse,
    StreamingOutputCallResponse,
    zeros,
)


def empty_call(_request, _call):
    return Empty()


def unary_call(request, call):
    check_flag(request, call)
    asked = request.message
    echo(call)
    check_status(asked, call)
    if asked.response_compressed.value:
        call.set_compression(grpc.Compression.Gzip)
    return SimpleResponse(payload=zeros(asked.response_size))


def streaming_input_call(requests, call):
    size = 0
    for request in requests:
        check_flag(request, call)
        size += len(request.message.payload.body)
    return StreamingInputCallResponse(aggregated_payload_size=size)


def streaming_output_call(request, call):
    return responses(request.message, call)


def full_duplex_call(requests, call):
    echo(call)
    for request in requests:
        yield from responses(request.message, call)


def half_duplex_call(requests, call):
    for request in list(requests):
        yield from responses(request.message, call)


def responses(request, call):
    check_status(request, call)
    if any(asked.compressed.value for asked in request.response_parameters):
        call.set_compression(grpc.Compression.Gzip)
    for asked in request.response_parameters:
        time.sleep(asked.interval_us / 1e6)
        if not asked.compressed.value:
            call.disable_next_message_compression()
        yield StreamingOutputCallResponse(payload=zeros(asked.size))


def check_flag(request, call):
    message, compressed = request
    if message.HasField("expect_compressed") and message.expect_compressed.value != compressed:
        call.abort(grpc.StatusCode.INVALID_ARGUMENT, f"the Compressed-Flag is {int(compressed)}")


def check_status(request, call):
    asked = request.response_status
    if asked.code:
        code = next(code for code in grpc.StatusCode if code.value[0] == asked.code)
        call.abort(code, asked.message)


def echo(call):
    received = [tuple(pair) for pair in call.invocation_metadata()]
    call.set_trailing_metadata([pair for pair in received if pair[0] == ECHO_TRAILING])
    initial = [pair for pair in received if pair[0] == ECHO_INITIAL]
    if initial:
        call.send_initial_metadata(initial)


def service():
    """All but UnimplementedCall, which the library refuses by itself."""
    shapes = {
        "EmptyCall": (grpc.unary_unary_rpc_method_handler, empty_call),
        "UnaryCall": (grpc.unary_unary_rpc_method_handler, unary_call),
        "StreamingInputCall": (grpc.stream_unary_rpc_method_handler, streaming_input_call),
        "StreamingOutputCall": (grpc.unary_stream_rpc_method_handler, streaming_output_call),
        "FullDuplexCall": (grpc.stream_stream_rpc_method_handler, full_duplex_call),
        "HalfDuplexCall": (grpc.stream_stream_rpc_method_handler, half_duplex_call),
    }
    handlers = {}
    for name, (handler, behaviour) in shapes.items():
        method = Method.named(name)
        handlers[name] = handler(behaviour, reads(method.request), method.response.SerializeToString)
    return grpc.method_handlers_generic_handler("grpc.testing.TestService", handlers)


def main():
    ends = {signal.SIGTERM, signal.SIGINT}
    # Before the library's threads begin, which inherit it: the signal is then ours to wait for.
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    server = grpc.server(ThreadPoolExecutor(), options=UNINFLATED)
    server.add_generic_rpc_handlers([service()])
    listening = endpoints()
    for endpoint in listening:
        server.add_insecure_port(endpoint)
    server.start()
    for endpoint in listening:
        print("listening on", endpoint, flush=True)
    signal.sigwait(ends)
    server.stop(grace=5).wait()


if __name__ == "__main__":
    main()
