"""The cells of the matrix: a case, a peer, a direction and an endpoint each."""

import dataclasses
import itertools
import os
from concurrent.futures import ThreadPoolExecutor

from runner.peers import ABSTRACT, ETCD, UNIX

PLAIN = """empty_unary large_unary client_streaming server_streaming ping_pong empty_stream custom_metadata
    status_code_and_message special_status_message unimplemented_method unimplemented_service
    cancel_after_begin cancel_after_first_response timeout_on_sleeping_server""".split()
COMPRESSED = """client_compressed_unary server_compressed_unary
    client_compressed_streaming server_compressed_streaming""".split()
CASES = PLAIN + COMPRESSED
SOAKS = ["rpc_soak", "channel_soak"]

CLIENT, SERVER = "its client", "its server"
CASE_WITHIN, TESTS_WITHIN = 60, 300
CANNOT = 77


@dataclasses.dataclass(frozen=True)
class Cell:
    """What is run; `scheme` is the kind of endpoint."""

    peer: str
    direction: str
    scheme: str
    case: str

    def __str__(self):
        return f"{self.peer}, {self.direction}, {self.scheme}: {self.case}"


class Matrix:
    """Runs cells and keeps how each ended: "passed", "failed" or "cannot: REASON"."""

    def __init__(self, children, root, target):
        self.results = {}
        self._children, self._root, self._target = children, root, target
        self._programs, self._examples = target / "peers", target / "debug/examples"
        self._names = itertools.count(os.getpid() * 100)
        endpoints = [self._endpoint("wirepath", UNIX), self._endpoint("wirepath", ABSTRACT), "tcp:127.0.0.1:0"]
        self._server, ready = children.serve(
            "wirepath", [self._examples / "interop-server", *listening(endpoints)], len(endpoints)
        )
        self._ours = {endpoint.split(":")[0]: endpoint for endpoint in ready}

    @property
    def passed(self):
        return sum(result == "passed" for result in self.results.values())

    @property
    def failed(self):
        return sum(result == "failed" for result in self.results.values())

    def run(self, peers):
        """Every case with every peer, both ways."""
        servers, cells = {}, []
        for peer in peers:
            servers[peer.name] = {scheme: self._endpoint(peer.name, scheme) for scheme in peer.schemes}
        for peer, scheme, case in itertools.product(peers, (UNIX, ABSTRACT), CASES + SOAKS):
            if scheme not in peer.schemes:
                continue
            server = servers[peer.name][scheme]
            if case in CASES:
                cells.append((self._their_client, Cell(peer.name, CLIENT, scheme, case), self._ours[scheme]))
            cells.append((self._their_server, Cell(peer.name, SERVER, scheme, case), server))
        running = []
        for name, endpoints in servers.items():
            command = [self._programs / f"{name}-server", *listening(endpoints.values())]
            running.append(self._children.serve(name, command, len(endpoints))[0])
        self._run(cells)
        for server in running:
            self._children.end(server)

    def run_through_proxy(self, name):
        """Our client and grpc-go's to our server, with a proxy in between; and our tests of what passes through it."""
        front = self._endpoint(name, UNIX)
        command = [self._root / "tests/peers" / name / "proxy", "--listen", front, "--upstream", self._ours[UNIX]]
        proxy, _ = self._children.serve(name, command)
        clients = {"wirepath's client": self._our_client, "grpc-go's client": self._peer_client("grpc-go")}
        cells = []
        for (direction, command), case in itertools.product(clients.items(), CASES):
            cells.append((self._client_through_proxy(command), Cell(name, direction, UNIX, case), front))
        self._run(cells)
        self._children.end(proxy)
        self._run_tests(name, "through_proxy", WIREPATH_PROXY=name)

    def run_etcd(self):
        """What passes between its client and its server through ours."""
        self._run_tests(ETCD, "etcd")

    def run_alone(self):
        """Our own two halves against each other, and the end of the server that served all of the above."""
        cells = []
        for (scheme, endpoint), case in itertools.product(self._ours.items(), CASES + SOAKS):
            cells.append((self._client(self._our_client), Cell("wirepath", "both", scheme, case), endpoint))
        self._run(cells)
        status = self._children.end(self._server)
        left = [path.name for path in self._children.folder.glob("wirepath-*.sock")]
        status = f"its socket file is still there: {left}" if status == 0 and left else status
        said = self._children.log("wirepath").read_text(errors="replace")
        self._keep(Cell("wirepath", "both", UNIX, "drains on SIGTERM"), status, said)

    def _run_tests(self, peer, name, **variables):
        tests = ["cargo", "test", "--quiet", "--locked", "--features", "protos,tcp,gzip", "--test", name]
        tests += ["--", "--ignored"]
        command = ["env", *(f"{variable}={value}" for variable, value in variables.items()), *tests]
        status, output = self._children.run(command, TESTS_WITHIN, cwd=self._root)
        self._keep(Cell(peer, "tests", UNIX, name), status, output)

    def _run(self, cells):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                list(pool.map(lambda cell: cell[0](*cell[1:]), cells))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _client(self, command):
        return lambda cell, target: self._keep(cell, *self._call(command, cell, target))

    def _client_through_proxy(self, command):
        def call(cell, target):
            status, output = self._call(command, cell, target)
            # Where the server is the first to see that 1 ms has passed, the proxy makes an HTTP 502 of its reset.
            if status != 0 and cell.case == "timeout_on_sleeping_server":
                status, output = self._call(command, cell, target)
            self._keep(cell, status, output)

        return call

    def _their_client(self, cell, target):
        self._client(self._peer_client(cell.peer))(cell, target)

    def _their_server(self, cell, target):
        status, output = self._call(self._our_client, cell, target)
        if status != 0:
            cannot, reason = self._children.run(
                [self._programs / f"{cell.peer}-server", "--test_case", cell.case], CASE_WITHIN
            )
            # Whatever it says of itself: its own client must not get further than ours.
            if cannot == CANNOT and self._call(self._peer_client(cell.peer), cell, target)[0] != 0:
                status, output = CANNOT, reason
        self._keep(cell, status, output)

    def _call(self, command, cell, target):
        return self._children.run([*command, "--target", target, "--test_case", cell.case], CASE_WITHIN)

    @property
    def _our_client(self):
        return [self._examples / "interop-client"]

    def _peer_client(self, peer):
        return [self._programs / f"{peer}-client"]

    def _keep(self, cell, status, output):
        self.results[cell] = "passed" if status == 0 else "failed"
        if status == CANNOT:
            self.results[cell] = f"cannot: {output.splitlines()[-1] if output else 'no reason given'}"
        elif status != 0:
            print(f"failed ({status}): {cell}", *output.splitlines()[-30:], sep="\n    ", flush=True)

    def _endpoint(self, name, scheme):
        if scheme == ABSTRACT:
            return f"{ABSTRACT}:wirepath-peers-{next(self._names)}"
        return f"{UNIX}:{self._children.folder}/{name}-{next(self._names)}.sock"


def listening(endpoints):
    """The flags of a server."""
    return [flag for endpoint in endpoints for flag in ("--listen", endpoint)]
