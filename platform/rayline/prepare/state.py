"""What was learnt for each column: the whole state of a preparation, plain values that both forms are built from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rayline.core.prepared import FIRST_ID, Layout
from rayline.prepare.fitted import Affine, Clip, Vocabulary

NO_CLIP = Clip(-math.inf, math.inf)
NO_SCALE = Affine(0.0, 1.0)


@dataclass(frozen=True)
class NumberState:
    """A number column: `fill` for missing values (`None`: none may be missing), then clip, then the affine map."""

    name: str
    fill: float | None = None
    clip: Clip = NO_CLIP
    affine: Affine = NO_SCALE
    indicator: bool = False


@dataclass(frozen=True)
class CategoryState:
    """A category column: `fill` for missing values (`None`: missing stays a category of its own), then ids."""

    name: str
    vocabulary: Vocabulary
    fill: str | None = None
    indicator: bool = False

    @property
    def size(self) -> int:
        """How many ids there are: missing, unknown, and the known values."""
        return FIRST_ID + len(self.vocabulary.values)

    @property
    def one_hot(self) -> bool:
        return self.vocabulary.form == "one_hot"

    @property
    def one_hot_names(self) -> list[str]:
        """Names of the number columns a one-hot category becomes."""
        last = [missing_name(self.name)] if self.vocabulary.missing else []
        return [f"{self.name}={value}" for value in self.vocabulary.values] + last


State = NumberState | CategoryState


def missing_name(name: str) -> str:
    """The number column that says where `name` is missing."""
    return f"{name}=(missing)"


def layout_of(states: Sequence[State]) -> Layout:
    """Numbers in the features' order, then indicators, then one-hot columns; categories with ids in their order."""
    numbers = [s.name for s in states if isinstance(s, NumberState)]
    indicators = [missing_name(s.name) for s in states if s.indicator]
    one_hot = [n for s in states if isinstance(s, CategoryState) and s.one_hot for n in s.one_hot_names]
    with_ids = [s for s in states if isinstance(s, CategoryState) and not s.one_hot]
    return Layout((*numbers, *indicators, *one_hot), tuple(s.name for s in with_ids), tuple(s.size for s in with_ids))
