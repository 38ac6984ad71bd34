"""Sequences learnt and prepared, timed: `python tests/benchmarks/bench_sequences.py`.

Makes its own rows: `--channels` columns of `--rows` sequences (noise, 2% of the steps missing), of 24 steps each, or of
1 to 48. Times are seconds of the process' CPU, the median over `--repeats`: `learn` fits length and scale, `column` is
the batch form, `lists` the form of an endpoint given as many rows, `one row` its time for a request of one row.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from rayline.core import catalog
from rayline.core.columns import ROW, Feature, FeatureType
from rayline.prepare.preparation import Preparation, fit
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare


def rows(n: int, channels: int, *, shortest: int, longest: int) -> pl.DataFrame:
    """Channels `c0`, `c1`, … as lists of float64, and ROW."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(shortest, longest + 1, n)
    bounds = np.concatenate([[0], lengths.cumsum()]).tolist()
    columns = {}
    for channel in range(channels):
        steps = pl.Series(rng.normal(50, 9, bounds[-1]))
        steps = steps.zip_with(pl.Series(rng.random(len(steps)) > 0.02), pl.Series([None], dtype=pl.Float64))
        whole = steps.to_list()
        columns[f"c{channel}"] = pl.Series(
            [whole[a:b] for a, b in itertools.pairwise(bounds)], dtype=pl.List(pl.Float64)
        )
    return pl.DataFrame(columns).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW))


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median CPU time of `work`."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def prepared(smooth: str, frame: pl.DataFrame) -> Callable[[], Preparation]:
    """What learns from `frame`, its profile made before."""
    spec = Prepare.model_validate({"sequences": {"name": "window", "smooth": smooth}})
    features = [Feature(name, FeatureType.SEQUENCE) for name in frame.columns if name != ROW]
    profile = profile_frame(frame, seed=0)
    return lambda: fit(spec, features, profile)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=41_707)
    parser.add_argument("--channels", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    for shortest, longest in ((24, 24), (1, 48)):
        frame = rows(options.rows, options.channels, shortest=shortest, longest=longest)
        lists = {name: frame[name].to_list() for name in frame.columns if name != ROW}
        one = {name: values[:1] for name, values in lists.items()}
        print(f"{options.rows} rows x {options.channels} channels of {shortest} to {longest} steps")
        for smooth in ("none", *catalog.names("smooth")):
            learn = prepared(smooth, frame)
            preparation = learn()
            compiled = preparation.compile()
            spent = {
                "learn": seconds(learn, options.repeats),
                "column": seconds(lambda: preparation.apply(frame), options.repeats),  # noqa: B023
                "lists": seconds(lambda: compiled.columns(lists), options.repeats),  # noqa: B023
            }
            single = seconds(lambda: [compiled.columns(one) for _ in range(200)], options.repeats) / 200  # noqa: B023
            told = ", ".join(f"{what} {took:.2f} s" for what, took in spent.items())
            print(f"  {smooth:15} {told}, one row {single * 1e3:.3f} ms")


if __name__ == "__main__":
    main()
