"""What is sent to a cluster with a job: this very Rayline, the spec or script, and small local data.

A parcel is two folders. `modules/rayline` goes on the import path of the job and of every worker (the repository
itself cannot be shipped as a working directory: its `platform/` would come first on the path and shadow the
standard library's module). `work/` becomes the working directory on every machine, so that a relative path to
shipped data means the same file everywhere.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

import rayline
from rayline.core.errors import DataError, InputError, SpecError
from rayline.spec import document

LIMIT_BYTES = 100 * 2**20
"""Ray's dashboard takes no larger upload."""

SPEC_SUFFIXES = (".yaml", ".yml")


class Parcel:
    """A job's files, gathered below `folder`, which must exist and be empty."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self.modules = folder / "modules" / "rayline"
        self.work.mkdir()
        package = Path(rayline.__file__).parent
        shutil.copytree(package, self.modules, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))

    def add_spec(self, path: str, sets: Iterable[str] = (), *, must_have_storage: bool = True) -> str:
        """Add a validated spec, overrides applied and its local data beside it; the path it has in the job.

        Where it names no storage it gets that of `RAYLINE_STORAGE`.

        Raises:
            SpecError: as `spec.load`, or no storage.
            DataError: local data that is not there or too large to send.
        """
        content = document.to_dict(document.load(path, sets))
        content["storage"] = content["storage"] or os.environ.get("RAYLINE_STORAGE")
        if must_have_storage and content["storage"] is None:
            raise SpecError(
                f"{path}: a submitted run needs storage: a URI that every machine of the cluster reads and writes. "
                "Give --set storage=s3://BUCKET/rayline, or set RAYLINE_STORAGE."
            )
        content["data"]["source"] = self._ship_source(content["data"]["source"])
        name = Path(path).name
        (self.work / name).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return name

    def add_argument(self, argument: str) -> str:
        """Add the file or folder that a script's argument names; any other argument stays as it is.

        Raises:
            InputError: as `add_spec`, or files too large to send.
        """
        if not os.path.exists(argument):
            return argument
        if argument.endswith(SPEC_SUFFIXES):
            return self.add_spec(argument, must_have_storage=False)  # the script may set it itself
        return self._ship(argument)

    def add_script(self, path: str) -> str:
        """Add a Python file; the path it has in the job.

        Raises:
            InputError: there is no such file.
        """
        if not os.path.isfile(path):
            raise InputError(f"there is no job script {path!r}.")
        shutil.copy(path, self.work)
        return Path(path).name

    def _ship_source(self, source: dict[str, Any]) -> dict[str, Any]:
        path = source.get("path")
        if not isinstance(path, str) or "://" in path:
            return source
        return {**source, "path": self._ship(path)}

    def _ship(self, path: str) -> str:
        """Copy a file, a folder, or what a glob matches to `data/`; the same path, glob or folder there."""
        pattern = glob.has_magic(path) and not os.path.exists(path)
        base = Path(_fixed_part(path) if pattern else path).absolute()
        found = sorted(Path(p).absolute() for p in glob.glob(path, recursive=True)) if pattern else [base]
        every = [file for place in found for file in (sorted(place.rglob("*")) if place.is_dir() else [place])]
        every = [file for file in every if file.is_file()]
        if not every:
            raise DataError(f"there is no file {path!r} on this machine.")
        self._refuse_large(path, sum(file.stat().st_size for file in every))
        top = base if pattern else base.parent
        for file in every:
            target = self.work / "data" / file.relative_to(top)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
        rest = path[len(_fixed_part(path)) :].lstrip("/") if pattern else base.name
        return f"data/{rest}"

    def _refuse_large(self, path: str, size_bytes: int) -> None:
        already = sum(file.stat().st_size for file in self.work.rglob("*") if file.is_file())
        if already + size_bytes > LIMIT_BYTES:
            raise DataError(
                f"{path} is {size_bytes / 2**20:,.0f} MiB, and a job carries at most {LIMIT_BYTES // 2**20} MiB. "
                "Copy it to storage that the cluster reads (`aws s3 cp`, `gsutil cp`) and give its URI as data.source."
            )


def _fixed_part(pattern: str) -> str:
    """The folders of a glob before its first wildcard.

    >>> _fixed_part("/data/2024-*/part.csv")
    '/data/'
    """
    fixed = pattern[: next(i for i, letter in enumerate(pattern) if letter in "*?[")]
    return fixed[: fixed.rfind("/") + 1]
