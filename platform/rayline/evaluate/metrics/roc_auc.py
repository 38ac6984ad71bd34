"""ROC-AUC: how likely a random row of the class scores above a random row of the others.

Choose it to compare rankings whatever the threshold and however rare the class is. Multi-class: the mean of
one-vs-rest areas over the classes. Reference: Fawcett, "An introduction to ROC analysis", 2006.
"""

from __future__ import annotations

from rayline.core.catalog import PluginConfig
from rayline.evaluate.metrics._metric import CLASSIFICATION, Metric
from rayline.evaluate.metrics._ranking import macro_area, roc_area
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> RocAuc:
        return RocAuc()


class RocAuc(Metric):
    tasks = CLASSIFICATION
    better = "higher"

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        return macro_area(scored, weights_RN, roc_area)

    def undefined(self, scored: Scored) -> str:
        return f"every row is {scored.target.classes[int(scored.truth[0])]!r}" if len(scored) else "no rows"
