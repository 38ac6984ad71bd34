"""What goes with a job."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rayline.cluster import parcel as parcels
from rayline.cluster.parcel import Parcel
from rayline.core.errors import DataError, InputError, SpecError
from rayline.spec import load

HEADER = "a,b\n1,2\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("RAYLINE_STORAGE", raising=False)
    return folder


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    folder = tmp_path / "parcel"
    folder.mkdir()
    return Parcel(folder)


def spec(here: Path, source: str, **more: str) -> str:
    path = here / "spec.yaml"
    path.write_text(yaml.safe_dump({"name": "x", "data": {"source": source, "target": "b"}, **more}))
    return str(path)


def test_the_package_goes_without_caches(parcel: Parcel) -> None:
    assert (parcel.modules / "core" / "errors.py").is_file()
    assert not list(parcel.modules.rglob("__pycache__"))


def test_a_spec_goes_with_its_data_and_overrides(here: Path, parcel: Parcel) -> None:
    (here / "rows.csv").write_text(HEADER)
    name = parcel.add_spec(spec(here, str(here / "rows.csv")), ["train.epochs=3", "storage=s3://bucket/x"])
    sent = load(str(parcel.work / name))
    assert (sent.train.epochs, sent.storage) == (3, "s3://bucket/x")
    assert sent.data.source.path == "data/rows.csv"  # type: ignore[attr-defined]
    assert (parcel.work / "data" / "rows.csv").read_text() == HEADER


@pytest.mark.parametrize("source", ["rows", "rows/2024-*.csv"])
def test_folders_and_globs_keep_their_shape(here: Path, parcel: Parcel, source: str) -> None:
    for month in ("2024-01", "2024-02"):
        (here / "rows").mkdir(exist_ok=True)
        (here / "rows" / f"{month}.csv").write_text(HEADER)
    sent = load(str(parcel.work / parcel.add_spec(spec(here, source, storage="s3://bucket/x"))))
    path = sent.data.source.path  # type: ignore[attr-defined]
    assert sorted(p.name for p in (parcel.work / "data").rglob("*.csv")) == ["2024-01.csv", "2024-02.csv"]
    assert list(parcel.work.glob(path)), f"{path} names nothing in the job's folder"


def test_what_is_not_local_stays_where_it_is(here: Path, parcel: Parcel) -> None:
    sent = load(str(parcel.work / parcel.add_spec(spec(here, "s3://bucket/rows.parquet", storage="s3://bucket/x"))))
    assert sent.data.source.path == "s3://bucket/rows.parquet"  # type: ignore[attr-defined]
    assert not (parcel.work / "data").exists()


def test_large_data_is_refused_with_the_limit_and_the_way_out(
    here: Path, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "LIMIT_BYTES", 2**20)
    (here / "rows.csv").write_bytes(HEADER.encode() + b"1,2\n" * 2**19)
    with pytest.raises(DataError, match="at most 1 MiB.*aws s3 cp"):
        parcel.add_spec(spec(here, "rows.csv", storage="s3://bucket/x"))


def test_data_that_is_not_there_is_missed_before_anything_is_sent(here: Path, parcel: Parcel) -> None:
    with pytest.raises(DataError, match=r"no file 'none\.csv'"):
        parcel.add_spec(spec(here, "none.csv", storage="s3://bucket/x"))


def test_a_spec_without_storage_takes_the_environment_s_or_is_refused(
    here: Path, parcel: Parcel, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = spec(here, "sklearn:iris")
    with pytest.raises(SpecError, match="RAYLINE_STORAGE"):
        parcel.add_spec(path)
    monkeypatch.setenv("RAYLINE_STORAGE", "s3://bucket/y")
    assert load(str(parcel.work / parcel.add_spec(path))).storage == "s3://bucket/y"


def test_a_script_s_arguments_that_are_files_go_along(here: Path, parcel: Parcel) -> None:
    (here / "job.py").write_text("print(1)")
    (here / "rows.csv").write_text(HEADER)
    assert parcel.add_script("job.py") == "job.py"
    arguments = ["adult@champion", "rows.csv", "-o", "s3://bucket/out", spec(here, "sklearn:iris")]
    sent = [parcel.add_argument(argument) for argument in arguments]
    assert sent == ["adult@champion", "data/rows.csv", "-o", "s3://bucket/out", "spec.yaml"]
    with pytest.raises(InputError, match=r"no job script 'none\.py'"):
        parcel.add_script("none.py")
