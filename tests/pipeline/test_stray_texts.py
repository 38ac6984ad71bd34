"""One stray word in a column of numbers is told by every command, with its place and what mends it, never its text."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.errors import DataError
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.pipeline.resolve import render_resolved
from rayline.sources.scan import scan
from rayline.spec import load

ROWS = 20_000
STRAY = 15_000


def columns(rows: int = ROWS) -> dict[str, list[Any]]:
    rng = np.random.default_rng(3)
    a = rng.normal(size=rows)
    texts = [f"{value:.6f}" for value in a]
    texts[STRAY % rows] = "oops"
    return {
        "a": texts,
        "b": rng.normal(size=rows).tolist(),
        "y": np.where(a + rng.normal(size=rows) > 0, "yes", "no").tolist(),
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("strays") / "data.csv"
    pl.DataFrame(columns()).write_csv(path)
    return path


def look(path: Path, prepare: dict[str, Any] | None = None, **more: Any) -> Collected:
    return collect(
        load({"name": "s", "data": {"source": str(path), "target": "y", **more}, "prepare": prepare or {}}), scan
    )


LINE = "prepare.clean: {name: cast, columns: [a], to: number, unparsable: missing}"


def test_one_stray_word_is_told_with_its_row_and_the_line_that_mends_it(data: Path) -> None:
    found = look(data)
    assert found.reasons["a"][0] == "id"
    [warning] = found.warnings
    assert warning.startswith("a is text, and 99.9% of its values read as numbers, all but 1. It is taken for an id")
    assert f"row {STRAY + 1} of data.csv" in warning
    assert warning.endswith(LINE)
    mended = look(data, {"clean": {"name": "cast", "columns": ["a"], "to": "number", "unparsable": "missing"}})
    assert mended.reasons["a"][0] == "number"
    assert not mended.warnings


def test_render_tells_it_too_and_no_value_of_a_private_column(data: Path) -> None:
    _, told = render_resolved({"name": "s", "data": {"source": str(data), "target": "y", "private": ["a"]}})
    [warning] = [line for line in told if "read as numbers" in line]
    assert "all but 1" in warning
    assert "oops" not in " ".join(told)


def test_where_it_was_the_only_feature_the_error_says_what_mends_it(data: Path, tmp_path: Path) -> None:
    pl.read_csv(data, infer_schema=False).select("a", "y").write_csv(tmp_path / "only.csv")
    with pytest.raises(DataError, match="no feature is left") as refused:
        look(tmp_path / "only.csv")
    assert str(refused.value).endswith(f"read as numbers. Give {LINE}.")
    assert "category" not in str(refused.value)


@pytest.mark.parametrize("kind", ["id", "category", "drop"])
def test_a_declared_column_is_not_told_of(data: Path, kind: str) -> None:
    assert not [line for line in look(data, features={"a": kind}).warnings if "numbers" in line]


def test_steps_of_its_own_and_a_type_of_the_source_declare_a_column(data: Path) -> None:
    assert not look(data, {"columns": {"a": {"encode": "hash"}}}).warnings
    assert not look(data, source={"name": "csv", "path": str(data), "types": {"a": "text"}}).warnings


def test_of_two_parquet_files_one_with_text(tmp_path: Path) -> None:
    frame = pl.DataFrame(columns(400)).with_columns(pl.lit("7.5").alias("a"))
    numbers = np.random.default_rng(0).normal(size=400)
    for place, stray in enumerate(["oops", "none"]):
        texts = [f"{value:.5f}" for value in numbers + place]
        texts[17] = stray
        frame.with_columns(pl.Series("a", texts)).write_parquet(tmp_path / f"part-{place}.parquet")
    [warning] = [line for line in look(tmp_path).warnings if "numbers" in line]
    assert "all but 2" in warning
    assert "row 18 of part-0.parquet" in warning


def test_a_category_of_numbers_and_a_word_is_told_and_texts_of_digits_alone_are_not(tmp_path: Path) -> None:
    frame = pl.DataFrame(columns(400)).with_columns(
        pl.Series("a", ["oops", *["1", "2", "3"] * 133]), pl.Series("code", ["1", "2", "3", "4"] * 100)
    )
    frame.write_parquet(tmp_path / "data.parquet")
    [warning] = look(tmp_path / "data.parquet").warnings
    assert warning.startswith("a is text")
    assert "learnt from as a category" in warning


def test_a_note_on_a_column_that_the_spec_casts_is_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "prices.csv"
    rng = np.random.default_rng(1)
    rows = [
        f"{p:.2f}".replace(".", ",") + f";{p * 7 % 1:.3f};{y}"
        for p, y in zip(rng.random(60), ["u", "v"] * 30, strict=True)
    ]
    rows = [row.replace("0,", "1.000,", 1) if n % 2 else row for n, row in enumerate(rows)]
    path.write_text("price;x;y\n" + "\n".join(rows) + "\n")
    source = {"name": "csv", "path": str(path), "delimiter": ";"}
    cast = {"name": "cast", "columns": ["price"], "to": "number", "decimal": ",", "thousands": "."}

    def notes(prepare: dict[str, Any]) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            look(path, prepare, source=source)
        return [record.message for record in caplog.records if "is read as text" in record.message]

    assert not notes({"clean": cast})
    assert "decimal comma" in " ".join(notes({}))
