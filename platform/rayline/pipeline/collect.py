"""From a spec to what is known of its data: one row index, one profile scan, then types, target and parts.

    fragments ──scan──> index (duplicates, split) ──> assignment of every row, for each repeat of the folds
    fragments ──scan──> a profile for each part ──merge──> types, target, everything preparation learns
                        what leakage checks watch  ──────> findings: stop, or warn

The index pass is skipped when the split needs none and duplicates are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, TypeVar, cast

import numpy as np
import polars as pl
import pyarrow as pa

from rayline.core.columns import ROW, Feature, FeatureType
from rayline.core.errors import DataError
from rayline.pipeline.cleaned import recipe_of
from rayline.pipeline.collected import Assigner, Collected, Repeat
from rayline.pipeline.leaks import Lookout, suspected_groups, target_made_of
from rayline.pipeline.no_feature import no_feature
from rayline.pipeline.opening import open_source, private_columns
from rayline.pipeline.prescaled import prescaled
from rayline.pipeline.stray_texts import looks_like_numbers, stray_texts
from rayline.pipeline.uneven import uneven_parts
from rayline.prepare import leakage
from rayline.prepare.choose import TENSORS, tensor_step
from rayline.prepare.duplicates._duplicates import NONE, Duplicates, Positions
from rayline.prepare.expectations import among
from rayline.prepare.leakage import Watch
from rayline.prepare.split._parts import DROPPED, OUT
from rayline.profile.column import merge_columns
from rayline.profile.parts import lighten, merge_parts, profile_parts
from rayline.profile.profile import Profile, merge, plain_texts
from rayline.profile.targets import target_of
from rayline.profile.types import infer
from rayline.sources._source import Fragment, Source
from rayline.spec import Spec
from rayline.spec.document import to_dict, validate

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
        lighten: Callable[[list[T]], list[T]] | None = None,
    ) -> list[T]: ...


class _Told(NamedTuple):
    """What one fragment tells, or all of them together."""

    profiles: dict[int, Profile]
    """By part."""
    again: list[dict[int, Profile]]
    """The same for each further division into folds, of training parts alone."""
    watches: list[Watch]
    spans: list[pl.DataFrame]
    """What rows hold of content that they share (`shared_rows`)."""


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
    assign, *others = _divide(
        spec, source, schema, scan, folds=folds, repeats=repeats, aside=NONE if set_aside is None else set_aside
    )
    lookout = Lookout(spec, schema, source)
    told = _look(spec, source, scan, assign, others, lookout)
    every = dict(told.profiles)
    told.profiles.pop(DROPPED, None)
    out = told.profiles.pop(OUT, None)
    found = replace(
        _decide(spec, source, assign, told.profiles),
        repeats=tuple(Repeat(other, profiles) for other, profiles in zip(others, told.again, strict=True)),
        left_out=0 if out is None else out.rows,
        set_aside=len(assign.aside),
    )
    learnt = (*found.features, *found.tensors)
    findings = lookout.findings(
        source,
        scan,
        assign,
        watches=told.watches,
        spans=told.spans,
        features=learnt,
        target=found.target,
        profiles=told.profiles,
        training=found.training,
    )
    findings += target_made_of(recipe_of(source), found.target, learnt, found.rows(0))
    findings = [] if spec.prepare.leakage.found == "ignore" else findings
    if stop and spec.prepare.leakage.found == "stop":
        leakage.refuse(findings)
    if spec.prepare.leakage.found != "ignore":
        findings += prescaled(every, found.features)  # a warning at most: nobody here can undo it
    stops = spec.prepare.leakage.found == "stop"
    told_late = [leakage.line(finding, stops=stops) for finding in findings] + suspected_groups(spec, found.training)
    told_late += [*stray_texts(spec, source, scan, found), *uneven_parts(spec, found)]
    return replace(found, warnings=(*found.warnings, *told_late))


LEARNT = (FeatureType.NUMBER, FeatureType.CATEGORY)
"""Types of the columns that a model reads."""


def _divide(
    spec: Spec, source: Source, schema: pa.Schema, scan: Scan, *, folds: int, repeats: int, aside: Positions
) -> list[Assigner]:
    """The part of every row, for each repeat of the folds, after a pass over the columns this goes by, if any."""
    key, target = spec.data.id or ROW, spec.data.target
    splitter = cast(Any, spec.data.split).build()
    rules: list[Duplicates] = [cast(Any, rule).build() for rule in spec.prepare.duplicates]

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
    fitted = [splitter.fit(told, folds, dropped=dropped, repeat=repeat) for repeat in range(repeats)]
    return [Assigner(assignment, dropped, aside) for assignment in fitted]


def _look(
    spec: Spec, source: Source, scan: Scan, assign: Assigner, others: Sequence[Assigner], lookout: Lookout
) -> _Told:
    """The profile scan: profiles of every part, and what the checks for leakage watch."""
    private, seed = private_columns(spec, source), spec.train.seed

    def fold(frame: pl.DataFrame, fragment: Fragment) -> _Told:
        rowwise = plain_texts(frame, only=[*assign.columns, *lookout.reads])
        parts = assign(rowwise)
        return _Told(
            profile_parts(frame, parts, seed=seed, private=private),
            [other.profile(rowwise, seed=seed, private=private) for other in others],
            [lookout.watch(rowwise, parts)],
            lookout.spans(rowwise, parts, fragment),
        )

    told = scan(source, fold, encoded=True, lighten=_lighter)
    return _Told(
        merge_parts([each.profiles for each in told]),
        [merge_parts([each.again[place] for each in told]) for place in range(len(others))],
        [watched for each in told for watched in each.watches],
        [rows for each in told for rows in each.spans],
    )


def _lighter(told: list[_Told]) -> list[_Told]:
    """The same in sum, with the rows that are kept of each part no more than all of them together would keep."""
    parts = lighten([each.profiles for each in told])
    again = [lighten([each.again[place] for each in told]) for place in range(len(told[0].again) if told else 0)]
    return [
        each._replace(profiles=profiles, again=[others[n] for others in again])
        for n, (each, profiles) in enumerate(zip(told, parts, strict=True))
    ]


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
    asked = merge_columns([profile.columns[spec.data.target] for _, profile in sorted(profiles.items())])
    target, reason = target_of(asked, asked.count + asked.missing, task=spec.data.task, positive=spec.data.positive)
    target = replace(target, private=target.name in private_columns(spec, source))
    # types come from training rows alone, like everything else that is learnt
    reasons = _types(spec, source, merge(training_parts))
    dropped = [name for name, (kind, _) in reasons.items() if kind is FeatureType.DROP]
    warnings = [
        f"{n} is dropped: {reasons[n][1]}" for n in dropped if spec.data.features.get(n) is not FeatureType.DROP
    ]
    chosen = {name: kind for name, (kind, _) in reasons.items()}
    features = tuple(Feature(n, t) for n, t in chosen.items() if t in LEARNT)
    arrays = [Feature(n, t) for n, t in chosen.items() if t in TENSORS]
    tensors = tuple(feature for feature in arrays if tensor_step(spec.prepare, feature) is not None)
    if not features and not tensors:
        raise no_feature(reasons, target.name, looks_like_numbers(chosen, training_parts))
    document = to_dict(spec)
    document["data"]["task"] = str(target.task)
    document["data"]["positive"] = target.positive
    document["data"]["private"] = list(private_columns(spec, source))
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


def _types(spec: Spec, source: Source, training: Profile) -> dict[str, tuple[FeatureType, str]]:
    """The type of each column but the target, as declared or inferred, and the reason for it."""
    reasons: dict[str, tuple[FeatureType, str]] = {}
    for name, inferred in infer(training, source.roles).items():
        if name in (spec.data.target, ROW):
            continue
        declared = spec.data.features.get(name)
        kind, why = inferred.type, inferred.reason
        if declared is not None and not (declared in LEARNT and kind is FeatureType.DROP):
            kind, why = declared, "data.features says so"
        elif name == spec.data.id:
            kind, why = FeatureType.ID, "data.id names it"
        elif name in cast(Any, spec.data.split).sets_aside:
            kind, why = FeatureType.ID, "data.split goes by it"
        reasons[name] = (kind, why)
    return reasons
