"""What `rayline serve` notes of itself under `RAYLINE_HOME`, so that other commands find it. Light to import."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from rayline.core import files
from rayline.core.home import home
from rayline.pipeline.process import lives


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
    born: str | None = None
    """As `process.born` tells it."""


def running() -> Endpoint | None:
    """The endpoint that `rayline serve` runs from this `RAYLINE_HOME`, if it is alive."""
    try:
        endpoint = Endpoint(**files.read_json(str(_place())))
    except (FileNotFoundError, TypeError, ValueError):  # none, or what another Rayline wrote
        return None
    return endpoint if lives(endpoint.pid, endpoint.born) else None


def note(endpoint: Endpoint) -> None:
    files.write_json(str(_place()), asdict(endpoint))


def forget() -> None:
    _place().unlink(missing_ok=True)


def _place() -> Path:
    return home() / "serve" / "endpoint.json"
