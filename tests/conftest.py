"""What every test shares: a private `RAYLINE_HOME`, and one small Ray cluster for the tests that need one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

# before any import of Ray: its workers inherit them
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# a shell that starts the tests in the background ignores Ctrl-C for them; their children must not inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests of one file share a process, and all that touch Ray share one: one cluster at a time.

    Among those the shared cluster comes last: until it starts, their process has joined no Ray, and tests may start
    their own. With several processes theirs is given out first, for it is the longest.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group("ray" if _on_ray(item) else str(item.path)))
    several = hasattr(config, "workerinput")
    items.sort(key=lambda item: (_on_ray(item) != several, _on_shared_cluster(item)))


def _on_ray(item: pytest.Item) -> bool:
    return _on_shared_cluster(item) or item.get_closest_marker("ray") is not None


def _on_shared_cluster(item: pytest.Item) -> bool:
    return "ray_cluster" in getattr(item, "fixturenames", ())


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
