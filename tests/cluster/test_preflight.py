"""Work that could never be placed is refused in words."""

from __future__ import annotations

import time

import pytest
import ray

from rayline.cluster import preflight as preflights
from rayline.cluster.preflight import preflight
from rayline.cluster.resources import resources
from rayline.core.errors import ClusterError

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


def test_a_free_cluster_has_room_for_as_many_workers_as_it_has_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflights, "SETTLE_S", 0.5)
    found = resources()
    assert found.cpus == 4
    refused = []
    for workers in (0, 1, 2, 4, 5):
        try:
            preflight(workers)
        except ClusterError:
            refused.append(workers)
    assert refused == [5]


def test_gpus_that_are_not_there_are_missed() -> None:
    with pytest.raises(ClusterError, match="2 training workers need 2 GPUs, and 0 of the cluster's 0 are free"):
        preflight(2, use_gpu=True)


def test_what_others_hold_is_counted_and_what_the_autoscaler_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflights, "SETTLE_S", 0.5)

    @ray.remote(num_cpus=4)
    class Greedy:
        def ready(self) -> bool:
            return True

    holder = Greedy.remote()
    assert ray.get(holder.ready.remote())
    try:
        with pytest.raises(ClusterError, match="reading data needs 1 CPU, and 0 of the cluster's 4 are free"):
            preflight()
        with pytest.raises(ClusterError, match="2 training workers"):
            preflight(2)
        preflight(1)  # trains inside the run's own process
        growing = resources()
        object.__setattr__(growing, "most_cpus", 8.0)
        preflight(2, found=growing)
    finally:
        ray.kill(holder)


def test_work_that_has_just_ended_is_waited_for() -> None:
    @ray.remote(num_cpus=4)
    def last_task() -> None:
        time.sleep(1.5)

    running = last_task.remote()
    while ray.available_resources().get("CPU", 0.0) == 4.0:
        time.sleep(0.05)
    preflight()
    assert ray.wait([running], timeout=0)[0] == [running]
