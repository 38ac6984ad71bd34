"""How many workers train, and on what."""

from __future__ import annotations

import pytest

from rayline.cluster.resources import Node, Resources, resources, workers_for
from rayline.core.errors import ClusterError
from rayline.spec.sections import Train


def cluster(*nodes: tuple[float, float], most_cpus: float = 0, most_gpus: float = 0) -> Resources:
    machines = tuple(Node(str(i), f"10.0.0.{i}", i == 0, cpus, gpus) for i, (cpus, gpus) in enumerate(nodes))
    return Resources(machines, max(most_cpus, sum(c for c, _ in nodes)), max(most_gpus, sum(g for _, g in nodes)))


@pytest.mark.parametrize(
    ("found", "workers", "expected"),
    [
        (cluster((2, 0)), "auto", (1, False)),
        (cluster((2, 0)), 2, (2, False)),
        (cluster((0.0, 0)), 1, (1, False)),
        (cluster((4, 1), (4, 1)), "auto", (2, True)),
        (cluster((4, 2)), 1, (1, True)),
        (cluster((0, 0), most_gpus=4), "auto", (1, True)),
        (cluster((0, 0), most_gpus=4), 3, (3, True)),
    ],
)
def test_gpus_are_taken_wherever_there_can_be_some(found: Resources, workers: int, expected: tuple[int, bool]) -> None:
    assert workers_for(Train(workers=workers), found) == expected


@pytest.mark.parametrize(
    ("found", "allowed"),
    [(cluster((2, 0)), "2 CPUs"), (cluster((8, 1)), "1 GPU,"), (cluster((0, 0), most_gpus=4), "4 GPUs")],
)
def test_more_workers_than_the_cluster_can_ever_place_are_refused(found: Resources, allowed: str) -> None:
    with pytest.raises(ClusterError, match=allowed):
        workers_for(Train(workers=5), found)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_the_running_cluster_is_described() -> None:
    found = resources()
    assert [node.head for node in found.nodes] == [True]
    assert (found.cpus, found.gpus, found.most_cpus, found.most_gpus) == (4.0, 0.0, 4.0, 0.0)
    assert workers_for(Train()) == (1, False)
