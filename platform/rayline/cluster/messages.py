"""What Ray's processes tell a driver of errors, such as a task that was killed: a line each, on stderr.

Ray prints pages, and on stdout, where `--json` has its one object.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray._private.worker as ray_worker


@contextmanager
def shortened() -> Iterator[None]:
    """Within the block, in all threads of this process; nothing of Ray's has a switch for it."""
    before = ray_worker.print_to_stdstream
    ray_worker.print_to_stdstream = _first_line  # type: ignore[assignment, unused-ignore]
    try:
        yield
    finally:
        ray_worker.print_to_stdstream = before


def _first_line(data: dict[str, Any], ignore_prefix: bool) -> None:  # noqa: ARG001
    for text in data["lines"]:
        first, _, _ = str(text).strip().partition("\n")
        sys.stderr.write(f"Ray: {first}\n")
