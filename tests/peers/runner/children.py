"""The programs that a run starts: each in a process group of its own, none of which outlives the run."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

READY_WITHIN = 30
# What failed is said in a line; where it panicked is no help to who reads a matrix.
ENVIRONMENT = os.environ | {"RUST_BACKTRACE": "0"}


class Children:
    """Starts programs, and ends them all however the run ends."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = set()
        self._ended = False

    def __enter__(self):
        # As an exception in the main thread, so that the end is the ordinary one.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _: exit(128 + number))
        self._folder = tempfile.TemporaryDirectory(prefix="wirepath-peers-")
        self.folder = Path(self._folder.name)
        return self

    def __exit__(self, *_):
        with self._lock:
            self._ended = True
            running = list(self._running)
        for child in running:
            self.end(child, signal.SIGKILL)
        self._folder.cleanup()

    def start(self, command, **options):
        """Starts a program whose standard output and error go where the options say."""
        with self._lock:
            if self._ended:
                raise RuntimeError("the run has ended")
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, start_new_session=True, env=ENVIRONMENT, **options
            )
            self._running.add(child)
        return child

    def end(self, child, number=signal.SIGTERM, within=10):
        """Signals a program, waits for it, and leaves nothing of its group. Its exit status."""
        child.send_signal(number)
        try:
            child.wait(within)
        except subprocess.TimeoutExpired:
            pass
        self._forget(child)
        return child.wait()

    def run(self, command, within, **options):
        """Runs a program to its end. Its exit status, or why there is none, and its output."""
        with tempfile.TemporaryFile(dir=self.folder) as output:
            child = self.start(command, stdout=output, stderr=subprocess.STDOUT, **options)
            try:
                status = child.wait(within)
            except subprocess.TimeoutExpired:
                status = f"no end after {within} s"
            self._forget(child)
            output.seek(0)
            return status, output.read().decode(errors="replace").strip()

    def serve(self, name, command, listeners=1):
        """Starts a server and waits until it listens everywhere. The child, and its ready lines' endpoints."""
        log = self.log(name)
        with log.open("wb") as output:
            child = self.start(command, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + READY_WITHIN
        while child.poll() is None and time.monotonic() < deadline:
            ready = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("listening on ")]
            if len(ready) == listeners:
                return child, [line.removeprefix("listening on ") for line in ready]
            time.sleep(0.05)
        self._forget(child)
        exit(f"tests/peers/run: {name} is not ready\n{log.read_text(errors='replace')}")

    def log(self, name):
        """What a server said."""
        return self.folder / f"{name}.log"

    def _forget(self, child):
        # Also what the program has started and left behind.
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
        with self._lock:
            self._running.discard(child)


def exit(status):
    raise SystemExit(status)
