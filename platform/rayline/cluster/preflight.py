"""What Ray would answer with silence: requests that can never be placed wait for ever, so they are refused first."""

from __future__ import annotations

from rayline.cluster.resources import Resources
from rayline.core.errors import ClusterError

DATA_CPUS = 1.0
"""CPUs that Ray Data needs free at the least; with none it waits for ever and says nothing."""


def require_room(found: Resources, *, held_cpus: float, data_cpus: float = DATA_CPUS, what: str = "training") -> None:
    """Make sure that reading data can go on while `what` holds `held_cpus`.

    Raises:
        ClusterError: fewer than `data_cpus` would be left, counting what the autoscaler may add.
    """
    left = found.most_cpus - held_cpus
    if left < data_cpus:
        raise ClusterError(
            f"{what} would hold {held_cpus:g} of the cluster's {found.most_cpus:g} CPUs and leave {max(0.0, left):g} "
            f"for reading data, which needs {data_cpus:g} and would wait for ever. Use fewer workers "
            f"(train.workers, tune.max_concurrent), or a cluster of at least {held_cpus + data_cpus:g} CPUs."
        )


def concurrent_within(found: Resources, *, cpus_each: float, gpus_each: float = 0.0, data_cpus: float = 0.0) -> int:
    """How many workers of this size fit on what is up now, `data_cpus` left free; at least 1.

    For `max_concurrent_trials`, from the scarcer of CPUs and GPUs.
    """
    fits = [found.cpus - data_cpus] if not cpus_each else [(found.cpus - data_cpus) / cpus_each]
    if gpus_each:
        fits.append(found.gpus / gpus_each)
    return max(1, int(min(fits)))
