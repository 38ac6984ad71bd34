"""What a column of number lists holds: lengths, and the elements' count, mean, variance and ends.

Elements that are null, NaN or infinite are missing and counted. Elements are centred piece by piece and combined by
Chan's formula in the order of rows, as `moments.py` does for columns; lengths are whole numbers and exact.

    {"count", "missing", "mean", "variance", "minimum", "maximum", "lengths": Tally, "empty", "cut"}

**In the sample of rows** lists are kept while there is room: in the order of the rows' hashes, up to 1,048,576 elements
altogether; later rows are null there, and `cut` is the first such row's hash (`None`: every sampled list is whole). The
rule looks at hashes alone, so it is the same for any order and tree of merging.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from rayline.core.seeds import UInt64Array
from rayline.profile.moments import FloatArray
from rayline.profile.tally import merge_tallies, tally

PIECE = 1 << 16
"""Elements centred at once: fixed, so that sums do not depend on how lists are chunked in memory."""
SAMPLE_ELEMENTS = 1 << 20


def measure(column: pl.Series) -> dict[str, Any]:
    """Statistics of a column of lists of numbers."""
    lists = column.drop_nulls()
    lengths = lists.list.len().cast(pl.Int64).to_numpy()
    elements = elements_of(lists)
    pieces = [_measure(elements[at : at + PIECE]) for at in range(0, len(elements), PIECE)]
    return _combine(pieces) | {
        "lengths": tally(lengths),
        "empty": int((lengths == 0).sum()),
        "cut": None,
    }


def merge(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all lists together, combined in the order given; `cut` is set by `trim`."""
    cuts = [part["cut"] for part in parts if part["cut"] is not None]
    return _combine(parts) | {
        "lengths": merge_tallies([part["lengths"] for part in parts]),
        "empty": sum(part["empty"] for part in parts),
        "cut": min(cuts, default=None),
    }


def trim(
    sample: pl.DataFrame, hashes: UInt64Array, cuts: Mapping[str, int | None]
) -> tuple[pl.DataFrame, dict[str, int | None]]:
    """The sample with only as many lists as there is room for, and where each column is cut.

    Args:
        sample: rows [n].
        hashes: the rows' hashes [n].
        cuts: list column to where its lists are cut already.
    """
    order = np.argsort(hashes, kind="stable")
    found: dict[str, int | None] = {}
    changed = []
    for name, cut in cuts.items():
        lengths = sample[name].list.len().fill_null(0).to_numpy().astype(np.int64)
        beyond = np.flatnonzero(np.cumsum(lengths[order]) > SAMPLE_ELEMENTS)
        here = int(hashes[order[beyond[0]]]) if len(beyond) else None
        least = min((c for c in (cut, here) if c is not None), default=None)
        found[name] = least
        if least is not None:
            keep = pl.Series(hashes < np.uint64(least))
            changed.append(pl.when(keep).then(pl.col(name)).otherwise(None).alias(name))
    return (sample.with_columns(changed) if changed else sample), found


def hash_lists(column: pl.Series) -> pl.Series:
    """A 64-bit hash of each list, as whole numbers, by which different ones are counted; nulls left out."""
    lists = column.drop_nulls()
    elements = elements_of(lists) + 0.0  # -0.0 is 0.0
    data, start, digests = elements.view(np.uint8).data, 0, []
    for size in lists.list.len().to_list():
        end = start + 8 * size
        digests.append(hashlib.blake2b(data[start:end], digest_size=8).digest())
        start = end
    return pl.Series(column.name, np.frombuffer(b"".join(digests), np.int64))


def elements_of(lists: pl.Series) -> FloatArray:
    """All elements of lists of numbers, one after the other; null as NaN."""
    return lists.filter(lists.list.len() > 0).explode().cast(pl.Float64).to_numpy()


def _measure(elements: FloatArray) -> dict[str, Any]:
    known = elements[np.isfinite(elements)]
    found: dict[str, Any] = {"count": len(known), "missing": len(elements) - len(known)}
    if not len(known):
        return found | {"mean": None, "variance": None, "minimum": None, "maximum": None}
    mean = float(known.mean())
    variance = float(np.square(known - mean).mean())
    return found | {"mean": mean, "variance": variance, "minimum": float(known.min()), "maximum": float(known.max())}


def _combine(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    count, mean, square = 0, 0.0, 0.0
    for part in parts:
        if part["count"]:
            apart, total = part["mean"] - mean, count + part["count"]
            share = part["count"] / total
            square += part["variance"] * part["count"] + apart * apart * count * share
            mean = mean + apart * share if count else part["mean"]
            count = total
    return {
        "count": count,
        "missing": sum(part["missing"] for part in parts),
        "mean": mean if count else None,
        "variance": square / count if count else None,
        "minimum": min((part["minimum"] for part in parts if part["count"]), default=None),
        "maximum": max((part["maximum"] for part in parts if part["count"]), default=None),
    }
