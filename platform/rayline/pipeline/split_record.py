"""The split a model was trained with, kept in its package, so that later comparisons use untouched rows."""

from __future__ import annotations

from typing import Any

from rayline.core import files
from rayline.pipeline.collected import Collected
from rayline.spec.document import redacted

FILE = "split.json"


def record(collected: Collected) -> dict[str, Any]:
    """How every row's part follows from its key (what `prepare.split.restore` takes), and of which source."""
    return {"source": redacted(collected.spec)["data"]["source"], "assignment": collected.assign.assignment.to_json()}


def same_split(package: str, collected: Collected) -> bool:
    """Whether the package's model held out the rows this one holds out."""
    uri = files.join(package, FILE)
    if not files.exists(uri):
        return False
    theirs, ours = files.read_json(uri), record(collected)
    # a row's position names it within one source only; a declared id names it everywhere
    same_rows = collected.spec.data.id is not None or theirs["source"] == ours["source"]
    return same_rows and bool(_held_out(theirs["assignment"]) == _held_out(ours["assignment"]))


_OF_FOLDS = frozenset({"folds", "repeat", "fold_places", "fold_column", "fold_values", "windows"})


def _held_out(value: Any) -> Any:
    # folds divide training rows only; they do not matter to what is held out
    if isinstance(value, dict):
        return {key: _held_out(inner) for key, inner in value.items() if key not in _OF_FOLDS}
    return value
