"""What a selector is: from the prepared training sample, which number columns stay.

m rows of the sample · W number columns
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayline.core.catalog import PluginConfig
from rayline.core.columns import Task
from rayline.core.errors import DataError, SpecError
from rayline.core.seeds import derive, splitmix64
from rayline.core.shown import counted

FloatArray = npt.NDArray[np.float64]
Scored = list[tuple[str, float]]


@dataclass(frozen=True)
class Candidates:
    """Prepared number columns of the training sample, and what is to be predicted from them."""

    names: tuple[str, ...]
    numbers_MW: npt.NDArray[np.float64]  # noqa: N815
    target_M: npt.NDArray[np.float64] | npt.NDArray[np.int64]  # noqa: N815
    """Regression: values. Classification: each row's class, as its place (int64)."""
    task: Task
    seed: int

    @property
    def is_regression(self) -> bool:
        return self.task is Task.REGRESSION

    def require_rows(self, step: str) -> None:
        """Raises:
        DataError: the sample tells nothing: too few rows, or one class alone.
        """
        if len(self.target_M) < 2 or len(np.unique(self.target_M)) < 2:
            raise DataError(
                f"select {step}: the training sample has {counted(len(self.target_M))} and the target is the same in "
                "all of them, so no column can be told from another. Give more rows, or leave prepare.select out."
            )

    def at_most(self, rows: int) -> Candidates:
        """A seeded subset of the sample's rows, in their order; all of them where there are no more than `rows`."""
        places = subset(len(self.target_M), rows, derive(self.seed, "select rows"))
        return replace(self, numbers_MW=self.numbers_MW[places], target_M=self.target_M[places])

    def standardised(self) -> FloatArray:
        """The columns with mean 0 and variance 1 [m, W]; one that does not vary is 0."""
        centred_MW = self.numbers_MW - self.numbers_MW.mean(axis=0)
        spread_W = centred_MW.std(axis=0)
        varies_W = spread_W > 1e-12 * np.maximum(1.0, np.abs(self.numbers_MW).max(axis=0, initial=0.0))
        return np.where(varies_W, centred_MW / np.where(varies_W, spread_W, 1.0), 0.0)


def subset(of: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    """At most `most` of the places 0..of-1, rising, by their seeded hashes."""
    if of <= most:
        return np.arange(of)
    hashes = splitmix64(np.arange(of, dtype=np.uint64), seed)
    return np.sort(np.argsort(hashes, kind="stable")[:most])


class Selector(ABC):
    @abstractmethod
    def choose(self, candidates: Candidates) -> list[tuple[str, float]]:
        """Columns that stay, in their order, each with its score (for `prepare --explain`)."""


class SelectConfig(PluginConfig, ABC):
    @abstractmethod
    def build(self) -> Selector: ...


class ScoredConfig(SelectConfig, ABC):
    """Options of selectors that give each column a score: the best stay."""

    keep: int | None = Field(default=None, ge=1)
    """How many columns stay at most; of equal scores the first columns."""
    threshold: float | None = Field(default=None, ge=0.0)
    """Columns whose score is below it go; a column of score 0 always goes."""

    def best(self, candidates: Candidates, scores_W: FloatArray, step: str) -> Scored:
        """The columns that stay by their scores [W], in their order.

        Raises:
            SpecError: none would stay.
        """
        scores = np.nan_to_num(scores_W, nan=0.0)
        stays = scores > 0.0
        if self.threshold is not None:
            stays &= scores >= self.threshold
        ranked = [place for place in np.argsort(-scores, kind="stable").tolist() if stays[place]]
        return stay(candidates.names, scores, ranked[: self.keep], step)


def stay(names: Sequence[str], scores_W: FloatArray, places: Sequence[int], step: str) -> Scored:
    """The columns at `places`, in their order, with their scores [W].

    Raises:
        SpecError: there is none.
    """
    if not places:
        best = f" The best, {names[int(np.argmax(scores_W))]!r}, has {float(np.max(scores_W)):.4g}." if names else ""
        raise SpecError(f"select {step} would leave no number column.{best} Lower its threshold, or leave it out.")
    return [(names[place], float(scores_W[place])) for place in sorted(places)]
