"""Features that tell the target by themselves: equal to it, mapped to it one to one, or nearly a function for it.

Everything is measured on the sample of the training rows (65,536 of them at most), one feature at a time. What a
feature tells is counted beyond what guessing the most frequent class, or the mean, gets right; a row is never evidence
for itself, so that values which occur once tell nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.category_text import category_texts
from rayline.core.columns import Feature, FeatureType, Target
from rayline.prepare import _leakage_screen as screen
from rayline.prepare._leakage_sides import Finding

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

NEARLY = 0.999
"""Share of the target beyond chance, or area under the ROC curve, from which a feature tells it."""
SUSPECTED = 0.99
"""From which it is a warning, and no run stops."""
FEW_ROWS = 20
"""Fewer rows than this prove nothing."""
ENOUGH_ROWS = 200
"""Rows from which a threshold or a line proves something: few rows are separated by chance."""
ENOUGH_OTHERS = 5
"""Rows that are not of the most frequent class."""
MOST_CLASSES = 20
"""Classes up to which thresholds of a number are looked for."""
SCREEN_ROWS, SCREEN = 500, 0.97
"""A feature that explains less than this of so many rows is not looked at further."""
KINDS = (FeatureType.NUMBER, FeatureType.CATEGORY, FeatureType.TEXT)


def revealing(sample: pl.DataFrame, features: Sequence[Feature], target: Target) -> list[Finding]:
    """A finding for each feature that alone tells the target of the training rows.

    Args:
        sample: training rows with features and target; rows without a target are left out.
        features: those that are learnt from; ids are none.
        target: what is predicted.
    """
    answered = sample[target.name]
    if answered.null_count():
        sample = sample.filter(answered.is_not_null())
    if sample.height < FEW_ROWS:
        return []
    # what is said of neighbours must not come of the order that rows of one value have in the file
    sample = sample[np.random.default_rng(0).permutation(sample.height)]
    answered = sample[target.name]
    step = max(sample.height // SCREEN_ROWS, 1)
    whole, part = _Answer(answered, target), _Answer(answered.gather_every(step), target)
    features = [feature for feature in features if feature.type in KINDS]
    silent = _silent(sample, [feature.name for feature in features], part, step)
    found = []
    for feature in features:
        if feature.name in silent:
            continue
        # column by column: expressions over all of ten thousand columns take longer to plan than to run
        column = sample[feature.name]
        told = _values_tell(column, whole)
        if told[1] < NEARLY and column.dtype.is_numeric():
            numbers = column.to_numpy().astype(np.float64)
            if step == 1 or _numbers_tell(numbers[::step], part, undecided=1.0)[1] >= SCREEN:
                told = max(told, _numbers_tell(numbers, whole), key=_share)
        if told[1] >= SUSPECTED:
            found.append(_finding(feature.name, *told, sample.height, target.name))
    return found


def _finding(name: str, how: str, share: float, rows: int, target: str) -> Finding:
    sure = share >= NEARLY
    return Finding(
        "target",
        rows,
        f"{name!r} {'tells' if sure else 'nearly tells'} the target {target!r} by itself: {how} ({share:.4g} of 1 "
        f"beyond chance, in {rows:,} training rows looked at). If it is not known before the target is, set "
        f"data.features.{name}: drop.",
        "If it is known before, set prepare.leakage: warn." if sure else "",
        sure=sure,
    )


class _Answer:
    """The target as the codes of classes, or as numbers [n]."""

    def __init__(self, column: pl.Series, target: Target) -> None:
        self.column = column
        self.classes = target.task.is_classification
        self.codes = category_texts(column)[1].astype(np.int64) if self.classes else np.zeros(0, np.int64)
        self.values = np.zeros(0) if self.classes else column.cast(pl.Float64).to_numpy()
        self.proves = _proves(self.codes) if self.classes else len(column) >= FEW_ROWS and np.ptp(self.values) > 0
        """Whether there are rows enough to say anything."""

    @property
    def class_count(self) -> int:
        return int(np.count_nonzero(np.bincount(self.codes)))


def _proves(codes: Codes) -> bool:
    return len(codes) >= FEW_ROWS and len(codes) - int(np.bincount(codes).max()) >= ENOUGH_OTHERS


def _share(found: tuple[str, float]) -> float:
    return found[1]


def _silent(sample: pl.DataFrame, names: Sequence[str], part: _Answer, step: int) -> set[str]:
    """Those of `names` that are seen to tell nothing by one look at all of them; `part` is every `step`-th answer."""
    if not part.proves or len(part.column) < ENOUGH_ROWS or (part.classes and part.class_count > MOST_CLASSES):
        return set()
    bound = SUSPECTED if step == 1 else SCREEN
    silent: set[str] = set()
    for block, x_Bn in screen.dense(sample, names, _few(sample.height)):
        looked_Bn = np.ascontiguousarray(x_Bn[:, ::step])
        with np.errstate(over="ignore", invalid="ignore"):
            if part.classes:
                quiet = screen.by_cuts(looked_Bn, part.codes) < bound
            else:
                quiet = screen.by_line(looked_Bn, part.values) < bound - screen.MARGIN
        silent.update(name for name, nothing in zip(block, quiet.tolist(), strict=True) if nothing)
    return silent


def _few(rows: int) -> int:
    """So many different values of a feature, or fewer, are looked at one by one."""
    return max(rows // 5, 2)


def _values_tell(column: pl.Series, answer: _Answer) -> tuple[str, float]:
    """How, and how much of the target, each value of a feature tells, and whether it has one."""
    if not answer.proves:
        return "", 0.0
    found = ("", 0.0)
    if 0 < column.null_count() < len(column):
        found = ("whether it has a value tells it", _by_value(column.is_null(), answer))
    if column.n_unique() <= _few(len(column)):
        share = _by_value(column, answer)
        how = "each of its values goes with one of the target's"
        if share >= SUSPECTED and _equal(column, answer.column):
            how = "it equals it"
        found = max(found, (how, share), key=_share)
    return found


def _equal(column: pl.Series, target: pl.Series) -> bool:
    texts, codes = category_texts(column)
    theirs, their_codes = category_texts(target)
    return all(texts[a] == theirs[b] for a, b in {*zip(codes.tolist(), their_codes.tolist(), strict=True)})


def _numbers_tell(numbers: Floats, answer: _Answer, *, undecided: float = 0.0) -> tuple[str, float]:
    """How, and how much of the target, thresholds of a number or a line of it tell; rows that lack it do not count."""
    present = np.isfinite(numbers)
    values = numbers[present]
    if answer.classes:
        codes = answer.codes[present]
        if len(values) < ENOUGH_ROWS or not _proves(codes) or np.count_nonzero(np.bincount(codes)) > MOST_CLASSES:
            return "", undecided
        return "thresholds of it part the classes", _by_cuts(values, codes)
    theirs = answer.values[present]
    if len(values) >= FEW_ROWS and np.array_equal(values, theirs):
        return "it equals it", 1.0
    if len(values) < ENOUGH_ROWS or np.ptp(values) == 0 or np.ptp(theirs) == 0:
        return "", undecided
    line = ("a straight line of it gives it", _correlation(values, theirs) ** 2)
    order = ("it rises or falls with it", _correlation(_ranks(values), _ranks(theirs)) ** 2)
    return line if line[1] >= NEARLY else max(line, order, key=_share)


def _by_value(values: pl.Series, answer: _Answer) -> float:
    """How much of the target the other rows of the same value tell."""
    if answer.classes:
        return _majority(values, answer.codes)
    return _by_mean(values, answer.values)


def _majority(values: pl.Series, codes: Codes) -> float:
    """How much of the class the most frequent one among the other rows of the same value tells."""
    counted = pl.DataFrame({"value": values, "code": codes}).group_by("value", "code").len()
    ordered = counted.sort("len", descending=True).group_by("value", maintain_order=True)
    best = ordered.agg(pl.col("len").first().alias("top"), pl.col("len").slice(1, 1).sum().alias("second"))
    right = best.filter(pl.col("top").cast(pl.Int64) - 1 > pl.col("second").cast(pl.Int64))["top"].sum()
    majority = int(np.bincount(codes).max())
    return 1.0 - (len(codes) - int(right)) / (len(codes) - majority)


def _by_cuts(numbers: Floats, codes: Codes) -> float:
    """How much of the class thresholds tell: one between each two classes, or, of classes that hold several stretches
    of the number each, the row before in order; of two classes, also the ROC curve's area.
    """
    order = np.argsort(numbers, kind="stable")
    values, codes = numbers[order], codes[order]
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]) + 1, len(values))  # rows of equal values stay together
    classes = np.flatnonzero(np.bincount(codes))
    counts = {c: np.cumsum(codes == c)[ends - 1] for c in classes.tolist()}
    middle = {c: float(np.mean(np.flatnonzero(codes == c))) for c in counts}
    # right[e]: most rows right up to end e, where the classes so far have a stretch each, one after the other
    right = np.zeros(len(ends) + 1)
    for c in sorted(counts, key=lambda code: middle[code]):
        so_far = np.concatenate([[0], counts[c]])
        right = so_far + np.maximum.accumulate(right - so_far)
    majority = max(int(count[-1]) for count in counts.values())
    wrong = min(len(values) - right[-1], np.count_nonzero(codes[1:] != codes[:-1]))
    share = 1.0 - wrong / (len(values) - majority)
    return float(max(share, _area(counts) if len(classes) == 2 else 0.0))


def _area(counts: dict[int, Any]) -> float:
    """Area under the ROC curve, or over it, of two classes."""
    first, second = (np.concatenate([[0], count]).astype(np.float64) for count in counts.values())
    area = float(np.sum((second[1:] + second[:-1]) / 2 * np.diff(first)) / (first[-1] * second[-1]))
    return max(area, 1.0 - area)


def _correlation(a: Floats, b: Floats) -> float:
    a, b = (values / max(float(np.abs(values).max()), 1e-300) for values in (a, b))
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / scale if scale > 0 else 0.0


def _ranks(values: Floats) -> Floats:
    return pl.Series(values).rank("average").to_numpy()


def _by_mean(values: pl.Series, target: Floats) -> float:
    """Variance that the mean of the other rows of the same value tells."""
    scaled = target / max(float(np.abs(target).max()), 1e-300)
    mean = float(scaled.mean())
    rows = pl.DataFrame({"value": values, "y": scaled}).select(
        "y", pl.col("y").sum().over("value").alias("sum"), pl.len().over("value").alias("rows")
    )
    others = rows.select(
        pl.when(pl.col("rows") > 1).then((pl.col("sum") - pl.col("y")) / (pl.col("rows") - 1)).otherwise(mean)
    )
    total = float(np.sum((scaled - mean) ** 2))
    return 1.0 - float(np.sum((scaled - others.to_series().to_numpy()) ** 2)) / total if total > 0 else 0.0
