"""Preparation's two forms, duplicates and splits, timed: `python tests/benchmarks/bench_preparation.py --data PATH`.

PATH is a CSV file with a header; its last column is the target. Its rows are repeated up to `--rows` for the batch
figures. Each figure is the median of `--repeats`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from rayline.core.columns import ROW, Feature, FeatureType
from rayline.prepare.duplicates import exact
from rayline.prepare.preparation import fit
from rayline.prepare.split import hash as hash_split
from rayline.prepare.split import stratified
from rayline.profile.profile import profile_frame
from rayline.sources import csv
from rayline.spec.sections import Prepare


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall time of `work` over `repeats`, after one round that warms up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=2_300_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    source = csv.Config(path=options.data).build()
    frame = pl.concat([pl.DataFrame(source.read(fragment)) for fragment in source.fragments()])
    *names, target, _ = frame.columns
    kinds = {n: FeatureType.NUMBER if frame[n].dtype.is_numeric() else FeatureType.CATEGORY for n in names}
    preparation = fit(Prepare(), [Feature(n, k) for n, k in kinds.items()], profile_frame(frame, seed=0))
    compiled = preparation.compile()
    big = pl.concat([frame] * (options.rows // frame.height), rechunk=True).with_columns(
        pl.Series(ROW, np.arange(options.rows // frame.height * frame.height))
    )
    for rows in (1, 16, 256):
        request = {name: frame[name][:rows].to_list() for name in names}
        few = frame[:rows]
        loops = max(1, 2000 // rows)
        quick = seconds(lambda: [compiled.columns(request) for _ in range(loops)], options.repeats) / loops  # noqa: B023
        slow = seconds(lambda: [preparation.apply(few) for _ in range(50)], options.repeats) / 50  # noqa: B023
        print(f"{rows} rows of {len(names)} features: compiled {quick * 1e3:.4f} ms, batch form {slow * 1e3:.4f} ms")
    print(f"{big.height} rows, batch form: {seconds(lambda: preparation.apply(big), options.repeats):.2f} s")
    duplicates = exact.Config().build()
    told = duplicates.index(big)
    print(f"  hashing rows: {seconds(lambda: duplicates.index(big), options.repeats):.2f} s")
    print(f"  finding duplicates: {seconds(lambda: duplicates.find([told]), options.repeats):.2f} s")
    for name, splitter in (("hash", hash_split.Config().build()), ("stratified", stratified.Config().build())):
        table = splitter.index(big, ROW, target)
        assignment = splitter.fit([table], 5)
        figures = {
            "index": seconds(lambda: splitter.index(big, ROW, target), options.repeats),  # noqa: B023
            "fit": seconds(lambda: splitter.fit([table], 5), options.repeats),  # noqa: B023
            "parts": seconds(lambda: assignment.parts(big), options.repeats),  # noqa: B023
        }
        print(f"  split {name}: " + ", ".join(f"{what} {took:.2f} s" for what, took in figures.items()))


if __name__ == "__main__":
    main()
