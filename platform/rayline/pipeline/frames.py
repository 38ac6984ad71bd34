"""A frame as a source: `rayline.run({"name": …, "data": {"source": frame, "target": …}})`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rayline.core import files
from rayline.core.catalog import PluginConfig, describe
from rayline.core.home import ensure_home
from rayline.sources.frame import keep


def keep_frame(spec: Any) -> Any:
    """The spec with a frame in `data.source` written below `RAYLINE_HOME` once and named by its content."""
    if not isinstance(spec, Mapping):
        return spec
    data = spec.get("data")
    if not isinstance(data, Mapping) or isinstance(data.get("source"), str | Mapping | PluginConfig | None):
        return spec
    # below the storage, where other machines must read it
    source = keep(data["source"], files.join(spec.get("storage") or str(ensure_home()), "frames"))
    return {**spec, "data": {**data, "source": describe(source)}}
