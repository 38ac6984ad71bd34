"""The distinct values of a column and how often each occurs: exact up to a cap, beyond it a fair choice of values.

Past the cap those values stay whose hashes are smallest (a KMV sketch: Bar-Yossef et al., "Counting distinct elements
in a data stream", 2002). A value that is among them in the whole is among them in every part that has it, so merging
in any order gives the same values with exact counts, and the k-th smallest hash tells how many distinct there are.
How often any other value occurs is told by a sketch of counters (`sketch.py`), which adds up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.category_text import encoded_texts
from rayline.core.seeds import UInt64Array
from rayline.profile import few
from rayline.profile import sketch as counters
from rayline.profile.sketch import Sketch
from rayline.profile.value_hash import hash_values

FLOAT_CAP = 1024
CAP = 16_384
"""Distinct values kept of a column: of fractions few, for they seldom repeat."""
SPAN = 1 << 17
"""Whole numbers that lie within so many of each other are counted by their place."""
FEW = 1024
"""Distinct texts among the first rows up to which a dictionary of them is faster than grouping."""
FIRST_ROWS = 1 << 13
HANDFUL = 8
"""Distinct texts that are faster sought one after the other than looked up."""
BLOCK = 1 << 14
"""Values hashed at once, so that all that is done with them stays in a core's cache."""

Rows = npt.NDArray[np.int64]


def cap_of(dtype: pl.DataType) -> int:
    """How many distinct values of a column of this type are kept."""
    return FLOAT_CAP if dtype.is_float() else CAP


@dataclass(frozen=True)
class Values:
    """Distinct values [d] in ascending order, with their rows [d]."""

    values: pl.Series
    rows: Rows
    truncated: bool = False
    """Whether there were more than the cap, so that only some are kept."""
    sketch: Sketch | None = None
    """Counters of all values; where `truncated` alone."""

    @cached_property
    def distinct(self) -> int:
        """How many distinct values there are; where truncated an estimate (`bounds.distinct_error`)."""
        if not self.truncated:
            return len(self.values)
        largest = int(hash_values(self.values).max())
        return max(len(self.values) + 1, round((len(self.values) - 1) * 2.0**64 / max(largest, 1)))

    def as_dict(self) -> dict[Any, int]:
        """Value to rows, in ascending order of values; dates as ISO text."""
        return dict(zip(_plain(self.values).to_list(), self.rows.tolist(), strict=True))

    def top(self, most: int, seen: pl.Series | None, scale: float = 1.0) -> list[tuple[Any, int]]:
        """The most frequent values and their rows, ties in ascending order; exact where not `truncated`.

        Args:
            most: how many.
            seen: values of a sample of the rows, without nulls: where `truncated`, and only there is it looked at, one
                of these is told of, with its exact rows where they are known, else within the bound of `sketch.py`.
            scale: rows for each of `seen`, for profiles saved before there were sketches.
        """
        values, rows = self.values, self.rows
        if self.truncated:
            assert seen is not None, "only some of the values are known"
            values, least = _count(seen)
            values = _without_sign(values)
            rows = np.rint(least * scale).astype(np.int64)
            if self.sketch is not None:
                rows = np.maximum(counters.estimate(self.sketch, hash_values(values)), least)
                known = pl.DataFrame({"value": self.values, "known": self.rows})
                exact = pl.DataFrame({"value": values}).join(known, on="value", how="left", maintain_order="left")
                rows = np.where(exact["known"].is_null().to_numpy(), rows, exact["known"].fill_null(0).to_numpy())
            order = values.arg_sort()
            values, rows = values[order], rows[order.to_numpy()]
        first = np.argsort(-rows, kind="stable")[:most]
        return list(zip(_chosen(values, first), rows[first].tolist(), strict=True))


def count_values(column: pl.Series) -> Values:
    """Count the values of a column; nulls are left out."""
    if few.is_few(column):
        return keep(*few.count(column), ordered=True)
    counted = count_all(column)
    return count_lowest(column) if counted is None else count_weighted(*counted)


