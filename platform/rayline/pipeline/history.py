"""History of the target: taken where the split keeps held-out rows out of every training row's past.

A column made of earlier values of the target tells a row what rows before it were answered. That is what an endpoint's
caller knows too; but where a held-out row comes before a training row of its entity, the training row holds its answer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, cast

from rayline.core.errors import SpecError, listing
from rayline.pipeline.cleaned import raw, recipe_of
from rayline.pipeline.leaks import SET_ASIDE
from rayline.prepare.recipe import Recipe
from rayline.sources._history import HistorySource
from rayline.sources._source import Source
from rayline.spec import Spec

log = logging.getLogger(__name__)


def refuse_history_of_target(spec: Spec, source: Source) -> None:
    """Prove that what is learnt from holds no held-out target.

    Training rows are never later than held-out ones of their entity where `data.split` is `time` by the history's time,
    or `group` by one of the columns that tell its entities apart; or where `prepare.leakage` proves it on the rows
    (`time` or `groups` names such a column, `found` is `stop`), and no search divides them further.

    Raises:
        SpecError: a column that is learnt from holds the row's own target, or targets of rows that may be held out;
            the latter is logged where `prepare.leakage` is `warn`, and not looked for where it is `ignore`.
    """
    recipe, target = recipe_of(source), spec.data.target
    own = set([target] if recipe is None else recipe.needs([target]))
    earlier: set[str] = set()
    for layer in _layers(source):
        # which rows are a row's past says what `by` and `time` are in it: then every column tells its own target
        ordered_by = {*layer.config.by, *layer.config.time}
        holding = [
            made.name
            for made in layer.config.made
            if own & ordered_by or (made.holds_current and own.intersection(made.columns))
        ]
        revealed = _learnt(spec, recipe, holding)
        if revealed:
            raise SpecError(
                f"data.source: {revealed[0]!r} is made of the row's own {target!r}, the target, which rows to answer "
                "do not have. Give lags of it, and windows without include_current, by and time that do not read it; "
                "a difference of two lags is an expression of prepare.derive."
            )
        told = own | earlier
        made = [made.name for made in layer.config.made if told & ordered_by or told.intersection(made.columns)]
        learnt = _learnt(spec, recipe, made)
        earlier |= set(made)
        if learnt and spec.prepare.leakage.found != "ignore" and not _in_order(spec, layer, recipe):
            _refuse(spec, layer, learnt)


def spread(source: Source, names: Iterable[str]) -> tuple[str, ...]:
    """`names`, and every column that the source makes of one."""
    found = dict.fromkeys(names)
    for name, columns in source.made_of.items():
        if not found.keys().isdisjoint(columns):
            found[name] = None
    return tuple(found)


def _layers(source: Source) -> list[HistorySource]:
    """Histories over histories, the innermost first."""
    found: list[HistorySource] = []
    here = raw(source)
    while isinstance(here, HistorySource):
        found.insert(0, here)
        here = here.inner
    return found


def _learnt(spec: Spec, recipe: Recipe | None, names: list[str]) -> list[str]:
    """Of `names`, and of what expressions make of them, those that are learnt from."""
    aside = (spec.data.target, spec.data.id, *cast(Any, spec.data.split).sets_aside)
    every = names if recipe is None else recipe.spread(names)
    return [name for name in every if name not in aside and spec.data.features.get(name) not in SET_ASIDE]


def _in_order(spec: Spec, layer: HistorySource, recipe: Recipe | None) -> bool:
    """Whether no training row can be later than a held-out one of its entity."""
    config = layer.config
    changed = () if recipe is None else recipe.makes
    # of a date in several columns the first, its year, keeps the order too
    times = {config.time_name, config.time[0]}.difference(changed)
    groups = {name for name in config.by if recipe is None or recipe.needs([name]) == [name]}
    kind, by = type(spec.data.split).plugin_name, cast(Any, spec.data.split).reads.get("by")
    if (kind == "time" and by in times) or (kind == "group" and by in groups):
        return True
    leakage = spec.prepare.leakage
    proven = leakage.time in times or not groups.isdisjoint(leakage.groups)
    return proven and leakage.found == "stop" and not spec.tune.space


def _refuse(spec: Spec, layer: HistorySource, learnt: list[str]) -> None:
    config, kind = layer.config, type(spec.data.split).plugin_name
    group = f", or {{name: group, by: {config.by[0]}}}" if config.by else ""
    text = (
        f"{listing(map(repr, learnt), 4)} {'is' if len(learnt) == 1 else 'are'} made of earlier values of the target "
        f"{spec.data.target!r}, and with data.split: {kind} a training row may come after a held-out one and hold its "
        f"target. Set data.split: {{name: time, by: {config.time_name}}}{group}; where another split keeps the order, "
        f"have it proven by prepare.leakage: {{time: {config.time_name}}} (and leave tune.space out); or set "
        f"data.features.{learnt[0]}: drop."
    )
    if spec.prepare.leakage.found == "stop":
        raise SpecError(f"data.source: {text}")
    log.warning("leakage (history): %s", text)
