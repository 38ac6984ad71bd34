"""Frames as sources: kept once, named by their content."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from rayline.core.columns import ROW
from rayline.core.errors import DataError, StorageError
from rayline.sources import frame
from rayline.sources.frame import Config, keep

VALUES: dict[str, list[Any]] = {
    "n": [1, 2, 3],
    "x": [0.5, None, 1.5],
    "s": ["a", None, "b"],
    "b": [True, False, True],
    "t": [dt.datetime(2024, 1, 1), None, dt.datetime(2024, 1, 2)],
}


def read(config: Config) -> pl.DataFrame:
    source = config.build()
    found = pl.concat([pl.from_arrow(source.read(fragment)) for fragment in source.fragments()])  # type: ignore[misc]
    assert found[ROW].to_list() == list(range(found.height))
    return found.drop(ROW)


@pytest.mark.parametrize(
    "made",
    [pd.DataFrame(VALUES), pl.DataFrame(VALUES), pl.LazyFrame(VALUES), pa.table(VALUES)],
    ids=["pandas", "polars", "lazy", "arrow"],
)
def test_every_kind_of_frame_is_read_back(made: Any, tmp_path: Path) -> None:
    assert read(keep(made, tmp_path)).equals(pl.DataFrame(VALUES))


def test_text_encodings_are_undone_and_nan_is_null(tmp_path: Path) -> None:
    made = pd.DataFrame({"c": pd.Categorical(["a", "b", None]), "x": [1.0, np.nan, np.inf]}, index=[7, 8, 9])
    assert read(keep(made, tmp_path)).to_dict(as_series=False) == {"c": ["a", "b", None], "x": [1.0, None, np.inf]}
    enum = pl.DataFrame({"c": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"]))})
    assert read(keep(enum, tmp_path))["c"].to_list() == ["a", "b"]


def test_the_same_frame_is_kept_once_and_another_beside_it(tmp_path: Path) -> None:
    first = keep(pl.DataFrame({"n": [1, 2]}), tmp_path)
    assert keep(pd.DataFrame({"n": [1, 2]}), tmp_path) == first
    assert keep(pl.DataFrame({"n": [1, 3]}), tmp_path) != first
    assert len(list(tmp_path.iterdir())) == 2


def test_a_long_frame_is_read_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "BATCH_ROWS", 10)
    config = keep(pl.DataFrame({"n": list(range(25))}), tmp_path)
    fragments = config.build().fragments()
    assert [fragment.first_row for fragment in fragments] == [0, 10, 20]
    assert read(config)["n"].to_list() == list(range(25))
    assert [f.label.partition(" batch ")[2] for f in fragments] == ["1 of 3", "2 of 3", "3 of 3"]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (pl.DataFrame({"n": []}), "the frame has no rows"),
        (pl.DataFrame(), "the frame has no columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than one column called 'a'"),
        (pd.DataFrame({"m": [1, "x"]}), "column of mixed types"),
        (pl.DataFrame({"v": [["a"], ["b"]]}), "column 'v' holds"),
        (pl.DataFrame({ROW: [1]}), "a name Rayline keeps"),
        ([1, 2], "a frame is a pandas, Polars or Arrow table, not list"),
    ],
)
def test_unusable_frames(made: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        keep(made, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        keep(pl.DataFrame({"n": [1]}), tmp_path / "file")


def test_a_file_that_is_no_arrow_file(tmp_path: Path) -> None:
    (tmp_path / "a.arrow").write_text("n\n1\n")
    with pytest.raises(DataError, match=r"a\.arrow cannot be read as an Arrow file"):
        Config(path=str(tmp_path / "a.arrow")).build().schema()


@pytest.mark.parametrize("name", ["*", "^a.*$"])
def test_a_name_that_stands_for_many_columns_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="stands for many columns"):
        keep(pl.DataFrame({name: [1, 2], "a": [1, 2]}), tmp_path)
