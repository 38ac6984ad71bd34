"""A source whose rows are clean already: what `prepare.clean` and `prepare.derive` say is done while it is read.

Everybody after it (duplicates, split, profile, shards) sees clean columns, rows that are left out are nowhere, and a
row keeps its ROW.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from rayline.core.columns import ROW, Feature, FeatureType
from rayline.core.errors import DataError, listing, nearest
from rayline.prepare.clean._cleaner import RefusedError
from rayline.prepare.recipe import Recipe
from rayline.profile.profile import Profile
from rayline.sources._source import FILE_SHIFT, Fragment, Shared, Source
from rayline.spec.sections import Data, Prepare


class CleanedSource:
    """What a `Source` is, over another source."""

    def __init__(self, inner: Source, prepare: Prepare, data: Data) -> None:
        self.inner = inner
        """The rows as they are."""
        self._prepare = prepare
        self._data = data
        self._made: tuple[pa.Schema, Recipe] | None = None

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def settled(self) -> bool:
        """Whether the schema was decided on all rows."""
        return self.inner.settled

    @property
    def notes(self) -> dict[int, str]:
        """What reading the inner source left out, by fragment."""
        return self.inner.notes

    def label_of(self, fragment: Fragment, row: int) -> str:
        """Where a row comes from, by the inner source's word."""
        return self.inner.label_of(fragment, row)

    @property
    def made_of(self) -> Mapping[str, tuple[str, ...]]:
        """Columns that the inner source makes, each after those that it is made of."""
        return self.inner.made_of

    @property
    def roles(self) -> Mapping[str, FeatureType]:
        """What columns are by the inner source's word, but for those that a step gives another kind of values."""
        recipe = self.recipe
        return {
            name: kind for name, kind in self.inner.roles.items() if recipe.schema.get(name) == recipe.raw.get(name)
        }

    @property
    def shared(self) -> Shared | None:
        """That rows of the inner source may share content."""
        return self.inner.shared

    def spans(self, fragment: Fragment, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """From where to where in the inner source's content rows reach, by their places before any was left out."""
        return self.inner.spans(fragment, places)

    @property
    def recipe(self) -> Recipe:
        """What is done to each row. It follows the source's types, which a scan may widen."""
        schema = self.inner.schema()
        if self._made is None or self._made[0] != schema:
            raw = cast(pl.DataFrame, pl.from_arrow(schema.empty_table())).schema
            plain = Recipe(self._prepare, raw)
            require = _required(self._prepare, self._data, plain.schema)
            self._made = (schema, Recipe(self._prepare, raw, require=require) if require else plain)
        return self._made[1]

    def fragments(self) -> list[Fragment]:
        """The fragments of the inner source."""
        return self.inner.fragments()

    def schema(self) -> pa.Schema:
        """The clean columns (without ROW)."""
        return _arrow(pl.DataFrame(schema=self.recipe.schema)).schema

    def read(self, fragment: Fragment, columns: Sequence[str] | None = None, *, encoded: bool = False) -> pa.Table:  # noqa: ARG002
        """`columns` (default: all) of one fragment in the order asked for, then ROW; rows that are left out are not
        among them.

        Raises:
            DataError: a column that is not there, or a file (named, with the line) that cannot be read.
        """
        recipe = self.recipe
        names = list(dict.fromkeys(n for n in (recipe.schema if columns is None else columns) if n != ROW))
        for name in names:
            if name not in recipe.schema:
                raise DataError(
                    f"{self.name} has no column {name!r}.{nearest(name, recipe.schema)} "
                    f"Columns: {listing(list(recipe.schema))}."
                )
        table = self.inner.read(fragment, recipe.needs(names, rows=True))
        try:
            clean, stays = recipe.keep(cast(pl.DataFrame, pl.from_arrow(table)))
        except RefusedError as error:
            raise error.in_file(fragment.label, fragment.first_row) from None
        schema = pl.Schema({**recipe.schema, ROW: pl.Int64()})
        return _arrow(clean.filter(stays).select(pl.col(n).cast(schema[n]) for n in (*names, ROW)))

    def widen(self, column: str, wider: pa.DataType) -> None:
        """Have a column of the inner source hold `wider` values too."""
        self.inner.widen(column, wider)

    def settle(self) -> None:
        """A scan has read every value of every column."""
        self.inner.settle()


def cleaned(source: Source, prepare: Prepare, data: Data) -> Source:
    """`source` with the rows that `prepare` makes of it; itself where there is nothing to do.

    Raises:
        SpecError: a step that does not fit its columns.
    """
    drops = [prepare.numbers.impute, prepare.categories.impute, *(steps.impute for steps in prepare.columns.values())]
    if not (prepare.clean or prepare.derive or any(impute is not None and impute.drops_rows for impute in drops)):
        return source
    wrapped = CleanedSource(source, prepare, data)
    wrapped.schema()
    return cast(Source, wrapped)


def recipe_of(source: Source) -> Recipe | None:
    """What is done to a source's rows while they are read."""
    return source.recipe if isinstance(source, CleanedSource) else None


def raw(source: Source) -> Source:
    """The source as its rows are."""
    return source.inner if isinstance(source, CleanedSource) else source


def inputs_of(features: Sequence[Feature], source: Source) -> list[Feature]:
    """The raw columns that clean `features` are made from, as a request holds them: what the endpoint asks for."""
    recipe = recipe_of(source)
    if recipe is None:
        return list(features)
    as_they_are = {f.name: f for f in features if f.name not in recipe.makes}
    return [
        as_they_are.get(name, Feature(name, FeatureType.NUMBER if kind.is_numeric() else FeatureType.CATEGORY))
        for name, kind in recipe.raw.items()
        if name in recipe.needs([f.name for f in features])
    ]


def cleaned_types(source: Source, training: Profile) -> dict[str, FeatureType]:
    """Of the columns that a recipe makes, the types that expectations of them are checked by."""
    recipe = recipe_of(source)
    if recipe is None:
        return {}
    number = {name for name, column in training.columns.items() if column.kind == "number"}
    return {name: FeatureType.NUMBER if name in number else FeatureType.CATEGORY for name in recipe.makes}


def raw_rows(source: Source, clean: pl.DataFrame) -> pl.DataFrame:
    """The rows of `clean`, with ROW, as the source has them, in its order.

    Raises:
        DataError: a fragment that cannot be read (any more).
    """
    if not isinstance(source, CleanedSource):
        return clean
    wanted = clean[ROW]
    fragments = source.fragments()
    starts = [(fragment.file << FILE_SHIFT) + fragment.first_row for fragment in fragments]
    holding = sorted(set((np.searchsorted(starts, wanted.to_numpy(), side="right") - 1).tolist()))
    frames = [cast(pl.DataFrame, pl.from_arrow(source.inner.read(fragments[place]))) for place in holding]
    found = pl.concat([frame.filter(pl.col(ROW).is_in(wanted.implode())) for frame in frames])
    return clean.select(ROW).join(found, on=ROW, how="left", maintain_order="left")


def _required(prepare: Prepare, data: Data, schema: pl.Schema) -> list[str]:
    """Columns whose rows with a missing value are left out (`impute: drop`), by their declared types or their own."""
    required = []
    for name, kind in schema.items():
        declared = data.features.get(name)
        own = prepare.columns.get(name)
        if name == data.target or declared in (FeatureType.DROP, FeatureType.ID, FeatureType.DATE):
            continue
        number = declared is FeatureType.NUMBER or (declared is None and kind.is_numeric())
        impute = (prepare.numbers if number else prepare.categories).impute
        if own is not None and "impute" in own.model_fields_set:
            impute = own.impute
        elif not number and declared is not FeatureType.CATEGORY and kind not in (pl.String, pl.Boolean):
            continue
        if impute is not None and impute.drops_rows:
            required.append(name)
    return required


def _arrow(frame: pl.DataFrame) -> pa.Table:
    """A frame in the types that sources give."""
    table = frame.to_arrow()
    plain = {pa.large_string(): pa.string(), pa.string_view(): pa.string(), pa.large_binary(): pa.binary()}
    plain |= {pa.binary_view(): pa.binary(), pa.large_list(pa.float64()): pa.list_(pa.float64())}
    return table.cast(pa.schema([field.with_type(plain.get(field.type, field.type)) for field in table.schema]))
