"""Preparation learns from training rows only: with the assignment fixed, nothing in rows held out changes a bit."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.prepare.preparation import fit
from rayline.prepare.split._parts import Parts
from rayline.profile.parts import merge_parts, profile_parts
from rayline.profile.profile import Profile, merge
from rayline.spec.sections import Prepare

FOLDS = 3
NUMBERS = ("n0", "n1", "n2")
FEATURES = [
    *(Feature(name, FeatureType.NUMBER) for name in NUMBERS),
    *(Feature(name, FeatureType.CATEGORY) for name in ("c0", "c1")),
]
SPECS = [
    {},
    *({"numbers": {"impute": name}} for name in catalog.names("impute") if name != "drop"),  # rows dropped while read
    {"numbers": {"impute": {"name": "median", "indicator": True}}},
    *({"numbers": {"outliers": name}} for name in catalog.names("outliers")),
    *({"numbers": {"outliers": "quantile", "scale": name}} for name in catalog.names("scale")),
    *({"categories": {"impute": "mode", "encode": name}} for name in catalog.names("encode")),
    {"select": [{"name": "pearson", "keep": 2}, {"name": "tree", "trees": 5, "keep": 2}], "reduce": "pca"},
]


SPLITS = {
    "hash": {},
    "random": {},
    "stratified": {},
    "group": {"by": "who"},
    "time": {"by": "when", "gap": 5},
    "predefined": {"column": "part"},
}


def data(rows: int = 900) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            ROW: np.arange(rows),
            "n0": rng.lognormal(size=rows),
            "n1": rng.integers(0, 9, rows),
            "n2": rng.normal(1e5, 1.0, rows),
            "c0": rng.choice(["a", "b", "c", "d"], rows, p=[0.6, 0.3, 0.09, 0.01]),
            "c1": rng.integers(0, 50, rows).astype(str),
            "y": rng.choice(["no", "yes"], rows),
            "who": rng.integers(0, 200, rows),
            "when": rng.permutation(rows),
            "part": rng.choice(["train", "validation", "test"], rows, p=[0.7, 0.1, 0.2]),
        }
    )
    return frame.with_columns(
        pl.when(pl.Series(rng.random(rows) > 0.1)).then(pl.col(n)).alias(n) for n in ("n0", "n1", "c0")
    )


def disturb(frame: pl.DataFrame, held_out: np.ndarray) -> pl.DataFrame:
    """Add a million to every number of the rows held out, a category found only there, and the other class."""
    rows = pl.Series(held_out)
    numbers = [pl.when(rows).then(pl.col(n).fill_null(0) + 10**6).otherwise(pl.col(n)).alias(n) for n in NUMBERS]
    texts = [pl.when(rows).then(pl.lit("only here")).otherwise(pl.col(n)).alias(n) for n in ("c0", "c1")]
    other = pl.col("y").replace({"no": "yes", "yes": "no"})
    return frame.with_columns(*numbers, *texts, pl.when(rows).then(other).otherwise(pl.col("y")).alias("y"))


def profile(frame: pl.DataFrame, parts: Parts, training: list[int]) -> Profile:
    """The profile of the parts in `training`, from a scan of three fragments."""
    pieces = [slice(start, start + 300) for start in range(0, frame.height, 300)]
    found = merge_parts([profile_parts(frame[piece], parts[piece], seed=0) for piece in pieces])
    return merge([found[part] for part in training])


def learnt(spec: dict[str, object], of: Profile, folder: Path) -> list[bytes]:
    goal = Target("y", Task.BINARY, ("no", "yes"), "yes")
    fit(Prepare.model_validate(spec), FEATURES, of, goal).save(folder)
    return [(folder / name).read_bytes() for name in ("prepare.json", "prepare.safetensors")]


@pytest.mark.parametrize("fold", [None, *range(FOLDS)])
@pytest.mark.parametrize("split", catalog.names("split"))
def test_rows_held_out_change_nothing_that_is_learnt(split: str, fold: int | None, tmp_path: Path) -> None:
    frame = data()
    splitter = catalog.config_class("split", split)(**SPLITS[split]).build()  # type: ignore[attr-defined]
    assignment = splitter.fit([splitter.index(frame, ROW, "y")], FOLDS)
    parts = assignment.parts(frame)
    training = [part for part in np.unique(parts).tolist() if part >= 0]
    if fold is not None:
        training = [part for part in assignment.training_parts(fold) if part in training]
    held_out = ~np.isin(parts, training)
    before = profile(frame, parts, training)
    after = profile(disturb(frame, held_out), parts, training)
    # the same change to training rows does show: the comparison can fail
    changed = profile(disturb(frame, parts == training[0]), parts, training)
    # what is learnt follows from the profile alone, whichever split the parts are of
    for spec in SPECS if split in ("hash", "time") and fold in (None, 1) else SPECS[:1]:
        assert learnt(spec, after, tmp_path) == learnt(spec, before, tmp_path), spec
        assert learnt(spec, changed, tmp_path) != learnt(spec, before, tmp_path), spec
