"""The access log: one JSON line a request, in a file that rolls over. It holds no value of any request."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import orjson

from rayline.serve.observe import Pass, Request

MOST_BYTES = 64 << 20
OLD_FILES = 4


class AccessLog:
    """Writes the lines of an interval at once.

    Args:
        file: where to; its folder is made.
        enabled: whether to write at all; may be changed while running.
    """

    def __init__(self, file: Path, *, enabled: bool = True) -> None:
        self.enabled = enabled
        file.parent.mkdir(parents=True, exist_ok=True)
        self._handler = RotatingFileHandler(file, maxBytes=MOST_BYTES, backupCount=OLD_FILES, delay=True)
        self._handler.terminator = ""

    def take(self, requests: Sequence[Request], passes: Sequence[Pass]) -> None:  # noqa: ARG002 - a sink
        if not self.enabled or not requests:
            return
        text = b"".join(orjson.dumps(line(request), option=orjson.OPT_APPEND_NEWLINE) for request in requests)
        self._handler.emit(logging.LogRecord("rayline.access", logging.INFO, "", 0, text.decode(), None, None))

    def close(self) -> None:
        self._handler.close()


def line(request: Request) -> dict[str, Any]:
    """What is written of one request; keys without a value are left out."""
    fields = {
        "time": datetime.fromtimestamp(request.time, UTC).isoformat(timespec="milliseconds"),
        "id": request.request_id,
        "client": request.client,
        "key": request.key,
        "method": request.method,
        "path": request.path,
        "status": request.status,
        "ms": round(request.seconds * 1000, 3),
        "model": request.model,
        "version": request.version,
        "rows": request.rows or None,
        "error": request.error,
    }
    return {name: value for name, value in fields.items() if value is not None}
