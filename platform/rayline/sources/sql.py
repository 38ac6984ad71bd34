"""A table or a query of a database: PostgreSQL, SQLite, MySQL, and whatever else SQLAlchemy has a dialect for.

Choose it to learn from rows where they are. `partition` divides them by ranges of a column that tasks read in
parallel, each over its own connection. Rows are ordered by `order`, else by the partition column and the primary key,
else by all columns, so that a row keeps its place however often it is read; rows that come or go between two readings
are noticed and refused. Messages name a row by the range of its piece and its place in that order. Types come from the
database where it says them (PostgreSQL, most of MySQL's) and from the values where it does not. Reference:
https://docs.sqlalchemy.org/en/20/core/engines.html#database-urls
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError, SpecError
from rayline.core.shown import counted as rows
from rayline.sources import _secrets
from rayline.sources._columns import Kind
from rayline.sources._piece_names import piece_name
from rayline.sources._source import Fragment, Source

SCHEMES = ("postgresql", "postgres", "sqlite", "mysql", "mariadb", "mssql", "oracle")


class Partition(BaseModel):
    """Ranges of a column, each a fragment; rows without a value are in the first."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    column: str
    """A column whose values have an order; an index on it helps."""
    pieces: int = Field(default=8, ge=1, le=1000)
    """How many ranges, of about equally many rows."""


class Config(PluginConfig):
    url: str
    """`postgresql://user:${DB_PASSWORD}@host:5432/name`, `sqlite:///file.db`, `mysql://…`: any URL of SQLAlchemy's."""
    table: str | None = None
    """A table or view, `schema.table` for one outside the default schema."""
    query: str | None = None
    """A `SELECT …` instead of a table."""
    columns: tuple[str, ...] | None = None
    """Columns to read; `null` for all."""
    partition: Partition | None = None
    """Read in ranges of a column, in parallel: `{column: id, pieces: 8}`; `null`: in one piece."""
    order: tuple[str, ...] | None = None
    """Columns that together tell rows apart, to order them by."""
    types: dict[str, Kind] = Field(default={})
    """Types that override the found ones: integer, number, text, boolean, date, time."""
    changes: Literal["refuse", "allow"] = "refuse"
    """What to do when a piece has other rows than were counted at first: `allow` for a single look at a live table."""
    timeout_s: float = Field(default=10.0, gt=0, le=600)
    """How long to wait for a connection, seconds."""
    _private: frozenset[str] = PrivateAttr(default=frozenset())

    @field_validator("url")
    @classmethod
    def _no_secret(cls, value: str) -> str:
        _secrets.check_url(value)
        return value

    @model_validator(mode="after")
    def _one(self) -> Config:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table or query")
        return self

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims nothing: a database's URL names no rows.

        Raises:
            SpecError: it is such a URL; the message says what is missing.
        """
        scheme, mark, _ = text.partition("://")
        if not mark or scheme.split("+")[0] not in SCHEMES:
            return None
        raise SpecError(
            f"a database needs a table or a query: {{name: sql, url: '{text}', table: …}} or {{…, query: 'SELECT …'}}."
        )

    @property
    def private(self) -> frozenset[str]:
        """Columns whose values no message shows: neither do the names of pieces, which are ranges of one."""
        return self._private

    def hide(self, columns: Iterable[str]) -> None:
        """Have no message show values of `columns`."""
        self._private |= frozenset(columns)

    def build(self) -> Source:
        return SqlSource(self)


class SqlSource(Source):
    """One fragment a range of the partition's column, or one in all."""

    def __init__(self, config: Config) -> None:
        from rayline.sources._query import Query  # SQLAlchemy takes a quarter of a second to import

        self.config = config
        self._query = Query(config)
        self._rows: list[int] = []

    @property
    def name(self) -> str:
        return self._query.name

    def _find(self) -> list[Fragment]:
        width = 16 * len(self.schema())
        pieces = self._query.divide()
        self._rows = [piece.num_rows for piece in pieces]
        if not sum(self._rows):
            raise DataError(f"{self.name} has no rows. Give a table with rows, or another query.")
        return [
            Fragment(
                place,
                self.name
                if len(pieces) == 1
                else f"{self.name} piece {place + 1} of {len(pieces)} ({self._said(place)})",
                file=place,
                parts=(place,),
                size_bytes=piece.num_rows * width,
            )
            for place, piece in enumerate(pieces)
        ]

    def _said(self, place: int) -> str:
        """Which rows a piece holds, so that people find them."""
        piece, column = self._query.pieces[place], self.config.partition.column  # type: ignore[union-attr]
        private = column in self.config.private
        return piece_name(piece.low, piece.high, column, self._query.order, private=private)

    def _decide(self) -> pa.Schema:
        schema, self.settled = self._query.types()
        return schema

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        if not self._rows:
            self.fragments()
        kinds: dict[str, Any] = {name: self._schema.field(name).type for name in names}
        table, num_rows, dropped = self._query.read(fragment.parts[0], fragment.label, kinds)
        counted = self._rows[fragment.index]
        if num_rows != counted and self.config.changes == "refuse":
            raise DataError(
                f"{fragment.label} has {rows(num_rows)} where {counted:,} were counted: it changed while it was read. "
                "Read rows that stay (query: SELECT … WHERE day < '2024-06-01'), or set changes: allow."
            )
        if dropped:
            columns = ", ".join(f"{name}: {count:,}" for name, count in dropped.items())
            self.notes[fragment.index] = (
                f"{fragment.label}: dates that are none, such as 0000-00-00, were read as missing ({columns})."
            )
        return table
