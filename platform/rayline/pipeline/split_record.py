"""The split a model was trained with, kept in its package, so that later comparisons use untouched rows."""

from __future__ import annotations

from typing import Any

from rayline.core import files
from rayline.pipeline.collect import Collected

FILE = "split.json"


def record(collected: Collected) -> dict[str, Any]:
    """How every row's part follows from its key: what `prepare.split.restore` takes."""
    return collected.assign.assignment.to_json()


def same_split(package: str, collected: Collected) -> bool:
    """Whether the package's model held out the rows this one holds out."""
    uri = files.join(package, FILE)
    return files.exists(uri) and _held_out(files.read_json(uri)) == _held_out(record(collected))


def _held_out(value: Any) -> Any:
    # folds divide training rows only; they do not matter to what is held out
    if isinstance(value, dict):
        return {key: _held_out(inner) for key, inner in value.items() if key != "folds"}
    return value
