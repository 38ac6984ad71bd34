"""Run a small function once on every machine of the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from rayline.cluster.resources import Node, Resources


def on_every_node(function: Callable[..., str], found: Resources, *arguments: Any, timeout_s: float) -> dict[Node, str]:
    """`function(node id, *arguments)` on each machine, in a task that takes no CPU and is not retried.

    Returns:
        The machine to what the function answered there, or to the reason why it did not.
    """
    task = ray.remote(num_cpus=0, max_retries=0)(function)
    pending = {
        node: task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote(
            node.id, *arguments
        )
        for node in found.nodes
    }
    ready, late = ray.wait(list(pending.values()), num_returns=len(pending), timeout=timeout_s)
    for waiting in late:
        ray.cancel(waiting, force=True)
    finished = set(ready)
    return {
        node: _answer(reference) if reference in finished else f"no answer within {timeout_s:g} s"
        for node, reference in pending.items()
    }


def _answer(reference: ray.ObjectRef[str]) -> str:
    try:
        return str(ray.get(reference))
    except ray.exceptions.RayError as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}"
