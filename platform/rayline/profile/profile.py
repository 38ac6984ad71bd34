"""The profile of a set of rows: one pass yields the data report, what preparation needs, and the drift reference.

Everything merges: fragments to parts, parts to the whole, folds to "all folds but one". Counts, samples and distinct
values do not depend on the order of merging; sums of floats are combined in the order given.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import ROW
from rayline.core.errors import DataError, listing, nearest
from rayline.profile import few, missing, moments, stored, travel, wide
from rayline.profile import repeats as groups
from rayline.profile.column import ColumnProfile, kind_of, merge_columns
from rayline.profile.columns import measure_columns
from rayline.profile.ends import without_infinite
from rayline.profile.missing import Patterns
from rayline.profile.moments import FloatArray, Gram
from rayline.profile.outline import outline, quantile
from rayline.profile.plain import plain_texts, private_sum
from rayline.profile.repeats import Repeats
from rayline.profile.sample import choose, row_hashes, trimmed

__all__ = ["ColumnProfile", "Correlations", "Profile", "merge", "plain_texts", "profile_frame", "share_sample"]

SAMPLE_ROWS = 65_536
"""Rows kept whole. Quantiles are exact up to it, and off by about 0.2% in rank beyond."""


class Correlations(NamedTuple):
    """Pearson's correlation of number columns, pairwise complete; NaN where a column does not vary."""

    columns: tuple[str, ...]
    matrix_FF: FloatArray  # noqa: N815


