"""Labels that people gave: how far they agree, and what label each row has in the end.

Percent agreement is the share of pairs of labels of a row that are equal, in the mean over rows. The other figures
take off what chance alone would give: Cohen's kappa for two annotators (Cohen, "A coefficient of agreement for nominal
scales", 1960), Fleiss' kappa where each row has equally many labels (Fleiss, "Measuring nominal scale agreement among
many raters", Psychological Bulletin 1971), Krippendorff's alpha for any number, some missing (Krippendorff, "Computing
Krippendorff's Alpha-Reliability", 2011). 1 is agreement in all, 0 what chance gives; below 0.667 labels are seldom
worth learning from.

N rows · A annotators · K labels
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.errors import DataError, SpecError, listing, nearest
from rayline.core.shown import counted

KEY, ANNOTATOR, LABEL = "key", "annotator", "label"
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]\d{1,6})?", re.ASCII)
"""Keys that are numbers as `category_text` writes them; 007 is none."""
MOST_PAIRS = 45
"""Pairs of annotators whose kappas are told: those of ten."""

CountArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ClassAgreement:
    """How far annotators agree on one label."""

    label: str
    given: int
    """How often it was given, on rows with two labels or more."""
    agreement: float | None
    """Of those who gave it, the share of the others on the row who gave it too; `None` where it was given on no row
    with two labels."""
    alpha: float | None
    """Krippendorff's alpha of this label against all others; `None` where it was given always or never."""


@dataclass(frozen=True)
class Agreement:
    """How far annotators agree. Figures are `None` where they are not defined."""

    rows: int
    """With a label or more."""
    shared: int
    """With two or more: what all figures are of."""
    annotators: dict[str, int]
    """Labels each gave."""
    percent: float | None
    cohen: float | None
    """For two annotators."""
    fleiss: float | None
    """Where each shared row has equally many labels."""
    krippendorff: float | None
    classes: tuple[ClassAgreement, ...]
    pairs: dict[tuple[str, str], float | None] = field(default_factory=dict)
    """Cohen's kappa of each two annotators of more."""


@dataclass(frozen=True)
class Resolved:
    """A label for each row on which one has most votes."""

    labels: pl.DataFrame
    """key, label, agreement (share of the row's annotators who gave it), annotators."""
    ties: list[str]
    """Keys of rows on which none has."""
    disagreements: list[str]
    """Keys of rows whose annotators do not all agree."""


def votes(keys: Sequence[str], annotators: Sequence[str], labels: Sequence[str], where: str = "") -> pl.DataFrame:
    """One row a label given: key, annotator, label; the same label twice by one annotator counts once.

    Raises:
        DataError: an annotator gave a row two labels.
    """
    schema = dict.fromkeys((KEY, ANNOTATOR, LABEL), pl.String())
    found = pl.DataFrame({KEY: keys, ANNOTATOR: annotators, LABEL: labels}, schema=schema)
    found = found.unique(maintain_order=True)
    twice = found.filter(pl.struct(KEY, ANNOTATOR).is_duplicated())
    if twice.height:
        first = twice.row(0, named=True)
        cases = counted(twice.select(KEY, ANNOTATOR).unique().height, "such case")
        raise DataError(
            f"{where}annotator {first[ANNOTATOR]!r} gave row {first[KEY]!r} more than one label ({cases}). "
            "Keep one label of each annotator a row."
        )
    return found


def agreement(found: pl.DataFrame) -> Agreement:
    """The figures of `votes`."""
    classes = sorted(found[LABEL].unique().to_list(), key=key_order)
    shared = found.filter(pl.len().over(KEY) >= 2)
    counts_NK = _counts(shared, classes)
    annotators = {row[0]: row[1] for row in found.group_by(ANNOTATOR).len().sort(ANNOTATOR).iter_rows()}
    pairs = {pair: _cohen(found, *pair) for pair in combinations(annotators, 2)} if len(annotators) > 1 else {}
    cohen = next(iter(pairs.values())) if len(annotators) == 2 else None
    return Agreement(
        rows=found[KEY].n_unique(),
        shared=len(counts_NK),
        annotators=annotators,
        percent=float(_row_agreement(counts_NK).mean()) if len(counts_NK) else None,
        cohen=cohen,
        fleiss=fleiss(counts_NK),
        krippendorff=krippendorff(counts_NK),
        classes=tuple(_of_class(counts_NK, place, name) for place, name in enumerate(classes)),
        pairs=pairs if len(annotators) > 2 and len(pairs) <= MOST_PAIRS else {},
    )


