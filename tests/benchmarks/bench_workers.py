"""Two data-parallel workers beside one: same weights, what starting them costs, and a worker killed in the middle.

    python tests/benchmarks/bench_workers.py [--data adult.csv --target income] [--epochs 10] [--rounds 3]

Every training is float32 SGD without dropout, batch 256, on the same rows. Two workers run through Ray Train with gloo.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path

import ray
from bench_training import TARGET, generated, read

from rayline.core.prepared import write_shard
from rayline.models.networks.mlp import Config
from rayline.spec.sections import Train
from rayline.train.on_ray import TrainJob, fit_on_ray
from rayline.train.record import Fit, Progress


def kill_one_worker() -> int:
    """SIGKILL for one of Ray Train's workers of this script's own cluster; its process id."""
    import psutil  # Ray's own copy, found once Ray is imported

    below = psutil.Process().children(recursive=True)
    worker = [process.pid for process in below if "TrainWorker" in " ".join(process.cmdline())][-1]
    os.kill(worker, signal.SIGKILL)
    return int(worker)


def difference(fit: Fit, other: Fit) -> float:
    """The largest difference of two weights, over the larger of the weight itself and 0.01 of its tensor's largest."""
    worst = 0.0
    for name, tensor in fit.state_dict.items():
        wanted = other.state_dict[name]
        scale = wanted.abs().clamp(min=0.01 * float(wanted.abs().max()) or 1.0)
        worst = max(worst, float(((tensor - wanted).abs() / scale).max()))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="a CSV file; default: generated rows of adult's shape")
    parser.add_argument("--target", default="income")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    layout, rows = read(given.data, given.target) if given.data else generated(34_000)
    folder = Path(tempfile.mkdtemp(prefix="rayline-bench-"))
    write_shard(str(folder / "shards" / "train" / "part-00000.arrow"), rows)
    settings = Train(epochs=given.epochs, optimizer="sgd", checkpoint_every=20)  # type: ignore[arg-type]
    job = TrainJob(Config(dropout=0.0), layout, TARGET, settings)

    def run(name: str, workers: int, kill_at: int | None = None) -> tuple[float, Fit]:
        killed: list[int] = []

        def watch(progress: Progress) -> None:
            if kill_at is not None and not killed and progress.step >= kill_at:
                killed.append(kill_one_worker())
                print(f"    SIGKILL of worker process {killed[0]} at step {progress.step} of {progress.steps}")

        started = time.perf_counter()
        where = str(folder / f"{name}-{time.monotonic_ns()}")
        fit = fit_on_ray(
            job, str(folder / "shards"), workers=workers, use_gpu=False, checkpoints=where, on_progress=watch
        )
        return time.perf_counter() - started, fit

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, configure_logging=False)
    walls: dict[int, list[float]] = {1: [], 2: []}
    fits: dict[int, list[Fit]] = {1: [], 2: []}
    for _ in range(given.rounds):
        for workers in (1, 2):
            wall, fit = run("plain", workers)
            walls[workers].append(wall)
            fits[workers].append(fit)
    for workers in (1, 2):
        training = statistics.median(fit.seconds for fit in fits[workers])
        wall = statistics.median(walls[workers])
        print(f"{workers} worker{'s' if workers > 1 else ' '}  {wall:5.1f} s in all, {training:4.1f} s of it training")
    one, two = fits[1][0], fits[2][0]
    print(f"digests agreed between both workers after each of {len(two.history)} epochs (a run stops where not)")
    print(f"two workers against one, largest relative difference of a weight: {difference(two, one):.1e}")
    print(f"two workers twice, same bytes: {fits[2][0].digest == fits[2][-1].digest}")
    wall, fit = run("killed", 2, kill_at=fits[2][0].history[-1].epoch * 40)
    print(
        f"killed: resumed from step {fit.resumed_from} and finished {len(fit.history)} epochs in {wall:.1f} s; "
        f"difference from an undisturbed run: {difference(fit, two):.1e}"
    )
    ray.shutdown()


if __name__ == "__main__":
    main()
