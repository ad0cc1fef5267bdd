"""The foreign programs: what they are called, where they may be met, and how they come here.

A folder's `install OUT` leaves OUT/PEER-client, OUT/PEER-server and OUT/PEER.version ("LIBRARY VERSION"), for one peer
or more.
`PEER-client --target ENDPOINT --test_case CASE` exits with 0 if the case passed, with 77 and a reason if the library
cannot express it. `PEER-server --listen ENDPOINT...` says `listening on ENDPOINT` for each; SIGTERM ends it; asked
`--test_case CASE` instead, it exits with 0 or with 77 and a reason.
"""

import dataclasses
import os
import time
from concurrent.futures import ThreadPoolExecutor

UNIX, ABSTRACT = "unix", "unix-abstract"
PROXIES = ("nginx", "haproxy", "nghttpx")
# Its own client and server, with us in between.
ETCD = "etcd"
INSTALLED_WITHIN = 900


@dataclasses.dataclass(frozen=True)
class Peer:
    """A foreign gRPC; `heading` is its column of the matrix."""

    name: str
    folder: str
    heading: str
    schemes: tuple = (UNIX,)


PEERS = [
    Peer("grpc-go", "grpc-go", "grpc-go", (UNIX, ABSTRACT)),
    Peer("grpcio", "python", "grpcio", (UNIX, ABSTRACT)),
    Peer("grpcio-1.70", "python", "1.70", (UNIX, ABSTRACT)),
    Peer("grpcio-1.56", "python", "1.56", (UNIX, ABSTRACT)),
    Peer("grpc-cpp", "cpp", "C++", (UNIX, ABSTRACT)),
    Peer("grpc-java", "grpc-java", "grpc-java"),
    Peer("grpc-js", "grpc-js", "grpc-js"),
    Peer("grpclib", "python", "grpclib", (UNIX, ABSTRACT)),
    Peer("connect-node", "connect-node", "connect-node"),
]


def install(children, root, target, folders):
    """Installs what the folders bring, and builds our own two halves. The versions, by peer."""
    ours = ["cargo", "build", "--quiet", "--locked", "--features", "protos,tcp,gzip"]
    ours += ["--example", "interop-server", "--example", "interop-client"]
    commands = {"wirepath": ours}
    commands |= {folder: [root / "tests/peers" / folder / "install", target / "peers"] for folder in folders}

    def install_one(name):
        started = time.monotonic()
        status, output = children.run(commands[name], INSTALLED_WITHIN, cwd=root)
        print(f"{name:<16} {time.monotonic() - started:4.0f} s", flush=True)
        if status != 0:
            raise SystemExit(f"tests/peers/run: {name} could not be installed ({status})\n{output}")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(install_one, commands))
    files = (target / "peers").glob("*.version")
    return {file.stem: file.read_text().strip() for file in files}
