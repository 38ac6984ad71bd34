"""Which number inputs are yes or no is told by what they are, not by a sign in their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.core.errors import SpecError
from rayline.core.prepared import Layout
from rayline.prepare import training_rows
from rayline.prepare.augment._augmenter import Examples
from rayline.prepare.augmentation import augmentation_for
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

N = 80
TARGET = Target("y", Task.BINARY, ("no", "yes"), "yes")
HOT = {
    "numbers": {"impute": {"name": "median", "indicator": True}},
    "categories": {"encode": "onehot"},
}
BUCKETS = {"columns": {"street": {"encode": {"name": "hash", "buckets": 4, "form": "one_hot"}}}}


def frame() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            ROW: np.arange(N),
            "a=b": rng.normal(size=N),
            "c": rng.normal(size=N),
            "city": rng.choice(["x", "z"], N),
            "street": rng.choice(["p", "q", "r"], N),
            "y": rng.choice(["no", "yes"], N),
        }
    )


def fitted(prepare: dict[str, Any], *names: str) -> Preparation:
    category = {"city", "street"}
    features = [Feature(n, FeatureType.CATEGORY if n in category else FeatureType.NUMBER) for n in names]
    return fit(Prepare.model_validate(prepare), features, profile_frame(frame(), seed=0), TARGET)


def noisy(made: Preparation) -> list[str]:
    """Number inputs that `number_noise` changes."""
    augmentation = augmentation_for(
        made, [catalog.resolve("augment", {"name": "number_noise", "p": 1})], TARGET, seed=0
    )
    assert augmentation is not None
    inputs = made.apply(frame())
    before = torch.from_numpy(inputs.numbers)
    keys, target = torch.arange(N), torch.zeros(N)
    after = augmentation(
        Examples(before, torch.from_numpy(inputs.categories), (), target, keys, keys.flip(0)), 0
    ).numbers
    changed = (after != before).any(dim=0).tolist()
    return [name for name, moved in zip(made.layout.numbers, changed, strict=True) if moved]


def test_noise_finds_the_components_of_a_reduction() -> None:
    made = fitted({**HOT, "reduce": {"name": "pca", "components": 3}}, "a=b", "c", "city")
    assert made.layout.numbers == ("pca=1", "pca=2", "pca=3")
    assert noisy(made) == ["pca=1", "pca=2", "pca=3"]
    training_rows.check(catalog.resolve("balance", "smotenc"), made.layout, TARGET)
    training_rows.check(catalog.resolve("balance", "smote"), made.layout, TARGET)


def test_noise_finds_numbers_whatever_their_names_and_leaves_yes_and_no() -> None:
    made = fitted(HOT | BUCKETS, "a=b", "c", "city", "street")
    assert noisy(made) == ["a=b", "c"]
    hot = [name for name, of in zip(made.layout.numbers, made.layout.flag_of, strict=True) if of]
    assert sorted(hot) == ["a=b=(missing)", "c=(missing)", "city=x", "city=z", *(f"street#{n}" for n in range(4))]
    assert made.layout.flag_of[2:] == ("a=b", "c", "city", "city", "street", "street", "street", "street")
    with pytest.raises(SpecError, match="'city' is no number"):
        training_rows.check(
            catalog.resolve("balance", "smote"),
            fitted({"categories": {"encode": "onehot"}}, "c", "city").layout,
            TARGET,
        )
    with pytest.raises(SpecError, match="only columns of yes and no"):
        noisy(fitted(HOT, "city"))


def test_selection_keeps_what_is_known_of_the_columns_it_leaves() -> None:
    made = fitted({**HOT, "select": [{"name": "variance"}]}, "a=b", "c", "city")
    assert made.layout.flag_of == tuple("" if n in ("a=b", "c") else "city" for n in made.layout.numbers)


def test_layouts_on_file_keep_it_and_older_ones_go_by_the_names() -> None:
    layout = fitted({**HOT, "reduce": {"name": "pca", "components": 2}}, "a=b", "c", "city").layout
    stored = layout.to_json()
    assert Layout.from_json(stored) == layout
    del stored["flags"]
    assert Layout.from_json(stored).flag_of == ("pca", "pca")
    assert Layout(("a", "city=x", "a=(missing)"), (), ()).flag_of == ("", "city", "a")
