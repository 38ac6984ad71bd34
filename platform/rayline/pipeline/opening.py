"""A spec's source, opened: every column the spec names is proven to exist before any row is read."""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa

from rayline.core.errors import SpecError, listing, nearest
from rayline.pipeline.cleaned import cleaned, recipe_of
from rayline.pipeline.declared_columns import hush
from rayline.pipeline.history import refuse_history_of_target, spread
from rayline.pipeline.leaks import SET_ASIDE
from rayline.pipeline.sensitive import refuse_private
from rayline.sources._source import Source
from rayline.spec import Spec
from rayline.spec.sections import EVERY


def open_source(spec: Spec) -> tuple[Source, pa.Schema]:
    """The spec's source and its columns, with every column the spec names proven to exist.

    Raises:
        DataError: the source cannot be read.
        SpecError: the spec names a column the source does not have.
    """
    source = cleaned(cast(Source, cast(Any, spec.data.source).build()), spec.prepare, spec.data)
    schema = source.schema()
    columns = list(schema.names)
    _known(columns, "data.target", [spec.data.target])
    _known(columns, "data.features", spec.data.features)
    _known(columns, "data.private", spec.data.private)
    _known(columns, "data.sensitive", spec.data.sensitive)
    _known(columns, "data.expect", [name for name in spec.data.expect if name != EVERY])
    _known(columns, "evaluate.slices", spec.evaluate.slices)
    _known(columns, "prepare.columns", spec.prepare.columns)
    for option, name in cast(Any, spec.data.split).reads.items():
        _known(columns, f"data.split.{option}", [name])
    for rule in spec.prepare.duplicates:
        _known(columns, "prepare.duplicates", cast(Any, rule).reads)
    leaks = spec.prepare.leakage
    _known(columns, "prepare.leakage.groups", leaks.groups)
    _known(columns, "prepare.leakage.time", [] if leaks.time is None else [leaks.time])
    if spec.data.id is not None:
        _known(columns, "data.id", [spec.data.id])
    if spec.data.target in spec.data.features:
        raise SpecError(f"data.features names the target {spec.data.target!r}; a target is not a feature.")
    _refuse_made_of_target(spec, source)
    refuse_history_of_target(spec, source)
    private = private_columns(spec, source)
    sliced = [name for name in spec.evaluate.slices if name in private]
    if sliced:
        raise SpecError(f"evaluate.slices: {sliced[0]!r} is private, and slices are shown in the report.")
    refuse_private(spec, private)
    hush(spec, source)
    return source, schema


def private_columns(spec: Spec, source: Source) -> tuple[str, ...]:
    """The private columns, and those that are made from one."""
    recipe = recipe_of(source)
    private = spread(source, spec.data.private)
    return private if recipe is None else recipe.spread(private)


def _refuse_made_of_target(spec: Spec, source: Source) -> None:
    """Raises:
    SpecError: a column that corrections or expressions make of the target would be learnt from.
    """
    recipe = recipe_of(source)
    for name in () if recipe is None else recipe.spread([spec.data.target]):
        aside = spec.data.features.get(name) in SET_ASIDE or name in cast(Any, spec.data.split).sets_aside
        if name != spec.data.target and not aside:
            raise SpecError(
                f"prepare: {name!r} is made of the target {spec.data.target!r}, which rows to answer do not have. "
                f"Leave it out, or set data.features.{name}: drop."
            )


def _known(columns: list[str], key: str, asked: Any) -> None:
    for name in asked:
        if name not in columns:
            raise SpecError(f"{key} {name!r} is not a column.{nearest(name, columns)} Columns: {listing(columns, 40)}.")
