"""What was learnt for each column: the whole state of a preparation, plain values that both forms are built from."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from rayline.core.errors import DataError
from rayline.core.prepared import Layout, TensorInput
from rayline.prepare.fitted import Affine, Clip, Curve, Hashed, Vocabulary
from rayline.prepare.impute._joint import Filler
from rayline.prepare.reduce._reducer import Projection
from rayline.prepare.tensors import TensorStep

NO_CLIP = Clip(-math.inf, math.inf)
NO_SCALE = Affine(0.0, 1.0)


@dataclass(frozen=True)
class NumberState:
    """A number column: limits, then `fill` for missing values (`None`: none may be missing), curve, affine map."""

    name: str
    fill: float | None = None
    clip: Clip = NO_CLIP
    affine: Affine = NO_SCALE
    indicator: bool = False
    curve: Curve | None = None
    joint: str | None = None
    """The joint imputer that fills it, by its key among `State.fillers`; `fill` is then `None`."""

    @property
    def filled(self) -> bool:
        """Whether missing values are filled."""
        return self.fill is not None or self.joint is not None


@dataclass(frozen=True)
class CategoryState:
    """A category column: `fill` for missing values (`None`: missing stays a category of its own), then ids."""

    name: str
    vocabulary: Vocabulary | Hashed
    fill: str | None = None
    indicator: bool = False

    @property
    def size(self) -> int:
        """How many ids there are: missing, unknown, and the known values or buckets."""
        return self.vocabulary.size

    @property
    def has_ids(self) -> bool:
        return self.vocabulary.form == "ids"

    @property
    def number_names(self) -> list[str]:
        """Names of the number columns the category becomes; none where it becomes ids."""
        known = self.vocabulary
        if isinstance(known, Hashed):
            return [f"{self.name}#{bucket}" for bucket in range(known.buckets)] if known.form == "one_hot" else []
        if known.form == "one_hot":
            last = [missing_name(self.name)] if known.missing else []
            return [f"{self.name}={value}" for value in known.values] + last
        return [self.name + suffix for suffix in known.numbers.suffixes] if known.numbers else []


@dataclass(frozen=True)
class TensorState:
    """A text, image, sound or sequence column and the fitted step that makes an array of each value."""

    name: str
    kind: str
    plugin: str
    step: TensorStep = field(compare=False)


ColumnState = NumberState | CategoryState | TensorState


@dataclass(frozen=True)
class State:
    """All that a preparation learnt."""

    columns: tuple[ColumnState, ...]
    """One for each feature, in the features' order."""
    fillers: dict[str, Filler] = field(default_factory=dict, compare=False)
    """Fitted joint imputers, which are given all number columns."""
    kept: tuple[str, ...] | None = None
    """Number columns that selection left, by name; `None`: all."""
    projection: Projection | None = field(default=None, compare=False)
    """What replaces the number columns that were kept."""
    seed: int = 0

    @property
    def numbers(self) -> list[NumberState]:
        return [c for c in self.columns if isinstance(c, NumberState)]

    @property
    def categories(self) -> list[CategoryState]:
        return [c for c in self.columns if isinstance(c, CategoryState)]

    @property
    def tensors(self) -> list[TensorState]:
        return [c for c in self.columns if isinstance(c, TensorState)]

    @property
    def all_numbers(self) -> tuple[str, ...]:
        """Number columns before selection: numbers in the features' order, indicators, then what categories become."""
        indicators = [missing_name(c.name) for c in self.columns if not isinstance(c, TensorState) and c.indicator]
        made = [name for category in self.categories for name in category.number_names]
        return (*(n.name for n in self.numbers), *indicators, *made)

    @property
    def layout(self) -> Layout:
        """The columns of `Prepared`."""
        numbers = self.all_numbers if self.kept is None else self.kept
        known = self._flags
        if self.projection is not None:
            numbers, known = self.projection.names, {}
        flags = tuple(known.get(name, "") for name in numbers)
        with_ids = [c for c in self.categories if c.has_ids]
        tensors = [TensorInput(t.name, t.kind, t.step.shape, t.step.dtype.__name__, t.step.ids) for t in self.tensors]
        sizes = tuple(c.size for c in with_ids)
        return Layout(numbers, tuple(c.name for c in with_ids), sizes, tuple(tensors), flags)

    @property
    def _flags(self) -> dict[str, str]:
        """Number columns of yes and no, and the column that each is of."""
        found = {missing_name(c.name): c.name for c in self.columns if not isinstance(c, TensorState) and c.indicator}
        hot = (c for c in self.categories if c.vocabulary.form == "one_hot")
        return found | {name: category.name for category in hot for name in category.number_names}


def refuse_twins(state: State) -> None:
    """Raises:
    DataError: two number inputs would have one name, by which selection and files tell them apart.
    """
    numbers = state.all_numbers
    if len(set(numbers)) == len(numbers):
        return
    twin, _ = Counter(numbers).most_common(1)[0]
    column = next(
        c.name
        for c in reversed(state.columns)
        if twin in (c.number_names if isinstance(c, CategoryState) else ()) or twin == missing_name(c.name)
    )
    raise DataError(
        f"two number inputs would be called {twin!r}, one of them made of column {column!r}. Give the other column "
        f"another name (prepare.derive), encode {column!r} otherwise (prepare.columns.{column}.encode: ids), or, "
        "where a text says that the value is missing, make it so (prepare.clean: missing)."
    )


def missing_name(name: str) -> str:
    """The number column that says where `name` is missing."""
    return f"{name}=(missing)"
