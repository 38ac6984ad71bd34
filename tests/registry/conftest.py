"""Packages for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from registry_parts import Made, make

from rayline.core.columns import Task
from rayline.registry import package


@pytest.fixture(scope="session")
def made() -> Callable[..., Made]:
    """`make`, each combination built once."""
    built: dict[Task, Made] = {}

    def get(task: Task = Task.BINARY) -> Made:
        if task not in built:
            built[task] = make(task)
        return built[task]

    return get


@pytest.fixture
def packaged(made: Callable[..., Made], tmp_path: Path) -> str:
    """A written binary package."""
    folder = str(tmp_path / "package")
    package.write(folder, **made().parts)
    return folder
