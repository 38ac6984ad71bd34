"""What a cluster has, what its autoscaler may add, and how many workers train on it."""

from __future__ import annotations

from dataclasses import dataclass

import ray

from rayline.core.errors import ClusterError
from rayline.spec.sections import Train

MAX_GPUS_LABEL = "rayline.io/max-gpus"
MAX_CPUS_LABEL = "rayline.io/max-cpus"
"""Labels of a head node (`ray start --labels`, `labels:` of a node type) that say what the autoscaler may bring up
in all. Ray itself does not tell a driver, and a cluster scaled down to nothing would look like one without GPUs."""


@dataclass(frozen=True)
class Node:
    """One machine of the cluster that is up."""

    id: str
    address: str
    head: bool
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Resources:
    """The machines that are up, the head first, and how far the autoscaler may go."""

    nodes: tuple[Node, ...]
    most_cpus: float
    """CPUs the cluster can grow to; those it has where nothing says more."""
    most_gpus: float
    """GPUs the cluster can grow to; those it has where nothing says more."""

    @property
    def cpus(self) -> float:
        return sum(node.cpus for node in self.nodes)

    @property
    def gpus(self) -> float:
        return sum(node.gpus for node in self.nodes)


def resources() -> Resources:
    """The resources of the cluster this process has joined."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    nodes = sorted((_node(node) for node in alive), key=lambda node: (not node.head, node.address, node.id))
    labels = {name: value for node in alive for name, value in node.get("Labels", {}).items() if _says_more(name)}
    return Resources(
        nodes=tuple(nodes),
        most_cpus=max(sum(node.cpus for node in nodes), float(labels.get(MAX_CPUS_LABEL, 0))),
        most_gpus=max(sum(node.gpus for node in nodes), float(labels.get(MAX_GPUS_LABEL, 0))),
    )


def workers_for(settings: Train, found: Resources | None = None) -> tuple[int, bool]:
    """How many data-parallel workers train, and whether each takes a GPU.

    `workers: auto` is one for each GPU that is up, one GPU worker where the autoscaler has yet to bring GPUs, and
    one CPU worker where there are none to be had. `workers: N` takes GPUs wherever the cluster can have any.

    Args:
        found: the cluster; default: as it is now.

    Raises:
        ClusterError: more workers than the cluster can ever place; Ray would wait for ever.
    """
    found = found or resources()
    use_gpu = found.most_gpus >= 1
    if settings.workers == "auto":
        return (max(1, int(found.gpus)) if use_gpu else 1), use_gpu
    most = found.most_gpus if use_gpu else found.most_cpus
    if settings.workers > max(1, most):  # one CPU worker trains inside the run's own process
        kind = "GPU" if use_gpu else "CPU"
        raise ClusterError(
            f"train.workers is {settings.workers}, and the cluster can place {int(most)}: it has {int(most)} "
            f"{kind}{'s' if most != 1 else ''}, and each worker takes one. Set train.workers to {max(1, int(most))} "
            "or less, or to auto."
        )
    return settings.workers, use_gpu


def _node(node: dict[str, object]) -> Node:
    has = node["Resources"]
    assert isinstance(has, dict)
    return Node(
        id=str(node["NodeID"]),
        address=str(node["NodeManagerAddress"]),
        head="node:__internal_head__" in has,
        cpus=has.get("CPU", 0.0),
        gpus=has.get("GPU", 0.0),
    )


def _says_more(name: str) -> bool:
    return name in (MAX_GPUS_LABEL, MAX_CPUS_LABEL)
