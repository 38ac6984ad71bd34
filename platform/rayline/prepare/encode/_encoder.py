"""What an encoder is: it learns from a training column what a model is given for each text of a category."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import Field

from rayline.core.catalog import PluginConfig
from rayline.prepare.fitted import Hashed, Vocabulary
from rayline.prepare.training_columns import CategoryColumn


class Encoder(ABC):
    @abstractmethod
    def learn(self, column: CategoryColumn) -> Vocabulary | Hashed: ...


class EncodeConfig(PluginConfig, ABC):
    @abstractmethod
    def build(self) -> Encoder: ...


class VocabularyConfig(EncodeConfig, ABC):
    """Options of encoders that know a training column's texts, most frequent first."""

    max_size: int = Field(default=10_000, ge=1)
    """Known values at most; of more, the most frequent are known and the others unknown."""
    min_count: int = Field(default=1, ge=1)
    """Training rows a value needs to be known. From 2 up, a model also learns what unknown is like."""

    def known(self, column: CategoryColumn) -> tuple[str, ...]:
        """The known texts of a training column, by falling count, equal counts in the order of the texts."""
        frequent = (text for text in column.ranked() if column.counts[text] >= self.min_count)
        return tuple(frequent)[: self.max_size]
