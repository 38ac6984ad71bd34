"""Suspected label errors: rows whose label is at odds with those of the rows most like them.

Of at most 8,192 rows of the sample, each is compared with all others: numbers in standard deviations, categories and
missing values as one-hot. A row is suspected if its own label is scarce among its 15 nearest neighbours, scarcer than
chance makes it among rows of that label, and another label is there as often as among rows that have it (edited nearest
neighbours, Wilson, "Asymptotic Properties of Nearest Neighbor Rules Using Edited Data", 1972; thresholds by class as in
Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021). Where classes
overlap, a suspect may be right and merely unusual: a person has to look.

Measured with 5% of the labels changed at random, in the mean of 20 seeds (the limits were chosen on such runs):

    of scikit-learn's   precision   recall   suspects   suspects among the labels as they come
    breast_cancer         0.86       0.81      4.7%     0.5%
    wine                  0.99       0.85      4.4%     0
    digits                0.95       0.84      4.4%     0.2%
    iris                  0.92       0.74      4.3%     0

On adult, whose classes overlap, half of the planted errors are found, and about half of the suspects are others. Such a
trial is made with every data set's own rows, and its figures are `Suspects.found` and `right`.

N rows · F columns of numbers · C classes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import special

from rayline.core.category_text import category_texts
from rayline.core.columns import ROW
from rayline.core.seeds import derive, splitmix64, uniform
from rayline.profile.association import require_shown
from rayline.profile.intervals import wilson
from rayline.profile.likeness import CodeArray, neighbours, points
from rayline.profile.moments import FloatArray
from rayline.profile.profile import Profile
from rayline.profile.types import Decision, is_classes

MOST_ROWS = 8_192
FEWEST_ROWS = 50
MOST_CLASSES = 1000
NEIGHBOURS = 15
SCARCE = 0.2
"""Of the neighbours: at most this share has the label of a suspect."""
CONFIDENT = 0.95
"""Of what neighbours of the same label are among rows of another label: a suspect has that share of that label."""
UNLIKELY = 0.01
"""So likely at most is a row with as few neighbours of its own label, among rows of that label."""
PLANTED = 0.05


@dataclass(frozen=True)
class Suspect:
    """A row whose label may be wrong."""

    row: int
    label: str
    """That it has."""
    instead: str
    """The commonest label of its neighbours."""
    support: float
    """Share of the neighbours that have that."""
    own: float
    """Share of the neighbours that have its own label."""


@dataclass(frozen=True)
class Suspects:
    """The suspects of a data set, the worst first."""

    target: str
    looked: int
    """Rows that were compared: all with a label up to 8,192, or so many of the sample."""
    rows: tuple[Suspect, ...]
    share: float
    """Of the rows looked at; `low` to `high`: its 95% interval over all rows."""
    low: float
    high: float
    estimate: int
    """Suspects among all rows, about."""
    found: float
    """What of wrong labels is found here: of 5% of these labels, changed at random for a trial, the share found."""
    right: float
    """Share of that trial's suspects that were changed: at least so many are wrong if 5% of all labels are."""
    exact: bool
    """Whether every row with a label was looked at."""


