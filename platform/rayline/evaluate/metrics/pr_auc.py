"""PR-AUC: average precision, the area under the precision-recall curve by steps.

Choose it over ROC-AUC when the class is rare and what matters is how clean the top of the ranking is; its
floor is the share of the class. Multi-class: the mean of one-vs-rest areas. Reference: scikit-learn
`average_precision_score`.
"""

from __future__ import annotations

from rayline.core.catalog import PluginConfig
from rayline.evaluate.metrics._metric import CLASSIFICATION, Metric
from rayline.evaluate.metrics._ranking import average_precision, macro_area
from rayline.evaluate.scored import FloatArray, Scored


class Config(PluginConfig):
    def build(self) -> PrAuc:
        return PrAuc()


class PrAuc(Metric):
    tasks = CLASSIFICATION
    better = "higher"

    def weighted(self, scored: Scored, weights_RN: FloatArray) -> FloatArray:
        return macro_area(scored, weights_RN, average_precision)

    def undefined(self, scored: Scored) -> str:
        return f"no row is {scored.target.classes[-1]!r}" if len(scored) else "no rows"
