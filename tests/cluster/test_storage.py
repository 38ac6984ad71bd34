"""Storage is proven, not believed. Over two real machines, slow: tests/integration/test_two_nodes.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rayline.cluster import storage
from rayline.cluster.everywhere import on_every_node
from rayline.cluster.resources import Node, Resources, resources
from rayline.cluster.storage import prove
from rayline.core.errors import StorageError

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


def test_a_proof_leaves_nothing_behind(tmp_path: Path) -> None:
    prove(str(tmp_path / "deep" / "store"))
    assert list((tmp_path / "deep" / "store").iterdir()) == []


def test_a_place_nobody_can_write_is_named_with_the_machine_and_the_way_out() -> None:
    with pytest.raises(StorageError, match="/proc/rayline") as refused:
        prove("/proc/rayline")
    assert resources().nodes[0].address in str(refused.value)
    assert "storage:" in str(refused.value)


def test_a_place_that_machines_do_not_share_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines, each of which sees a folder of its own under one name."""
    nodes = [
        Node(name * 32, f"10.0.0.{place}", head=place == 1, cpus=1, gpus=0) for place, name in ((1, "a"), (2, "b"))
    ]
    shared = []

    def on_each(step: Callable[..., str], found: Resources, folder: str, *rest: Any, timeout_s: float) -> Any:
        own = {node: folder if shared else f"{tmp_path}/{node.address}{folder}" for node in found.nodes}
        return {node: step(node.id, own[node], *rest) for node in found.nodes}

    monkeypatch.setattr(storage, "on_every_node", on_each)
    both = replace(resources(), nodes=tuple(nodes))
    with pytest.raises(StorageError, match="10.0.0.1: it does not see what machine bbbbbbbb wrote") as refused:
        prove(str(tmp_path / "store"), both)
    assert "storage:" in str(refused.value)
    shared.append(True)
    prove(str(tmp_path / "store"), both)


def test_a_machine_that_does_not_answer_in_time_is_no_answer() -> None:
    def sleep(_node: str) -> str:  # local functions travel whole: workers cannot import this file
        time.sleep(60)
        return ""

    began = time.monotonic()
    answers = on_every_node(sleep, resources(), timeout_s=1.0)
    assert time.monotonic() - began < 10
    assert list(answers.values()) == ["no answer within 1 s"]


def test_a_task_that_fails_says_why() -> None:
    def fail(_node: str) -> str:
        raise RuntimeError("no such thing")

    assert "no such thing" in next(iter(on_every_node(fail, resources(), timeout_s=30).values()))
