"""Patterns of paths, `2024/*/part-?.csv`: which files of a filesystem they match.

`*`, `?` and `[…]` stay within one folder and `**` crosses them, as a shell's do.
"""

from __future__ import annotations

import fnmatch

import pyarrow.fs as pafs

SIGNS = frozenset("*?[")


def is_pattern(path: str) -> bool:
    """Whether a path holds a sign of a pattern."""
    return bool(SIGNS & set(path))


def matching(filesystem: pafs.FileSystem, pattern: str) -> list[pafs.FileInfo]:
    """The files that a pattern matches, in no order.

    Raises:
        OSError: the folder above the pattern cannot be listed.
    """
    entries = filesystem.get_file_info(pafs.FileSelector(fixed(pattern), recursive=True, allow_not_found=True))
    parts = pattern.split("/")
    return [e for e in entries if e.type == pafs.FileType.File and _matches(e.path.split("/"), parts)]


def fixed(pattern: str) -> str:
    """The folder above the first part of a path that is a pattern.

    >>> fixed("/data/2024/*/part-?.csv")
    '/data/2024'
    """
    found = []
    for part in pattern.split("/")[:-1]:
        if is_pattern(part):
            break
        found.append(part)
    return "/".join(found) or "/"


def _matches(path: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_matches(path[n:], pattern[1:]) for n in range(len(path) + 1))
    return bool(path) and fnmatch.fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])
