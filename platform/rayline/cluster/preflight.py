"""What Ray would answer with silence: work that cannot be placed waits for ever, so it is refused first."""

from __future__ import annotations

import ray

from rayline.cluster.resources import Resources, resources
from rayline.core.errors import ClusterError

DATA_CPUS = 1.0
"""CPUs that Ray Data needs free at the least."""


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
    free = ray.available_resources()
    holds = workers if workers > 1 or use_gpu else 0
    needs = {"CPU": float(holds) if workers else DATA_CPUS, "GPU": float(workers) if use_gpu else 0.0}
    has = {"CPU": (found.cpus, found.most_cpus), "GPU": (found.gpus, found.most_gpus)}
    what = f"{workers} training worker{'s' if workers != 1 else ''}" if workers else "reading data"
    for kind, needed in needs.items():
        total, most = has[kind]
        left = free.get(kind, 0.0) + most - total
        if needed > left:
            raise ClusterError(
                f"{what} need{'' if workers > 1 else 's'} {needed:g} {kind}{'s' if needed != 1 else ''}, and {left:g} "
                f"of the cluster's {most:g} are free: other jobs or endpoints hold the rest, and Ray would wait for "
                "them without a word. Use fewer workers (train.workers), stop what is not needed "
                "(`ray job list`, `rayline status`), or take a larger cluster."
            )
