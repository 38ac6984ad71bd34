"""How much each feature says of the target, alone: correlation, correlation ratio, Cramér's V, mutual information.

    number   · number      Pearson's r, exact from the co-moments
    number   · category    correlation ratio: the root of the share of variance that lies between the      sample
                           classes, corrected for chance (Kelley's ε, 1935)
    category · category    Cramér's V, corrected for chance (Bergsma, 2013)                                sample
    any      · any         mutual information over 10 to 50 quantile bins or the commonest values,        sample
                           corrected for chance (Miller and Madow, 1955), as a share of the target's entropy

All lie between 0 (says nothing) and 1 (says all), r between -1 and 1, over the rows where both are known. What comes
from the sample is exact up to 65,536 rows.

    K classes or bins of one · L of the other
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import FeatureType
from rayline.core.errors import DataError, listing, nearest
from rayline.profile.moments import FloatArray
from rayline.profile.profile import Profile
from rayline.profile.types import Decision, infer, is_classes

FEWEST, MOST = 10, 50
BIN_ROWS = 40
"""Rows of a bin of a feature, as far as the number of bins allows; a target has the fewest bins."""
MOST_VALUES = 50
"""Values of a category told apart; the rest are one."""
MOST_FEATURES = 1000
Measure = Literal["Pearson's r", "correlation ratio", "Cramér's V"]


@dataclass(frozen=True)
class Association:
    """What one feature says of the target."""

    column: str
    measure: Measure
    value: float
    """-1 to 1 of `Pearson's r`, else 0 to 1."""
    information: float
    """Mutual information as a share of the target's entropy, 0 to 1."""
    rows: int
    """Rows of the sample where both are known."""

    @property
    def strength(self) -> float:
        """Size of `value`, or `information` where that is more: what goes together in no line is found too."""
        return max(abs(self.value), self.information)


def associations(
    profile: Profile, target: str, *, decisions: Mapping[str, Decision] | None = None
) -> list[Association]:
    """The numbers, categories and dates that are not private, the strongest first; ids and free text are left out.

    Of more than 1,000 such columns the first are looked at; with a target of bytes or lists nothing goes.

    Args:
        profile: of all rows.
        target: what is predicted.
        decisions: what each column is; default: as `types.infer` has it.

    Raises:
        DataError: no such column, or a private one.
    """
    require_shown(profile, target, tells="what goes with it")
    if profile.columns[target].kind in ("binary", "sequence"):
        return []
    types = {name: decision.type for name, decision in (decisions or infer(profile)).items()}
    usable = (FeatureType.NUMBER, FeatureType.CATEGORY, FeatureType.DATE)
    names = [n for n in profile.columns if n != target and n not in profile.private and types[n] in usable]
    classes = is_classes(profile.columns[target])
    answer = _column(profile, target, numbers=not classes)
    found = []
    for name in names[:MOST_FEATURES]:
        numbers = profile.columns[name].kind == "number" or (
            profile.columns[name].kind == "date" and types[name] is FeatureType.DATE
        )
        if one := _associate(
            profile, name, target, _column(profile, name, numbers=numbers), answer, (numbers, classes)
        ):
            found.append(one)
    return sorted(found, key=lambda one: -one.strength)


def require_shown(profile: Profile, target: str, *, tells: str) -> None:
    """That a target is there, and may be spoken of; `tells`: what would tell of it were it private.

    Raises:
        DataError: no such column, or a private one.
    """
    if target not in profile.columns:
        known = f"{nearest(target, profile.columns)} Columns: {listing(profile.columns)}"
        raise DataError(f"no column {target!r} was profiled.{known}.")
    if target in profile.private:
        raise DataError(f"{target!r} is private, and {tells} would tell of it. Name another target.")


def _column(profile: Profile, name: str, *, numbers: bool) -> FloatArray:
    """Numbers, or codes of values from 0, with NaN for missing."""
    values = profile.sample[name]
    if numbers:
        physical = values.to_physical() if values.dtype.is_temporal() else values
        return physical.cast(pl.Float64).fill_null(math.nan).to_numpy()
    counted = values.drop_nulls().alias("value").value_counts()
    ranked = counted.sort("count", "value", descending=[True, False])["value"]
    codes = {value: min(place, MOST_VALUES) for place, value in enumerate(ranked.to_list())}
    return values.replace_strict(codes, default=None, return_dtype=pl.Float64).fill_null(math.nan).to_numpy()


