"""Precision: of the rows answered with a class, the share that are of it (multi-class: mean over classes).

Choose it when a false alarm is what costs. Reference: scikit-learn `precision_score` (binary, macro).
"""

from __future__ import annotations

from rayline.core.catalog import PluginConfig
from rayline.evaluate.metrics._counts import count, macro, nothing_to_count
from rayline.evaluate.metrics._metric import CLASSIFICATION, Metric
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> Precision:
        return Precision()


class Precision(Metric):
    tasks = CLASSIFICATION
    better = "higher"

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        counts = count(scored, weights_RN)
        return macro(counts.hits, counts.answered, counts)

    def undefined(self, scored: Scored) -> str:
        return nothing_to_count(scored)
