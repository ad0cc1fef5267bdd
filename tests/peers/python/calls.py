"""What the cases need of a library: calls, streams, and how a call failed."""

from typing import Any, NamedTuple, Protocol

from messages import Method


class Failed(Exception):
    """A call that ended with a status other than OK; `code` is the status code's name."""

    def __init__(self, code, message):
        super().__init__(f"{code} {message!r}")
        self.code = code
        self.message = message


class Answer(NamedTuple):
    """What a unary call was answered with. Metadata is a list of pairs."""

    message: Any
    initial: list
    trailing: list


class Stream(Protocol):
    """A call that streams one way or both. Each method raises `Failed` once the call has failed."""

    async def send(self, message): ...
    async def finish(self): ...
    async def recv(self): "The next response; None when the call has ended with OK."
    async def cancel(self): ...
    async def initial(self): "Pairs."
    async def trailing(self): "Pairs, once the call has ended."


class Calls(Protocol):
    """One channel at the library's defaults. With `gzip` the call's requests are compressed."""

    async def unary(self, method: Method, request, *, metadata=(), gzip=False) -> Answer: ...
    async def server_streaming(self, method: Method, request) -> Stream: ...
    async def client_streaming(self, method: Method, *, gzip=False) -> Stream: ...
    async def bidi(self, method: Method, *, metadata=(), timeout=None) -> Stream: ...
    def showing_flags(self) -> "Calls": "Calls whose responses are `Flagged`, in place of messages."


class Flagged(NamedTuple):
    """A message, and whether its Compressed-Flag was set."""

    message: Any
    compressed: bool
