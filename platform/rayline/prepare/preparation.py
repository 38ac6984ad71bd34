"""The fitted preparation: what was learnt from the training rows, its two forms, its files.

fit(spec.prepare, features, profile of the training rows, target) → Preparation
Preparation.apply(frame)              → Prepared     batches of rows that are clean already
Preparation.from_raw(frame)           → Prepared     batches as the source has them
Preparation.compile().columns(values) → Prepared     an endpoint's rows as the source has them, equal bit for bit
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import Feature, FeatureType, Target
from rayline.core.prepared import Layout, Prepared
from rayline.prepare import state_files
from rayline.prepare.batch import prepare_frame, stays_in_training
from rayline.prepare.choose import choose
from rayline.prepare.compiled import Compiled
from rayline.prepare.impute._filled import Filled
from rayline.prepare.learn import Learnt, learn_columns, without_values
from rayline.prepare.private_steps import without_kept_values
from rayline.prepare.recipe import Recipe
from rayline.prepare.reduction import choose_columns
from rayline.prepare.state import ColumnState, NumberState, State, TensorState
from rayline.prepare.transform import Transform
from rayline.spec.sections import Prepare

if TYPE_CHECKING:
    from rayline.profile.profile import Profile


def fit(
    prepare: Prepare,
    features: Sequence[Feature],
    profile: Profile,
    target: Target | None = None,
    *,
    filled: Filled | None = None,
) -> Preparation:
    """Learn the declared steps from the profile of the training rows, and of no others.

    Args:
        prepare: the section of the spec.
        features: the columns with their types; dates, ids and dropped ones are not learnt from, nor are texts
            without a step.
        profile: of the training rows (of a fold: of the fold's training rows).
        target: what is predicted; target encoding, selection and the report of them read it.
        filled: given when this is learnt twice, what joint imputers made of the sample, for the second time.

    Raises:
        SpecError: a step that does not fit its column, or a column that is none of the features.
        DataError: a column that cannot be learnt from as declared.
    """
    steps, gave_way = without_kept_values(prepare, choose(prepare, features), profile.private)
    learnt_from = [feature for feature in features if feature.name in steps]
    state, accounts = learn_columns(learnt_from, steps, profile, target, gave_way, filled)
    return Preparation(*choose_columns(prepare, state, accounts, profile, target))


@dataclass(frozen=True)
class Preparation:
    """Learnt steps, ready to use. Two preparations learnt from the same rows are equal, and so are their files."""

    state: State
    learnt: tuple[Learnt, ...]
    recipe: Recipe | None = None
    """Corrections and derived columns, which sources apply while they are read."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns that `apply` reads."""
        return tuple(Feature(s.name, _type_of(s)) for s in self.state.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Number columns without an imputer, and columns whose rows are left out where they are missing: a row to
        answer that lacks one of them is refused.
        """
        numbers = [s.name for s in self.state.numbers if not s.filled]
        return tuple(dict.fromkeys([*numbers, *(self.recipe.require if self.recipe else ())]))

    @cached_property
    def layout(self) -> Layout:
        """The columns of what `apply` gives."""
        return self.state.layout

    @cached_property
    def _transform(self) -> Transform:
        return Transform(self.state)

    def apply(self, frame: pl.DataFrame, *, training: bool = False, by_column: bool = False) -> Prepared:
        """Model inputs for the rows of `frame`, in order; columns that are no features are ignored.

        Args:
            frame: rows as a cleaned source gives them.
            training: whether they are the training rows (with ROW): what was learnt from targets is then out of fold.
            by_column: whether the arrays lie in memory column after column, for who reads them so.

        Raises:
            DataError: a feature's column lacks, or holds what its type cannot be.
        """
        return prepare_frame(self._transform, frame, training=training, by_column=by_column)

    def from_raw(self, frame: pl.DataFrame) -> Prepared:
        """`apply` for rows as the source has them, before corrections.

        Raises:
            DataError: as `apply`.
        """
        return self.apply(frame if self.recipe is None else self.recipe.apply(frame))

    def in_training(self, frame: pl.DataFrame) -> npt.NDArray[np.bool_]:
        """Which of these training rows stay where outliers are dropped [n]."""
        return stays_in_training(self._transform, frame)

    def compile(self) -> Compiled:
        """The form for an endpoint's rows."""
        return Compiled(self._transform, self.recipe)

    def with_recipe(self, recipe: Recipe | None) -> Preparation:
        """The same steps behind `recipe`."""
        return replace(self, recipe=recipe)

    def explain(self, private: Sequence[str] = ()) -> list[dict[str, Any]]:
        """What was learnt for each column, JSON-able: `column, type, missing, steps: [{step, name, learnt}]`.

        Columns in `private` tell their steps' names and no value learnt.
        """
        return [without_values(account) if account["column"] in private else account for account in self.learnt]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `prepare.json` and `prepare.safetensors` into `folder` (path or URI); equal states, equal bytes."""
        state_files.save(folder, self.state, self._document)

    @property
    def contents(self) -> tuple[dict[str, Any], bytes]:
        """What `save` writes: the document, JSON-able, and the arrays."""
        return state_files.contents(self.state, self._document)

    @property
    def _document(self) -> dict[str, Any]:
        return {"learnt": list(self.learnt), "recipe": None if self.recipe is None else self.recipe.to_json()}

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Preparation:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            PackageError: another format, or files that do not belong together.
        """
        state, document = state_files.load(folder)
        recipe = document.get("recipe")
        return cls(state, tuple(document["learnt"]), None if recipe is None else Recipe.from_json(recipe))


def _type_of(state: ColumnState) -> FeatureType:
    if isinstance(state, TensorState):
        return FeatureType(state.kind)
    return FeatureType.NUMBER if isinstance(state, NumberState) else FeatureType.CATEGORY
