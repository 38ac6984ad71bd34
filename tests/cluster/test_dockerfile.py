"""The image's recipe names files that are there and the versions of this project."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text()


def test_everything_it_copies_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.M):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source not in ignored


def test_its_python_is_one_this_project_runs_on_and_it_does_not_run_as_root() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = set(re.findall(r"^FROM python:3\.(\d+)-", TEXT, re.M))
    least, most = (int(number) for number in re.findall(r"3\.(\d+)", project["requires-python"]))
    assert len(versions) == 1
    assert least <= int(versions.pop()) < most
    assert "USER ray" in TEXT
    assert "--constraint /tmp/requirements.lock" in TEXT
