"""How much a folder would upload as a job's working directory, counted by Ray's own rules."""

from __future__ import annotations

import logging
from pathlib import Path

from ray._private.ray_constants import get_runtime_env_default_excludes
from ray._private.runtime_env.packaging import _dir_travel, _get_excludes  # what a submission walks with


def upload_bytes(folder: Path, enough: int) -> int:
    """Bytes below `folder` that Ray would send: what `.gitignore`, `.rayignore` and Ray's own list leave.

    Args:
        enough: the rest is not looked at once the count is past this.
    """
    total = 0

    def count(path: Path) -> None:
        nonlocal total
        if path.is_file():
            total += path.stat().st_size

    skips = [_get_excludes(folder, get_runtime_env_default_excludes()), lambda _path: total > enough]
    _dir_travel(folder, skips, count, include_gitignore=True, logger=logging.getLogger(__name__))
    return total
