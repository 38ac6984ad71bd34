"""What a balancer is: it weighs classes, chooses which training rows an epoch goes through, or makes up new ones.

It works on prepared training rows and on no others. Rows that are repeated or left out are places in the shards, never
copies. Rows that are made up have negative keys, so that nothing takes them for rows of the source.

A network that learns from balanced classes answers with probabilities of balanced classes: judge it by ranks
(roc_auc), or tune the threshold on validation rows, which are never balanced.

n training rows · m places an epoch goes through · K classes
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rayline.core.catalog import PluginConfig
from rayline.core.columns import Target, Task
from rayline.core.errors import SpecError
from rayline.core.prepared import Layout, Rows
from rayline.core.seeds import splitmix64

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Labels:
    """The targets of training rows, and what names each row."""

    values: npt.NDArray[np.float32] | npt.NDArray[np.int64]
    """[n], encoded."""
    keys: IntArray
    """[n]."""
    target: Target

    @cached_property
    def classes(self) -> IntArray:
        """Each row's class, as its place in `target.classes` [n]."""
        assert self.target.task.is_classification
        return np.asarray(self.values, np.int64)

    @cached_property
    def counts(self) -> IntArray:
        """Rows of each class [K]."""
        return np.bincount(self.classes, minlength=len(self.target.classes))

    def drawn(self, of: IntArray, rows: int, seed: int) -> IntArray:
        """`rows` of the places `of`, rising: those whose keys hash lowest, so that fewer are a part of more."""
        if rows >= len(of):
            return of
        hashes = splitmix64(self.keys[of].view(np.uint64), seed)
        return np.sort(of[np.argsort(hashes, kind="stable")[:rows]])


class Balancer:
    """Each balancer overrides one of `places`, `class_weights` and `made` (with `rows_made`); what it leaves alone
    changes nothing."""

    def places(self, labels: Labels, seed: int) -> IntArray | None:  # noqa: ARG002
        """Places of the rows that an epoch goes through [m]; `None` for each once."""
        return None

    def class_weights(self, labels: Labels) -> FloatArray | None:  # noqa: ARG002
        """What a row of each class counts in the loss [K], 1 a row in the mean; `None` for all alike."""
        return None

    def rows_made(self, labels: Labels) -> IntArray:
        """How many rows of each class `made` makes up [K]."""
        return np.zeros_like(labels.counts)

    def made(self, rows: Rows, layout: Layout, target: Target, seed: int) -> Rows | None:  # noqa: ARG002
        """Rows made up, with negative keys."""
        return None


class BalanceConfig(PluginConfig, ABC):
    redraws: ClassVar[bool] = False
    """Whether other rows may be chosen in each epoch."""
    makes: ClassVar[bool] = False
    """Whether rows are made up."""

    @abstractmethod
    def build(self) -> Balancer: ...

    def check(self, layout: Layout, target: Target) -> None:  # noqa: ARG002
        """Raises:
        SpecError: it cannot work on such inputs or targets.
        """
        if target.task is Task.REGRESSION:
            raise SpecError(
                f"prepare.balance: {type(self).plugin_name} needs classes, and {target.name!r} is a number to predict. "
                "Leave prepare.balance out, or take a share of the rows with subsample."
            )


class RatioConfig(BalanceConfig, ABC):
    """Options of balancers that bring classes nearer to each other."""

    ratio: float = Field(default=1.0, gt=0, le=1)
    """Rows of the smallest class to rows of the largest, at least, once it is done."""


def wanted(counts_K: IntArray, ratio: float) -> IntArray:
    """Rows of each class where none has fewer than `ratio` times the largest; a class without rows stays without."""
    least = int(np.ceil(ratio * counts_K.max(initial=0) - 1e-9))
    return np.where(counts_K > 0, np.maximum(counts_K, least), 0)