def _associate(
    profile: Profile, name: str, target: str, feature: FloatArray, answer: FloatArray, kinds: tuple[bool, bool]
) -> Association | None:
    numbers, classes = kinds
    both = np.isfinite(feature) & np.isfinite(answer)
    x, y = feature[both], answer[both]
    if len(x) < 2 or (x == x[0]).all() or (y == y[0]).all():
        return None
    measure: Measure
    if numbers and not classes:
        measure, value = "Pearson's r", _pearson(profile, name, target, x, y)
    elif numbers or not classes:
        measure, value = "correlation ratio", _ratio(*((y, x) if classes else (x, y)))
    else:
        measure, value = "Cramér's V", _cramer(x.astype(np.int64), y.astype(np.int64))
    share = _information(
        _bins(x) if numbers else x.astype(np.int64), y.astype(np.int64) if classes else _bins(y, FEWEST)
    )
    return Association(name, measure, value, share, len(x))


def _pearson(profile: Profile, name: str, target: str, x: FloatArray, y: FloatArray) -> float:
    if {name, target} <= set(profile.gram.columns):
        value = float(profile.gram.select([name, target]).correlations()[0, 1])
    else:
        largest = [max(float(np.abs(one).max()), 1e-300) for one in (x, y)]
        value = float(np.corrcoef(x / largest[0], y / largest[1])[0, 1])
    return value if math.isfinite(value) else 0.0


def _ratio(classes: FloatArray, numbers: FloatArray) -> float:
    """Root of the share of the numbers' variance that lies between classes, less what chance puts there."""
    codes = classes.astype(np.int64)
    near = numbers / max(float(np.abs(numbers).max()), 1e-300)  # of which no square overflows
    centred = near - near.mean()
    rows = np.bincount(codes)
    sums = np.bincount(codes, weights=centred)
    total = float(np.square(centred).sum())
    between = float((np.square(sums[rows > 0]) / rows[rows > 0]).sum())
    free = len(numbers) - int((rows > 0).sum())
    if not free or not total > 0:
        return 0.0
    return math.sqrt(min(1.0, max(0.0, 1.0 - (1.0 - between / total) * (len(numbers) - 1) / free)))


def _cramer(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    table_KL = _table(one, other)
    n, (k, m) = table_KL.sum(), table_KL.shape
    expected_KL = np.outer(table_KL.sum(axis=1), table_KL.sum(axis=0)) / n
    phi = float((np.square(table_KL - expected_KL) / expected_KL).sum() / n)
    phi = max(0.0, phi - (k - 1) * (m - 1) / (n - 1))
    least = min(k - (k - 1) ** 2 / (n - 1), m - (m - 1) ** 2 / (n - 1)) - 1
    return math.sqrt(min(1.0, phi / least)) if least > 0 else 0.0


def _information(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    """Mutual information as a share of the entropy of `other`."""
    table_KL = _table(one, other)
    n, (k, m) = table_KL.sum(), table_KL.shape
    shares_KL = table_KL / n
    free_KL = np.outer(shares_KL.sum(axis=1), shares_KL.sum(axis=0))
    met = shares_KL > 0
    nats = float((shares_KL[met] * np.log(shares_KL[met] / free_KL[met])).sum())
    answer = shares_KL.sum(axis=0)
    entropy = -float((answer * np.log(answer)).sum())
    return float(min(1.0, max(0.0, nats - (k - 1) * (m - 1) / (2 * n)) / entropy)) if entropy > 0 else 0.0


def _table(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> FloatArray:
    """Rows by both [K, L], without empty lines."""
    _, one = np.unique(one, return_inverse=True)
    _, other = np.unique(other, return_inverse=True)
    width = int(other.max()) + 1
    return (
        np.bincount(one * width + other, minlength=(int(one.max()) + 1) * width).reshape(-1, width).astype(np.float64)
    )


def _bins(values: FloatArray, most: int = MOST) -> npt.NDArray[np.int64]:
    """The quantile bin each value lies in; a value met at several quantiles has a bin of its own."""
    bins = min(max(len(values) // BIN_ROWS, FEWEST), most)
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="inverted_cdf"))
    return np.searchsorted(edges, values, side="left") + np.searchsorted(edges, values, side="right")
