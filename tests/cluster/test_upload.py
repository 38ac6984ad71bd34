"""The size of an upload, as Ray's own packaging counts it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ray._private.ray_constants import get_runtime_env_default_excludes
from ray._private.runtime_env.packaging import create_package

from rayline.cluster.upload import upload_bytes


def fill(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src" / "a.py").write_bytes(b"x" * 1000)
    (folder / "src" / "a.log").write_bytes(b"x" * 5000)
    (folder / "data").mkdir()
    (folder / "data" / "big.csv").write_bytes(b"x" * 70000)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "lib").write_bytes(b"x" * 9000)
    (folder / ".gitignore").write_text("*.log\n")
    (folder / ".rayignore").write_text("data/\n")


def test_it_counts_what_ray_would_send(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    fill(folder)
    package = tmp_path / "sent.zip"
    create_package(
        str(folder),
        package,
        include_gitignore=True,
        excludes=get_runtime_env_default_excludes(),
        include_parent_dir=False,
    )
    with zipfile.ZipFile(package) as sent:
        expected = sum(item.file_size for item in sent.infolist())
    assert upload_bytes(folder, 10**9) == expected == 1000 + len("*.log\n") + len("data/\n")


def test_it_stops_when_it_has_seen_enough(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number:02}").write_bytes(b"x" * 1000)
    assert 3000 < upload_bytes(tmp_path, 3000) <= 4000
