"""The house stands: the source root is no package, names resolve, the command line starts fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from rayline.core import catalog

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "platform" / "rayline"
RAY_ROOMS = {"cluster", "cli", "pipeline"}


def test_source_root_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    code = "import platform; print(platform.python_version())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().startswith("3.")


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_ray_stays_at_the_edge(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    if "ray" in _imports(path):
        assert room in RAY_ROOMS or path.name == "on_ray.py", f"{path} imports ray; move that part to an on_ray.py"


@pytest.mark.parametrize("room", ["core", "spec", "profile", "lake", "sources", "monitor", "serve"])
def test_rooms_without_torch(room: str) -> None:
    for path in (PACKAGE / room).rglob("*.py"):
        assert "torch" not in _imports(path), path


@pytest.mark.parametrize("family", sorted(catalog.FAMILIES))
def test_every_plugin_has_a_docstring_and_builds_from_its_name(family: str) -> None:
    assert catalog.names(family)
    for name in catalog.names(family):
        config = catalog.config_class(family, name)
        module = sys.modules[config.__module__]
        assert module.__doc__, f"{module.__name__} needs a docstring: what it is and when to choose it"
        assert hasattr(config, "build") or hasattr(config, "learn")
        assert config.plugin_name == name


def test_no_local_version_tags_or_hosts_in_the_lock() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert "torch==2.13.0" in lines
    assert "ray==2.60.0" in lines
    assert all("==" in line and "+" not in line and "/" not in line for line in lines)


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, time; t = time.perf_counter()\n"
        "from rayline.cli.app import app\n"
        "heavy = {'torch', 'ray', 'mlflow', 'polars', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