@dataclass(frozen=True)
class Profile:
    """What is known of a set of rows."""

    rows: int
    columns: dict[str, ColumnProfile]
    gram: Gram
    """Of the number columns, the first 512."""
    kept: pl.DataFrame
    """`sample` as it was read: texts may be kept once each, which carries and merges in a fraction of the time."""
    seed: int
    private: tuple[str, ...] = ()
    """Columns left out of whatever is saved or shown."""
    patterns: Patterns | None = None
    """Which columns are missing together, private ones apart; `None` in profiles saved before it was counted."""
    repeats: Repeats | None = None
    """Groups of equal rows, where they were asked for; never saved."""
    private_sum: int = 0
    """The hashes of all rows' private values and keys, added up in 64 bits: other where a value is; never saved."""

    @cached_property
    def sample(self) -> pl.DataFrame:
        """At most 65,536 rows with ROW, chosen by a seeded hash of it, in its order. Private columns are in it, images
        and sounds are null there, and of lists no more than 1,048,576 elements a column are kept (`sequences.py`).
        """
        return plain_texts(self.kept)

    @overload
    def quantile(self, column: str, q: float) -> float: ...
    @overload
    def quantile(self, column: str, q: Sequence[float]) -> FloatArray: ...
    def quantile(self, column: str, q: float | Sequence[float]) -> float | FloatArray:
        """Quantiles of a number column in the sample, by linear interpolation; NaN where it has no value.

        Raises:
            DataError: no such column, or one without numbers.
        """
        found = quantile(self._numbers(column), q)
        return float(found) if np.ndim(q) == 0 else np.asarray(found)

    def top(self, column: str, most: int = 20) -> list[tuple[Any, int]]:
        """The most frequent values and their rows: exact, or where not all were counted within `bounds.frequent_error`.

        A value of at least 0.03% of the rows is then missed with a chance below one in 10⁸.

        Raises:
            DataError: no such column.
        """
        values = self._column(column).values
        seen = self.sample[column].drop_nulls() if values.truncated else None
        return values.top(most, seen, self.rows / max(self.sample.height, 1))

    def histogram(self, column: str, bins: int = 30) -> tuple[npt.NDArray[np.int64], FloatArray]:
        """Rows of the sample in `bins` bins of equal width between its 0.5% and 99.5% quantiles, and the edges.

        Values beyond lie in the outer bins. Both are empty where there is no value, or the width is no float.

        Raises:
            DataError: no such column, or one without numbers.
        """
        return self.outline(column, (), bins)[1:]

    def outline(
        self, column: str, q: Sequence[float], bins: int = 30
    ) -> tuple[FloatArray, npt.NDArray[np.int64], FloatArray]:
        """`quantile` and `histogram` from one look at the sample: quantiles, rows in bins, and their edges.

        Raises:
            DataError: no such column, or one without numbers.
        """
        return outline(self._numbers(column), q, bins)

    def missing_together(self, most: int = 20) -> list[tuple[tuple[str, ...], int]]:
        """The most frequent sets of columns that are missing together, and their rows, private columns left out.

        Exact up to 1,024 sets; of more those in the sample, with rows that are off by `bounds.rank_error` at most.
        Images, sounds and lists are then left out, for the sample does not hold them all.
        """
        if self.patterns is None:
            return []
        if not self.patterns.truncated:
            return self.patterns.top(most)
        looked = [name for name in self.patterns.columns if self.columns[name].kind not in ("binary", "sequence")]
        scale = self.rows / self.sample.height
        return [
            (names, round(rows * scale))
            for names, rows in missing.measure(self.sample, looked, most=SAMPLE_ROWS).top(most)
        ]

    def correlations(self) -> Correlations:
        """Correlations of the number columns that are not private."""
        shown = [column for column in self.gram.columns if column not in self.private]
        return Correlations(tuple(shown), self.gram.select(shown).correlations())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON-able values: statistics, quantiles, histograms, top values, the strongest correlations."""
        return stored.describe(self)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the profile to `folder` (path or URI), private columns but for their type and counts left out.

        Raises:
            StorageError: it cannot be written.
        """
        stored.save(self, os.fspath(folder))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Profile:
        """The profile saved in `folder`.

        Raises:
            PackageError: there is none, or it is broken or of another format.
        """
        return cls(**stored.load(os.fspath(folder)))

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name != "sample"}
        return state | {"columns": travel.pack(self.columns), "kept": travel.to_stream(self.kept)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        whole = {"columns": travel.unpack(state["columns"]), "kept": travel.from_stream(state["kept"])}
        self.__dict__.update(state | whole)

    def _column(self, column: str) -> ColumnProfile:
        if column not in self.columns:
            raise DataError(
                f"no column {column!r} was profiled.{nearest(column, self.columns)} Columns: {listing(self.columns)}."
            )
        return self.columns[column]

    def _numbers(self, column: str) -> FloatArray:
        kind = self._column(column).kind
        if kind != "number":
            raise DataError(f"column {column!r} holds {kind}, which has no quantiles.")
        values: FloatArray = few.present(self.sample[column].cast(pl.Float64))
        return values


def profile_frame(
    frame: pl.DataFrame,
    *,
    seed: int,
    private: Sequence[str] = (),
    target: str | None = None,
    repeats: bool = False,
) -> Profile:
    """Profile the rows of a frame that carries ROW.

    Args:
        frame: any number of rows, also none.
        seed: chooses the rows of the sample; profiles that merge share it.
        private: columns to leave out of whatever is saved or shown.
        target: the column to predict, for label conflicts among `repeats`.
        repeats: whether to look for duplicate rows, which costs another hash of every value.
    """
    enums = [name for name, dtype in frame.schema.items() if dtype == pl.Enum]
    frame = frame.with_columns(pl.col(enums).cast(pl.String)) if enums else frame
    frame, infinite = without_infinite(frame)
    names = [name for name in frame.columns if name != ROW]
    kinds = {name: kind_of(dtype) for name, dtype in frame.schema.items() if name != ROW}
    hashes = row_hashes(frame[ROW].to_numpy(), seed)
    columns, gram = measure_columns(frame, kinds, infinite, hashes)
    # encoded images and sounds would be most of a profile: of them the sample holds nulls
    hollow = frame.with_columns(pl.lit(None, pl.Binary).alias(name) for name in names if kinds[name] == "binary")
    chosen, chosen_hashes = choose(hollow, hashes, SAMPLE_ROWS)
    columns, sample = trimmed(columns, chosen, chosen_hashes)
    return Profile(
        frame.height,
        columns,
        gram,
        sample,
        seed,
        tuple(private),
        patterns=missing.measure(frame, [name for name in names if name not in private]),
        repeats=groups.measure(plain_texts(frame), target) if repeats else None,
        private_sum=private_sum(frame, [name for name in names if name in private]),
    )


def merge(profiles: Sequence[Profile]) -> Profile:
    """The profile of all the rows together; `profiles` are of disjoint rows, at least one.

    Sums of floats are combined in the given order, and nothing else depends on it.
    """
    assert profiles, "nothing to merge"
    if len(profiles) == 1:
        return profiles[0]
    first = profiles[0]
    assert all(p.seed == first.seed and list(p.columns) == list(first.columns) for p in profiles), "not of one source"
    gram = first.gram
    for profile in profiles[1:]:
        gram = moments.combine(gram, profile.gram)
    together = {name: [p.columns[name] for p in profiles] for name in first.columns}
    added = wide.add_together({name: [column.values for column in each] for name, each in together.items()})
    columns = {name: merge_columns(each, added.get(name)) for name, each in together.items()}
    every = _one_after_the_other(profiles)
    columns, sample = trimmed(columns, *choose(every, row_hashes(every[ROW].to_numpy(), first.seed), SAMPLE_ROWS))
    known = [p.patterns for p in profiles if p.patterns is not None]
    repeated = [p.repeats for p in profiles if p.repeats is not None]
    return Profile(
        sum(p.rows for p in profiles),
        columns,
        gram,
        sample,
        first.seed,
        first.private,
        patterns=missing.merge(known) if len(known) == len(profiles) else None,
        repeats=groups.merge(repeated) if len(repeated) == len(profiles) else None,
        private_sum=sum(p.private_sum for p in profiles) % 2**64,
    )


def share_sample(profiles: Sequence[Profile]) -> list[Profile]:
    """`profiles`, the first with the sample of them all and the others with none: together they merge to the same.

    Those with lists are given back as they are, for how much of a list is kept depends on each profile's own.
    """
    if len(profiles) < 2 or any(column.kind == "sequence" for column in profiles[0].columns.values()):
        return list(profiles)
    every = _one_after_the_other(profiles)
    sample, _ = choose(every, row_hashes(every[ROW].to_numpy(), profiles[0].seed), SAMPLE_ROWS)
    return [replace(profile, kept=sample if n == 0 else sample.clear()) for n, profile in enumerate(profiles)]


def _one_after_the_other(profiles: Sequence[Profile]) -> pl.DataFrame:
    """The rows that are kept of all; texts are written out where not all came alike."""
    try:
        return pl.concat([profile.kept for profile in profiles])
    except pl.exceptions.SchemaError:
        return pl.concat([profile.sample for profile in profiles])
