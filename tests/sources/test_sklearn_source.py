"""scikit-learn's bundled sets by name."""

from __future__ import annotations

import codecs
import pickle
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import joblib
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.utils import Bunch

from rayline.core.errors import DataError, SpecError
from rayline.sources.sklearn import BUNDLED, FETCHED, Config
from rayline.spec.sections import as_source

EXPECTED = {
    "breast_cancer": (569, 31, {"benign", "malignant"}),
    "digits": (1797, 65, {str(n) for n in range(10)}),
    "iris": (150, 5, {"setosa", "versicolor", "virginica"}),
    "wine": (178, 14, {"class_0", "class_1", "class_2"}),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_classification_sets_have_class_names(name: str) -> None:
    source = as_source(f"sklearn:{name}").build()  # type: ignore[attr-defined]
    frame = pl.from_arrow(source.read(source.fragments()[0]))
    assert isinstance(frame, pl.DataFrame)
    rows, columns, classes = EXPECTED[name]
    assert frame.shape == (rows, columns + 1)
    assert set(frame["target"].to_list()) == classes


def test_the_regression_set_has_numbers() -> None:
    source = as_source("sklearn:diabetes").build()  # type: ignore[attr-defined]
    table = source.read(source.fragments()[0], ["target"])
    assert table.num_rows == 442
    assert table.column("target").to_pylist()[:2] == [151, 75]


def test_every_set_is_covered_here() -> None:
    assert set(BUNDLED) == {*EXPECTED, "diabetes"}
    assert set(KEPT) == set(FETCHED)


# sets that are downloaded: files as scikit-learn keeps them, of rows made here


def _california(folder: Path) -> None:
    rows = np.random.default_rng(0).integers(1, 9, (20, 9)).astype(float)
    joblib.dump(rows, folder / "cal_housing_py3.pkz", compress=6)


def _covtype(folder: Path) -> None:
    (folder / "covertype").mkdir()
    rng = np.random.default_rng(0)
    joblib.dump(rng.integers(0, 9, (20, 54)).astype(float), folder / "covertype" / "samples_py3", compress=9)
    joblib.dump(np.arange(20) % 7 + 1, folder / "covertype" / "targets_py3", compress=9)


def _faces(folder: Path) -> None:
    joblib.dump(np.random.default_rng(0).random((400, 4096), dtype=np.float32), folder / "olivetti_py3.pkz", compress=1)


def _newsgroups(folder: Path) -> None:
    names = ["misc.forsale", "sci.space"]
    parts = {
        part: Bunch(
            data=[f"{part} {n}" for n in range(4)], target=np.arange(4) % 2, target_names=names, filenames=np.arange(4)
        )
        for part in ("train", "test")
    }
    packed = codecs.encode(pickle.dumps(parts), "zlib_codec")
    (folder / "20news-bydate_py3.pkz").write_bytes(packed)


def _kdd(folder: Path) -> None:
    place = folder / "kddcup99_10-py3"
    place.mkdir()
    rows = np.array([[n, b"tcp", b"http", b"SF", *[0.5] * 37] for n in range(6)], dtype=object)
    joblib.dump(rows, place / "samples", compress=0)
    joblib.dump(np.array([b"normal.", b"smurf."] * 3, dtype=object), place / "targets", compress=0)


KEPT: dict[str, tuple[Callable[[Path], None], int, int]] = {
    "20newsgroups": (_newsgroups, 8, 2),
    "california_housing": (_california, 20, 9),
    "covtype": (_covtype, 20, 55),
    "kddcup99": (_kdd, 6, 42),
    "olivetti_faces": (_faces, 400, 4097),
}


@pytest.mark.parametrize("name", sorted(KEPT))
def test_a_set_that_was_downloaded_before_is_read_from_its_folder(name: str, tmp_path: Path) -> None:
    write, rows, columns = KEPT[name]
    write(tmp_path)
    source = Config(dataset=name, folder=str(tmp_path)).build()  # type: ignore[arg-type]
    table = source.read(source.fragments()[0])
    assert (table.num_rows, table.num_columns - 1) == (rows, columns)
    assert table.column_names[-2] == "target"
    assert pa.binary() not in table.schema.types
    assert pickle.loads(pickle.dumps(source)).read(source.fragments()[0]).equals(table)


def test_class_names_of_texts(tmp_path: Path) -> None:
    _newsgroups(tmp_path)
    source = Config(dataset="20newsgroups", folder=str(tmp_path)).build()
    assert set(source.read(source.fragments()[0]).column("target").to_pylist()) == {"misc.forsale", "sci.space"}


def test_a_set_that_is_not_here_and_cannot_be_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("sklearn.datasets._base.urlretrieve", refuse)
    with pytest.raises(DataError, match="sklearn:california_housing is not in .* and cannot be downloaded: .*no route"):
        Config(dataset="california_housing", folder=str(tmp_path)).build().schema()
    assert [str(each.message) for each in recwarn if "Retry" in str(each.message)] == []


def test_an_unknown_set_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"no set 'irris'\. Did you mean 'iris'\?"):
        Config.from_text("sklearn:irris")
