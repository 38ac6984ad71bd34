"""What every test shares: a private `RAYLINE_HOME`, and one small Ray cluster for the tests that need one."""

from __future__ import annotations

import ast
import os
import re
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

RAY = "ray"

# before any import of Ray: its workers inherit them
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# a shell that starts the tests in the background ignores Ctrl-C for them; their children must not inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The shared cluster comes last: until it starts, this process has joined no Ray, and tests may start their own.

    On it, those that scrape come first: Ray's agents export every data set they have seen, 11 MB after a hundred tests.
    With several processes that of Ray is given out first, for it is the longest.
    """
    several = hasattr(config, "workerinput")
    items.sort(
        key=lambda item: (
            (_scope(item.nodeid) == RAY) != several,
            "ray_cluster" in _fixtures(item),
            "test_watching" not in item.nodeid,
        )
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one file share a process, and all that touch Ray share one: one cluster at a time."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _scope(nodeid)

    return ByFile(config, log)


def _scope(nodeid: str) -> str:
    file, name = re.match(r"([^:]*)(?:::(\w+))?", nodeid).groups()  # type: ignore[union-attr]
    whole, names = _touching_ray(file)
    return RAY if whole or name in names else file


@cache
def _touching_ray(file: str) -> tuple[bool, frozenset[str]]:
    """Whether every test of a file touches Ray; else the functions and classes that do, by mark or by fixture."""
    tree = ast.parse((Path(__file__).parent.parent / file).read_text(encoding="utf-8"))
    asked = {node.name: _asks_for(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    found: set[str] = {"ray", "ray_cluster"}
    while more := {name for name, words in asked.items() if words & found} - found:
        found |= more
    marks = [ast.unparse(node.value) for node in tree.body if isinstance(node, ast.Assign | ast.Expr)]
    whole = any(re.search(r"mark\.ray\b|ray_cluster", text) for text in marks)
    return whole, frozenset(found)


def _asks_for(node: ast.FunctionDef | ast.ClassDef) -> set[str]:
    """Marks and fixtures of a test, of a fixture, or of all tests of a class."""
    inner = (
        [each for each in node.body if isinstance(each, ast.FunctionDef)] if isinstance(node, ast.ClassDef) else [node]
    )
    words = {argument.arg for each in inner for argument in (*each.args.args, *each.args.kwonlyargs)}
    for decorator in (*node.decorator_list, *(d for each in inner for d in each.decorator_list)):
        words |= set(re.findall(r"mark\.(ray)\b|(ray_cluster)", ast.unparse(decorator)) and ["ray"])
    return words


def _fixtures(item: pytest.Item) -> list[str]:
    return list(getattr(item, "fixturenames", ()))


@pytest.fixture(autouse=True)
def rayline_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty `RAYLINE_HOME` for each test."""
    home = tmp_path / "rayline-home"
    monkeypatch.setenv("RAYLINE_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One local Ray cluster of four logical CPUs for the whole session."""
    import ray

    ray.init(
        address="local",  # never somebody else's
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=400 * 1024**2,
        configure_logging=False,
    )
    yield
    ray.shutdown()
