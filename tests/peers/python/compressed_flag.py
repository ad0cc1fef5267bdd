"""The Compressed-Flag of a message on grpcio, which has no call that tells it.

A channel or server made with `UNINFLATED` hands over messages as they came, and `reads` inflates them.
"""

import gzip

from calls import Flagged

UNINFLATED = (("grpc.per_message_decompression", 0),)


def reads(message):
    """A deserializer to `Flagged`. No message begins as gzip does: 0x1f would be a field of wire type 7."""

    def read(data):
        compressed = data.startswith(b"\x1f\x8b")
        return Flagged(message.FromString(gzip.decompress(data) if compressed else data), compressed)

    return read
