"""Manifests: what is altered is named, what is outside is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rayline.core.errors import PackageError
from rayline.registry import manifest


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "profile").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "profile" / "b.json").write_text("{}")
    manifest.seal(str(folder))
    return folder


def edit(folder: Path, change: object) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    change(document)  # type: ignore[operator]
    (folder / "manifest.json").write_text(json.dumps(document))


def test_digest_depends_on_names_and_content_alone(sealed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "profile").mkdir(parents=True)
    (other / "profile" / "b.json").write_text("{}")
    (other / "a.txt").write_text("a")
    manifest.seal(str(other))
    assert manifest.verify(str(sealed)) == manifest.verify(str(other)) == manifest.read(str(sealed)).digest
    assert (sealed / "manifest.json").read_bytes() == (other / "manifest.json").read_bytes()


def test_every_problem_is_named_at_once(sealed: Path) -> None:
    (sealed / "a.txt").write_text("b")
    (sealed / "profile" / "b.json").unlink()
    (sealed / "new.txt").write_text("")
    with pytest.raises(PackageError, match=r"altered: a\.txt; missing: profile/b\.json; not in the manifest: new\.txt"):
        manifest.verify(str(sealed))


def test_one_changed_byte_is_found(sealed: Path) -> None:
    (sealed / "profile" / "b.json").write_text("[]")
    with pytest.raises(PackageError, match=r"altered: profile/b\.json\."):
        manifest.verify(str(sealed))


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "a\\..\\x", "c:x", "", ".", "a//b", "./a", "manifest.json"]
)
def test_paths_outside_the_package_are_refused(sealed: Path, path: str) -> None:
    edit(sealed, lambda document: document["files"].update({path: {"sha256": "0" * 64, "bytes": 1}}))
    with pytest.raises(PackageError, match="outside the package"):
        manifest.read(str(sealed))


def test_list_of_files_cannot_be_edited(sealed: Path) -> None:
    (sealed / "a.txt").unlink()
    edit(sealed, lambda document: document["files"].pop("a.txt"))
    with pytest.raises(PackageError, match="was altered"):
        manifest.verify(str(sealed))


def test_other_formats_and_damaged_manifests_are_refused(sealed: Path, tmp_path: Path) -> None:
    edit(sealed, lambda document: document.update(format=2))
    with pytest.raises(PackageError, match="format 2; this version of Rayline reads format 1"):
        manifest.read(str(sealed))
    (sealed / "manifest.json").write_text('{"format": 1, "files": {"a.txt": 3}}')
    with pytest.raises(PackageError, match="damaged"):
        manifest.read(str(sealed))
    (sealed / "manifest.json").write_text("{")
    with pytest.raises(PackageError, match="not JSON"):
        manifest.read(str(sealed))
    with pytest.raises(PackageError, match="not a model package"):
        manifest.read(str(tmp_path / "nowhere"))
