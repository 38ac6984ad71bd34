"""Batch prediction on a real Ray: order, columns, whole or not at all."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal
from registry_parts import rows

from rayline.cluster.key_values import KeyValues
from rayline.core.columns import ROW
from rayline.core.errors import RunError, SignatureError
from rayline.registry import on_ray
from rayline.registry.on_ray import predict_dataset
from rayline.registry.predictor import load, read_signature
from rayline.sources import parquet
from rayline.sources._source import Source

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


def written(frame: pl.DataFrame, folder: Path) -> Source:
    """The frame as four files, the first so much larger that its task ends last."""
    folder.mkdir()
    ends = [0, frame.height - 600, frame.height - 400, frame.height - 200, frame.height]
    for part, (begin, end) in enumerate(pairwise(ends)):
        frame[begin:end].write_parquet(folder / f"part-{part}.parquet", row_group_size=20_000)
    return parquet.Config(path=str(folder)).build()


@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "out"])
def test_rows_come_back_in_order_with_their_answers(name: str, packaged: str, tmp_path: Path) -> None:
    frame = rows(50_000, seed=9).drop(ROW)
    source = written(frame, tmp_path / "data")
    (tmp_path / "results").mkdir()
    output = tmp_path / "results" / name
    assert predict_dataset(packaged, source, str(output)) == frame.height
    got = pl.read_csv(output) if name == "out.csv" else pl.read_parquet(output)
    assert got.columns == [*frame.columns, "prediction", "probability_no", "probability_yes"]
    assert_frame_equal(got.select(frame.columns), frame)
    expected = load(packaged).predict(frame).with_columns(pl.selectors.float().cast(pl.Float64))
    answers = got.select(expected.columns).with_columns(pl.selectors.float().cast(pl.Float64))
    assert_frame_equal(answers, expected, abs_tol=1e-6)
    assert os.listdir(tmp_path / "results") == [name]


@pytest.mark.parametrize("name", ["out.parquet", "out"])
def test_row_that_the_signature_refuses_leaves_nothing_and_is_named(name: str, packaged: str, tmp_path: Path) -> None:
    frame = rows(1000).drop(ROW).with_columns(hours=pl.col("hours").cast(pl.String))
    frame[812, "hours"] = "many"
    (tmp_path / "results").mkdir()
    with pytest.raises(SignatureError, match="'hours' must hold numbers, not 'many'"):
        predict_dataset(packaged, written(frame, tmp_path / "data"), str(tmp_path / "results" / name))
    assert os.listdir(tmp_path / "results") == []


def test_lacking_features_are_told_before_anything_runs(packaged: str, tmp_path: Path) -> None:
    source = written(rows(1000).drop(ROW, "age", "work"), tmp_path / "data")
    with pytest.raises(SignatureError, match="missing features: age, work"):
        predict_dataset(packaged, source, str(tmp_path / "out.csv"))


@pytest.mark.parametrize("name", ["out.parquet", "out"])
def test_rows_of_which_nothing_is_known_are_refused_and_one_that_is_known_lets_them_pass(
    name: str, packaged: str, tmp_path: Path
) -> None:
    inputs = [column.name for column in read_signature(packaged).inputs]
    frame = rows(700).drop(ROW)
    unknown = frame.with_columns(pl.when(False).then(pl.col(n)).alias(n) for n in inputs)
    (tmp_path / "results").mkdir()
    with pytest.raises(SignatureError, match=f"no row has a value in any feature.*: {', '.join(inputs)}"):
        predict_dataset(packaged, written(unknown, tmp_path / "data"), str(tmp_path / "results" / name))
    assert os.listdir(tmp_path / "results") == []
    one = unknown.with_columns(pl.when(pl.int_range(pl.len()) == 650).then(frame[inputs[0]]).alias(inputs[0]))
    assert predict_dataset(packaged, written(one, tmp_path / "one"), str(tmp_path / "results" / name)) == 700


def test_columns_of_the_source_are_never_lost(packaged: str, tmp_path: Path) -> None:
    frame = rows(1000).drop(ROW).with_columns(prediction=pl.lit("mine"))
    predict_dataset(packaged, written(frame, tmp_path / "data"), str(tmp_path / "out.parquet"))
    got = pl.read_parquet(tmp_path / "out.parquet")
    assert got["prediction"].unique().to_list() == ["mine"]
    assert got.columns[-3:] == ["rayline_prediction", "probability_no", "probability_yes"]


@pytest.mark.parametrize("name", ["out.parquet", "out"])
def test_a_fragment_whose_process_dies_each_time_is_named(
    name: str, packaged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = rows(1000).drop(ROW)
    source = written(frame, tmp_path / "data")
    killed = source.read(source.fragments()[2]).column(ROW)[0].as_py()

    def dying(work: Callable[..., pa.Table]) -> Callable[..., pa.Table]:
        def answer(block: pa.Table, *places: object, **arguments: object) -> pa.Table:
            if block.column(ROW)[0].as_py() == killed:
                os.kill(os.getpid(), signal.SIGKILL)  # as Ray's memory monitor does
            return work(block, *places, **arguments)

        return answer

    for work in ("_answer", "_write_part"):
        monkeypatch.setattr(on_ray, work, dying(getattr(on_ray, work)))
    (tmp_path / "results").mkdir()
    with pytest.raises(RunError, match=r"a process that worked on \S*part-2\.parquet died"):
        predict_dataset(packaged, source, str(tmp_path / "results" / name))
    assert os.listdir(tmp_path / "results") == []
    assert KeyValues().keys("pass-") == [], "no note of the pass is left"
