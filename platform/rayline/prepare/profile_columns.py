"""Training columns as the profile of the training rows has them, before any step."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from rayline.core.category_text import category_text, category_texts
from rayline.core.columns import ROW, Target, Task
from rayline.core.errors import DataError, nearest
from rayline.prepare.fitted import inner_fold
from rayline.prepare.number_value import FloatArray, to_floats
from rayline.prepare.target import encode
from rayline.prepare.training_columns import CategoryColumn, NumberColumn, TargetSample

if TYPE_CHECKING:
    from rayline.profile.profile import ColumnProfile, Profile


def number_column(profile: Profile, name: str) -> NumberColumn:
    """A number (or boolean) column of the training profile.

    Raises:
        DataError: the profile has no such column, or it holds text or dates.
    """
    found = _find(profile, name)
    if found.kind not in ("number", "boolean"):
        raise DataError(
            f"column {name!r} is declared a number and holds {found.kind}. "
            f"Set data.features.{name}: category (or drop), or correct the values in the source."
        )
    counts = None if found.truncated else {float(value): rows for value, rows in found.counts.items()}
    mean, variance, minimum, maximum = found.mean, found.variance, found.minimum, found.maximum
    if found.kind == "boolean" and found.count:
        trues = sum(rows for value, rows in found.counts.items() if category_text(value) == "true")
        counts = {0.0: found.count - trues, 1.0: trues}
        mean = trues / found.count
        variance, minimum, maximum = mean * (1.0 - mean), float(trues == found.count), float(trues > 0)
    if found.count and not (math.isfinite(_float(mean)) and math.isfinite(_float(variance))):
        range_ = "" if name in profile.private else f" ({minimum:g} to {maximum:g})"
        raise DataError(
            f"column {name!r} holds numbers too large to compute with{range_}. "
            f"Set data.features.{name}: drop, or correct them in the source."
        )
    return NumberColumn(
        name=name,
        count=found.count,
        missing=found.missing,
        mean=_float(mean),
        variance=_float(variance),
        minimum=_float(minimum),
        maximum=_float(maximum),
        counts=counts,
        read_sample=lambda: _sample(profile, name),
    )


def _sample(profile: Profile, name: str) -> FloatArray:
    values = to_floats(profile.sample[name], private=name in profile.private)
    counts = profile.columns[name].counts
    if counts and bool(np.isnan(values).all()):  # so few values that none is in the sample: add those counted
        values = np.concatenate([values, np.repeat([float(value) for value in counts], list(counts.values()))])
    return values


def category_column(profile: Profile, name: str) -> CategoryColumn:
    """A column of the training profile as a category, whatever its type.

    Raises:
        DataError: the profile has no such column.
    """
    found = _find(profile, name)
    counts: Counter[str] = Counter()
    missing = found.missing
    if found.truncated:  # what is kept of the counts is no longer the frequent values; the sample has those
        texts, codes = category_texts(profile.sample[name])
        rows = np.bincount(codes, minlength=len(texts)).tolist()
        counts.update({text: n for text, n in zip(texts, rows, strict=True) if text is not None and n})
        return CategoryColumn(name, dict(counts), rows[-1] if found.missing else 0, lambda: sample_texts(profile, name))
    for value, n in found.counts.items():
        text = category_text(np.float32(value) if found.dtype == "Float32" else value)
        if text is None:
            missing += n
        else:
            counts[text] += n
    return CategoryColumn(name, dict(counts), missing, lambda: sample_texts(profile, name))


def target_sample(profile: Profile, target: Target) -> TargetSample:
    """The targets of the profile's sample as numbers.

    Raises:
        DataError: a target that is missing, or no class of `target`.
    """
    found = encode(profile.sample[target.name], target).astype(np.float64)
    folds = inner_fold(profile.sample[ROW].to_numpy(), profile.seed)
    if target.task is not Task.MULTICLASS:
        return TargetSample(found[:, None], ("",), folds)
    return TargetSample((found[:, None] == np.arange(len(target.classes))).astype(np.float64), target.classes, folds)


def sample_texts(profile: Profile, name: str) -> list[str | None]:
    """A column's values in the sample as category texts [m]."""
    texts, codes = category_texts(profile.sample[name])
    return [texts[code] for code in codes.tolist()]


def _find(profile: Profile, name: str) -> ColumnProfile:
    if name not in profile.columns:
        raise DataError(f"the data has no column {name!r}.{nearest(name, profile.columns)}")
    return profile.columns[name]


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)
