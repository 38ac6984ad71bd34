"""From a spec to what is known of its data: one row index, one profile scan, then types, target and parts.

    fragments ──scan──> index (duplicates, split) ──> assignment of every row, for each repeat of the folds
    fragments ──scan──> a profile for each part ──merge──> types, target, everything preparation learns
                        what leakage checks watch  ──────> findings: stop, or warn

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
from rayline.pipeline.cleaned import cleaned, recipe_of
from rayline.pipeline.leaks import SET_ASIDE, Lookout, suspected_groups, target_made_of
from rayline.prepare import leakage
from rayline.prepare.choose import TENSORS, tensor_step
from rayline.prepare.duplicates._duplicates import NONE, Duplicates, Positions
from rayline.prepare.expectations import among
from rayline.prepare.leakage import Watch
from rayline.prepare.split._parts import DROPPED, OUT, TEST, VALIDATION, Assignment
from rayline.profile.parts import merge_parts, profile_parts
from rayline.profile.profile import Profile, merge, plain_texts
from rayline.profile.types import infer, infer_target
from rayline.sources._source import Fragment, Source
from rayline.spec import Spec
from rayline.spec.document import to_dict, validate
from rayline.spec.sections import EVERY

T = TypeVar("T")


class Scan(Protocol):
    """`sources.scan.scan` (this process) or `sources.on_ray.scan` (the cluster)."""

    def __call__(
        self,
        source: Source,
        fn: Callable[[pl.DataFrame, Fragment], T],
        *,
        columns: Sequence[str] | None = None,
        encoded: bool = False,
    ) -> list[T]: ...


@dataclass(frozen=True)
class Assigner:
    """The part of every row of a frame: `TEST`, `VALIDATION`, a training fold 0..k-1, or `DROPPED`."""

    assignment: Assignment
    dropped: npt.NDArray[np.int64]
    """Positions of duplicate rows and of those set aside, sorted."""
    aside: Positions
    """Positions of the latter, sorted: the split does not look at them, for they may lack what it goes by."""

    def __call__(self, frame: pl.DataFrame) -> npt.NDArray[np.int8]:
        out = among(frame[ROW].to_numpy(), self.aside)
        if not out.any():
            return self.assignment.parts(frame, dropped=self.dropped)
        parts = np.full(frame.height, DROPPED, dtype=np.int8)
        kept = frame.select(list({*self.assignment.columns, ROW})).filter(~out)
        parts[~out] = self.assignment.parts(kept, dropped=self.dropped)
        return parts

    def profile(self, frame: pl.DataFrame, *, seed: int, private: tuple[str, ...]) -> dict[int, Profile]:
        """A profile of each training part of a frame."""
        parts = self(frame)
        training = parts >= 0
        return profile_parts(frame.filter(pl.Series(training)), parts[training], seed=seed, private=private)

    @property
    def columns(self) -> list[str]:
        """Columns a frame must have, beside `ROW`."""
        return [c for c in self.assignment.columns if c != ROW]


@dataclass(frozen=True)
class Repeat:
    """The training rows divided into folds once more."""

    assign: Assigner
    profiles: dict[int, Profile]
    """By training part."""


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
    """By part; training parts are 0 and above."""
    repeats: tuple[Repeat, ...] = ()
    """Further divisions into folds, where folds are repeated."""
    left_out: int = 0
    """Rows that the split leaves out: a gap in time, or a value mapped to `out`."""
    tensors: tuple[Feature, ...] = ()
    """Texts, images, sounds and sequences that are prepared as arrays."""
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
        """Rows of `TEST`, `VALIDATION`, `OUT` or `DROPPED` (duplicates); any part from 0 means all training rows."""
        if part == DROPPED:
            return len(self.assign.dropped) - self.set_aside
        if part == OUT:
            return self.left_out
        if part < 0:
            return self.profiles[part].rows if part in self.profiles else 0
        return sum(profile.rows for k, profile in self.profiles.items() if k >= 0)


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
    private = [name for name in spec.evaluate.slices if name in _private(spec, source)]
    if private:
        raise SpecError(f"evaluate.slices: {private[0]!r} is private, and slices are shown in the report.")
    return source, schema


def collect(
    spec: Spec,
    scan: Scan,
    *,
    folds: int = 1,
    repeats: int = 1,
    opened: tuple[Source, pa.Schema] | None = None,
    set_aside: Positions | None = None,
    stop: bool = True,
) -> Collected:
    """Scan the data once (twice where duplicates or strata must be known first) and decide what it is.

    Args:
        spec: what is declared.
        scan: in this process or on the cluster.
        folds: into how many the training rows are divided.
        repeats: how often, each time into others.
        opened: what `open_source` gave, where it is known already.
        set_aside: sorted `ROW` numbers of rows that belong to no part, such as those in quarantine.
        stop: whether leakage stops, as `prepare.leakage` says; else it is a warning at most.

    Raises:
        DataError: unreadable data, no rows, a target with missing values or one class, or leakage.
        SpecError: a column the spec names is not there, or a type that does not fit.
    """
    source, schema = opened or open_source(spec)
    key = spec.data.id or ROW
    splitter = cast(Any, spec.data.split).build()
    rules: list[Duplicates] = [cast(Any, rule).build() for rule in spec.prepare.duplicates]
    target = spec.data.target

    aside = NONE if set_aside is None else set_aside

    def index(frame: pl.DataFrame, fragment: Fragment) -> tuple[pa.Table, list[pa.Table]]:  # noqa: ARG001
        kept = frame.filter(~among(frame[ROW].to_numpy(), aside)) if len(aside) else frame
        return splitter.index(kept, key, target), [rule.index(kept) for rule in rules]

    indexes: list[tuple[pa.Table, list[pa.Table]]] = []
    if rules or splitter.needs_rows:
        indexes = scan(source, index, columns=_read_by(rules, splitter.reads(key, target)))
    told = [table for table, _ in indexes] or [splitter.index(_no_rows(schema), key, target)]
    dropped = aside
    for place, rule in enumerate(rules):
        dropped = np.union1d(dropped, rule.find([tables[place] for _, tables in indexes], dropped=dropped))
    fitted = [splitter.fit(told, folds, dropped=dropped, repeat=r) for r in range(repeats)]
    divisions = [Assigner(each, dropped, aside) for each in fitted]
    assign, *again = divisions
    private, seed = _private(spec, source), spec.train.seed
    lookout = Lookout(spec, schema)

    def fold(frame: pl.DataFrame, fragment: Fragment) -> tuple[dict[int, Profile], list[dict[int, Profile]], Watch]:  # noqa: ARG001
        rowwise = plain_texts(frame, only=[*assign.columns, *lookout.reads])
        parts = assign(rowwise)
        return (
            profile_parts(frame, parts, seed=seed, private=private),
            [other.profile(rowwise, seed=seed, private=private) for other in again],
            lookout.watch(rowwise, parts),
        )

    told_of = scan(source, fold, encoded=True)
    profiles = merge_parts([parts for parts, _, _ in told_of])
    profiles.pop(DROPPED, None)
    out = profiles.pop(OUT, None)
    found = replace(
        _decide(spec, source, assign, profiles),
        repeats=tuple(
            Repeat(other, merge_parts([others[place] for _, others, _ in told_of])) for place, other in enumerate(again)
        ),
        left_out=0 if out is None else out.rows,
        set_aside=len(aside),
    )
    findings = lookout.findings(
        source,
        scan,
        assign,
        watches=[watched for _, _, watched in told_of],
        features=(*found.features, *found.tensors),
        target=found.target,
        profiles=profiles,
        training=found.training,
    )
    findings += target_made_of(recipe_of(source), found.target, (*found.features, *found.tensors), found.rows(0))
    findings = [] if spec.prepare.leakage.found == "ignore" else findings
    if stop and spec.prepare.leakage.found == "stop":
        leakage.refuse(findings)
    told_late = [f"leakage ({f.kind}): {f.text}" for f in findings] + suspected_groups(spec, found.training)
    return replace(found, warnings=(*found.warnings, *told_late))


LEARNT = (FeatureType.NUMBER, FeatureType.CATEGORY)
"""Types of the columns that a model reads."""


def _private(spec: Spec, source: Source) -> tuple[str, ...]:
    """The private columns, and those that are made from one."""
    recipe = recipe_of(source)
    return tuple(spec.data.private) if recipe is None else recipe.spread(spec.data.private)


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
        elif name in cast(Any, spec.data.split).sets_aside:
            kind, why = FeatureType.ID, "data.split"
        reasons[name] = (kind, why)
        if kind is FeatureType.DROP and declared is not FeatureType.DROP:
            warnings.append(f"{name} is dropped: {why}")
    chosen = {name: kind for name, (kind, _) in reasons.items()}
    features = tuple(Feature(n, t) for n, t in chosen.items() if t in LEARNT)
    arrays = [Feature(n, t) for n, t in chosen.items() if t in TENSORS]
    tensors = tuple(feature for feature in arrays if tensor_step(spec.prepare, feature) is not None)
    if not features and not tensors:
        raise DataError(
            f"no feature is left to learn from. Columns: {listing([f'{n} ({t})' for n, t in chosen.items()])}. "
            "Set types under data.features, for example {zip: category}."
        )
    document = to_dict(spec)
    document["data"]["task"] = str(target.task)
    document["data"]["positive"] = target.positive
    document["data"]["private"] = list(_private(spec, source))
    document["data"]["features"] = {name: str(kind) for name, kind in chosen.items()}
    return Collected(
        spec=validate(document),
        source=source,
        features=features,
        tensors=tensors,
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


__all__ = ["DROPPED", "LEARNT", "OUT", "TEST", "VALIDATION", "Assigner", "Collected", "Scan", "collect", "open_source"]
