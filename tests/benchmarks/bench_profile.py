"""Reading and profiling, timed: `python tests/benchmarks/bench_profile.py --data PATH`.

PATH is a CSV file. Its rows are profiled in this process, whole and in five parts; then repeated up to `--rows`,
written as Parquet and profiled on a Ray of this machine. Each figure is the median of `--repeats`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from rayline.cluster.connect import connect
from rayline.core.columns import ROW
from rayline.profile.parts import merge_parts, profile_parts
from rayline.profile.profile import Profile, profile_frame
from rayline.sources import csv, on_ray, parquet
from rayline.sources._source import Fragment, Source
from rayline.sources.scan import frame as read_frame


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall time of `work` over `repeats`, after one round that warms up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def fold(frame: pl.DataFrame, _: Fragment) -> dict[int, Profile]:
    return profile_parts(frame, (frame[ROW].to_numpy() % 5).astype(np.int8), seed=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=2_300_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cpus", type=int, default=2)
    options = parser.parse_args()
    small: Source = csv.Config(path=options.data).build()
    (fragment,) = small.fragments()
    frame = read_frame(small, fragment)
    print(f"{frame.height} rows of {frame.width - 1} columns")
    print(f"  reading CSV: {seconds(lambda: small.read(fragment), options.repeats):.3f} s")
    print(f"  profile: {seconds(lambda: profile_frame(frame, seed=0), options.repeats):.3f} s")
    print(f"  profile of five parts: {seconds(lambda: fold(frame, fragment), options.repeats):.3f} s")
    with tempfile.TemporaryDirectory() as folder, connect("local", cpus=options.cpus):
        path = Path(folder) / "rows.parquet"
        pl.concat([frame.drop(ROW)] * (options.rows // frame.height)).write_parquet(path, row_group_size=1 << 18)
        large = parquet.Config(path=str(path)).build()
        nothing = seconds(lambda: on_ray.scan(small, lambda frame, _: frame.height, columns=[]), options.repeats)
        print(f"  a scan on Ray that does nothing, after the first: {nothing:.3f} s")
        took = seconds(lambda: merge_parts(on_ray.scan(large, fold)), options.repeats)
        rows = options.rows // frame.height * frame.height
        print(f"{rows} rows in {len(large.fragments())} fragments on {options.cpus} CPUs")
        print(f"  profile of five parts, merged: {took:.2f} s")


if __name__ == "__main__":
    main()
