"""`rayline run` on a CSV file: wall time from command to registered model, and test ROC-AUC over split seeds.

    python tests/benchmarks/bench_run.py --data adult.csv --target income

Each run is a process of its own with an empty `RAYLINE_HOME`, Ray's start included. 10 epochs, batch 256,
stratified 70/10/20, split seeds 0 to 4.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--target", default="income")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    walls, scores = [], []
    for seed in range(arguments.seeds):
        with tempfile.TemporaryDirectory() as folder:
            wall, result = one_run(Path(folder), os.path.abspath(arguments.data), arguments.target, seed)
        walls.append(wall)
        scores.append(result["metrics"]["test"]["roc_auc"])
        stages = "  ".join(f"{name} {seconds:.1f}" for name, seconds in result["stages"].items())
        print(f"seed {seed}: {wall:5.1f} s  ROC-AUC {scores[-1]:.4f}  ({stages})", flush=True)
    print(f"wall time, median of {len(walls)}: {statistics.median(walls):.1f} s")
    print(f"test ROC-AUC, mean of {len(scores)} split seeds: {statistics.mean(scores):.4f}")


def one_run(folder: Path, data: str, target: str, seed: int) -> tuple[float, dict]:
    spec = folder / "spec.yaml"
    split = f"{{name: stratified, validation: 0.1, test: 0.2, seed: {seed}}}"
    spec.write_text(
        f"name: bench\ndata: {{source: {data}, target: {target}, split: {split}}}\n"
        "train: {epochs: 10, batch_size: 256}\n"
    )
    environment = {**os.environ, "RAYLINE_HOME": str(folder / "home")}
    command = [str(Path(sys.executable).with_name("rayline")), "run", str(spec), "--json"]
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - started, json.loads(done.stdout)


if __name__ == "__main__":
    main()
