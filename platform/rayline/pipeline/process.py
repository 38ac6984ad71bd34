"""Whether a process that wrote its number down still lives, and is no other that was given the number since."""

from __future__ import annotations

import os
from pathlib import Path


def born(pid: int) -> str | None:
    """When a process began, in the kernel's ticks (Linux); `None` where that is not told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()[19]  # field 22 of proc(5); the name before it may hold blanks


def lives(pid: int, began: str | None = None) -> bool:
    """Whether process `pid` lives.

    Args:
        pid: its number.
        began: what `born` told of it; `None`: whoever has the number is taken for it.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, and alive
        pass
    return began is None or born(pid) in (None, began)
