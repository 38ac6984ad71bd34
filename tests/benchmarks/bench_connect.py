"""Starting and stopping a Ray of one's own, timed: `python tests/benchmarks/bench_connect.py`.

Three ways in turn, each in a fresh process: `ray.init()` as it comes, `ray.init` without a dashboard, and Rayline's
`connect()`. Printed are medians of `--repeats`: until a first task has answered, and for the stop.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

BEGIN = "import time, ray\nbegan = time.perf_counter()\n"
END = """
ray.get(ray.remote(lambda: 1).remote())
up = time.perf_counter()
{stop}
print("TOOK", up - began, time.perf_counter() - up)
"""
WAYS = {
    "ray.init()": ("ray.init(address='local')", "ray.shutdown()"),
    "ray.init(include_dashboard=False)": (
        "ray.init(address='local', include_dashboard=False, log_to_driver=False)",
        "ray.shutdown()",
    ),
    "rayline connect()": ("from rayline.cluster.connect import connect; cluster = connect('local')", "cluster.close()"),
}


def measure(way: str) -> tuple[float, float]:
    start, stop = WAYS[way]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + start + END.format(stop=stop)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    up, down = next(line for line in done.stdout.splitlines() if line.startswith("TOOK")).split()[1:]
    return float(up), float(down)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _ in range(repeats):
        for way in WAYS:
            found[way].append(measure(way))
    for way, times in found.items():
        up, down = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{way:<36} first task {up:5.2f} s, stop {down:5.2f} s")


if __name__ == "__main__":
    main()
