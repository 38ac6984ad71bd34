"""Profiles as JSON and as files: whole, the same bytes each time, and without private columns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest

from rayline.core.columns import ROW
from rayline.core.errors import PackageError
from rayline.profile.profile import Profile, merge, profile_frame


@pytest.fixture
def frame() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame(
        {
            ROW: np.arange(500),
            "x": rng.normal(size=500),
            "n": rng.integers(0, 9, 500),
            "salary": rng.normal(12_345.0, 1, 500),
            "name": [f"secret {n}" for n in range(500)],
            "word": rng.choice(["a", "b"], 500),
            "open": rng.random(500) < 0.5,
            "day": np.datetime64("2024-01-01") + np.arange(500).astype("timedelta64[D]"),
        }
    ).with_columns(pl.when(pl.col("n") > 7).then(None).otherwise(pl.col("x")).alias("x"))


def test_a_loaded_profile_knows_all_it_knew(frame: pl.DataFrame, tmp_path: Path) -> None:
    profile = profile_frame(frame, seed=4)
    profile.save(tmp_path / "profile")
    loaded = Profile.load(tmp_path / "profile")
    assert loaded.to_json() == profile.to_json()
    assert loaded.sample.equals(profile.sample)
    assert (loaded.rows, loaded.seed, loaded.private) == (500, 4, ())
    for name, column in profile.columns.items():
        again = loaded.columns[name]
        assert again.counts == column.counts
        assert (again.mean, again.variance, again.dtype) == (column.mean, column.variance, column.dtype)
    assert loaded.gram.comoment_FF.tobytes() == profile.gram.comoment_FF.tobytes()
    assert merge([loaded, profile_frame(frame.with_columns(pl.col(ROW) + 500), seed=4)]).rows == 1000


def test_saving_twice_gives_the_same_bytes(frame: pl.DataFrame, tmp_path: Path) -> None:
    profile_frame(frame, seed=0).save(tmp_path / "a")
    Profile.load(tmp_path / "a").save(tmp_path / "b")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["counts.arrow", "gram.arrow", "profile.json", "sample.arrow"]
    assert all((tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in files)


def test_json_is_plain_and_says_what_a_report_needs(frame: pl.DataFrame) -> None:
    found = json.loads(orjson.dumps(profile_frame(frame, seed=0).to_json()))
    columns = {column["name"]: column for column in found["columns"]}
    assert found["rows"] == 500
    assert set(columns["x"]["quantiles"]) == {"0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99"}
    assert sum(columns["x"]["histogram"]["rows"]) == columns["x"]["count"]
    assert {item["value"] for item in columns["word"]["top"]} == {"a", "b"}
    assert columns["day"]["minimum"] == "2024-01-01"
    assert {tuple(pair["columns"]) for pair in found["correlations"]} == {("x", "n"), ("x", "salary"), ("n", "salary")}


def test_numbers_that_json_cannot_hold_are_null() -> None:
    frame = pl.DataFrame({ROW: [0, 1], "x": [1e308, -1e308], "nothing": [None, None], "same": [1, 1]})
    described = profile_frame(frame.with_columns(pl.col("nothing").cast(pl.Float64)), seed=0).to_json()
    text = json.dumps(described, allow_nan=False)
    assert "Infinity" not in text
    assert described["correlations"] == []


def test_long_text_is_cut() -> None:
    frame = pl.DataFrame({ROW: [0], "text": ["word " * 500]})
    (item,) = profile_frame(frame, seed=0).to_json()["columns"][0]["top"]
    assert len(item["value"]) == 200


def test_nothing_private_is_saved_or_described_but_type_and_counts(frame: pl.DataFrame, tmp_path: Path) -> None:
    profile = profile_frame(frame, seed=0, private=("name", "salary"))
    assert "name" in profile.sample.columns
    profile.save(tmp_path)
    text = orjson.dumps(profile.to_json()) + b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"secret" not in text
    assert b"12345" not in text
    for column in profile.to_json()["columns"]:
        if column["name"] in ("name", "salary"):
            assert set(column) == {"name", "dtype", "kind", "count", "missing", "private"}
    loaded = Profile.load(tmp_path)
    assert "salary" not in loaded.sample.columns
    assert "salary" not in loaded.gram.columns
    assert "salary" not in profile.correlations().columns
    assert (loaded.columns["salary"].count, loaded.columns["salary"].mean) == (500, None)
    assert loaded.to_json() == profile.to_json()


def test_merging_keeps_what_is_private(frame: pl.DataFrame) -> None:
    halves = [profile_frame(half, seed=0, private=("name",)) for half in (frame.head(250), frame.tail(250))]
    assert merge(halves).private == ("name",)


def test_a_folder_without_a_profile(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="holds no whole profile"):
        Profile.load(tmp_path)


@pytest.mark.parametrize("name", ["profile.json", "counts.arrow", "gram.arrow", "sample.arrow"])
def test_a_broken_file(frame: pl.DataFrame, tmp_path: Path, name: str) -> None:
    profile_frame(frame, seed=0).save(tmp_path)
    (tmp_path / name).write_bytes(b"{")
    with pytest.raises(PackageError, match="cannot be read"):
        Profile.load(tmp_path)


def test_another_format(frame: pl.DataFrame, tmp_path: Path) -> None:
    profile_frame(frame, seed=0).save(tmp_path)
    path = tmp_path / "profile.json"
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 9'))
    with pytest.raises(PackageError, match="format 9"):
        Profile.load(tmp_path)
