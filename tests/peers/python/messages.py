"""The messages and methods of grpc.testing, made at run time from the descriptors that the crate checks in."""

from pathlib import Path
from typing import NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DESCRIPTORS = Path(__file__).resolve().parents[3] / "src/generated/descriptors.bin"


def load():
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = load()


def message(name):
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"grpc.testing.{name}"))


Empty = message("Empty")
Payload = message("Payload")
SimpleRequest = message("SimpleRequest")
SimpleResponse = message("SimpleResponse")
StreamingInputCallRequest = message("StreamingInputCallRequest")
StreamingInputCallResponse = message("StreamingInputCallResponse")
StreamingOutputCallRequest = message("StreamingOutputCallRequest")
StreamingOutputCallResponse = message("StreamingOutputCallResponse")

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"


class Method(NamedTuple):
    """A method as the libraries want to know it."""

    path: str
    request: type
    response: type

    @classmethod
    def named(cls, name, service="TestService"):
        found = POOL.FindServiceByName(f"grpc.testing.{service}").methods_by_name[name]
        return cls(
            f"/grpc.testing.{service}/{name}",
            message_factory.GetMessageClass(found.input_type),
            message_factory.GetMessageClass(found.output_type),
        )


def zeros(size):
    return Payload(body=bytes(size))
