"""What `rayline serve` notes of itself under `RAYLINE_HOME`, so that other commands find it. Light to import."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from rayline.core import files
from rayline.core.home import home


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint."""

    url: str
    address: str
    """Of its Ray cluster."""
    monitor: str | None
    """URL of the monitor beside it."""
    dashboard: str | None
    pid: int


def running() -> Endpoint | None:
    """The endpoint that `rayline serve` runs from this `RAYLINE_HOME`, if it is alive."""
    if not _place().exists():
        return None
    endpoint = Endpoint(**files.read_json(str(_place())))
    try:
        os.kill(endpoint.pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # somebody else's, and alive
        pass
    return endpoint


def note(endpoint: Endpoint) -> None:
    files.write_json(str(_place()), asdict(endpoint))


def forget() -> None:
    _place().unlink(missing_ok=True)


def _place() -> Path:
    return home() / "serve" / "endpoint.json"
