"""From a spec to what is known of its data: one row index, one profile scan, then types, target and parts.

    fragments ──scan──> index (duplicates, strata) ──> assignment of every row
    fragments ──scan──> a profile for each part ──merge──> types, target, everything preparation learns

The index pass is skipped when the split needs none and duplicates are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
import pyarrow as pa

from rayline.core.columns import ROW, Feature, FeatureType, Target
from rayline.core.errors import DataError, SpecError, listing, nearest
from rayline.prepare.duplicates._duplicates import NONE, Duplicates, Positions
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION, Assignment
from rayline.profile.parts import merge_parts, profile_parts
from rayline.profile.profile import Profile, merge
from rayline.profile.types import infer, infer_target
from rayline.sources._source import Fragment, Source
from rayline.spec import Spec
from rayline.spec.document import to_dict, validate

T = TypeVar("T")


class Scan(Protocol):
    """`sources.scan.scan` (this process) or `sources.on_ray.scan` (the cluster)."""

    def __call__(
        self, source: Source, fn: Callable[[pl.DataFrame, Fragment], T], *, columns: Sequence[str] | None = None
    ) -> list[T]: ...


@dataclass(frozen=True)
class Assigner:
    """The part of every row of a frame: `TEST`, `VALIDATION`, a training fold 0..k-1, or `DROPPED`."""

    assignment: Assignment
    dropped: npt.NDArray[np.int64]
    """Positions of duplicate rows and of those set aside, sorted."""

    def __call__(self, frame: pl.DataFrame) -> npt.NDArray[np.int8]:
        return self.assignment.parts(frame, dropped=self.dropped)

    @property
    def columns(self) -> list[str]:
        """Columns a frame must have, beside `ROW`."""
        return [c for c in self.assignment.columns if c != ROW]


@dataclass(frozen=True)
class Collected:
    """What is known of a spec's data after the scan."""

    spec: Spec
    """With task, positive class and every feature's type filled in."""
    source: Source
    features: tuple[Feature, ...]
    """The columns a model reads."""
    target: Target
    reasons: dict[str, tuple[str, str]]
    """Column to its type and the reason for it."""
    target_reason: str
    warnings: tuple[str, ...]
    assign: Assigner
    profiles: dict[int, Profile]
    """By part; folds are 0..k-1."""
    set_aside: int = 0
    """Rows that were out before duplicates were looked for, such as those in quarantine."""

    @property
    def decisions(self) -> list[str]:
        """What was inferred, in words, a line each."""
        learnt = {feature.name for feature in self.features}
        return [
            f"target {self.target.name}: {self.target_reason}",
            *(f"{n}: {t}{'' if n in learnt else ', not learnt from'} ({why})" for n, (t, why) in self.reasons.items()),
        ]

    @property
    def training(self) -> Profile:
        """Profile of all training rows."""
        return merge([profile for part, profile in sorted(self.profiles.items()) if part >= 0])

    @property
    def everything(self) -> Profile:
        """Profile of all rows that are kept."""
        return merge([profile for part, profile in sorted(self.profiles.items()) if part != DROPPED])

    @cached_property
    def digest(self) -> str:
        """Names what was scanned: equal profiles of every part, equal digest."""
        parts = {str(part): profile.to_json() for part, profile in sorted(self.profiles.items())}
        return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)).hexdigest()

    def with_spec(self, spec: Spec) -> Collected:
        """The same data under other settings of preparation, model or training."""
        return replace(self, spec=spec)

    def rows(self, part: int) -> int:
        """Rows of `TEST`, `VALIDATION` or `DROPPED` (duplicates); any part from 0 means all training rows."""
        if part == DROPPED:
            return len(self.assign.dropped) - self.set_aside
        if part < 0:
            return self.profiles[part].rows if part in self.profiles else 0
        return sum(profile.rows for k, profile in self.profiles.items() if k >= 0)


def open_source(spec: Spec) -> tuple[Source, pa.Schema]:
    """The spec's source and its columns, with every column the spec names proven to exist.

    Raises:
        DataError: the source cannot be read.
        SpecError: the spec names a column the source does not have.
    """
    source = cast(Source, cast(Any, spec.data.source).build())
    schema = source.schema()
    columns = list(schema.names)
    _known(columns, "data.target", [spec.data.target])
    _known(columns, "data.features", spec.data.features)
    _known(columns, "data.private", spec.data.private)
    _known(columns, "data.expect", spec.data.expect)
    _known(columns, "evaluate.slices", spec.evaluate.slices)
    _known(columns, "prepare.columns", spec.prepare.columns)
    if spec.data.id is not None:
        _known(columns, "data.id", [spec.data.id])
    if spec.data.target in spec.data.features:
        raise SpecError(f"data.features names the target {spec.data.target!r}; a target is not a feature.")
    private = [name for name in spec.evaluate.slices if name in spec.data.private]
    if private:
        raise SpecError(f"evaluate.slices: {private[0]!r} is private, and slices are shown in the report.")
    return source, schema


