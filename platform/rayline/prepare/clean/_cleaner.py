"""What a cleaner is: a stateless correction of each row by itself, the same in training and at the endpoint.

It runs while fragments are read, before duplicates, split and profile, so it may learn nothing from data.

Columns come in and go out as Int64, Float64, Boolean, String, Date, Datetime("us"), Binary or List(Float64). Polars may
compute a column of one row by another way than many: `x / 10` is `x * 0.1` over many rows. So divide with `divided`;
the contract tests compare one row with many.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError, SpecError, listing, nearest
from rayline.core.expressions import Compiled, Unread, compiled

REMEDY = "Correct it there, or have the step make such values missing."
_REFUSED = re.compile(
    r"(.*) in ([\d,]+ of [\d,]+) rows read together, first in that at place (\d+)\.(?: (.*))?", re.DOTALL
)

Kind = Literal["number", "boolean", "text", "date", "bytes", "sequence"]


class Cleaner(ABC):
    @abstractmethod
    def expressions(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        """The columns that become new or other, by name, from those of `schema`.

        Every expression is elementwise: a row's value depends on that row alone.

        Raises:
            SpecError: a column is not there or of a type this cannot work on.
        """

    def keep(self, schema: pl.Schema) -> pl.Expr | None:  # noqa: ARG002
        """Which rows stay, where some are to be dropped from the data; requests are never dropped."""
        return None


class CleanConfig(PluginConfig, ABC):
    example: ClassVar[dict[str, Any]] = {}
    """Options by which the contract tests try it, over their columns: text, number, whole, truth, day, time, digits."""

    columns: tuple[str, ...]
    """The columns to work on."""

    @property
    def reads(self) -> Sequence[str]:
        """Columns the step reads."""
        return self.columns

    @abstractmethod
    def build(self) -> Cleaner: ...


Options = TypeVar("Options", bound=CleanConfig)


class EachColumn(Cleaner, Generic[Options]):
    """A cleaner that makes each of its columns anew, from that column alone."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def expressions(self, schema: pl.Schema) -> dict[str, pl.Expr]:
        return {name: self.one(name, schema) for name in self._options.columns}

    @abstractmethod
    def one(self, name: str, schema: pl.Schema) -> pl.Expr:
        """What column `name` becomes.

        Raises:
            SpecError: as `expressions`.
        """


class RefusedError(DataError):
    """Rows that hold what a cleaner was told to refuse."""

    def __init__(self, message: str = "") -> None:
        # Polars raises it anew, with the expression's text behind ours
        super().__init__(message.partition("\n\nThis error occurred")[0])

    def in_file(self, label: str, first_row: int) -> DataError:
        """The same, of rows of a fragment that begins at row `first_row` of a file: cleaners know of neither."""
        found = _REFUSED.fullmatch(str(self))
        if found is None:
            return DataError(f"{label}: {self}")
        problem, counts, place, remedy = found.groups()
        row = first_row + int(place) + 1
        return DataError(f"{label}: {problem} in {counts} rows, first in row {row}. {remedy or REMEDY}")

    def in_request(self, rows: npt.NDArray[np.int64] | None = None) -> DataError:
        """The same, of the rows of a request; `rows` are their places, from 0, where those are others [n]."""
        found = _REFUSED.fullmatch(str(self))
        if found is None:
            return DataError(str(self))
        place = int(found[3])
        return DataError(f"{found[1]}, row {(place if rows is None else rows[place]) + 1}.")


def kind_of(dtype: pl.DataType) -> Kind:
    """What a column's type holds."""
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_numeric():
        return "number"
    if dtype in (pl.Date, pl.Datetime):
        return "date"
    if dtype == pl.Binary:
        return "bytes"
    return "sequence" if dtype.is_nested() else "text"


def require(schema: pl.Schema, name: str, *kinds: Kind) -> Kind:
    """What column `name` holds, one of `kinds`.

    Raises:
        SpecError: there is no such column, or it holds something else.
    """
    if name not in schema:
        raise SpecError(f"there is no column {name!r}.{nearest(name, schema)} Columns: {listing(schema)}.")
    kind = kind_of(schema[name])
    if kind not in kinds:
        hint = f" Put a cast to {kinds[0]} before it." if kinds[0] in ("number", "boolean", "text", "date") else ""
        raise SpecError(f"column {name!r} holds {_word(kind)}; this step needs {' or '.join(map(_word, kinds))}.{hint}")
    return kind


def require_new(schema: pl.Schema, name: str) -> str:
    """`name`, where no column is called so yet.

    Raises:
        SpecError: one is.
    """
    if name in schema:
        raise SpecError(f"{name!r} is a column already; the new one needs a name of its own.")
    return name


def call(function: str, schema: pl.Schema, *names: str) -> pl.Expr:
    """A function of the expression language over columns: `call("year", schema, "born")`."""
    return called(function, schema, *names).expr


def called(function: str, schema: pl.Schema, *names: str) -> Compiled:
    """As `call`, and what may not be read."""
    columns = ", ".join('col("' + name.replace('"', '\\"') + '")' for name in names)
    return compiled(f"{function}({columns})", schema)


def divided(above: pl.Expr, below: pl.Expr) -> pl.Expr:
    """`above / below` of two columns of numbers, the same among any number of rows; missing where `below` is 0."""

    def divide(parts: Sequence[pl.Series]) -> pl.Series:
        a, b = (part.cast(pl.Float64).fill_null(float("nan")).to_numpy() for part in parts)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.true_divide(a, b)
        return pl.Series(parts[0].name, np.where(np.isfinite(shares), shares, np.nan)).fill_nan(None)

    return pl.map_batches([above, below], divide, return_dtype=pl.Float64)


def refusing(made: pl.Expr, bad: pl.Expr, dtype: pl.DataType, problem: str, *, remedy: str = "") -> pl.Expr:
    """`made`, of type `dtype`, but no row where `bad` holds.

    The message says how many rows and the place of the first, never what they hold: it may be private. `remedy` is
    what to do, where that is not `REMEDY`.
    """

    def check(parts: Sequence[pl.Series]) -> pl.Series:
        places = parts[1].fill_null(value=False).arg_true()
        if len(places):
            raise RefusedError(
                f"{problem} in {len(places):,} of {len(parts[1]):,} rows read together, first in that at place "
                f"{places[0]}." + f" {remedy}" * bool(remedy)
            )
        return parts[0]

    return pl.map_batches([made, bad], check, return_dtype=dtype)


def refusing_unread(made: pl.Expr, unread: Sequence[Unread], dtype: pl.DataType, where: str = "") -> pl.Expr:
    """`made`, of type `dtype`, but no row with a text that is to be a date and is none.

    `where` is the expression's place in the spec, of which the remedy is a step before it.
    """
    for one in unread:
        columns = f"[{', '.join(one.columns)}]"
        form = f", format: '{one.form}'" if one.form and len(one.columns) == 1 else ""
        remedy = where and (
            "Correct it there, or have such values made missing before: prepare.clean: "
            f"{{name: cast, columns: {columns}, to: time{form}, unparsable: missing}}."
        )
        made = refusing(made, one.rows, dtype, f"{where}: {one}" if where else str(one), remedy=remedy)
    return made


def _word(kind: str) -> str:
    return {"boolean": "true or false", "number": "numbers", "date": "dates"}.get(kind, kind)
