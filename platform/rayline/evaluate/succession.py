"""Whether a new version takes the champion's place where its spec does not say what that takes.

A spec whose gates compare with the champion has said it: what passes them is the next champion. For any other, a
version takes the place unless it is shown to be worse on rows that neither has learnt from, in a metric of its gates
(else in the one its task is optimised for, or the first that is asked for). Shown to be worse, it is a challenger.
Where the two cannot be held against each other on the same rows nothing is shown, so it takes the place, and the run
says that nobody compared them; but not a version of which nothing is known, for its test rows are too few or of one
class to tell the metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rayline.core.shown import counted
from rayline.evaluate import gates
from rayline.evaluate.bootstrap import Estimate
from rayline.evaluate.judgement import Judgement
from rayline.evaluate.selection import default_metric

NO_WORSE = "no worse than champion"


@dataclass(frozen=True)
class Succession:
    """Whether the champion gives way, and why, in words with the figures; nothing where there is nothing to say."""

    succeeds: bool
    detail: str = ""


def defended(declared: Mapping[str, str], judgement: Judgement) -> list[str]:
    """The metrics by which a champion is held against a version whose spec has these gates; none if they do so."""
    if any(gate.needs_champion for gate in gates.parse_all(declared)):
        return []
    usual = default_metric(judgement.task)
    return list(declared) or [usual if usual in judgement.metrics else next(iter(judgement.metrics))]


def succeed(
    declared: Mapping[str, str], judgement: Judgement, champion: int | None, paired: Mapping[str, Estimate]
) -> Succession:
    """Decide who is champion.

    Args:
        declared: the spec's `evaluate.gates`, which the version has passed.
        judgement: of the new version on the test rows.
        champion: the present champion's version; `None` where there is none.
        paired: differences new minus champion on the same rows (`judge.compare`), by metric.
    """
    metrics = defended(declared, judgement)
    if champion is None or not metrics:
        return Succession(succeeds=True)
    unknown = [
        f"{name} is undefined ({judgement.metrics[name].reason})"
        for name in metrics
        if judgement.metrics[name].value is None
    ]
    if unknown:
        told = f"{'; '.join(unknown)} on its {counted(judgement.rows, 'test row')}"
        return Succession(succeeds=False, detail=f"nothing is known of it: {told}. Version {champion} stays champion")
    known = [name for name in metrics if (change := paired.get(name)) is not None and change.value is not None]
    if not known:
        detail = (
            f"not compared with version {champion}, the champion before it: the two do not share test rows, target and "
            "corrections"
        )
        return Succession(succeeds=True, detail=detail)
    results = gates.check(dict.fromkeys(known, NO_WORSE), judgement, paired=paired)
    worse = [result for result in results if not result.passed]
    told = "; ".join(f"{result.metric} {result.detail}" for result in worse or results)
    if worse:
        return Succession(succeeds=False, detail=f"worse than version {champion}, which stays champion: {told}")
    return Succession(succeeds=True, detail=f"not worse than version {champion}, the champion before it: {told}")
