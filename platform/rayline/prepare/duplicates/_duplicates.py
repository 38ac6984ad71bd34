"""What a rule of duplicates is: each fragment tells a little of its rows, and all that was told names those to drop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from rayline.core.catalog import PluginConfig
from rayline.core.columns import ROW
from rayline.core.errors import SpecError, listing, nearest
from rayline.prepare.row_sets import NO_ROWS, Rows

Positions = Rows
"""`ROW` numbers, sorted, none twice."""
NONE: Positions = NO_ROWS


class Duplicates(ABC):
    """Finds rows that repeat one before them. Deterministic; order and sizes of fragments do not matter."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...] | None:
        """The columns `index` reads, `ROW` apart; `None` for all."""

    @abstractmethod
    def index(self, frame: pl.DataFrame) -> pa.Table:
        """What a fragment must tell: `ROW`, and a few bytes a row to compare by."""

    @abstractmethod
    def find(self, indexes: Sequence[pa.Table], *, dropped: Positions | None = None) -> Positions:
        """The rows that repeat one before them.

        Args:
            indexes: what each fragment told, in any order.
            dropped: rows that are out already: they are not looked for again, and nothing repeats them.
        """


class DuplicatesConfig(PluginConfig, ABC):
    @property
    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """Columns that must be there, for the check of the spec against the data."""

    @abstractmethod
    def build(self) -> Duplicates: ...


def require_column(frame: pl.DataFrame, name: str, rule: str) -> pl.Series:
    """Raises:
    SpecError: the frame lacks the column.
    """
    if name not in frame.columns:
        known = [column for column in frame.columns if column != ROW]
        raise SpecError(
            f"prepare.duplicates: {rule} compares {name!r}, which is not a column."
            f"{nearest(name, known)} Columns: {listing(known, 40)}."
        )
    return frame[name]
