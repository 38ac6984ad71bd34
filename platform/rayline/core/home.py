"""Where Rayline keeps things on one machine: `RAYLINE_HOME`, by default `./.rayline`.

runs/NAME/RUN_ID/   one folder a run          mlflow.db, artifacts/   tracking and registry
serve/              state of `rayline serve`  search/                 search results
lake/               tables and files          sources/                rows that can be had once, and offsets
"""

from __future__ import annotations

import os
from pathlib import Path

from rayline.core.errors import StorageError


def home() -> Path:
    """The absolute path of `RAYLINE_HOME` (default `./.rayline`); it need not exist yet."""
    return Path(os.environ.get("RAYLINE_HOME") or ".rayline").absolute()


def ensure_home() -> Path:
    """`home()`, made and proven writable.

    Raises:
        StorageError: it cannot be made or written.
    """
    path = home()
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        try:
            probe.write_bytes(b"")
        finally:  # Ctrl-C, too
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"RAYLINE_HOME {path} cannot be written: {error.strerror}. "
            "Run from a folder you may write to, or set RAYLINE_HOME to one."
        ) from None
    return path
