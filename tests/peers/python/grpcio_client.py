"""The interop client on grpcio, gRPC's C-core for Python, by its asyncio interface."""

import asyncio
from contextlib import asynccontextmanager

import grpc

from calls import Answer, Failed
from command import run_case
from compressed_flag import UNINFLATED, reads


class Calls:
    def __init__(self, channel, deserializer, flagged=None):
        self.channel = channel
        self.deserializer = deserializer
        self.flagged = flagged

    async def unary(self, method, request, *, metadata=(), gzip=False):
        call = self.method(self.channel.unary_unary, method)(
            request, metadata=metadata, compression=compression(gzip)
        )
        try:
            return Answer(await call, pairs(await call.initial_metadata()), pairs(await call.trailing_metadata()))
        except grpc.aio.AioRpcError as error:
            raise failed(error.code(), error.details()) from None

    async def server_streaming(self, method, request):
        return Stream(self.method(self.channel.unary_stream, method)(request))

    async def client_streaming(self, method, *, gzip=False):
        return UnaryResponse(self.method(self.channel.stream_unary, method)(compression=compression(gzip)))

    async def bidi(self, method, *, metadata=(), timeout=None):
        return Stream(self.method(self.channel.stream_stream, method)(metadata=metadata, timeout=timeout))

    def showing_flags(self):
        return self.flagged

    def method(self, shape, method):
        return shape(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=self.deserializer(method.response),
        )


class Stream:
    """A call with any number of responses."""

    def __init__(self, call):
        self.call = call
        self.call_ended = False

    async def send(self, message):
        await self.unless_failed(self.call.write(message))

    async def finish(self):
        await self.unless_failed(self.call.done_writing())

    async def recv(self):
        message = await self.unless_failed(self.call.read())
        return None if message is grpc.aio.EOF else message

    async def cancel(self):
        self.call.cancel()

    async def initial(self):
        return pairs(await self.call.initial_metadata())

    async def trailing(self):
        return pairs(await self.call.trailing_metadata())

    async def unless_failed(self, step):
        """The library tells in three ways that a call is over; its status says why."""
        try:
            return await step
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, asyncio.CancelledError):
            raise failed(await self.call.code(), await self.call.details()) from None


class UnaryResponse(Stream):
    """A call with one response."""

    async def recv(self):
        if self.call_ended:
            return None
        self.call_ended = True
        return await self.unless_failed(self.call)


@asynccontextmanager
async def connect(target):
    async with grpc.aio.insecure_channel(target) as channel:
        async with grpc.aio.insecure_channel(target, UNINFLATED) as uninflated:
            yield Calls(channel, message_of, Calls(uninflated, reads))


def message_of(message):
    return message.FromString


def compression(gzip):
    return grpc.Compression.Gzip if gzip else None


def failed(code, details):
    return Failed(code.name, details)


def pairs(metadata):
    return [tuple(pair) for pair in metadata]


if __name__ == "__main__":
    run_case(connect)
