"""What one machine says of itself: versions, ports that others reach, how its Ray was started."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from importlib import metadata

from rayline.cluster import environment
from rayline.cluster.listening import open_ports

PACKAGES = ("ray", "torch", "rayline", "polars", "pyarrow")


@dataclass(frozen=True)
class Machine:
    """JSON-able, to come back from a task."""

    versions: dict[str, str | None]
    """Of Python and the packages that a model depends on; None for one that is missing."""
    ports: list[int]
    """TCP ports that listen beyond loopback."""
    haproxy: bool
    haproxy_mode: bool
    """Whether the Ray of this process was started for HAProxy."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Machine:
        return cls(**json.loads(text))


def describe() -> Machine:
    """This machine, as this process sees it."""
    return Machine(
        versions={"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        ports=sorted(open_ports()),
        haproxy=environment.haproxy_available(),
        haproxy_mode=environment.haproxy_mode(),
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
