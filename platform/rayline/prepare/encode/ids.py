"""Give each known value of a category an id, for a model that learns an embedding of it.

The default. Missing and unknown values have ids of their own (0 and 1), known ones follow by falling count. Reference:
Guo and Berkhahn, "Entity Embeddings of Categorical Variables", 2016, arXiv:1604.06737.
"""

from __future__ import annotations

from rayline.prepare.encode._encoder import Encoder, VocabularyConfig
from rayline.prepare.fitted import Vocabulary
from rayline.prepare.training_columns import CategoryColumn


class Config(VocabularyConfig):
    def build(self) -> Ids:
        return Ids(self)


class Ids(Encoder):
    def __init__(self, options: Config) -> None:
        self._options = options

    def learn(self, column: CategoryColumn) -> Vocabulary:
        return Vocabulary(self._options.known(column), "ids", missing=column.missing > 0)
