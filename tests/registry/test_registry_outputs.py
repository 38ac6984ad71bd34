"""Outputs of batch prediction: what they are opened for, and that they are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rayline.core import files
from rayline.core.errors import ClusterError, InputError, StorageError
from rayline.registry import outputs
from rayline.registry.outputs import FileOutput, FolderOutput

TABLE = pa.table({"a": [1, 2], "b": ["x", None]})


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "OUT.CSV"])
def test_file_is_written_in_order_and_replaced(name: str, tmp_path: Path) -> None:
    for rows in (4, 2):
        place = outputs.open_output(str(tmp_path / name))
        assert isinstance(place, FileOutput)
        assert place.write(iter([TABLE] * (rows // 2)), TABLE.schema) == rows
        got = pl.read_csv(tmp_path / name) if name.lower().endswith("csv") else pl.read_parquet(tmp_path / name)
        assert got["a"].to_list() == [1, 2] * (rows // 2)
    assert os.listdir(tmp_path) == [name]


def test_failure_on_the_way_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("before")

    def failing() -> Iterator[pa.Table]:
        yield TABLE
        raise ValueError("lost")

    place = outputs.open_output(str(tmp_path / "out.csv"))
    assert isinstance(place, FileOutput)
    with pytest.raises(ValueError, match="lost"):
        place.write(failing(), TABLE.schema)
    assert os.listdir(tmp_path) == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "before"


def fill(place: FolderOutput, names: set[str]) -> None:
    for name in names:
        pq.write_table(TABLE, f"{place.parts}/{name}")


@pytest.mark.parametrize("make", [True, False])
def test_folder_appears_when_all_parts_are_there(make: bool, tmp_path: Path) -> None:
    if make:
        (tmp_path / "out").mkdir()
    place = outputs.open_output(str(tmp_path / "out") + "/")
    assert isinstance(place, FolderOutput)
    with place.filling():
        fill(place, {"part-1.parquet"})
        place.expect({"part-1.parquet"})
        assert not list((tmp_path / "out").glob("*"))
    assert os.listdir(tmp_path / "out") == ["part-1.parquet"]
    assert os.listdir(tmp_path) == ["out"]


def test_parts_written_on_another_machine_are_missed(tmp_path: Path) -> None:
    place = outputs.open_output(str(tmp_path / "out"))
    assert isinstance(place, FolderOutput)

    def work() -> None:
        with place.filling():
            fill(place, {"part-1.parquet"})
            place.expect({"part-1.parquet", "part-2.parquet"})

    with pytest.raises(ClusterError, match="1 of 2 parts lie elsewhere"):
        work()
    assert os.listdir(tmp_path) == []


def test_wrong_places_are_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    for name, error, told in (
        ("out.json", InputError, r"Give OUT\.csv, OUT\.parquet"),
        ("full", InputError, "not an empty folder"),
        ("full/file", InputError, "not an empty folder"),
        ("folder.csv", InputError, "is a folder"),
        ("nowhere/out.csv", StorageError, "there is no folder"),
        ("nowhere/out", StorageError, "there is no folder"),
    ):
        with pytest.raises(error, match=told):
            outputs.open_output(str(tmp_path / name))


def test_object_storage_gets_whole_files_and_a_mark_of_success(s3: str, tmp_path: Path) -> None:
    uri = s3.replace("PATH", "scores/out.parquet")
    place = outputs.open_output(uri)
    assert isinstance(place, FileOutput)
    assert place.write(iter([TABLE]), TABLE.schema) == 2
    assert pq.read_table(pa.BufferReader(files.read_bytes(uri))).equals(TABLE)

    folder = outputs.open_output(s3.replace("PATH", "scores/all"))
    assert isinstance(folder, FolderOutput)
    with folder.filling():
        files.write_bytes(files.join(folder.parts, "part-1.parquet"), b"1")
        folder.expect({"part-1.parquet"})
    assert files.list_names(folder.uri) == ["_SUCCESS", "part-1.parquet"]
    with pytest.raises(InputError, match="not an empty folder"):
        outputs.open_output(s3.replace("PATH", "scores/all"))

    failed = outputs.open_output(s3.replace("PATH", "scores/failed"))
    assert isinstance(failed, FolderOutput)

    def interrupted() -> None:
        with failed.filling():
            files.write_bytes(files.join(failed.parts, "part-1.parquet"), b"1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert files.list_names(failed.uri) == []
