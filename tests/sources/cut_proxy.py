"""A connection that can be cut or go silent half-way: TCP passed on to a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Proxy:
    """Passes connections on to 127.0.0.1:`target`; `cut_after` bytes of an answer the connection is cut."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.cut_after: int | None = None
        self.cuts = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut every connection there is now."""
        self.cuts += 1
        ends, self._open = self._open, []
        _close(ends)

    def close(self) -> None:
        """Cut, and refuse further connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.target), timeout=10)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                self._open += [near, far]
                threading.Thread(target=self._pass_on, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(far, near, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(16384):
                if answers and self.cut_after is not None and passed + len(data) > self.cut_after:
                    sink.sendall(data[: self.cut_after - passed])
                    self.cuts += 1
                    break
                passed += len(data)
                sink.sendall(data)
        _close([source, sink])


def _close(ends: list[socket.socket]) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """A proxy until the block ends."""
    made = Proxy(target)
    try:
        yield made
    finally:
        made.close()
