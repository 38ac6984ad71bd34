"""A search of 16 trials by 3 folds on scikit-learn's breast_cancer, 10 epochs each; then one killed and resumed.

    python tests/benchmarks/bench_search.py [--repeats 3]

Prints the wall time of `rayline tune` (Ray's start, final training and registration included) and of its search
stage, then kills a search half-way with SIGKILL, resumes it, and counts the folds that were trained twice.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEC = """
name: search
data: {source: "sklearn:breast_cancer", target: target, split: stratified}
train: {epochs: 10, batch_size: 32}
tune:
  trials: 16
  folds: 3
  space:
    train.optimizer.lr: {low: 1e-4, high: 1e-1, log: true}
    model.dropout: [0.0, 0.1, 0.3]
"""
RAYLINE = str(Path(sys.executable).with_name("rayline"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    walls, searches = [], []
    for _ in range(arguments.repeats):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            done = subprocess.run(command(Path(folder)), env=env(Path(folder)), stdout=subprocess.PIPE, check=True)
            walls.append(time.perf_counter() - started)
            searches.append(json.loads(done.stdout)["stages"]["search"])
            print(f"rayline tune {walls[-1]:.1f} s, of which the search {searches[-1]:.1f} s", flush=True)
    print(f"median of {len(walls)}: {statistics.median(walls):.1f} s, search {statistics.median(searches):.1f} s")
    with tempfile.TemporaryDirectory() as folder:
        killed_and_resumed(Path(folder))


def command(folder: Path, *more: str) -> list[str]:
    spec = folder / "spec.yaml"
    spec.write_text(SPEC)
    return [RAYLINE, "tune", str(spec), "--json", *more]


def env(folder: Path) -> dict[str, str]:
    return {**os.environ, "RAYLINE_HOME": str(folder / "home")}


def folds(folder: Path) -> dict[str, int]:
    """Finished folds with the time each was written: a fold trained again would have another."""
    return {str(path): path.stat().st_mtime_ns for path in folder.glob("home/runs/*/*/search/*/fold-*.json")}


def killed_and_resumed(folder: Path) -> None:
    process = subprocess.Popen(command(folder), env=env(folder), stdout=subprocess.DEVNULL, start_new_session=True)
    while len(folds(folder)) < 24:
        assert process.poll() is None, "the search ended before it could be killed"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(3)  # Ray's own processes notice that their driver is gone
    before = folds(folder)
    started = time.perf_counter()
    subprocess.run(command(folder, "--resume"), env=env(folder), stdout=subprocess.DEVNULL, check=True)
    after = folds(folder)
    again = sum(after[path] != written for path, written in before.items())
    print(
        f"killed with {len(before)} of 48 folds finished; resumed in {time.perf_counter() - started:.1f} s: "
        f"{len(after)} folds in all, {again} finished folds trained again"
    )


if __name__ == "__main__":
    main()
