"""Batch prediction into a folder that only one machine sees is refused before anything is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest

from rayline.cluster.resources import Node, Resources
from rayline.core.errors import ClusterError, StorageError
from rayline.registry import on_ray, outputs
from rayline.sources._source import Source

NODES = tuple(Node(id=f"n{n}", address=f"10.0.0.{n}", head=n == 1, cpus=2, gpus=0) for n in (1, 2))


class ReadError(Exception):
    """The source was asked for something."""


class Unread:
    def __getattr__(self, name: str) -> Any:
        raise ReadError(name)


def predict(monkeypatch: pytest.MonkeyPatch, output: Path, *, machines: int, package: str) -> None:
    def prove(uri: str) -> None:
        assert uri == str(output.parent)
        raise StorageError(
            "not every machine of the cluster can use the storage x:\n  10.0.0.2: it does not see what machine n1 "
            "wrote; the folder is not shared\nSet storage: in the spec to a URI"
        )

    monkeypatch.setattr(on_ray, "resources", lambda: Resources(NODES[:machines], most_cpus=4, most_gpus=0))
    monkeypatch.setattr(outputs, "prove", prove)
    on_ray.predict_dataset(package, cast(Source, Unread()), str(output))


def test_a_folder_of_one_machine_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, packaged: str, tmp_path: Path
) -> None:
    before = set(os.listdir(tmp_path))
    with pytest.raises(ClusterError, match=r"10\.0\.0\.2: it does not see.*\n.*s3://.*, or OUT\.csv") as refused:
        predict(monkeypatch, tmp_path / "out", machines=2, package=packaged)
    assert refused.value.exit_code == 2
    assert set(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(("name", "machines"), [("out", 1), ("out.csv", 2), ("out.parquet", 2)])
def test_one_machine_or_one_file_is_asked_for_no_proof(
    monkeypatch: pytest.MonkeyPatch, packaged: str, tmp_path: Path, name: str, machines: int
) -> None:
    with pytest.raises(ReadError):
        predict(monkeypatch, tmp_path / name, machines=machines, package=packaged)
