"""The doctor's findings on a cluster that is well and on ones that are not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ray_head import Head, running_head
from rayline.cluster.checks import Verdict
from rayline.cluster.connect import Connection
from rayline.cluster.doctor import run_checks
from rayline.cluster.exposure import port_checks
from rayline.cluster.machine import Machine
from rayline.cluster.resources import Node

pytestmark = pytest.mark.ray

EXAMINE = """
import json, sys
from rayline.cluster.doctor import run_checks

for storage in sys.argv[2:] or [None]:
    checks = run_checks(sys.argv[1], storage)
    print(json.dumps([[check.name, check.verdict, check.detail, check.advice] for check in checks]))
"""


def examine(head: Head, *storages: str) -> list[dict[str, list[str]]]:
    """What is found with each storage, by name."""
    done = subprocess.run(
        [sys.executable, "-c", EXAMINE, head.address, *storages],
        env=os.environ | head.environment, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = done.stdout.splitlines()[-max(1, len(storages)) :]
    return [{name: rest for name, *rest in json.loads(line)} for line in found]


@pytest.mark.slow
def test_a_cluster_that_is_well_and_one_that_is_not(tmp_path_factory: pytest.TempPathFactory) -> None:
    serving = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"}
    with running_head(environment=serving) as head:
        found, unwritable = examine(head, str(tmp_path_factory.mktemp("store")), "/proc/nowhere")
        ours = {name: told for name, told in found.items() if not name.startswith("ports")}  # others listen here too
        assert [name for name, (verdict, _, _) in ours.items() if verdict != "ok"] == [], found
        assert "1 machine, 2 CPUs, 0 GPUs" in found["cluster"][1]
        assert "asks for a token" in found["authentication"][1]
        assert "asks for a token" in found["dashboard"][1]
        assert "written and read by this machine" in found["storage"][1]
        assert found["HAProxy"][1].startswith("Serve puts HAProxy")
        assert unwritable["storage"][0] == "fail"
        assert "/proc/nowhere" in unwritable["storage"][1]
    with running_head(cpus=0, environment={"RAY_AUTH_MODE": "disabled"}) as head:
        (found,) = examine(head)
        for name in ("authentication", "dashboard", "CPUs for data", "HAProxy"):
            verdict, detail, advice = found[name]
            assert verdict in ("fail", "warn"), (name, detail)
            assert advice, name
        assert found["authentication"][0] == found["CPUs for data"][0] == "fail"
        assert "without a token" in next(rest for name, rest in found.items() if name.startswith("ports"))[1]


@pytest.mark.parametrize(
    ("ports", "anybody", "verdict", "told"),
    [
        ([22, 5432], True, Verdict.OK, "none of Ray's"),
        ([6400, 8265], False, Verdict.OK, "behind the token: 6400 (Ray's control store), 8265"),
        ([6400], True, Verdict.FAIL, "without a token: 6400"),
        ([6400, 8404, 9101], False, Verdict.WARN, "8404 (HAProxy's statistics), 9101"),
    ],
)
def test_open_ports_are_judged_by_who_may_use_them(
    ports: list[int], anybody: bool, verdict: Verdict, told: str
) -> None:
    node = Node("a", "10.0.0.1", head=True, cpus=1, gpus=0)
    machine = Machine(versions={}, ports=ports, haproxy=True, haproxy_mode=True)
    cluster = Connection("10.0.0.1:6400", "10.0.0.1:8265", started=False, joined=True)
    [check] = port_checks({node: machine}, cluster, anybody=anybody)
    assert check.verdict is verdict
    assert told in check.detail
    assert bool(check.advice) is (verdict is not Verdict.OK)


def test_a_cluster_that_nothing_answers_for_is_a_finding_not_a_crash() -> None:
    found = {check.name: check for check in run_checks("127.0.0.1:1")}
    assert found["cluster"].verdict is Verdict.FAIL
    assert "nothing answers at 127.0.0.1:1" in found["cluster"].detail
    assert {"home", "upload"} <= set(found)
