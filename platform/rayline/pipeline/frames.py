"""A frame as a source: `rayline.run({"name": …, "data": {"source": frame, "target": …}})`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rayline.core import files
from rayline.core.catalog import PluginConfig, describe
from rayline.core.home import ensure_home
from rayline.sources.frame import keep


def keep_frame(spec: Any) -> Any:
    """The spec with a frame in `data.source` (or in the source it is over) written below `RAYLINE_HOME` once and named
    by its content."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("data"), Mapping):
        return spec
    data = spec["data"]
    return {**spec, "data": {**data, "source": _kept(data["source"], spec)}} if "source" in data else spec


def _kept(source: Any, spec: Mapping[str, Any]) -> Any:
    if isinstance(source, Mapping) and "source" in source:
        return {**source, "source": _kept(source["source"], spec)}
    if isinstance(source, str | Mapping | PluginConfig | None):
        return source
    # below the storage, where other machines must read it
    return describe(keep(source, files.join(spec.get("storage") or str(ensure_home()), "frames")))
