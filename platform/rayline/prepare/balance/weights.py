"""Let rows of scarce classes count more in the loss. Choose it first: no row is lost, none is learnt by heart.

`balanced` gives each class the same weight in all, as scikit-learn's `class_weight="balanced"` does. Or declare what a
row of each class counts; only the ratios matter, since weights are scaled to 1 a row in the mean. Reference: King and
Zeng, "Logistic Regression in Rare Events Data", Political Analysis 2001.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from rayline.core.category_text import category_text
from rayline.core.columns import Target
from rayline.core.errors import SpecError, listing, nearest
from rayline.core.prepared import Layout
from rayline.prepare.balance._balancer import BalanceConfig, Balancer, FloatArray, Labels

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _by_text(value: Any) -> Any:
    # as texts of classes are written: 1 for 1.0, true for True
    return {category_text(name): weight for name, weight in value.items()} if isinstance(value, Mapping) else value


class Config(BalanceConfig):
    classes: Annotated[Literal["balanced"] | dict[str, Weight], BeforeValidator(_by_text)] = "balanced"
    """`balanced`, or class to what a row of it counts; classes not named count 1."""

    def build(self) -> Weights:
        return Weights(None if isinstance(self.classes, str) else self.classes)

    def check(self, layout: Layout, target: Target) -> None:
        super().check(layout, target)
        known = target.classes
        for name in () if isinstance(self.classes, str) else self.classes:
            if name not in known:
                raise SpecError(
                    f"prepare.balance: weights names the class {name!r}, which {target.name!r} does not have."
                    f"{nearest(name, known)} Classes: {listing(known)}."
                )


class Weights(Balancer):
    def __init__(self, named: dict[str, float] | None) -> None:
        self._named = named

    def class_weights(self, labels: Labels) -> FloatArray:
        counts_K = labels.counts.astype(np.float64)
        if self._named is None:
            weights_K = 1 / np.maximum(counts_K, 1)
        else:
            weights_K = np.array([self._named.get(name, 1.0) for name in labels.target.classes])
        made: FloatArray = weights_K * (counts_K.sum() / (counts_K * weights_K).sum())
        return made
