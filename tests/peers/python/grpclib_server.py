"""The interop server on grpclib, gRPC in Python alone, on asyncio."""

import asyncio

from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Server
from grpclib.utils import graceful_exit

from command import endpoints
from grpclib_limits import NO_COMPRESSION, path
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

CANNOT = {
    **NO_COMPRESSION,
    "unimplemented_service": "grpclib's refusal of an unknown service has no content-type, so it is no gRPC response",
}


async def empty_call(call):
    await call.recv_message()
    await call.send_message(Empty())


async def unary_call(call):
    request = await call.recv_message()
    check_status(request)
    await echo_initial(call)
    await call.send_message(SimpleResponse(payload=zeros(request.response_size)))
    await echo_trailing(call)


async def streaming_input_call(call):
    size = 0
    async for request in call:
        size += len(request.payload.body)
    await call.send_message(StreamingInputCallResponse(aggregated_payload_size=size))


async def streaming_output_call(call):
    await respond(await call.recv_message(), call)


async def full_duplex_call(call):
    await echo_initial(call)
    async for request in call:
        await respond(request, call)
    await echo_trailing(call)


async def half_duplex_call(call):
    for request in [request async for request in call]:
        await respond(request, call)


async def unimplemented_call(_call):
    """What the library's own code generator leaves where a method is not written."""
    raise GRPCError(Status.UNIMPLEMENTED)


async def respond(request, call):
    check_status(request)
    for asked in request.response_parameters:
        await asyncio.sleep(asked.interval_us / 1e6)
        await call.send_message(StreamingOutputCallResponse(payload=zeros(asked.size)))


def check_status(request):
    asked = request.response_status
    if asked.code:
        raise GRPCError(Status(asked.code), asked.message)


async def echo_initial(call):
    await call.send_initial_metadata(metadata=received(call, ECHO_INITIAL))


async def echo_trailing(call):
    await call.send_trailing_metadata(metadata=received(call, ECHO_TRAILING))


def received(call, key):
    return [(key, value) for value in call.metadata.getall(key, ())]


class TestService:
    def __mapping__(self):
        shapes = {
            "EmptyCall": (empty_call, Cardinality.UNARY_UNARY),
            "UnaryCall": (unary_call, Cardinality.UNARY_UNARY),
            "StreamingInputCall": (streaming_input_call, Cardinality.STREAM_UNARY),
            "StreamingOutputCall": (streaming_output_call, Cardinality.UNARY_STREAM),
            "FullDuplexCall": (full_duplex_call, Cardinality.STREAM_STREAM),
            "HalfDuplexCall": (half_duplex_call, Cardinality.STREAM_STREAM),
            "UnimplementedCall": (unimplemented_call, Cardinality.UNARY_UNARY),
        }
        handlers = {}
        for name, (behaviour, cardinality) in shapes.items():
            method = Method.named(name)
            handlers[method.path] = Handler(behaviour, cardinality, method.request, method.response)
        return handlers


async def main():
    listening = endpoints(CANNOT)
    servers = [Server([TestService()]) for _ in listening]
    with graceful_exit(servers):
        for server, endpoint in zip(servers, listening):
            await server.start(path=path(endpoint))
            print("listening on", endpoint, flush=True)
        for server in servers:
            await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
