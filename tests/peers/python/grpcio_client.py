"""The interop client on grpcio, gRPC's C-core for Python, by its threaded interface.

Its calls block, which the cases do not mind: they have one thing under way at a time.
"""

from contextlib import asynccontextmanager
from queue import SimpleQueue

import grpc

from calls import Answer, Failed
from command import run_case
from compressed_flag import UNINFLATED, reads


class Calls:
    def __init__(self, channel, gzipping=None, flagged=None, deserializer=lambda message: message.FromString):
        self.channel = channel
        self.gzipping = gzipping
        self.flagged = flagged
        self.deserializer = deserializer

    async def unary(self, method, request, *, metadata=(), gzip=False):
        channel = self.gzipping if gzip else self.channel
        call = self.method(channel.unary_unary, method)
        try:
            message, call = call.with_call(request, metadata=metadata)
        except grpc.RpcError as error:
            raise failed(error) from None
        return Answer(message, pairs(call.initial_metadata()), pairs(call.trailing_metadata()))

    async def server_streaming(self, method, request):
        return Stream(self.method(self.channel.unary_stream, method)(request))

    async def client_streaming(self, method, *, gzip=False):
        channel = self.gzipping if gzip else self.channel
        requests = Requests()
        return UnaryResponse(self.method(channel.stream_unary, method).future(requests), requests)

    async def bidi(self, method, *, metadata=(), timeout=None):
        requests = Requests()
        call = self.method(self.channel.stream_stream, method)(requests, metadata=metadata, timeout=timeout)
        return Stream(call, requests)

    def showing_flags(self):
        return self.flagged

    def method(self, shape, method):
        return shape(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=self.deserializer(method.response),
        )


class Requests:
    """The iterator that the library takes requests from, in a thread of its own."""

    END = object()

    def __init__(self):
        self.queue = SimpleQueue()

    def __iter__(self):
        return self

    def __next__(self):
        request = self.queue.get()
        if request is self.END:
            raise StopIteration
        return request


class Stream:
    """A call with any number of responses."""

    def __init__(self, call, requests=None):
        self.call = call
        self.requests = requests

    async def send(self, message):
        self.requests.queue.put(message)

    async def finish(self):
        self.requests.queue.put(Requests.END)

    async def recv(self):
        try:
            return next(self.call, None)
        except grpc.RpcError:
            raise failed(self.call) from None

    async def cancel(self):
        self.call.cancel()

    async def initial(self):
        return pairs(self.call.initial_metadata())

    async def trailing(self):
        return pairs(self.call.trailing_metadata())


class UnaryResponse(Stream):
    """A call with one response."""

    ended = False

    async def recv(self):
        if self.ended:
            return None
        self.ended = True
        try:
            return self.call.result()
        except (grpc.RpcError, grpc.FutureCancelledError):
            raise failed(self.call) from None


@asynccontextmanager
async def connect(target):
    """The channel of the cases, and two for those with compression, of which none connects before its first call.

    Compression is a channel's here: the library forgets that of a single call that streams requests.
    """
    with (
        grpc.insecure_channel(target) as channel,
        grpc.insecure_channel(target, compression=grpc.Compression.Gzip) as gzipping,
        grpc.insecure_channel(target, UNINFLATED) as uninflated,
    ):
        yield Calls(channel, gzipping, Calls(uninflated, deserializer=reads))


def failed(call):
    return Failed(call.code().name, call.details())


def pairs(metadata):
    return [tuple(pair) for pair in metadata]


if __name__ == "__main__":
    run_case(connect)
