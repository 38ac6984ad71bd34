"""The fitted preparation: what was learnt from the training rows, its two forms, its files.

fit(spec.prepare, features, profile of the training rows) → Preparation
Preparation.apply(frame)              → Prepared     batches
Preparation.compile().columns(values) → Prepared     an endpoint's rows, equal bit for bit
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from rayline.core.columns import Feature, FeatureType
from rayline.core.prepared import Layout, Prepared
from rayline.prepare import state_files
from rayline.prepare.batch import prepare_frame
from rayline.prepare.choose import choose
from rayline.prepare.compiled import Compiled
from rayline.prepare.learn import Learnt, learn_column, without_values
from rayline.prepare.state import NumberState, State, layout_of
from rayline.prepare.transform import Transform
from rayline.spec.sections import Prepare

if TYPE_CHECKING:
    from rayline.profile.profile import Profile


def fit(prepare: Prepare, features: Sequence[Feature], profile: Profile) -> Preparation:
    """Learn the declared steps from the profile of the training rows, and of no others.

    Args:
        prepare: the section of the spec.
        features: the columns with their types; only numbers and categories are learnt from.
        profile: of the training rows (of a fold: of the fold's training rows).

    Raises:
        SpecError: a step that does not fit its column, or a column that is none of the features.
        DataError: a column that cannot be learnt from as declared.
    """
    steps = choose(prepare, features)
    learnt_from = [feature for feature in features if feature.name in steps]
    learnt = [learn_column(feature, steps[feature.name], profile) for feature in learnt_from]
    return Preparation(tuple(state for state, _ in learnt), tuple(account for _, account in learnt))


@dataclass(frozen=True)
class Preparation:
    """Learnt steps, ready to use. Two preparations learnt from the same rows are equal, and so are their files."""

    states: tuple[State, ...]
    """One for each feature, in the features' order."""
    learnt: tuple[Learnt, ...]

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns that `apply` reads."""
        number, category = FeatureType.NUMBER, FeatureType.CATEGORY
        return tuple(Feature(s.name, number if isinstance(s, NumberState) else category) for s in self.states)

    @property
    def required(self) -> tuple[str, ...]:
        """Number columns without an imputer: a row that lacks one of them is refused."""
        return tuple(s.name for s in self.states if isinstance(s, NumberState) and s.fill is None)

    @cached_property
    def layout(self) -> Layout:
        """The columns of what `apply` gives."""
        return layout_of(self.states)

    @cached_property
    def _transform(self) -> Transform:
        return Transform(self.states)

    def apply(self, frame: pl.DataFrame) -> Prepared:
        """Model inputs for the rows of `frame`, in order; columns that are no features are ignored.

        Raises:
            DataError: a feature's column lacks, or holds what its type cannot be.
        """
        return prepare_frame(self._transform, frame)

    def compile(self) -> Compiled:
        """The form for an endpoint's rows."""
        return Compiled(self._transform)

    def explain(self, private: Sequence[str] = ()) -> list[dict[str, Any]]:
        """What was learnt for each column, JSON-able: `column, type, missing, steps: [{step, name, learnt}]`.

        Columns in `private` tell their steps' names and no value learnt.
        """
        return [without_values(account) if account["column"] in private else account for account in self.learnt]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `prepare.json` and `prepare.safetensors` into `folder` (path or URI); equal states, equal bytes."""
        state_files.save(folder, self.states, {"learnt": list(self.learnt)})

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Preparation:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            PackageError: another format, or files that do not belong together.
        """
        states, document = state_files.load(folder)
        return cls(tuple(states), tuple(document["learnt"]))
