"""The access log: one JSON line a request, in a file that rolls over. It holds no value of any request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from rayline.serve.observe import Request, Seen

MOST_BYTES = 64 << 20
OLD_FILES = 4
_FORMAT = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


class AccessLog:
    """Writes the lines of an interval at once.

    Args:
        file: where to; its folder is made. Beyond `MOST_BYTES` it becomes `file.1`, and so on up to `OLD_FILES`.
        enabled: whether to write at all; may be changed while running.
    """

    def __init__(self, file: Path, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._file = file
        file.parent.mkdir(parents=True, exist_ok=True)

    def take(self, requests: Sequence[Request], passes: Sequence[Seen]) -> None:  # noqa: ARG002 - a sink
        if not self.enabled or not requests:
            return
        with self._file.open("ab") as handle:
            handle.write(b"".join(map(line, requests)))
            size = handle.tell()
        if size > MOST_BYTES:
            self._roll_over()

    def close(self) -> None:
        """Nothing is held back."""

    def _roll_over(self) -> None:
        names = [self._file, *(self._file.with_name(f"{self._file.name}.{n}") for n in range(1, OLD_FILES + 1))]
        for older, newer in zip(reversed(names), list(reversed(names))[1:], strict=False):
            if newer.exists():
                newer.replace(older)


def line(request: Request) -> bytes:
    """What is written of one request; what does not apply is left out."""
    fields: dict[str, Any] = {
        "time": datetime.fromtimestamp(request.time, UTC),
        "id": request.request_id,
        "client": request.client,
        "method": request.method,
        "path": request.path,
        "status": request.status,
        "ms": round(request.seconds * 1000, 3),
    }
    if request.model is not None:
        fields["model"] = request.model
        if request.version is not None:
            fields["version"] = request.version
            fields["rows"] = request.rows
    if request.key is not None:
        fields["key"] = request.key
    if request.error is not None:
        fields["error"] = request.error
    if request.reason is not None:
        fields["reason"] = request.reason
    return orjson.dumps(fields, option=_FORMAT)
