"""What a case asserts, and the one line that says what differed."""

from calls import Failed
from messages import StreamingOutputCallRequest, zeros


class Difference(Exception):
    """The first thing that was not as the case demands."""


def equal(what, got, wanted):
    if got != wanted:
        raise Difference(f"{what}: got {got!r}, wanted {wanted!r}")


def is_zeros(what, response, size):
    """A payload of `size` zero bytes."""
    equal(f"{what}: type of the payload", response.payload.type, 0)
    equal(f"{what}: bytes of the payload", len(response.payload.body), size)
    equal(f"{what}: bytes that are not zero", size - response.payload.body.count(0), 0)


async def fails(what, code, call):
    """Awaits `call`, which must fail with `code`."""
    try:
        await call
    except Failed as failed:
        equal(f"{what}: the status of {failed}", failed.code, code)
        return failed
    raise Difference(f"{what}: got OK, wanted {code}")


async def ends(what, stream):
    """No response is left, and the status is OK."""
    equal(f"{what}: a response too many", await stream.recv(), None)


async def next_response(what, stream):
    response = await stream.recv()
    if response is None:
        raise Difference(f"{what}: the call ended without it")
    return response


async def only_response(what, stream):
    response = await next_response(what, stream)
    await ends(what, stream)
    return response


def streamed_request(size, response_sizes):
    request = StreamingOutputCallRequest(payload=zeros(size))
    for response_size in response_sizes:
        request.response_parameters.add(size=response_size)
    return request
