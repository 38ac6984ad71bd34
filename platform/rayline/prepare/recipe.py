"""What is done to every row by itself before anything is learnt: corrections (`prepare.clean`) and derived columns.

prepare, columns of the source → Recipe
    recipe.apply(frame)          clean rows of raw ones; the same rows, the same bits, however many at a time
    recipe.keep(frame)           which rows of the data stay; rows to answer all do
    recipe.needs([column …])     the raw columns that clean ones are made from

The same object cleans fragments while they are read, batches to be scored, and an endpoint's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, PackageError, SpecError, listing
from rayline.core.expressions import compiled
from rayline.prepare._fractions import fractional, widened
from rayline.prepare._raw_values import DTYPES, as_given, as_read, column_as_read, is_in_calendar, kind_name
from rayline.prepare.clean._cleaner import RefusedError, refusing_unread
from rayline.prepare.row_form import RowForm
from rayline.spec.sections import Prepare


@dataclass(frozen=True)
class _Step:
    """Columns that one step makes, each of some others, all at once."""

    makes: dict[str, pl.Expr]
    keeps: pl.Expr | None = None

    @cached_property
    def reads(self) -> dict[str, frozenset[str]]:
        """For each column that it makes those that it is made of."""
        return {name: frozenset(made.meta.root_names()) for name, made in self.makes.items()}

    def on(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with what can be made of its columns."""
        there = set(frame.columns)
        return frame.with_columns(made.alias(name) for name, made in self.makes.items() if self.reads[name] <= there)


