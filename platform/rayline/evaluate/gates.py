"""Declared gates: conditions on test metrics that a model must meet before it is registered.

    ">= 0.9", "> 0.9", "<= 0.3", "< 0.3"     the value itself
    "no worse than champion"                 fails where the interval shows the champion to be better
    "no worse than champion by 0.01"         non-inferiority: the interval must stay above 0.01 worse
    "better than champion"                   the whole interval must be better

The interval is that of the difference on the same rows where the champion's predictions on them are known
(`judge.compare`), else this model's own interval around the champion's stored value. A model that has no
champion to meet passes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from rayline.core.columns import Task
from rayline.core.errors import SpecError
from rayline.evaluate.bootstrap import Estimate
from rayline.evaluate.judgement import Judgement
from rayline.evaluate.metrics._metric import Direction
from rayline.evaluate.selection import build_metric, metrics_for
from rayline.spec.condition import read_condition

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Gate:
    """One condition: `metric` compared with `bound`, or with the champion allowing `bound` of difference."""

    metric: str
    condition: str
    comparison: Literal[">=", ">", "<=", "<", "no worse", "better"]
    bound: float

    @property
    def needs_champion(self) -> bool:
        return self.comparison not in _COMPARISONS


@dataclass(frozen=True)
class GateResult:
    """What a gate found; `detail` says it in words with the figures."""

    metric: str
    condition: str
    passed: bool
    value: float | None
    detail: str


def parse(metric: str, condition: str) -> Gate:
    """The gate a spec's `evaluate.gates` entry means.

    Raises:
        SpecError: no such metric, or a condition that is none.

    >>> parse("roc_auc", ">= 0.9").bound
    0.9
    """
    build_metric(metric)
    try:
        text, comparison, bound = read_condition(condition)
    except SpecError as error:
        raise SpecError(f"evaluate.gates.{metric}: {error}") from None
    return Gate(metric, text, comparison, bound)  # type: ignore[arg-type]


def parse_all(gates: Mapping[str, str], task: Task | None = None) -> list[Gate]:
    """Every gate of a spec; with `task`, metrics that do not fit it are refused too.

    Raises:
        SpecError: as `parse`, or a metric that is none of the task's.
    """
    parsed = [parse(metric, condition) for metric, condition in gates.items()]
    if task is not None:
        metrics_for(task, gates)
    return parsed


def check(
    gates: Mapping[str, str],
    judgement: Judgement,
    champion: Mapping[str, float | None] | None = None,
    *,
    paired: Mapping[str, Estimate] | None = None,
) -> list[GateResult]:
    """Hold a judgement against its gates.

    Args:
        gates: metric to condition, as in the spec.
        judgement: of the new model on the test rows.
        champion: the champion's stored metrics; `None` where there is no champion.
        paired: differences new minus champion on the same rows (`judge.compare`), preferred where given.
    """
    return [_check(parse(*item), judgement, champion, paired or {}) for item in gates.items()]


def _check(
    gate: Gate, judgement: Judgement, champion: Mapping[str, float | None] | None, paired: Mapping[str, Estimate]
) -> GateResult:
    found = judgement.metrics[gate.metric]
    if found.value is None:
        return GateResult(gate.metric, gate.condition, False, None, f"undefined: {found.reason}")
    if not gate.needs_champion:
        passed = _COMPARISONS[gate.comparison](found.value, gate.bound)
        return GateResult(gate.metric, gate.condition, passed, found.value, f"{found.value:.4f}")
    if champion is None and gate.metric not in paired:
        return GateResult(
            gate.metric, gate.condition, True, found.value, f"{found.value:.4f}; there is no champion yet"
        )
    stored = (champion or {}).get(gate.metric)
    change = paired.get(gate.metric)
    if change is not None and change.value is not None:
        how = "on the same rows"
    elif stored is not None:
        change = _minus(found, stored)
        how = f"champion's stored value {stored:.4f}"
    else:
        detail = f"{found.value:.4f}; the champion has no {gate.metric} to compare with"
        return GateResult(gate.metric, gate.condition, False, found.value, detail)
    passed, words = _against_champion(gate, change, build_metric(gate.metric).better)
    return GateResult(gate.metric, gate.condition, passed, found.value, f"{found.value:.4f}; {words} ({how})")


def _minus(found: Estimate, stored: float) -> Estimate:
    assert found.value is not None
    low, high = (None if end is None else end - stored for end in (found.low, found.high))
    return Estimate(found.value - stored, low, high)


def _against_champion(gate: Gate, change: Estimate, better: Direction) -> tuple[bool, str]:
    assert change.value is not None
    low = change.value if change.low is None else change.low
    high = change.value if change.high is None else change.high
    words = f"{change.value:+.4f} against the champion" + (
        f", interval {low:+.4f} to {high:+.4f}" if change.low is not None else ""
    )
    worst, best = (low, high) if better == "higher" else (-high, -low)
    if gate.comparison == "better":
        return worst > gate.bound, words
    return (worst >= -gate.bound if gate.bound else best >= 0), words
