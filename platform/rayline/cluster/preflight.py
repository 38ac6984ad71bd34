"""What Ray would answer with silence: work that cannot be placed waits for ever, so it is refused first."""

from __future__ import annotations

import time

import ray

from rayline.cluster.resources import Resources, resources
from rayline.core.errors import ClusterError

DATA_CPUS = 1.0
"""CPUs that Ray Data needs free at the least."""

SETTLE_S = 8.0
"""How long the CPUs of work that has just ended may take to be told free."""


def preflight(workers: int = 0, *, use_gpu: bool = False, found: Resources | None = None) -> None:
    """Make sure that what comes next can be placed, beside what other jobs and endpoints hold at this moment.

    Args:
        workers: training workers, each with a CPU and, with `use_gpu`, a GPU; one CPU worker trains inside the run's
            own process and holds nothing. 0: data is to be read, which needs one CPU.
        found: the cluster; default: as it is now.

    Raises:
        ClusterError: the cluster has too little free, and its autoscaler cannot add what is missing.
    """
    found = found or resources()
    holds = workers if workers > 1 or use_gpu else 0
    needs = {"CPU": float(holds) if workers else DATA_CPUS, "GPU": float(workers) if use_gpu else 0.0}
    grows = {"CPU": found.most_cpus - found.cpus, "GPU": found.most_gpus - found.gpus}
    most = {"CPU": found.most_cpus, "GPU": found.most_gpus}
    hopeless = any(needed > most[kind] for kind, needed in needs.items())
    left = _settled(needs, grows, 0.0 if hopeless else SETTLE_S)
    for kind, needed in needs.items():
        if needed > left[kind]:
            raise ClusterError(
                _complaint(workers, f"{needed:g} {kind}{'s' if needed != 1 else ''}", left[kind], most[kind])
            )


def _settled(needs: dict[str, float], grows: dict[str, float], patience_s: float) -> dict[str, float]:
    """What is free, by kind, as soon as it is enough: tasks that have ended hold their CPUs for a moment more."""
    until = time.monotonic() + patience_s
    while True:
        free = ray.available_resources()
        left = {kind: free.get(kind, 0.0) + more for kind, more in grows.items()}
        if all(left[kind] >= needed for kind, needed in needs.items()) or time.monotonic() > until:
            return left
        time.sleep(0.2)


def _complaint(workers: int, needed: str, left: float, most: float) -> str:
    what = {0: "reading data needs", 1: "1 training worker needs"}.get(workers, f"{workers} training workers need")
    return (
        f"{what} {needed}, and {left:g} of the cluster's {most:g} are free: other jobs or endpoints hold the rest, and "
        "Ray would wait for them without a word. Use fewer workers (train.workers), stop what is not needed "
        "(`ray job list`, `rayline status`), or take a larger cluster."
    )
