"""Looks for leakage in a spec's data, with as few looks at the data as there can be.

What fragments tell of their rows rides on the profile scan; a further scan is made only where it turns out that other
columns are learnt from than was foreseen, and where something was found and its rows are to be named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import polars as pl
import pyarrow as pa

from rayline.core.columns import ROW, Feature, FeatureType, Target
from rayline.core.errors import listing
from rayline.pipeline import shared_rows
from rayline.pipeline.cleaned import CleanedSource
from rayline.prepare import leakage
from rayline.prepare.leakage import MEANT, Finding, Watch
from rayline.prepare.recipe import Recipe
from rayline.prepare.split._parts import Parts
from rayline.profile.profile import Profile
from rayline.sources._source import Fragment, Source
from rayline.spec import Spec

SET_ASIDE = (FeatureType.ID, FeatureType.DATE, FeatureType.DROP)
FEW_ROWS = 2048
"""Rows that corrections are tried on."""

GROUP_NAME = re.compile(r"(?i:(^|[^a-z])(id|uuid|guid)$)|[a-z](Id|ID|Uuid|UUID)$")
FEW_GROUPS = 10

Assign = Callable[[pl.DataFrame], Parts]


class Lookout:
    """What is watched for one spec: made before the profile scan, asked after it."""

    def __init__(self, spec: Spec, schema: pa.Schema, source: Source) -> None:
        self._spec = spec
        self._settings = spec.prepare.leakage
        self._looks = self._settings.found != "ignore"
        self._every = list(schema.names)
        # what rides on a scan travels with it: a source that holds rows in memory stays at home
        self._sharing = source if self._looks and source.shared is not None else None
        foreseen = [
            field.name
            for field in schema
            if spec.data.features.get(field.name, source.roles.get(field.name)) not in SET_ASIDE
            and (not pa.types.is_temporal(field.type) or field.name in spec.data.features)
            and field.name not in (spec.data.target, spec.data.id, *spec.data.split.sets_aside)  # type: ignore[attr-defined]
        ]
        self._compared = () if not self._looks or self._unique(foreseen) else (*foreseen, spec.data.target)

    @property
    def reads(self) -> list[str]:
        """Columns whose values `watch` compares."""
        time = self._settings.time
        return [*self._compared, *self._settings.groups, *([] if time is None else [time])] if self._looks else []

    def watch(self, frame: pl.DataFrame, parts: Parts) -> Watch:
        """What a fragment tells while it is profiled."""
        settings = self._settings
        return leakage.watch(
            frame,
            parts,
            compared=self._compared,
            groups=settings.groups if self._looks else (),
            time=settings.time if self._looks else None,
        )

    def spans(self, frame: pl.DataFrame, parts: Parts, fragment: Fragment) -> list[pl.DataFrame]:
        """Of a fragment's rows on either side, what they hold of content that the source's rows share, if they do."""
        return [] if self._sharing is None else [shared_rows.spans(self._sharing, fragment, frame, parts)]

    def findings(
        self,
        source: Source,
        scan: Any,
        assign: Assign,
        *,
        watches: Sequence[Watch],
        spans: Sequence[pl.DataFrame],
        features: Sequence[Feature],
        target: Target,
        profiles: dict[int, Profile],
        training: Profile,
    ) -> list[Finding]:
        """All that is found; nothing where `prepare.leakage` is `ignore`."""
        if not self._looks:
            return []
        found: list[Finding | None] = [leakage.strangers(profiles, assign, watches), _row_by_row(source, assign)]
        found += [leakage.groups_divided(watches, name) for name in self._settings.groups]
        if source.shared is not None:
            found.append(shared_rows.finding(spans, cast(Any, assign).assignment, source.shared))
        found.append(self._backwards(source, scan, assign, watches))
        found += leakage.revealing(training.sample, features, target)
        found.append(self._copies(source, scan, assign, watches, [feature.name for feature in features], training))
        return [finding for finding in found if finding is not None]

    def _unique(self, features: Sequence[str]) -> bool:
        """Whether no two rows that are left can agree in `features` and the target."""
        everything = set(self._every) == {*features, self._spec.data.target}
        rules: tuple[Any, ...] = self._spec.prepare.duplicates
        exact = [rule for rule in rules if type(rule).plugin_name == "exact"]
        compared = {*features, self._spec.data.target}
        return any(set(rule.columns) <= compared if rule.columns else everything for rule in exact)

    def _copies(
        self,
        source: Source,
        scan: Any,
        assign: Assign,
        watches: Sequence[Watch],
        features: list[str],
        training: Profile,
    ) -> Finding | None:
        target = self._spec.data.target
        if not features or self._unique(features):
            return None
        columns = list(dict.fromkeys([*features, target, *_read_by(assign)]))
        if set(self._compared) != {*features, target}:

            def again(frame: pl.DataFrame, fragment: Fragment) -> Watch:  # noqa: ARG001
                return leakage.watch(frame, assign(frame), compared=(*features, target))

            watches = scan(source, again, columns=columns)
        if not leakage.both_sides(watches):
            return None

        def rows(frame: pl.DataFrame, fragment: Fragment) -> pl.DataFrame:  # noqa: ARG001
            return leakage.compared_rows(frame, assign(frame), features, target)

        return leakage.repeated(
            scan(source, rows, columns=columns), leakage.chance(training.sample, [*features, target])
        )

    def _backwards(self, source: Source, scan: Any, assign: Assign, watches: Sequence[Watch]) -> Finding | None:
        time = self._settings.time
        first = None if time is None else leakage.first_held_out(watches)
        if time is None or first is None:
            return None
        when, row = first

        def later(frame: pl.DataFrame, fragment: Fragment) -> pl.Series:  # noqa: ARG001
            return leakage.later_rows(frame, assign(frame), time, when)

        columns = list(dict.fromkeys([time, *_read_by(assign)]))
        return leakage.time_backwards(scan(source, later, columns=columns), time, row)


def target_made_of(recipe: Recipe | None, target: Target, features: Sequence[Feature], rows: int) -> list[Finding]:
    """A finding where corrections make the target of nothing but columns that are learnt from."""
    if recipe is None or target.name not in recipe.makes:
        return []
    made_of = recipe.needs([target.name])
    if target.name in made_of or not set(made_of) <= {feature.name for feature in features}:
        return []
    text = (
        f"the target {target.name!r} is made of {listing(map(repr, made_of))}, which are learnt from, so that features "
        f"tell it by themselves. Set data.features.{made_of[0]}: drop."
    )
    return [Finding("target", rows, text, MEANT)]


def suspected_groups(spec: Spec, training: Profile) -> list[str]:
    """A line for each column that seems to name groups of rows which nothing keeps on one side."""
    known = {*spec.prepare.leakage.groups, *spec.data.split.reads.values(), spec.data.id, spec.data.target}  # type: ignore[attr-defined]
    return [
        f"{name} looks like the name of groups: {column.distinct:,} values in {column.count:,} training rows, and "
        f"data.split: {type(spec.data.split).plugin_name} may divide them. If rows of one group resemble each other, "
        f"set data.split: {{name: group, by: {name}}}."
        for name, column in training.columns.items()
        if name not in known
        and GROUP_NAME.search(name)
        and column.kind in ("number", "text")
        and not column.dtype.startswith("Float")
        and FEW_GROUPS <= column.distinct <= column.count / 2
    ]


def _read_by(assign: Assign) -> list[str]:
    return [name for name in cast(Any, assign).columns if name != ROW]


def _row_by_row(source: Source, assign: Assign) -> Finding | None:
    """Tries the corrections of `source`, if it has any, on rows with and without those held out beside them."""
    if not isinstance(source, CleanedSource):
        return None
    frame = cast(pl.DataFrame, pl.from_arrow(source.inner.read(source.fragments()[0]))).head(FEW_ROWS)
    clean, stays = source.recipe.keep(frame)
    return leakage.not_row_by_row(source.recipe.apply, frame.filter(stays), assign(clean.filter(stays)))
