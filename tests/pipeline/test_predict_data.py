"""What `rayline predict` takes as DATA: any source, as text or as a mapping in YAML."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rayline.core.errors import SpecError
from rayline.pipeline import batch
from rayline.pipeline.frames import keep_frame
from rayline.sources._source import Source
from rayline.spec import load


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[Source]:
    """The sources that would have been scored: packages and Ray are others' business."""
    given: list[Source] = []
    monkeypatch.setattr(batch, "package_uri", lambda model: model)
    monkeypatch.setattr(batch, "connect", lambda address: nullcontext())
    monkeypatch.setattr(batch, "predict_dataset", lambda uri, source, output: given.append(source) or 7)
    return given


def test_data_is_a_path_or_a_source_in_yaml(tmp_path: Path, scored: list[Any]) -> None:
    path = tmp_path / "sales.parquet"
    pl.DataFrame({"shop": [1, 1], "day": [1, 2], "sales": [3.0, 4.0]}).write_parquet(path)
    history = f"{{name: history, source: {path}, by: shop, time: day, lags: {{sales: 1}}}}"
    for data in (str(path), history, {"name": "parquet", "path": str(path)}):
        assert batch.predict("model", data, "out.csv") == 7
    assert [source.schema().names[3:] for source in scored] == [[], ["sales_lag_1"], []]


def test_yaml_that_is_none_is_told_of_without_what_it_holds(scored: list[Any]) -> None:
    with pytest.raises(SpecError, match="DATA is not valid YAML|DATA, line 1|DATA") as error:
        batch.predict("model", "{name: sql, url: 'sqlite://secret", "out.csv")
    assert "secret" not in str(error.value)
    assert not scored


def test_a_frame_may_have_a_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYLINE_HOME", str(tmp_path))
    frame = pl.DataFrame({"day": [2, 1], "sales": [3.0, 4.0]})
    source = {"name": "history", "source": frame, "time": "day", "lags": {"sales": 1}}
    spec = load(keep_frame({"name": "shop", "data": {"source": source, "target": "sales"}}))
    built: Source = spec.data.source.build()  # type: ignore[attr-defined]
    assert built.read(built.fragments()[0])["sales_lag_1"].to_pylist() == [4.0, None]
    assert list((tmp_path / "frames").iterdir())


def test_a_frame_is_a_source_in_a_process_that_met_no_other(tmp_path: Path) -> None:
    code = (
        "import pandas as pd; from rayline.pipeline.frames import keep_frame; from rayline.spec import load;"
        "frame = pd.DataFrame({'day': [2, 1], 'sales': [3.0, 4.0]});"
        "spec = load(keep_frame({'name': 'shop', 'data': {'source': frame, 'target': 'sales'}}));"
        "print(spec.data.source.build().schema().names)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "RAYLINE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "['day', 'sales']", done.stderr
