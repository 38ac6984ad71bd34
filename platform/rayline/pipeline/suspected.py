"""What a column of labels holds already: its classes, for people to choose from, and the rows where they look wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from rayline.core.category_text import category_texts
from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.profile.profile import Profile, merge, profile_frame
from rayline.profile.suspects import suspects
from rayline.profile.types import MOST_NUMBER_CLASSES, infer
from rayline.sources._source import Fragment, Source
from rayline.sources.scan import scan

SEED = 0
"""That of `rayline profile`, so that both name the same rows."""
MOST_CHOICES = 200
"""Labels that people choose from at most; of more they type one."""


@dataclass(frozen=True)
class Seen:
    """The different labels of a column, as far as they are not too many to choose from."""

    labels: frozenset[str] = frozenset()
    number: bool = False
    """Whether the column holds numbers."""

    @classmethod
    def of(cls, values: pl.Series) -> Seen:
        number = values.dtype.is_numeric()
        if values.dtype.is_nested() or values.dtype == pl.Binary:
            return cls()
        distinct = values.unique(maintain_order=False)
        if distinct.len() > 4 * MOST_CHOICES:
            return cls(frozenset(str(place) for place in range(MOST_CHOICES + 1)), number)
        return cls(frozenset(text for text in category_texts(distinct)[0] if text is not None), number)

    @classmethod
    def all(cls, parts: Sequence[Seen]) -> Seen:
        return cls(frozenset().union(*(part.labels for part in parts)), any(part.number for part in parts))

    def lacks(self, labels: Sequence[str]) -> list[str]:
        """Which of `labels` the column does not hold, if it holds some, and classes."""
        chosen, _ = self.choices()
        return sorted({*labels} - {*chosen}) if chosen else []

    def choices(self) -> tuple[tuple[str, ...], bool]:
        """What to choose from, if anything, and whether a number is to be typed."""
        whole = self.number and all(label.lstrip("-").isdigit() for label in self.labels)
        if self.number and not (whole and len(self.labels) <= MOST_NUMBER_CLASSES):
            return (), bool(self.labels)
        if len(self.labels) > MOST_CHOICES:
            return (), False
        return tuple(sorted(self.labels, key=int) if whole else sorted(self.labels)), False


def suspected_rows(source: Source, data: str, target: str, *, private: Sequence[str], most: int | None) -> pl.Series:
    """The rows whose label is suspected, as ROW; the worst `most` of them.

    Raises:
        DataError: nothing can be said of this column, or nothing is suspected.
    """
    told: list[Profile] = []

    def fold(frame: pl.DataFrame, fragment: Fragment) -> None:
        part = profile_frame(frame, seed=SEED, private=private, target=target)
        # a scan begins again where a column turns out to be wider
        told[:] = [part if fragment.index == 0 else merge([*told, part])]

    scan(source, fold)
    found = suspects(told[0], target, decisions=infer(told[0], source.roles)) if told else None
    if found is None:
        raise DataError(
            f"{data}: of {target!r} no label can be suspected: it takes classes, 50 rows and features to compare."
        )
    if not found.rows:
        raise DataError(f"{data}: no label of {target!r} is suspected among {found.looked:,} rows.")
    return pl.Series(ROW, [one.row for one in found.rows[:most]], dtype=pl.Int64)
