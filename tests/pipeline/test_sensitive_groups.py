"""`data.sensitive`: groups of the training rows are counted and told, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.errors import SpecError
from rayline.pipeline import sensitive
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.pipeline.opening import open_source
from rayline.prepare import preparation
from rayline.sources.scan import scan
from rayline.spec import load


def people(folder: Path) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], 2000, p=[0.1, 0.9])
    frame = pl.DataFrame(
        {
            "sex": sex,
            "region": ["island" if n % 100 == 0 else "north" if n % 3 else "south" for n in range(2000)],
            "age": rng.integers(18, 90, 2000),
            "photo": [bytes([n % 256]) for n in range(2000)],
            "paid": np.where(rng.random(2000) < np.where(sex == "f", 0.2, 0.6), "yes", "no"),
        }
    )
    frame.write_parquet(folder / "people.parquet")
    return frame


def look(folder: Path, **data: Any) -> Collected:
    section = {"source": str(folder / "people.parquet"), "target": "paid", "features": {"photo": "drop"}, **data}
    return collect(load({"name": "groups", "data": section}), scan)


def test_groups_are_of_training_rows_alone(tmp_path: Path) -> None:
    frame = people(tmp_path)
    found = look(tmp_path, sensitive=["sex", "region"])
    training = frame.filter(pl.Series(found.assign(frame.with_row_index("__row__").cast({"__row__": pl.Int64}))) >= 0)
    by_sex, by_region, together = sensitive.groups(found)
    assert (by_sex.name, by_region.name, by_sex.rate_of) == ("sex", "region", f"share of {found.target.positive}")
    for group in by_sex.groups:
        rows = training.filter(pl.col("sex") == group.value)
        assert group.rows == rows.height
        assert group.rate == pytest.approx((rows["paid"] == found.target.positive).mean())
    assert sum(group.rows for group in together.groups) == training.height
    assert "data.sensitive region: " in sensitive.few([by_region])[0]
    assert "'island'" in sensitive.few([by_region])[0]
    assert sensitive.few([by_sex]) == []


def test_nothing_that_is_learnt_depends_on_them(tmp_path: Path) -> None:
    people(tmp_path)
    told, untold = (look(tmp_path, sensitive=names) for names in (["sex"], []))
    assert (told.digest, told.features, told.warnings) == (untold.digest, untold.features, untold.warnings)
    fits = [preparation.fit(one.spec.prepare, one.features, one.training, one.target) for one in (told, untold)]
    assert fits[0].state == fits[1].state
    assert sensitive.groups(untold) == []


def test_a_private_target_is_not_told_by_group(tmp_path: Path) -> None:
    people(tmp_path)
    [by_sex] = sensitive.groups(look(tmp_path, sensitive=["sex"], private=["paid"]))
    assert by_sex.rate_of is None
    assert all(group.rate is None for group in by_sex.groups)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"sensitive": ["sx"]}, "data.sensitive 'sx' is not a column. Did you mean 'sex'?"),
        ({"sensitive": ["sex"], "private": ["sex"]}, "data.sensitive 'sex' is private, or made of what is"),
    ],
)
def test_a_column_that_cannot_be_told_is_refused_before_rows_are_read(
    tmp_path: Path, data: dict[str, Any], words: str
) -> None:
    people(tmp_path)
    section = {"source": str(tmp_path / "people.parquet"), "target": "paid", **data}
    with pytest.raises(SpecError, match=words):
        open_source(load({"name": "groups", "data": section}))


def test_values_that_make_no_groups_are_refused(tmp_path: Path) -> None:
    people(tmp_path)
    with pytest.raises(SpecError, match="data.sensitive 'photo' holds binary values, which make no groups"):
        sensitive.groups(look(tmp_path, sensitive="photo"))
