"""Recall: of the rows of a class, the share answered with it (multi-class: mean over classes).

Choose it when a missed case is what costs. Reference: scikit-learn `recall_score` (binary, macro).
"""

from __future__ import annotations

from rayline.core.catalog import PluginConfig
from rayline.evaluate.metrics._counts import count, macro, nothing_to_count
from rayline.evaluate.metrics._metric import CLASSIFICATION, Metric
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> Recall:
        return Recall()


class Recall(Metric):
    tasks = CLASSIFICATION
    better = "higher"

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        counts = count(scored, weights_RN)
        return macro(counts.hits, counts.actual, counts)

    def undefined(self, scored: Scored) -> str:
        return nothing_to_count(scored)
