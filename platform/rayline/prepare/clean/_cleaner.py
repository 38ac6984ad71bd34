"""What a cleaner is: a stateless correction of each row by itself, the same in training and at the endpoint.

It runs while fragments are read, before duplicates, split and profile, so it may learn nothing from data.

Columns come in and go out as Int64, Float64, Boolean, String, Date, Datetime("us"), Binary or List(Float64). Polars may
compute a column of one row by another way than many: `x / 10` is `x * 0.1` over many rows. So divide with `divided`;
the contract tests compare one row with many.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
import polars as pl

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError, SpecError, listing, nearest
from rayline.core.expressions import compile_expression

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
    columns = ", ".join('col("' + name.replace('"', '\\"') + '")' for name in names)
    return compile_expression(f"{function}({columns})", schema)


def divided(above: pl.Expr, below: pl.Expr) -> pl.Expr:
    """`above / below` of two columns of numbers, the same among any number of rows; missing where `below` is 0."""

    def divide(parts: Sequence[pl.Series]) -> pl.Series:
        a, b = (part.cast(pl.Float64).fill_null(float("nan")).to_numpy() for part in parts)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.true_divide(a, b)
        return pl.Series(parts[0].name, np.where(np.isfinite(shares), shares, np.nan)).fill_nan(None)

    return pl.map_batches([above, below], divide, return_dtype=pl.Float64)


def refusing(made: pl.Expr, bad: pl.Expr, dtype: pl.DataType, problem: str) -> pl.Expr:
    """`made`, of type `dtype`, but no row where `bad` holds.

    The message says how many rows and the place of the first, never what they hold: it may be private.
    """

    def check(parts: Sequence[pl.Series]) -> pl.Series:
        places = parts[1].fill_null(value=False).arg_true()
        if len(places):
            raise RefusedError(
                f"{problem} in {len(places)} of {len(parts[1])} rows read together, first in that at place {places[0]}."
            )
        return parts[0]

    return pl.map_batches([made, bad], check, return_dtype=dtype)


def _word(kind: str) -> str:
    return {"boolean": "true or false", "number": "numbers", "date": "dates"}.get(kind, kind)
