"""Give each value of a category the share of the training rows that have it.

Choose it for categories of many values where being common or rare tells much, beside another encoding; values met
equally often are alike to a model. An unknown value is 0. Reference: Hancock and Khoshgoftaar, "Survey on Categorical
Data for Neural Networks", Journal of Big Data 7, 2020.
"""

from __future__ import annotations

import math
from typing import Literal

from rayline.prepare.encode._encoder import Encoder, VocabularyConfig
from rayline.prepare.fitted import Numbers, Vocabulary
from rayline.prepare.training_columns import CategoryColumn


class Config(VocabularyConfig):
    measure: Literal["share", "log"] = "share"
    """`share` of all rows, or the natural logarithm of one more than the rows, for counts over many sizes."""

    def build(self) -> Frequency:
        return Frequency(self)


class Frequency(Encoder):
    def __init__(self, options: Config) -> None:
        self._options = options

    def learn(self, column: CategoryColumn) -> Vocabulary:
        known = self._options.known(column)
        total = max(1, sum(column.counts.values()) + column.missing)
        table = [
            (self._measured(rows, total),) for rows in (column.missing, 0, *(column.counts[text] for text in known))
        ]
        return Vocabulary(known, "numbers", missing=column.missing > 0, numbers=Numbers(("",), tuple(table)))

    def _measured(self, rows: int, total: int) -> float:
        return rows / total if self._options.measure == "share" else math.log1p(rows)
