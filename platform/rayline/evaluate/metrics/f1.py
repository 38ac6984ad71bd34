"""F1: the harmonic mean of precision and recall of a class (multi-class: mean over classes).

Choose it when a class is rare and both false alarms and missed cases cost. Reference: scikit-learn `f1_score`
(binary, macro).
"""

from __future__ import annotations

from rayline.core.catalog import PluginConfig
from rayline.evaluate.metrics._counts import count, macro, nothing_to_count
from rayline.evaluate.metrics._metric import CLASSIFICATION, Metric
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> F1:
        return F1()


class F1(Metric):
    tasks = CLASSIFICATION
    better = "higher"

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        counts = count(scored, weights_RN)
        return macro(2 * counts.hits, counts.answered + counts.actual, counts)

    def undefined(self, scored: Scored) -> str:
        return nothing_to_count(scored)
