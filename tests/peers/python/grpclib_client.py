"""The interop client on grpclib, gRPC in Python alone, on asyncio."""

import asyncio
from contextlib import asynccontextmanager

from grpclib.client import Channel, StreamStreamMethod, StreamUnaryMethod, UnaryStreamMethod, UnaryUnaryMethod
from grpclib.exceptions import GRPCError, StreamTerminatedError

from calls import Answer, Failed
from command import run_case
from grpclib_limits import NO_COMPRESSION, path


class Calls:
    def __init__(self, channel):
        self.channel = channel

    async def unary(self, method, request, *, metadata=()):
        stream = await self.open(UnaryUnaryMethod, method, metadata=metadata)
        await stream.send(request)
        message = await stream.recv()
        await stream.recv()
        return Answer(message, await stream.initial(), await stream.trailing())

    async def server_streaming(self, method, request):
        stream = await self.open(UnaryStreamMethod, method)
        await stream.send(request)
        return stream

    async def client_streaming(self, method):
        return await self.open(StreamUnaryMethod, method)

    async def bidi(self, method, *, metadata=(), timeout=None):
        return await self.open(StreamStreamMethod, method, metadata=metadata, timeout=timeout)

    async def open(self, shape, method, **options):
        call = shape(self.channel, method.path, method.request, method.response).open(**options)
        stream = Stream(call)
        await stream.unless_failed(call.__aenter__())
        await stream.unless_failed(call.send_request())
        return stream


class Stream:
    """A call, whose `async with` block ends with its status."""

    def __init__(self, call):
        self.call = call
        self.cancelled = False

    async def send(self, message):
        await self.unless_failed(self.call.send_message(message))

    async def finish(self):
        await self.unless_failed(self.call.end())

    async def recv(self):
        if self.cancelled:
            # The library has no status for it. That no call after it suffers is what such a case shows.
            raise Failed("CANCELLED", "cancelled on this side")
        message = await self.unless_failed(self.call.recv_message())
        if message is None:
            await self.unless_failed(self.call.recv_trailing_metadata())
            await self.call.__aexit__(None, None, None)
        return message

    async def cancel(self):
        await self.call.cancel()
        await self.call.__aexit__(None, None, None)
        self.cancelled = True

    async def initial(self):
        return list(self.call.initial_metadata.items())

    async def trailing(self):
        return list(self.call.trailing_metadata.items())

    async def unless_failed(self, step):
        try:
            return await step
        except (GRPCError, StreamTerminatedError, asyncio.TimeoutError) as error:
            try:
                await self.call.__aexit__(type(error), error, error.__traceback__)
            except GRPCError as status:
                # It came in front of the RST_STREAM that was noticed first.
                error = status
            raise failed(error) from None


def failed(error):
    if isinstance(error, GRPCError):
        return Failed(error.status.name, error.message)
    if isinstance(error, asyncio.TimeoutError):
        return Failed("DEADLINE_EXCEEDED", str(error))
    return Failed("INTERNAL", str(error))


@asynccontextmanager
async def connect(target):
    async with Channel(path=path(target)) as channel:
        yield Calls(channel)


if __name__ == "__main__":
    run_case(connect, NO_COMPRESSION)