class Recipe:
    """Corrections and derived columns, ready to use. Safe to use from several threads; picklable."""

    def __init__(self, prepare: Prepare, raw: pl.Schema, *, require: Sequence[str] = ()) -> None:
        """
        Args:
            prepare: the section of the spec; `clean` and `derive` are read.
            raw: the columns of the source, without ROW.
            require: clean columns whose rows with a missing value are left out of the data.

        Raises:
            SpecError: a step that does not fit its columns, with its place in the spec.
        """
        self.raw = raw
        self.require = tuple(require)
        self._clean = tuple(prepare.clean)
        self._derive = dict(prepare.derive)
        self._steps: list[_Step] = []
        schema = raw
        for place, config in enumerate(self._clean):
            try:
                step = _clean_step(config, schema)
                schema = _after(schema, step)
            except SpecError as error:
                raise SpecError(f"prepare.clean[{place}] ({type(config).plugin_name}): {error}") from None
            self._steps.append(step)
        for name, text in self._derive.items():
            if name in schema:
                raise SpecError(f"prepare.derive.{name}: {name!r} is a column already. Give the new one another name.")
            if not name.strip() or name == "*" or (name.startswith("^") and name.endswith("$")):
                raise SpecError(f"prepare.derive: {name!r} names no column. Give the new one a name.")
            try:
                step = _Step({name: _derived(name, text, schema)})
            except SpecError as error:
                raise SpecError(f"prepare.derive.{name}: {error}") from None
            schema = _after(schema, step)
            self._steps.append(step)
        self.schema = schema
        """The clean columns."""
        self._read = frozenset(self.needs(self.makes))
        self._row_form = RowForm(raw, self._steps)
        self._moments = [name for name in self.makes if schema[name].is_temporal()]

    @property
    def makes(self) -> tuple[str, ...]:
        """Clean columns that are new, or other than the source has them."""
        return tuple(dict.fromkeys(name for step in self._steps for name in step.makes))

    def needs(self, columns: Iterable[str], *, rows: bool = False) -> list[str]:
        """The raw columns that `columns` are made from, in the source's order.

        `rows`: also those that say which rows stay.
        """
        wanted = set(columns) | (set(self.require) if rows else set())
        for step in reversed(self._steps):
            made = wanted & set(step.makes)
            wanted = (wanted - made).union(*(step.reads[name] for name in made))
            if rows and step.keeps is not None:
                wanted |= set(step.keeps.meta.root_names())
        return [name for name in self.raw if name in wanted]

    def spread(self, private: Iterable[str]) -> tuple[str, ...]:
        """`private`, and every column that is made from a private one."""
        hidden = dict.fromkeys(private)
        for step in self._steps:
            hidden |= dict.fromkeys(name for name, reads in step.reads.items() if not reads.isdisjoint(hidden))
        return tuple(hidden)

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The clean columns that can be made of `frame`'s raw ones; other columns, such as ROW, stay as they are.

        Raises:
            DataError: a column holds what its type in training cannot be, or makes a date that no calendar has.
        """
        # what no step reads stays as it came: encoders know a category by its text, whatever its type
        others = [name for name in frame.columns if name in self._read and frame.schema[name] != self.raw[name]]
        for name in others:
            frame = frame.with_columns(column_as_read(frame[name], self.raw[name]))
        if others and (fractions := fractional(frame.select(others), self.raw)):
            return widened(self, fractions).apply(frame)
        for step in self._steps:
            frame = step.on(frame)
        for name in self._moments:
            if name in frame.columns and not is_in_calendar(frame[name]):
                raise DataError(f"column {name!r}: give dates of the years 1 to 9999.")
        return frame

    def keep(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """`apply`, and which of the rows stay in the data [n]."""
        stays = pl.Series([True]).new_from_index(0, frame.height)
        clean = frame
        for step in self._steps:
            if step.keeps is not None:
                stays &= clean.select(step.keeps.fill_null(False)).to_series()
            clean = step.on(clean)
        for name in self.require:
            column = clean[name]
            stays &= column.is_not_null() & (column.is_finite() if column.dtype.is_float() else True)
        return clean, stays

    def frame(self, columns: Mapping[str, Any]) -> pl.DataFrame:
        """An endpoint's rows, clean: raw columns are given as n plain values each; those that are none are left out.

        Raises:
            DataError: a value that its column's type cannot be (its row is named), or columns of unequal length.
        """
        given = [
            _as_read(name, columns[name], kind) if name in self._read else as_given(name, columns[name], kind)
            for name, kind in self.raw.items()
            if name in columns
        ]
        try:
            return self.apply(pl.DataFrame(given))
        except RefusedError as error:
            raise error.in_request() from None
        except pl.exceptions.ShapeError:
            lengths = {series.name: len(series) for series in given}
            raise DataError(f"columns have unequal numbers of values: {lengths}.") from None

    def plain(self, columns: Mapping[str, Any]) -> dict[str, list[Any]] | None:
        """What the recipe makes of an endpoint's few rows, as `frame` would, without one; `None` where it takes one."""
        return self._row_form.columns(columns)

    def typed(self, columns: Mapping[str, Any], names: Iterable[str]) -> pl.DataFrame:
        """Those clean columns in `names`, of plain values, as `frame` has them."""
        return pl.DataFrame([as_given(name, columns[name], self.schema[name]) for name in names if name in columns])

    def columns(self, columns: Mapping[str, Any], clean: pl.DataFrame) -> dict[str, Any]:
        """`columns` with those of `clean`, which `frame` made of them, where the recipe makes any."""
        return {**columns, **{name: clean[name].to_list() for name in self.makes if name in clean.columns}}

    def to_json(self) -> dict[str, Any]:
        """Plain values; `from_json` is the inverse."""
        return {
            "clean": [catalog.describe(config) for config in self._clean],
            "derive": self._derive,
            "columns": {name: kind_name(kind) for name, kind in self.raw.items()},
            "require": list(self.require),
            # files are written with sorted keys, and a derived column may read one that is derived before it
            "order": {"derive": list(self._derive), "columns": list(self.raw)},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Recipe:
        """What `to_json` wrote.

        Raises:
            PackageError: a step that this Rayline does not have.
        """
        try:
            order = value.get("order", value)  # packages before it have none
            derive = {name: value["derive"][name] for name in order["derive"]}
            prepare = Prepare.model_validate({"clean": value["clean"], "derive": derive})
            raw = pl.Schema({name: DTYPES[value["columns"][name]] for name in order["columns"]})
            return cls(prepare, raw, require=value["require"])
        except (KeyError, ValueError) as error:
            told = str(error).removesuffix(".")
            raise PackageError(f"the preparation's recipe cannot be read: {told}. Train the model again.") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return Recipe.from_json, (self.to_json(),)


def _as_read(name: str, values: Any, kind: pl.DataType) -> pl.Series:
    try:
        return as_read(name, values, kind)
    except DataError:
        for row, value in enumerate(values):
            try:
                as_read(name, [value], kind)
            except DataError:
                told = f"column {name!r} holds a value that is no {kind_name(kind)}, in row {row + 1}."
                raise DataError(told) from None
        raise


def _clean_step(config: Any, schema: pl.Schema) -> _Step:
    unknown = [name for name in config.reads if name not in schema]
    if unknown:
        raise SpecError(f"{unknown[0]!r} is not a column. Columns: {listing(list(schema), 40)}.")
    cleaner = config.build()
    return _Step(cleaner.expressions(schema), cleaner.keep(schema))


def _derived(name: str, text: str, schema: pl.Schema) -> pl.Expr:
    """The expression of a derived column, which refuses texts that are to be dates and are none."""
    made = compiled(text, schema)
    if not made.unread:
        return made.expr
    dtype = pl.LazyFrame(schema=schema).select(made.expr.alias(name)).collect_schema()[name]
    return refusing_unread(made.expr, made.unread, dtype, f"prepare.derive.{name}")


def _after(schema: pl.Schema, step: _Step) -> pl.Schema:
    empty = pl.DataFrame(schema=schema)
    if ROW in step.makes:
        raise SpecError(f"{ROW!r} is a name Rayline keeps for a row's position. Give the new column another.")
    try:
        made = empty.lazy().with_columns(**step.makes).collect_schema()
    except pl.exceptions.PolarsError as error:
        raise SpecError(f"does not fit the types of its columns: {error}") from None
    return pl.Schema({name: _canonical(name, kind) for name, kind in made.items() if name != ROW})


def _canonical(name: str, kind: pl.DataType) -> pl.DataType:
    if kind in DTYPES.values():
        return kind
    if kind.is_integer():
        return pl.Int64()
    if kind.is_float() or kind.is_decimal():
        return pl.Float64()
    raise SpecError(f"makes {name!r} a column of {kind}, which nothing here learns from.")
