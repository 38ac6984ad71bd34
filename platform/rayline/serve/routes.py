"""Paths to what answers them.

    /v2                                        server metadata
    /v2/health/live   /v2/health/ready         for probes, never asked for a key
    /v2/repository/index                       every version and whether it is ready
    /v2/models/stats                           statistics of every version
    /v2/models/NAME[/versions/V]               model metadata
    /v2/models/NAME[/versions/V]/ready
    /v2/models/NAME[/versions/V]/infer
    /v2/models/NAME[/versions/V]/stats
    /models/NAME[/versions/V]                  a page for people
    /models/NAME[/versions/V]/predict
    /openapi.json
    /                                          the models, for people

V is a version or an alias.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rayline.core.errors import NotFoundError, nearest
from rayline.serve.keys import Scope
from rayline.serve.table import Model, Table


class Action(StrEnum):
    HOME = "home"
    SERVER = "server"
    LIVE = "live"
    READY = "ready"
    INDEX = "index"
    ALL_STATS = "all_stats"
    OPENAPI = "openapi"
    METADATA = "metadata"
    MODEL_READY = "model_ready"
    INFER = "infer"
    STATS = "stats"
    PAGE = "page"
    PREDICT = "predict"


GET = ("GET", "HEAD")
POST = ("POST",)

_STATIC: dict[str, tuple[Action, tuple[str, ...], Scope | None]] = {
    "/": (Action.HOME, GET, "read"),
    "/v2": (Action.SERVER, GET, "read"),
    "/v2/health/live": (Action.LIVE, GET, None),
    "/v2/health/ready": (Action.READY, GET, None),
    "/v2/repository/index": (Action.INDEX, ("POST", *GET), "read"),
    "/v2/models/stats": (Action.ALL_STATS, GET, "read"),
    "/openapi.json": (Action.OPENAPI, GET, "read"),
}
_OF_MODEL: dict[tuple[str, str], tuple[Action, tuple[str, ...], Scope]] = {
    ("v2", ""): (Action.METADATA, GET, "read"),
    ("v2", "ready"): (Action.MODEL_READY, GET, "read"),
    ("v2", "infer"): (Action.INFER, POST, "predict"),
    ("v2", "stats"): (Action.STATS, GET, "read"),
    ("people", ""): (Action.PAGE, GET, "read"),
    ("people", "predict"): (Action.PREDICT, POST, "predict"),
}


@dataclass(frozen=True)
class Route:
    """What a path leads to."""

    action: Action
    methods: tuple[str, ...]
    scope: Scope | None
    """What an API key must be good for; `None` for paths that need none."""
    model: Model | None = None
    version: str | None = None
    """Version or alias as the path names it; `None` where it names none."""


def resolve(table: Table, path: str) -> Route:
    """Where `path` leads.

    Raises:
        NotFoundError: nowhere, or to a model that is not here.
    """
    path = path.rstrip("/") or "/"
    static = _STATIC.get(path)
    if static is not None:
        return Route(*static)
    protocol, parts = _split(path)
    if protocol is not None and parts:
        name, *rest = parts
        version = None
        if rest[:1] == ["versions"] and len(rest) > 1:
            version, rest = rest[1], rest[2:]
        kind = _OF_MODEL.get((protocol, "/".join(rest)))
        if kind is not None:
            return Route(*kind, model=table.model(name), version=version)
    raise NotFoundError(f"nothing is at {path}.{_hint(table, path)}")


def _split(path: str) -> tuple[str | None, list[str]]:
    for prefix, protocol in (("/v2/models/", "v2"), ("/models/", "people")):
        if path.startswith(prefix):
            return protocol, path.removeprefix(prefix).split("/")
    return None, []


def _hint(table: Table, path: str) -> str:
    known = [*_STATIC]
    for name in table.models:
        known += [f"/models/{name}/predict", f"/models/{name}", f"/v2/models/{name}/infer", f"/v2/models/{name}/ready"]
    return nearest(path, known) or " /openapi.json lists what is here."
