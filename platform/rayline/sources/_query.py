"""A table or query as statements: its columns and their types, its pieces, the rows of one piece in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from rayline.core.errors import DataError
from rayline.sources import _mysql, _postgres, _values
from rayline.sources._columns import KINDS, check_names, unknown_column
from rayline.sources._database import Database
from rayline.sources._source import RefusedError

if TYPE_CHECKING:
    from rayline.sources.sql import Config

SAMPLE_ROWS = 8192
"""Rows that types are decided on where the database does not say them."""
BATCH_ROWS = 16384
"""Rows of Python values held at a time."""


@dataclass(frozen=True)
class Piece:
    """The rows whose partition column lies between two values; those without a value are in the first piece."""

    low: Any
    """Included; `None` for the first."""
    high: Any
    """Excluded; `None` for the last."""
    num_rows: int


class Query:
    """The statements of one source. Picklable: a task reads its piece over a connection of its own."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.database = Database(config.url, config.timeout_s)
        self._columns: tuple[str, ...] = ()
        self._oids: dict[str, int] = {}
        """PostgreSQL's types of the columns, by their numbers."""
        self._told: dict[str, Sequence[Any]] = {}
        """What MySQL tells of the columns."""
        self.order: list[str] = []
        """Columns that the rows of a piece are ordered by."""
        self._alike: list[str] = []
        """Columns of texts that the database may hold to be equal where they are not the same."""
        self.pieces: list[Piece] = []
        """Once `divide` has found them."""

    @property
    def name(self) -> str:
        """`postgresql://host:5432/shop table orders`."""
        return f"{self.database.name} {f'table {self.config.table}' if self.config.table else 'query'}"

    def types(self) -> tuple[pa.Schema, bool]:
        """The columns asked for, and whether their types hold for every row.

        Raises:
            DataError: the database cannot be read, or has no such table or column.
        """
        with self.database.connect() as connection:
            found = connection.execute(sa.select(sa.text("*")).select_from(self._picked(())).limit(SAMPLE_ROWS))
            names, told = list(found.keys()), found.cursor.description
            values = found.fetchall()
        check_names(names, self.name)
        for where, column in self._asked():
            if column not in names:
                raise unknown_column(f"{where}: {self.name}", column, names)
        self._columns = tuple(names)
        columns = {name: [row[place] for row in values] for place, name in enumerate(names)}
        known = self._known(dict(zip(names, told, strict=True)), columns)
        known |= self._declared(columns) | {name: KINDS[kind] for name, kind in self.config.types.items()}
        wanted = self.config.columns or self._columns
        kinds = {name: known[name] if name in known else _values.kind(columns[name]) for name in wanted}
        settled = len(values) < SAMPLE_ROWS or all(name in known for name in wanted)
        return pa.schema(list(kinds.items())), settled

    def divide(self) -> list[Piece]:
        """The pieces, with their rows counted.

        Raises:
            DataError: the database cannot be read, or the partition's column cannot be ordered.
        """
        rows = self._picked(self._columns)
        partition = self.config.partition
        with self.database.connect() as connection:
            bounds: list[Any] = []
            if partition is not None and partition.pieces > 1:
                key = rows.c[partition.column]
                tile = sa.func.ntile(partition.pieces).over(order_by=key).label("tile")
                tiles = sa.select(key.label("key"), tile).where(key.is_not(None)).subquery("tiles")
                least = sa.func.min(tiles.c.key)
                found = connection.execute(sa.select(least).group_by(tiles.c.tile).order_by(tiles.c.tile)).scalars()
                bounds = list(dict.fromkeys(found))[1:]  # equal values stay in one piece
            pieces = [Piece(low, high, 0) for low, high in zip([None, *bounds], [*bounds, None], strict=True)]
            counts = [sa.func.sum(sa.case((self._within(piece, rows), 1), else_=0)) for piece in pieces]
            counted = connection.execute(sa.select(*counts).select_from(rows)).one()
        self.pieces = [Piece(p.low, p.high, int(n or 0)) for p, n in zip(pieces, counted, strict=True)]
        return self.pieces

    def read(self, place: int, label: str, kinds: Mapping[str, pa.DataType]) -> tuple[pa.Table, int, dict[str, int]]:
        """Columns of one piece in its order, in types `kinds`; how many rows it has; dates by column that are none.

        Raises:
            RefusedError: a value of a type that was not met before, where types were decided on a sample.
            DataError: the database went away, or a value that its column's type does not hold.
        """
        rows = self._picked(self._columns)
        piece = self.pieces[place]
        wanted = [self._selected(rows.c[name]) for name in kinds] or [sa.literal(1).label("one")]
        exactly = [sa.cast(rows.c[name], sa.BINARY) for name in self._alike]
        statement = sa.select(*wanted).order_by(*(rows.c[name] for name in self.order), *exactly)
        if len(self.pieces) > 1:
            statement = statement.where(self._within(piece, rows))
        if kinds and all(_postgres.is_plain(self._oids.get(name, 0), kind) for name, kind in kinds.items()):
            try:
                with self.database.connect(label) as connection:
                    table = _postgres.copy(connection, statement, kinds)
                return table, table.num_rows, {}
            except pa.ArrowInvalid:
                pass  # read below, value by value, for an error that names the row
        parts: list[list[pa.Array]] = [[] for _ in kinds]
        num_rows, dropped = 0, dict.fromkeys(kinds, 0)
        with self.database.connect(label) as connection:
            for batch in connection.execute(statement).partitions(BATCH_ROWS):
                # without columns there is one of ones, that counts the rows
                for part, name, told in zip(parts, kinds, zip(*batch, strict=True), strict=False):
                    values: Sequence[Any] = told
                    if name in self._told:
                        values, none = _mysql.plain(told, self._told[name], kinds[name])
                        dropped[name] += none
                    part.append(_array(values, kinds[name], name, label, num_rows + 1))
                num_rows += len(batch)
        arrays = [pa.chunked_array(part, kinds[name]) for part, name in zip(parts, kinds, strict=True)]
        if not kinds:
            return pa.table({"one": pa.nulls(num_rows)}).select([]), num_rows, {}
        table = pa.table(arrays, schema=pa.schema(list(kinds.items())))
        return table, num_rows, {name: count for name, count in dropped.items() if count}

    def _picked(self, names: Sequence[str]) -> sa.FromClause:
        """The table or query, with those of its columns."""
        columns: list[sa.ColumnClause[Any]] = [sa.column(_exact(name)) for name in names]
        if self.config.table is not None:
            schema, name = split(self.config.table)
            return sa.table(_exact(name), *columns, schema=schema and _exact(schema))
        # a colon is a parameter's beginning to SQLAlchemy and none here
        query = str(self.config.query).strip().rstrip(";").replace(":", "\\:")
        # on a line of its own: what closes the query may not be part of a comment at its end
        return sa.text(f"{query}\n").columns(*columns).subquery("picked")

    def _selected(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        told = self._told.get(str(column.name))
        return column if told is None else _mysql.selected(column, told[1])

    def _within(self, piece: Piece, rows: sa.FromClause) -> sa.ColumnElement[bool]:
        if self.config.partition is None or (piece.low is None and piece.high is None):
            return sa.true()
        key = rows.c[self.config.partition.column]
        if piece.low is None:
            return sa.or_(key < piece.high, key.is_(None))
        return key >= piece.low if piece.high is None else sa.and_(key >= piece.low, key < piece.high)

    def _asked(self) -> Iterator[tuple[str, str]]:
        """Every column that the spec names, with its place."""
        config = self.config
        partition = [config.partition.column] if config.partition else []
        for key, names in (("columns", config.columns), ("partition.column", partition), ("order", config.order),
                           ("types", config.types)):  # fmt: skip
            for name in names or ():
                yield f"data.source.{key}", name

    def _known(self, told: Mapping[str, Sequence[Any]], columns: Mapping[str, Sequence[Any]]) -> dict[str, pa.DataType]:
        """The columns' types as far as the database tells them; the order of rows too, by what it can order."""
        ordered, known = list(told), {}
        if self.database.backend == "postgresql":
            oids = {name: column[1] for name, column in told.items()}
            self._oids = oids if self.database.driver == "psycopg" else {}
            ordered = [name for name in oids if _postgres.is_ordered(oids[name])]
            known = {name: _postgres.kind(oid) for name, oid in oids.items()}
        elif self.database.backend in _mysql.BACKENDS:
            self._told = dict(told)
            ordered = [name for name in told if _mysql.is_ordered(told[name][1])]
            truths = self._truths({name: columns[name] for name in told if _mysql.may_be_truth(told[name])})
            known = {name: _mysql.kind(column, truths=name in truths) for name, column in told.items()}
        self.order = self._decide_order(ordered)
        if self._told and set(self.order) >= set(ordered):  # rows are told apart by all they hold
            self._alike = [name for name in ordered if _mysql.is_text(told[name][1])]
        return {name: kind for name, kind in known.items() if kind is not None}

    def _truths(self, columns: Mapping[str, Sequence[Any]]) -> set[str]:
        """Those of the columns whose every value is 0, 1 or missing; given with their first values."""
        likely = [name for name, values in columns.items() if all(value in (None, 0, 1) for value in values)]
        if not likely or len(columns[likely[0]]) < SAMPLE_ROWS:
            return set(likely)
        rows = self._picked(likely)
        others = [sa.func.max(sa.case((rows.c[name].not_in((0, 1)), 1), else_=0)) for name in likely]
        with self.database.connect() as connection:
            found = connection.execute(sa.select(*others).select_from(rows)).one()
        return {name for name, other in zip(likely, found, strict=True) if not other}

    def _decide_order(self, orderable: list[str]) -> list[str]:
        first = [self.config.partition.column] if self.config.partition else []
        rest: Sequence[str] = self.config.order or ()
        if self.config.order is None and self.config.table is not None:
            schema, name = split(self.config.table)
            rest = self.database.primary_key(name, schema)
        return list(dict.fromkeys([*first, *(rest if rest or self.config.order is not None else orderable)]))

    def _declared(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, pa.DataType]:
        """SQLite keeps dates, times and truths as texts and numbers: what a table declares, where the values agree."""
        if self.config.table is None or self.database.backend != "sqlite":
            return {}
        schema, table = split(self.config.table)
        kinds: dict[str, pa.DataType] = {}
        for name, declared in self.database.declared(table, schema).items():
            for each, kind in ((sa.DateTime, pa.timestamp("us")), (sa.Date, pa.date32()), (sa.Boolean, pa.bool_())):
                if isinstance(declared, each) and _agree(columns[name], kind):
                    kinds[name] = kind
        return kinds


def split(table: str) -> tuple[str | None, str]:
    """Schema and name of `schema.table`; the schema is `None` where only a table is named."""
    schema, mark, name = table.rpartition(".")
    return (schema, name) if mark else (None, table)


def _exact(name: str) -> sa.quoted_name:
    """A name as it is written, capitals and blanks too."""
    return sa.quoted_name(name, quote=True)


def _agree(values: Sequence[Any], kind: pa.DataType) -> bool:
    try:
        _values.array(values, kind, "", "")
    except DataError:
        return False
    return True


def _array(values: Sequence[Any], kind: pa.DataType, column: str, label: str, first: int) -> pa.Array:
    """Values of one batch; `first` is the place of its first row."""
    if pa.types.is_null(kind):
        found = _values.kind(values)
        if not pa.types.is_null(found):  # no value had been met before
            raise RefusedError(f"{label}: column {column!r} holds values that were not there at first.", column, found)
    return _values.array(values, kind, column, label, first)