def resolve(found: pl.DataFrame, adjudicator: str | None = None) -> Resolved:
    """The label with most votes of each row.

    Args:
        found: the `votes`.
        adjudicator: an annotator whose label stands wherever there is one, and who is counted nowhere else.

    Raises:
        SpecError: nobody is called so.
    """
    judged = found.clear()
    if adjudicator is not None:
        names = found[ANNOTATOR].unique().sort().to_list()
        if adjudicator not in names:
            raise SpecError(
                f"no annotator is called {adjudicator!r}.{nearest(adjudicator, names)} Annotators: {listing(names)}."
            )
        judged = found.filter(pl.col(ANNOTATOR) == adjudicator)
        found = found.filter(pl.col(ANNOTATOR) != adjudicator)
    given = found.group_by(KEY, LABEL).len("votes")
    given = given.with_columns(
        pl.col("votes").sum().over(KEY).alias("annotators"), pl.col("votes").max().over(KEY).alias("most")
    )
    disagreements = given.filter(pl.col("votes") < pl.col("annotators"))[KEY].unique()
    best = given.filter(pl.col("votes") == pl.col("most"))
    tied = best.filter(pl.len().over(KEY) > 1)[KEY].unique()
    chosen = best.filter(~pl.col(KEY).is_in(tied.implode())).select(KEY, LABEL)
    if judged.height:
        chosen = pl.concat([chosen.join(judged, on=KEY, how="anti"), judged.select(KEY, LABEL)])
        tied = tied.filter(~tied.is_in(judged[KEY].implode()))
    labels = (
        chosen.join(given.select(KEY, "annotators").unique(), on=KEY, how="left")
        .join(given.select(KEY, LABEL, "votes"), on=[KEY, LABEL], how="left")
        .select(
            KEY,
            LABEL,
            # a row that only the adjudicator labelled: nobody else was there to agree
            (pl.col("votes").fill_null(0) / pl.col("annotators")).fill_null(1.0).alias("agreement"),
            pl.col("annotators").fill_null(0).cast(pl.Int64),
        )
    )
    order = sorted(range(labels.height), key=list(map(key_order, labels[KEY])).__getitem__)
    return Resolved(labels[order], sorted(tied, key=key_order), sorted(disagreements, key=key_order))


def key_order(key: str) -> tuple[int, Decimal, str]:
    """What keys, which are texts, are sorted by: numbers by their size, before all others, which stand as texts do.

    >>> sorted(["b", "10", "9", "1.5", "a", "007", "-2"], key=key_order)
    ['-2', '1.5', '9', '10', '007', 'a', 'b']
    """
    return (0, Decimal(key), key) if NUMBER.fullmatch(key) else (1, Decimal(0), key)


def fleiss(counts_NK: CountArray) -> float | None:
    """Fleiss' kappa of how often each row was given each label; `None` where rows have not equally many labels."""
    votes_N = counts_NK.sum(axis=1)
    if not len(counts_NK) or votes_N.min() < 2 or votes_N.min() != votes_N.max():
        return None
    chance = float(np.square(counts_NK.sum(axis=0) / counts_NK.sum()).sum())
    return _beyond(float(_row_agreement(counts_NK).mean()), chance)


def krippendorff(counts_NK: CountArray) -> float | None:
    """Krippendorff's alpha for labels without an order; rows with fewer than two labels count nothing."""
    counts_NK = counts_NK[counts_NK.sum(axis=1) >= 2]
    total = counts_NK.sum()
    if not total:
        return None
    matched = float((counts_NK * (counts_NK - 1) / (counts_NK.sum(axis=1, keepdims=True) - 1)).sum())
    each_K = counts_NK.sum(axis=0)
    chance = float((each_K * (each_K - 1)).sum() / (total - 1))
    return _beyond(matched / total, chance / total)


def _of_class(counts_NK: CountArray, place: int, name: str) -> ClassAgreement:
    own_N = counts_NK[:, place]
    others_N = counts_NK.sum(axis=1) - 1
    given = own_N.sum()
    agreed = float((own_N * (own_N - 1) / np.maximum(others_N, 1)).sum() / given) if given else None
    binary = np.stack([own_N, counts_NK.sum(axis=1) - own_N], axis=1)
    return ClassAgreement(name, int(given), agreed, krippendorff(binary))


def _counts(found: pl.DataFrame, classes: Sequence[str]) -> CountArray:
    """How often each row was given each label [N, K], rows by key."""
    keys = found[KEY].unique().sort()
    counts_NK = np.zeros((len(keys), len(classes)))
    rows = found[KEY].replace_strict(keys, pl.Series(range(len(keys)), dtype=pl.Int64), return_dtype=pl.Int64)
    names = pl.Series(classes, dtype=pl.String)
    columns = found[LABEL].replace_strict(names, pl.Series(range(len(classes)), dtype=pl.Int64), return_dtype=pl.Int64)
    np.add.at(counts_NK, (rows.to_numpy().astype(np.int64), columns.to_numpy().astype(np.int64)), 1)
    return counts_NK


def _cohen(found: pl.DataFrame, one: str, other: str) -> float | None:
    """Cohen's kappa on the rows that both labelled."""
    both = found.filter(pl.col(ANNOTATOR) == one).join(found.filter(pl.col(ANNOTATOR) == other), on=KEY)
    if not both.height:
        return None
    observed = float((both[LABEL] == both[f"{LABEL}_right"]).mean())  # type: ignore[arg-type]
    first = dict(both[LABEL].value_counts().iter_rows())
    second = dict(both[f"{LABEL}_right"].value_counts().iter_rows())
    chance = sum(count * second.get(name, 0) for name, count in first.items()) / both.height**2
    return _beyond(observed, chance)


def _row_agreement(counts_NK: CountArray) -> CountArray:
    """The share of pairs of labels that are equal, for each row [N] of two labels or more."""
    votes_N = counts_NK.sum(axis=1)
    found: CountArray = (counts_NK * (counts_NK - 1)).sum(axis=1) / (votes_N * (votes_N - 1))
    return found


def _beyond(observed: float, chance: float) -> float | None:
    """Agreement beyond chance; not defined where chance alone gives all: one label for every row."""
    return (observed - chance) / (1 - chance) if chance < 1 - 1e-12 else None
