"""Packages: whole or not at all, verified, fetched from storage, and without private values."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from registry_parts import MARKED_NUMBER, MARKED_TEXT, Made

from rayline.core import files
from rayline.core.errors import PackageError, StorageError
from rayline.registry import package
from rayline.registry.models import Registry
from rayline.registry.predictor import load

FILES = {
    "model.safetensors", "prepare.json", "prepare.safetensors", "spec.yaml", "signature.json", "metrics.json",
    "golden.arrow", "card.md", "environment.txt", "manifest.json", "split.json",
    "profile/profile.json", "profile/reference.json",
}  # fmt: skip


def contents(folder: str) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def test_package_holds_every_file_under_one_digest(packaged: str) -> None:
    held = contents(packaged)
    assert set(held) >= FILES
    manifest = json.loads(held["manifest.json"])
    assert manifest["format"] == 1
    assert set(manifest["files"]) == set(held) - {"manifest.json"}
    assert manifest["digest"] == package.verify(packaged)
    assert package.fetch(packaged) == packaged
    assert "torch==" in held["environment.txt"].decode()
    assert all(Path(packaged, name).stat().st_mode & 0o444 == 0o444 for name in held), "storage may be shared"


def test_same_parts_make_the_same_package(made: Callable[..., Made], tmp_path: Path) -> None:
    digests = {package.write(str(tmp_path / name), **made().parts) for name in ("a", "b")}
    assert len(digests) == 1
    assert package.write(str(tmp_path / "a"), **made().parts) in digests, "an older folder is replaced"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_failed_write_leaves_nothing(made: Callable[..., Made], tmp_path: Path) -> None:
    parts = {**made().parts, "golden": made().frame.drop("age")}
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        package.write(str(tmp_path / "package"), **parts)
    assert os.listdir(tmp_path) == []


def test_place_that_cannot_be_written_is_told(made: Callable[..., Made], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write the package"):
        package.write(str(tmp_path / "file" / "package"), **made().parts)


def test_no_value_of_a_private_column_is_in_any_file(packaged: str) -> None:
    shown = dict(contents(packaged))
    for path in Path(packaged).rglob("*.arrow"):
        shown[f"{path} as text"] = str(pl.read_ipc(path.read_bytes()).to_dicts()).encode()
    for name, held in shown.items():
        for marker in (MARKED_TEXT, MARKED_TEXT.lower(), "Ulm", str(MARKED_NUMBER)):
            assert marker.encode() not in held, f"{marker} in {name}"
    golden = pl.read_ipc(Path(packaged, "golden.arrow").read_bytes())
    assert golden.columns == ["age", "hours", "work", "__answer__"]
    assert golden.height == 32


def test_package_on_object_storage_is_fetched_once_and_kept_by_digest(
    packaged: str, s3: str, rayline_home: Path
) -> None:
    uri = s3.replace("PATH", "good")
    files.copy_folder(packaged, uri)
    digest = package.verify(uri)
    folder = package.fetch(uri)
    assert folder == str(rayline_home / "packages" / digest)
    assert contents(folder) == contents(packaged)
    made_at = Path(folder, "model.safetensors").stat().st_mtime_ns
    assert package.fetch(uri) == folder
    assert Path(folder, "model.safetensors").stat().st_mtime_ns == made_at
    Path(folder, "card.md").write_text("altered")
    assert contents(package.fetch(uri)) == contents(packaged), "a damaged copy is fetched again"
    assert os.listdir(rayline_home / "packages") == [digest]


def test_altered_package_on_object_storage_leaves_no_copy(packaged: str, s3: str, rayline_home: Path) -> None:
    uri = s3.replace("PATH", "bad")
    files.copy_folder(packaged, uri)
    files.write_bytes(files.join(uri, "model.safetensors"), b"other")
    files.write_bytes(files.join(uri, "more.txt"), b"")
    filesystem, path = files.locate(uri)
    filesystem.delete_file(f"{path}/card.md")
    told = r"altered: model\.safetensors; missing: card\.md"
    with pytest.raises(PackageError, match=told + r"; not in the manifest: more\.txt"):
        package.verify(uri)
    with pytest.raises(PackageError, match=told):
        package.fetch(uri)
    assert os.listdir(rayline_home / "packages") == []
    with pytest.raises(PackageError, match="not a model package"):
        package.fetch(s3.replace("PATH", "nowhere"))


def test_processes_may_fetch_at_once(packaged: str, s3: str, rayline_home: Path) -> None:
    uri = s3.replace("PATH", "shared")
    files.copy_folder(packaged, uri)
    script = f"from rayline.registry import package; print(package.fetch({uri!r}))"
    started = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {process.communicate(timeout=120)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert answers == {package.fetch(uri)}
    assert len(os.listdir(rayline_home / "packages")) == 1


def test_package_is_registered_on_object_storage(packaged: str, s3: str, rayline_home: Path) -> None:
    registry = Registry()
    entry = registry.publish(packaged, "people", alias="champion", storage=s3.replace("PATH", "line"))
    assert entry.uri.startswith("s3://models/line/artifacts/")
    found = registry.resolve("people@champion")
    assert found == entry
    assert package.fetch(found.uri) == str(rayline_home / "packages" / entry.digest)
    assert load(found.uri).check_golden() == 32