def count_all(column: pl.Series) -> tuple[pl.Series, Rows] | None:
    """All distinct values and their rows, in no order; `None` where there are so many that `count_lowest` is faster."""
    if column.dtype == pl.Boolean:
        column = column.drop_nulls()
        true = int(column.sum())
        both = [(False, len(column) - true), (True, true)]
        met = [(value, rows) for value, rows in both if rows]
        return pl.Series([value for value, _ in met], dtype=pl.Boolean), np.array([rows for _, rows in met], np.int64)
    if column.dtype == pl.Categorical:
        return count_encoded(column)
    cap = cap_of(column.dtype)
    prefix = column.head(4 * cap)
    if len(column) == len(prefix):
        return _count(column)
    if column.dtype.is_integer() or column.dtype.is_temporal():
        placed = _count_places(column)
        if placed is not None:
            return placed
    if column.dtype == pl.String:
        known = column.head(FIRST_ROWS).unique().drop_nulls()
        if len(known) <= FEW:
            return _count_known(column, known)
    some = prefix.n_unique()
    # where values repeat, they are cheaper grouped first than hashed
    few = some <= cap or (not column.dtype.is_float() and some < 0.75 * len(prefix))
    return _count(column) if few else None


def count_lowest(column: pl.Series) -> Values:
    """Counts of the values with the smallest hashes, and the sketch of all."""
    column = column.drop_nulls()
    cap = cap_of(column.dtype)
    some = hash_values(column.head(4 * cap).unique())
    # the cap-th smallest hash of some rows bounds that of all: only values below it can stay
    bound = np.partition(some, cap - 1)[cap - 1] if len(some) >= cap else np.uint64(2**64 - 1)
    kept, places = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    more: list[tuple[UInt64Array, Rows]] = []
    waiting, most, sketch = 0, 2 * cap, counters.empty()
    for start in range(0, len(column), BLOCK):
        hashes = hash_values(column.slice(start, BLOCK))
        counters.add(sketch, hashes)
        low = np.flatnonzero(hashes <= bound)
        more.append((hashes[low], low + start))
        waiting += len(low)
        if waiting > most:
            kept, places, bound = _lowest(kept, places, more, cap)
            # where values repeat, a lower bound leaves no fewer rows
            more, waiting, most = [], 0, 2 * len(kept) if len(kept) < 2 * cap else len(column)
    places = np.concatenate([places, *(rows for _, rows in more)])
    counted = _count(column[places])
    return keep(*counted, truncated=len(some) > cap, sketch=sketch)


def _lowest(
    kept: UInt64Array, places: Rows, more: Sequence[tuple[UInt64Array, Rows]], cap: int
) -> tuple[UInt64Array, Rows, np.uint64]:
    """The hashes, with their places, that are among the `cap` smallest different ones, and the largest of these."""
    kept = np.concatenate([kept, *(hashes for hashes, _ in more)])
    places = np.concatenate([places, *(rows for _, rows in more)])
    ordered = np.sort(kept)  # three times as fast as np.unique, which hashes
    bound = ordered[np.flatnonzero(np.diff(ordered, prepend=ordered[:1] ^ np.uint64(1)))[:cap][-1]]
    low = kept <= bound
    return kept[low], places[low], bound


def count_weighted(values: pl.Series, rows: Rows) -> Values:
    """The counts of distinct values [n], each of which occurs in `rows` [n]."""
    return keep(values, rows.astype(np.int64))


def merge_values(parts: Sequence[Values]) -> Values:
    """The counts of all parts together, whatever their order."""
    if len(parts) == 1:
        return parts[0]
    truncated = any(part.truncated for part in parts)
    if not truncated and parts[0].values.dtype in few.PLAIN and sum(len(part.values) for part in parts) <= few.FEW:
        return keep(*few.add([part.values for part in parts], [part.rows for part in parts]), ordered=True)
    every = pl.DataFrame(
        {
            "value": pl.concat([part.values for part in parts]),
            "rows": np.concatenate([part.rows for part in parts]),
        }
    )
    summed = every.group_by("value").agg(pl.col("rows").sum())
    sketch = None
    if truncated or len(summed) > cap_of(every["value"].dtype):
        sketches = [part.sketch if part.truncated else _sketch(part.values, part.rows) for part in parts]
        whole = [one for one in sketches if one is not None]
        sketch = counters.total(whole) if len(whole) == len(parts) else None
    return keep(summed["value"], summed["rows"].to_numpy(), truncated=truncated, sketch=sketch)


