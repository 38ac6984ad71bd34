"""A sealed package with a reference profile, as the registry writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from census import build_reference

from rayline.registry import manifest

Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """`package(name, **monitor)` writes a package with these `monitor` settings in its spec, and returns its URI."""

    def write(name: str = "adult", **monitor: Any) -> str:
        folder = tmp_path / "packages" / name
        build_reference().save(folder / "profile")
        settings = {"drift": {"name": "psi", "threshold": 0.2, "false_alarms": 0.001, "minimum_rows": 200}, **monitor}
        (folder / "spec.yaml").write_text(yaml.safe_dump({"name": "adult", "monitor": settings}))
        manifest.seal(str(folder))
        return str(folder)

    return write