def suspects(profile: Profile, target: str, *, decisions: Mapping[str, Decision] | None = None) -> Suspects | None:
    """The suspects, or `None` where nothing can be said: a target of numbers, under 50 rows, no usable feature.

    Features are numbers, categories and dates that are not private; ids, free text, images and lists are left out.

    Args:
        profile: of all rows.
        target: the column of labels.
        decisions: what each column is; default: as `types.infer` has it.

    Raises:
        DataError: no such column, or a private one.
    """
    require_shown(profile, target, tells="rows with odd values of it")
    if profile.columns[target].kind not in ("text", "boolean", "number") or not is_classes(profile.columns[target]):
        return None
    sample = _chosen(profile, target)
    if sample.height < FEWEST_ROWS:
        return None
    texts, codes = category_texts(sample[target])
    classes = [text for text in texts if text is not None]
    x_NF = points(profile, sample, target, decisions)
    if x_NF is None or not 1 < len(classes) <= MOST_CLASSES:
        return None
    labels_N = codes.astype(np.int64)
    planted_N, changed_N = _planted(sample[ROW].to_numpy(), labels_N, len(classes), profile.seed)
    shares_NC, trial_NC = neighbours(x_NF, (labels_N, planted_N), len(classes), NEIGHBOURS)
    odd_N, trial_N = _odd(shares_NC, labels_N), _odd(trial_NC, planted_N)
    rows = _told(sample[ROW].to_numpy(), shares_NC, labels_N, odd_N, classes)
    known = profile.columns[target].count
    low, high = wilson(len(rows), sample.height, NormalDist().inv_cdf(0.975))
    return Suspects(
        target=target,
        looked=sample.height,
        rows=rows,
        share=len(rows) / sample.height,
        low=low,
        high=high,
        estimate=round(len(rows) / sample.height * known),
        found=float((trial_N & changed_N).sum() / max(1, changed_N.sum())),
        right=float((trial_N & changed_N).sum() / max(1, trial_N.sum())),
        exact=sample.height >= known,
    )


def _chosen(profile: Profile, target: str) -> pl.DataFrame:
    """Rows of the sample with a label, those whose hashes are smallest, in the order of ROW."""
    texts, codes = category_texts(profile.sample[target])
    known = profile.sample.filter(pl.Series(codes < len(texts) - 1))
    if known.height <= MOST_ROWS:
        return known
    hashes = splitmix64(known[ROW].to_numpy().view(np.uint64), derive(profile.seed, "suspects"))
    return known[np.sort(np.argsort(hashes, kind="stable")[:MOST_ROWS])]


def _planted(
    rows_N: npt.NDArray[np.int64], labels_N: CodeArray, classes: int, seed: int
) -> tuple[CodeArray, npt.NDArray[np.bool_]]:
    """The labels with some changed to another, any as likely; and which."""
    bits_N = rows_N.view(np.uint64)
    changed_N = uniform(splitmix64(bits_N, derive(seed, "planted errors"))) < PLANTED
    steps_N = 1 + np.floor(uniform(splitmix64(bits_N, derive(seed, "planted labels"))) * (classes - 1)).astype(np.int64)
    return np.where(changed_N, (labels_N + steps_N) % classes, labels_N), changed_N


def _odd(shares_NC: FloatArray, labels_N: CodeArray) -> npt.NDArray[np.bool_]:
    """Which rows are suspected."""
    n, classes = shares_NC.shape
    own_N = shares_NC[np.arange(n), labels_N]
    rows_C = np.bincount(labels_N, minlength=classes)
    usual_C = np.bincount(labels_N, own_N, minlength=classes) / np.maximum(rows_C, 1)
    fewest_N = special.bdtr(np.floor(own_N * NEIGHBOURS + 1e-9), NEIGHBOURS, usual_C[labels_N])
    others_NC = shares_NC.copy()
    others_NC[np.arange(n), labels_N] = -1.0
    best_N = others_NC.argmax(axis=1)
    confident_N = others_NC[np.arange(n), best_N] >= CONFIDENT * usual_C[best_N]
    found: npt.NDArray[np.bool_] = (own_N <= SCARCE) & (fewest_N <= UNLIKELY) & confident_N
    return found


def _told(
    rows_N: npt.NDArray[np.int64],
    shares_NC: FloatArray,
    labels_N: CodeArray,
    odd_N: npt.NDArray[np.bool_],
    classes: list[str],
) -> tuple[Suspect, ...]:
    """The suspects, those with the most neighbours of another label first."""
    found = []
    for place in np.flatnonzero(odd_N).tolist():
        shares_C = shares_NC[place].copy()
        own = float(shares_C[labels_N[place]])
        shares_C[labels_N[place]] = -1.0
        best = int(shares_C.argmax())
        support = float(shares_C[best])
        found.append(Suspect(int(rows_N[place]), classes[labels_N[place]], classes[best], support, own))
    return tuple(sorted(found, key=lambda one: (round(one.own - one.support, 9), one.row)))
