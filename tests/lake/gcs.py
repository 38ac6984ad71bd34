"""A Google Cloud Storage server in a process of its own: gcp-storage-emulator, made to keep Google's word.

The emulator takes `ifGenerationMatch` and ignores it; here it is decided, in one step with the write. In a process of
its own because Arrow holds Python's lock while it waits for this store.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gcp_storage_emulator.handlers import buckets
from gcp_storage_emulator.server import RequestHandler
from gcp_storage_emulator.storage import Storage

NAME = "lakes"
FAULTS = {"writes": 0, "ignores_conditions": False, "loses_answer_of": "", "kill": None}


class Bucket:
    """The server, as tests see it. Attributes as those of `storage.Store`."""

    def __init__(self) -> None:
        self._server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._server.stdout is not None
        self.port = int(self._server.stdout.readline())

    @property
    def options(self) -> str:
        return f"scheme=http&endpoint_override=127.0.0.1:{self.port}&retry_limit_seconds=5"

    def reset(self) -> None:
        self._tell(FAULTS)

    def close(self) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(10)

    def __getattr__(self, name: str) -> Any:
        if name not in FAULTS:
            raise AttributeError(name)
        return self._tell({})[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FAULTS:
            self._tell({name: value})
        else:
            super().__setattr__(name, value)

    def _tell(self, faults: dict[str, Any]) -> dict[str, Any]:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(faults).encode() + b"\n")
        self._server.stdin.flush()
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer


class Handler(RequestHandler):  # type: ignore[misc]
    """One request."""

    def __init__(self, faults: dict[str, Any], lock: threading.Lock, storage: Storage, *arguments: Any) -> None:
        self.faults, self.lock = faults, lock
        super().__init__(storage, *arguments)

    def do_GET(self) -> None:  # noqa: N802
        with self.lock:
            super().do_GET()

    def do_PUT(self) -> None:  # noqa: N802
        self.change(super().do_PUT)

    def do_DELETE(self) -> None:  # noqa: N802
        self.change(super().do_DELETE)

    def do_POST(self) -> None:  # noqa: N802
        self.change(super().do_POST)

    def change(self, do: Callable[[], None]) -> None:
        """A request that writes: with its condition, or as a fault has it."""
        faults = self.faults
        with self.lock:
            faults["writes"] += 1
            asked = parse_qs(urlsplit(self.path).query)
            name = asked.get("name", [""])[0]
            kill = faults["kill"] if faults["kill"] and faults["writes"] == faults["kill"][1] else None
            if kill and not kill[2]:
                os.kill(kill[0], signal.SIGKILL)
                return
            unconditional = asked.get("ifGenerationMatch") != ["0"] or faults["ignores_conditions"]
            if not unconditional and name in self.storage.objects.get(NAME, {}):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.say(412)
                return
            if faults["loses_answer_of"] and name.endswith(faults["loses_answer_of"]):
                faults["loses_answer_of"] = ""
                with open(os.devnull, "wb") as nowhere:
                    told, self.wfile = self.wfile, nowhere
                    do()
                    self.wfile = told
                self.say(503)
                return
            do()
            if kill:
                os.kill(kill[0], signal.SIGKILL)

    def say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:  # of clients that were killed
        pass


def serve() -> None:
    logging.disable()
    storage = Storage(use_memory_fs=True, data_dir="/")
    buckets.create_bucket(NAME, storage)
    faults: dict[str, Any] = dict(FAULTS)
    server = Server(("127.0.0.1", 0), partial(Handler, faults, threading.Lock(), storage))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    for line in sys.stdin:
        faults.update(json.loads(line))
        print(json.dumps(faults), flush=True)


if __name__ == "__main__":
    serve()