def _count(column: pl.Series) -> tuple[pl.Series, Rows]:
    counted = column.alias("value").value_counts(name="rows")
    if column.null_count():
        counted = counted.filter(pl.col("value").is_not_null())
    return counted["value"].alias(column.name), counted["rows"].to_numpy().astype(np.int64)


def count_encoded(column: pl.Series) -> tuple[pl.Series, Rows]:
    """All distinct texts of a column that keeps each once, and their rows, in no order."""
    found = encoded_texts(column)
    return found.texts, found.rows


def _count_places(column: pl.Series) -> tuple[pl.Series, Rows] | None:
    """Counts of whole numbers, or dates, that lie near each other; else `None`."""
    numbers = column.to_physical()
    low, high = numbers.min(), numbers.max()
    if low is None or int(high) - int(low) >= SPAN:  # type: ignore[arg-type]
        return None
    places = numbers.drop_nulls().cast(pl.Int64).to_numpy()
    first = 0 if int(low) >= 0 and int(high) < SPAN else int(low)  # type: ignore[arg-type]
    rows = np.bincount(places - first if first else places)
    met = np.flatnonzero(rows)
    values = pl.Series(column.name, met + first).cast(numbers.dtype).cast(column.dtype)
    return values, rows[met].astype(np.int64)


def _count_known(column: pl.Series, some: pl.Series) -> tuple[pl.Series, Rows]:
    """Counts of texts of which nearly all are among `some`."""
    if len(some) <= HANDFUL:
        rows = np.array([(column == value).sum() for value in some], np.int64)
        others = (
            column.head(0) if rows.sum() == len(column) - column.null_count() else column.filter(~column.is_in(some))
        )
    else:
        codes = column.cast(pl.Enum(some), strict=False).to_physical()
        rows = np.bincount(codes.drop_nulls().to_numpy(), minlength=len(some)).astype(np.int64)
        others = column.head(0) if codes.null_count() == column.null_count() else column.filter(codes.is_null())
    if not len(others):
        return some, rows
    values, their = _count(others)
    return pl.concat([some, values.alias(some.name)]), np.concatenate([rows, their])


def _sketch(values: pl.Series, rows: Rows, hashes: UInt64Array | None = None) -> Sketch:
    sketch = counters.empty()
    counters.add(sketch, hash_values(values) if hashes is None else hashes, rows)
    return sketch


def keep(
    values: pl.Series, rows: Rows, *, truncated: bool = False, sketch: Sketch | None = None, ordered: bool = False
) -> Values:
    """Distinct values in ascending order (`ordered`: they are already), no more than the cap; `sketch` where values
    are lacking already.
    """
    cap = cap_of(values.dtype)
    if len(values) > cap:
        hashes = hash_values(values)
        if not truncated and sketch is None:
            sketch = _sketch(values, rows, hashes)
        chosen = np.argpartition(hashes, cap - 1)[:cap]
        values, rows, truncated, ordered = values[chosen], rows[chosen], True, False
    sketch = counters.narrow(sketch) if truncated and sketch is not None else None
    if ordered:
        return Values(values, rows, truncated, sketch)
    order = values.arg_sort()
    return Values(_without_sign(values[order]).alias("value"), rows[order.to_numpy()], truncated, sketch)


def _without_sign(values: pl.Series) -> pl.Series:
    """Distinct values whose zero is 0.0, and not -0.0 where that came first; Polars' own `+ 0.0` does nothing."""
    return pl.Series(values.name, values.to_numpy() + 0.0, dtype=values.dtype) if values.dtype.is_float() else values


def _chosen(values: pl.Series, places: npt.NDArray[np.intp]) -> list[Any]:
    if values.dtype in few.PLAIN:
        return list(values.to_numpy()[places].tolist())
    return _plain(values[places]).to_list()


def _plain(values: pl.Series) -> pl.Series:
    return values.dt.to_string("iso") if values.dtype.is_temporal() else values