def collect(
    spec: Spec,
    scan: Scan,
    *,
    folds: int = 1,
    opened: tuple[Source, pa.Schema] | None = None,
    set_aside: Positions | None = None,
) -> Collected:
    """Scan the data once (twice where duplicates or strata must be known first) and decide what it is.

    Args:
        spec: what is declared.
        scan: in this process or on the cluster.
        folds: into how many the training rows are divided.
        opened: what `open_source` gave, where it is known already.
        set_aside: sorted `ROW` numbers of rows that belong to no part, such as those in quarantine.

    Raises:
        DataError: unreadable data, no rows, a target with missing values or one class.
        SpecError: a column the spec names is not there, or a type that does not fit.
    """
    source, schema = opened or open_source(spec)
    key = spec.data.id or ROW
    splitter = cast(Any, spec.data.split).build()
    rules: list[Duplicates] = [cast(Any, rule).build() for rule in spec.prepare.duplicates]
    target = spec.data.target

    def index(frame: pl.DataFrame, fragment: Fragment) -> tuple[pa.Table, list[pa.Table]]:  # noqa: ARG001
        return splitter.index(frame, key, target), [rule.index(frame) for rule in rules]

    indexes: list[tuple[pa.Table, list[pa.Table]]] = []
    if rules or splitter.needs_rows:
        indexes = scan(source, index, columns=_read_by(rules, (key, target)))
    told = [table for table, _ in indexes] or [splitter.index(_no_rows(schema), key, target)]
    dropped = NONE if set_aside is None else set_aside
    for place, rule in enumerate(rules):
        dropped = np.union1d(dropped, rule.find([tables[place] for _, tables in indexes], dropped=dropped))
    assign = Assigner(splitter.fit(told, folds, dropped=dropped), dropped)
    private, seed = tuple(spec.data.private), spec.train.seed

    def fold(frame: pl.DataFrame, fragment: Fragment) -> dict[int, Profile]:  # noqa: ARG001
        return profile_parts(frame, assign(frame), seed=seed, private=private)

    profiles = merge_parts(scan(source, fold))
    profiles.pop(DROPPED, None)
    found = _decide(spec, source, assign, profiles)
    return replace(found, set_aside=0 if set_aside is None else len(set_aside))


LEARNT = (FeatureType.NUMBER, FeatureType.CATEGORY)
"""Types of the columns that a model reads."""


def _no_rows(schema: pa.Schema) -> pl.DataFrame:
    empty = pl.from_arrow(schema.empty_table())
    assert isinstance(empty, pl.DataFrame)
    return empty.with_columns(pl.lit(0, pl.Int64).alias(ROW).head(0))


def _read_by(rules: Sequence[Duplicates], split: Sequence[str]) -> list[str] | None:
    """Columns that the index pass reads, `ROW` apart; `None` for all."""
    names = dict.fromkeys(split)
    for rule in rules:
        if rule.columns is None:
            return None
        names.update(dict.fromkeys(rule.columns))
    return [name for name in names if name != ROW]


def _decide(spec: Spec, source: Source, assign: Assigner, profiles: dict[int, Profile]) -> Collected:
    training_parts = [profile for part, profile in sorted(profiles.items()) if part >= 0]
    if not training_parts or sum(p.rows for p in training_parts) == 0:
        raise DataError(
            "no training rows are left after the split. Give more data, or smaller validation and test shares."
        )
    everything = merge([profile for _, profile in sorted(profiles.items())])
    target, reason = infer_target(everything, spec.data.target, task=spec.data.task, positive=spec.data.positive)
    # types come from training rows alone, like everything else that is learnt
    types = infer(merge(training_parts))
    reasons: dict[str, tuple[FeatureType, str]] = {}
    warnings = []
    for name, inferred in types.items():
        if name in (spec.data.target, ROW):
            continue
        declared = spec.data.features.get(name)
        kind, why = inferred.type, inferred.reason
        if declared is not None and not (declared in LEARNT and kind is FeatureType.DROP):
            kind, why = declared, "declared"
        elif name == spec.data.id:
            kind, why = FeatureType.ID, "data.id"
        reasons[name] = (kind, why)
        if kind is FeatureType.DROP and declared is not FeatureType.DROP:
            warnings.append(f"{name} is dropped: {why}")
    chosen = {name: kind for name, (kind, _) in reasons.items()}
    features = tuple(Feature(n, t) for n, t in chosen.items() if t in LEARNT)
    if not features:
        raise DataError(
            f"no feature is left to learn from. Columns: {listing([f'{n} ({t})' for n, t in chosen.items()])}. "
            "Set types under data.features, for example {zip: category}."
        )
    document = to_dict(spec)
    document["data"]["task"] = str(target.task)
    document["data"]["positive"] = target.positive
    document["data"]["features"] = {name: str(kind) for name, kind in chosen.items()}
    return Collected(
        spec=validate(document),
        source=source,
        features=features,
        target=target,
        reasons={name: (str(kind), why) for name, (kind, why) in reasons.items()},
        target_reason=reason,
        warnings=tuple(warnings),
        assign=assign,
        profiles=profiles,
    )


def _known(columns: list[str], key: str, asked: Any) -> None:
    for name in asked:
        if name not in columns:
            raise SpecError(f"{key} {name!r} is not a column.{nearest(name, columns)} Columns: {listing(columns, 40)}.")


__all__ = ["DROPPED", "LEARNT", "TEST", "VALIDATION", "Assigner", "Collected", "Scan", "collect", "open_source"]
