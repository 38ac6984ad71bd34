"""moto's S3 server, made to decide conditional puts in one step, lose answers, and kill its clients."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from typing import Any

from gcs import Bucket
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler


class Store:
    """Stands before moto's application."""

    def __init__(self) -> None:
        self._application = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.writes = 0
        self.ignores_conditions = False
        self.loses_answer_of = ""
        """The end of a path."""
        self.kill: tuple[int, int, bool] | None = None
        """Which process to kill, at which write from now, and whether the write is done first."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] not in ("PUT", "POST", "DELETE"):
            return self._application(environ, start_response)
        if self.ignores_conditions:
            environ.pop("HTTP_IF_NONE_MATCH", None)
        with self._lock:  # S3 decides a conditional put in one step; moto looks, and then writes
            self.writes += 1
            due = self.kill is not None and self.writes == self.kill[1]
            if due and self.kill is not None and not self.kill[2]:
                os.kill(self.kill[0], signal.SIGKILL)
                start_response("500 Killed", [("Content-Length", "0")])
                return [b""]
            answer = list(self._application(environ, start_response))
            if due and self.kill is not None:
                os.kill(self.kill[0], signal.SIGKILL)
        if self.loses_answer_of and environ["PATH_INFO"].endswith(self.loses_answer_of):
            self.loses_answer_of = ""
            start_response("503 Slow Down", [("Content-Length", "0")])
            return [b""]
        return answer


@dataclass(frozen=True)
class Remote:
    """A place of its own in an object store."""

    uri: str
    store: Store | Bucket


class Silent(WSGIRequestHandler):
    def log(self, *_: Any, **__: Any) -> None:
        pass
