"""The predictor: one answer in every form, golden rows, and what loading refuses."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from registry_parts import MARKED_TEXT, Made, make, rows
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from rayline.core.columns import ROW, Task
from rayline.core.errors import InputError, NotFoundError, PackageError, SignatureError
from rayline.registry import manifest, package
from rayline.registry.models import Registry
from rayline.registry.predictor import Predictor, load, load_model
from rayline.registry.straight import straighten
from rayline.spec import load as load_spec
from rayline.spec import render


@pytest.fixture
def predictor(packaged: str) -> Predictor:
    return load(packaged)


@pytest.mark.parametrize("task", list(Task))
def test_package_answers_as_the_network_it_was_made_of(task: Task, made: Callable[..., Made], tmp_path: Path) -> None:
    parts = made(task)
    digest = package.write(str(tmp_path / "package"), **parts.parts)
    predictor = load(str(tmp_path / "package"))
    assert predictor.digest == digest
    assert predictor.signature == parts.signature
    expected = parts.network.predict(parts.preparation.apply(parts.frame))
    raw = predictor.raw(parts.frame)
    assert np.array_equal(raw, expected)
    columns = {name: parts.frame[name].to_list() for name in parts.frame.columns}
    assert np.allclose(predictor.columns(columns), expected, rtol=1e-5, atol=1e-6)
    answers = predictor.predict(parts.frame)
    assert answers.height == parts.frame.height
    if task is Task.REGRESSION:
        assert answers.columns == ["prediction"]
        assert answers["prediction"].to_list() == raw.tolist()
    elif task is Task.BINARY:
        assert answers.columns == ["prediction", "probability_no", "probability_yes"]
        assert answers["prediction"].to_list() == ["yes" if p >= 0.4 else "no" for p in raw]
        assert answers["probability_yes"].to_list() == raw.tolist()
    else:
        assert answers.columns == ["prediction", "probability_a", "probability_b", "probability_c"]
        assert answers["prediction"].to_list() == ["abc"[k] for k in raw.argmax(axis=1)]
    assert predictor.check_golden() == 32
    assert predictor.reference.features.keys() == {"age", "hours", "work"}


def test_frames_of_every_kind_get_one_answer(predictor: Predictor) -> None:
    frame = rows(50, seed=3)
    expected = predictor.predict(frame)
    assert predictor.predict(frame.to_pandas()).equals(expected)
    assert predictor.predict(frame.to_arrow()).equals(expected)
    assert predictor.predict(frame.with_columns(pl.col("hours").cast(pl.String))).equals(expected)
    assert predictor.predict(frame.select("town", "work", "salary", "hours", "age")).equals(expected)
    assert predictor.predict(frame.head(0)).columns == expected.columns
    with pytest.raises(InputError, match="pandas, Polars or Arrow frame, not list"):
        predictor.predict([1])  # type: ignore[arg-type]


def test_rows_one_by_one_and_together_agree(predictor: Predictor) -> None:
    frame = rows(40, seed=4)
    together = predictor.raw(frame)
    single = [predictor.columns({name: [row[name]] for name in row})[0] for row in frame.iter_rows(named=True)]
    assert np.allclose(single, together, rtol=1e-5, atol=1e-7)


def test_missing_and_wrong_columns_are_named(predictor: Predictor) -> None:
    frame = rows(5)
    with pytest.raises(
        SignatureError, match=r"missing features: age, work\. Given: hours, salary, town, name, y; null"
    ):
        predictor.predict(frame.drop("age", "work"))
    with pytest.raises(SignatureError, match=r"missing feature: age\. Did you mean 'aged'\?"):
        predictor.predict(frame.rename({"age": "aged"}))
    with pytest.raises(SignatureError, match="'hours' must hold numbers, not 'many'"):
        predictor.predict(frame.with_columns(hours=pl.lit("many")))
    with pytest.raises(SignatureError) as told:
        predictor.predict(frame.with_columns(salary=pl.lit(MARKED_TEXT)))
    assert MARKED_TEXT not in str(told.value)


def test_a_package_knows_which_features_are_made_of_earlier_rows(made: Callable[..., Made], tmp_path: Path) -> None:
    source = {"name": "history", "source": "people.csv", "by": "name", "time": "hours", "lags": {"age": [1]}}
    spec = render(load_spec({"name": "people", "data": {"source": source, "target": "y"}, "model": "mlp"}))
    package.write(str(tmp_path / "package"), **{**made().parts, "spec_yaml": spec})
    assert load(str(tmp_path / "package")).validator.past.made == {"age_lag_1": ("name", "hours", "age")}


def test_threads_get_the_answers_of_their_own_rows(predictor: Predictor) -> None:
    frame = rows(64, seed=5)
    batches = [{name: frame[name][i : i + 4].to_list() for name in frame.columns} for i in range(0, 64, 4)]
    expected = [predictor.columns(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            for got, wanted in zip(pool.map(predictor.columns, batches), expected, strict=True):
                assert np.array_equal(got, wanted)


def test_golden_rows_notice_changed_weights_even_under_a_new_seal(packaged: str) -> None:
    path = Path(packaged, "model.safetensors")
    weights = load_file(path)
    weights["head.linear.weight"] += 0.01
    save_file(weights, path)
    with pytest.raises(PackageError, match=r"altered: model\.safetensors"):
        load(packaged)
    manifest.seal(packaged)
    with pytest.raises(PackageError, match="does not answer its golden rows as in training"):
        load(packaged).check_golden()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("model.safetensors", b"not tensors", "cannot be loaded"),
        ("spec.yaml", b"model: {name: mlq}", "no model is called 'mlq'"),
        ("spec.yaml", b"model: {name: mlp, hidden: [7]}", "cannot be loaded"),
        ("spec.yaml", b"{", "cannot be loaded"),
        ("signature.json", b"{}", r"signature\.json cannot be read"),
        ("prepare.json", b"{", "preparation"),
    ],
)
def test_sealed_nonsense_is_an_error_of_the_package(packaged: str, name: str, content: bytes, told: str) -> None:
    Path(packaged, name).write_bytes(content)
    manifest.seal(packaged)
    with pytest.raises(PackageError, match=told):
        load(packaged)


def test_golden_nonsense_is_an_error_of_the_package(packaged: str) -> None:
    Path(packaged, "golden.arrow").write_bytes(b"no arrow")
    manifest.seal(packaged)
    with pytest.raises(PackageError, match=r"golden\.arrow cannot be read"):
        load(packaged).check_golden()


def test_loading_never_unpickles(packaged: str) -> None:
    script = (
        "import sys\n"
        "import mlflow, ray\n"  # what they do on import is not ours
        "from rayline.registry.predictor import load\n"
        f"load({packaged!r})\n"
        "met = []\n"
        "sys.addaudithook(lambda event, args: met.append(args) if event == 'pickle.find_class' else None)\n"
        f"load({packaged!r}).check_golden()\n"
        "assert not met, met\n"
        "import pickle, collections\n"
        "pickle.loads(pickle.dumps(collections.OrderedDict()))\n"
        "assert met\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_models_are_loaded_by_name_folder_or_uri(packaged: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    entry = Registry().publish(packaged, "people", alias="champion")
    by_name = [load_model(name) for name in ("people@champion", "people/1", "people")]
    by_place = [load_model(place) for place in (packaged, f"file://{packaged}", entry.uri)]
    assert {predictor.digest for predictor in by_name + by_place} == {entry.digest}
    monkeypatch.chdir(Path(packaged).parent)
    assert load_model("package").digest == load_model("./package").digest == entry.digest
    with pytest.raises(NotFoundError, match=r"no model 'peeple'\. Did you mean 'people'\?"):
        load_model("peeple@champion")


@pytest.mark.parametrize("model", ["mlp", {"name": "mlp", "numbers": "piecewise", "activation": "gelu"}])
def test_straight_function_is_the_network_bit_for_bit(model: Any) -> None:
    parts = make(model=model)
    inputs = parts.preparation.apply(parts.frame)
    straight = straighten(parts.network)
    with torch.inference_mode():
        for n in (1, 2, 400):
            numbers, categories = torch.from_numpy(inputs.numbers[:n]), torch.from_numpy(inputs.categories[:n])
            expected = parts.network.head.predict(parts.network(numbers, categories))
            assert torch.equal(straight(numbers, categories), expected)


def test_network_that_looks_at_its_data_is_called_as_it_is(made: Callable[..., Made]) -> None:
    class Looking(nn.Module):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network = network
            self.head = network.head

        def forward(self, numbers_BF: Tensor, categories_BC: Tensor) -> Tensor:
            outputs: Tensor = self.network(numbers_BF, categories_BC)
            return outputs if numbers_BF.sum() > 0 else -outputs

    parts = made()
    looking = Looking(parts.network).eval()
    inputs = parts.preparation.apply(parts.frame)
    straight = straighten(looking)  # type: ignore[arg-type]
    signs = set()
    for row in range(20):
        numbers = torch.from_numpy(inputs.numbers[row : row + 1])
        categories = torch.from_numpy(inputs.categories[row : row + 1])
        signs.add(bool(numbers.sum() > 0))
        assert torch.equal(straight(numbers, categories), looking.head.predict(looking(numbers, categories)))
    assert signs == {True, False}


def test_one_row_is_quick(predictor: Predictor) -> None:
    row = {name: values[:1] for name, values in rows(1).drop(ROW).to_dict(as_series=False).items()}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds = []
        for _ in range(300):
            began = time.perf_counter()
            predictor.validator.check(row)
            predictor.columns(row)
            seconds.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(threads)
    assert sorted(seconds)[len(seconds) // 4] < 0.5e-3  # 0.04 ms alone on a core; machines that test do more at once
