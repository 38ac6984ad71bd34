"""Give each known value of a category a number column `NAME=VALUE` that is 1 where the row has the value, else 0.

Choose it for categories of few values, or to keep the model linear in them. Missing has a column `NAME=(missing)`
where training has missing values; an unknown value is 0 in all columns. Reference: Hastie, Tibshirani and Friedman,
"The Elements of Statistical Learning", 2009, section 2.2.
"""

from __future__ import annotations

from pydantic import Field

from rayline.prepare.encode._encoder import Encoder, VocabularyConfig
from rayline.prepare.fitted import Vocabulary
from rayline.prepare.training_columns import CategoryColumn


class Config(VocabularyConfig):
    max_size: int = Field(default=256, ge=1)
    """Known values, and hence columns, at most; of more, the most frequent are known and the others unknown."""

    def build(self) -> OneHot:
        return OneHot(self)


class OneHot(Encoder):
    def __init__(self, options: Config) -> None:
        self._options = options

    def learn(self, column: CategoryColumn) -> Vocabulary:
        return Vocabulary(self._options.known(column), "one_hot", missing=column.missing > 0)
