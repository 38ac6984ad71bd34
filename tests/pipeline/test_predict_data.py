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

from rayline.core.columns import FeatureType, InputColumn, Signature, Task
from rayline.core.errors import InputError, SignatureError, SpecError
from rayline.pipeline import batch
from rayline.pipeline.frames import keep_frame
from rayline.registry.past import Past
from rayline.registry.predictor import read_signature
from rayline.registry.validate import Validator
from rayline.sources._source import Source
from rayline.spec import load, render


def packaged(folder: Path, source: Any = "train.csv", features: tuple[str, ...] = ("sales",)) -> str:
    """What batch prediction reads of a package before it scores: the spec and the signature."""
    spec = load({"name": "shops", "data": {"source": source, "target": "y"}})
    inputs = tuple(InputColumn(name=name, type=FeatureType.NUMBER) for name in features)
    (folder / "spec.yaml").write_text(render(spec))
    signature = Signature(inputs=inputs, target="y", task=Task.REGRESSION)
    (folder / "signature.json").write_text(signature.model_dump_json())
    return str(folder)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Source]:
    """The sources that would have been scored: how packages are kept, and Ray, are others' business."""
    given: list[Source] = []
    (tmp_path / "package").mkdir()
    packaged(tmp_path / "package")
    monkeypatch.setattr(batch, "package_uri", lambda model: str(tmp_path / "package"))
    monkeypatch.setattr(batch.package, "fetch", lambda uri: uri)
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


def test_what_cannot_be_answered_is_refused_before_ray_starts(tmp_path: Path, scored: list[Any]) -> None:
    packaged(tmp_path / "package", features=("sales", "visits"))
    (tmp_path / "other.csv").write_text("shop\n1\n")
    (tmp_path / "half.csv").write_text("shop,sales,visits\n1,3,\n2,,\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("mine")
    with pytest.raises(SignatureError, match="missing features: sales, visits. Given: shop"):
        batch.predict("model", str(tmp_path / "other.csv"), "out.csv")
    with pytest.raises(InputError, match="is not an empty folder"):
        batch.predict("model", str(tmp_path / "half.csv"), str(tmp_path / "full"))
    assert not scored
    batch.predict("model", str(tmp_path / "half.csv"), str(tmp_path / "out.csv"))
    assert len(scored) == 1
    assert not list(tmp_path.glob("*out*"))


LAGS = {"name": "history", "by": "shop", "time": "day", "lags": {"sales": 1}}
MEANS = {"name": "history", "time": "day", "windows": {"sales_lag_1": {"last": 2, "of": ["mean"]}}}
FEATURES = ("sales", "sales_lag_1", "sales_lag_1_mean_2")
SALES = {"shop": [1, 1, 2], "day": [1, 2, 2], "sales": [3.0, 4.0, 5.0]}


def nested(source: Any) -> dict[str, Any]:
    return {**MEANS, "source": {**LAGS, "source": source}}


def test_the_history_of_training_is_made_of_the_rows_to_score(tmp_path: Path, scored: list[Any]) -> None:
    packaged(tmp_path / "package", nested("train.csv"), FEATURES)
    frame, told = pl.DataFrame(SALES), list[str]()
    frame.write_parquet(path := tmp_path / "sales.parquet")
    batch.predict("model", str(path), "out.csv", tell=told.append)
    batch.predict("model", {**LAGS, "source": str(path)}, "out.csv", tell=told.append)
    for source in scored:
        found = pl.from_arrow(source.read(source.fragments()[0], FEATURES))
        assert found["sales_lag_1"].to_list() == [None, 3.0, None]
        assert found["sales_lag_1_mean_2"].to_list() == [None, None, None]
    assert told == [
        "made of earlier rows, as in training: sales_lag_1, sales_lag_1_mean_2. Rows whose past is not in the data "
        "lack them.",
        "made of earlier rows, as in training: sales_lag_1_mean_2. Rows whose past is not in the data lack them.",
    ]
    frame.with_columns(sales_lag_1=1.0, sales_lag_1_mean_2=2.0).write_parquet(tmp_path / "made.parquet")
    batch.predict("model", str(tmp_path / "made.parquet"), "out.csv", tell=told.append)
    assert scored[-1].made_of == {}
    assert len(told) == 2


def test_rows_that_no_history_can_be_made_of_are_refused_before_ray_starts(tmp_path: Path, scored: list[Any]) -> None:
    packaged(tmp_path / "package", nested("train.csv"), FEATURES)
    pl.DataFrame(SALES).drop("shop").write_parquet(path := tmp_path / "sales.parquet")
    with pytest.raises(SignatureError) as caught:
        batch.predict("model", str(path), "out.csv")
    assert str(caught.value) == (
        "missing features: sales_lag_1, sales_lag_1_mean_2, which the model's data.source (history) makes of earlier "
        "rows. To make them here DATA must have shop, day, sales, with the rows before; it lacks shop. Give it with "
        "them, or with the features themselves."
    )
    assert not scored


def test_a_request_without_history_is_told_of_it(tmp_path: Path) -> None:
    past = Past.read(packaged(tmp_path, nested("train.csv"), FEATURES))
    with pytest.raises(SignatureError) as caught:
        Validator(read_signature(str(tmp_path)), past).check({"sales": [1.0], "day": [3], "sales_lag_1": [2.0]})
    assert str(caught.value) == (
        "missing feature: sales_lag_1_mean_2. Did you mean 'sales_lag_1'? Given: sales, day, sales_lag_1; null is an "
        "unknown value. sales_lag_1_mean_2 is made of earlier rows by the model's data.source (history): send it "
        "worked out with each row, or give rayline predict a file of all rows, those before too, with day, shop, "
        "sales, and it makes it."
    )


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
