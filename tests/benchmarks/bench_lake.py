"""The lake, timed: `python tests/benchmarks/bench_lake.py [--rows N] [--snapshots N] [--lake URI]`.

Appends N rows of 14 columns (6 numbers, 8 categories) at once, then 100 rows at a time in many snapshots; lists, opens
and travels in the table of many snapshots, compacts and expires it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pyarrow as pa

from rayline.lake.compact import compact
from rayline.lake.expire import expire
from rayline.lake.lake import Lake

T = TypeVar("T")


def timed(what: str, work: Callable[[], T], per: int = 1) -> T:
    start = time.perf_counter()
    done = work()
    took = time.perf_counter() - start
    print(f"{what:<58} {took:8.3f} s" + (f"  {per / took:12,.0f} a second" if per > 1 else ""), flush=True)
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--snapshots", type=int, default=1_000)
    parser.add_argument("--lake", help="where; default: a folder that is deleted")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(asked.lake or folder, asked.rows, asked.snapshots)


def measure(uri: str, count: int, snapshots: int) -> None:
    chance = np.random.default_rng(0)
    rows = pa.table(
        {f"number{n}": chance.normal(size=count) for n in range(6)}
        | {f"category{n}": pa.array(chance.integers(0, 50, count).astype(str)) for n in range(8)}
    )
    pieces = [rows.slice(start, 50_000) for start in range(0, count, 50_000)]
    lake = Lake(uri)
    for name, by in (("bench-whole", ()), ("bench-parted", ("category0",))):
        table = lake.create(name, by=by)
        timed(
            f"append {count:,} rows, {len(by)} partition columns", lambda t=table: t.append(rows.schema, pieces), count
        )  # type: ignore[misc]
        timed("read them", lambda t=table: sum(b.num_rows for b in t.batches(t.latest())), count)  # type: ignore[misc]
    few, many = rows.slice(0, 100), lake.create("bench-many")

    def appends() -> None:
        for n in range(snapshots):
            many.append(few.schema, [few], batch=str(n))

    timed(f"append 100 rows {snapshots:,} times", appends, snapshots)
    timed("list the lake", Lake(uri).tables)
    state = timed("its newest state, from nothing", lambda: Lake(uri).open("bench-many").latest())
    assert len(state.history) == snapshots + 1
    timed("the state half the snapshots ago", lambda: Lake(uri).open("bench-many").at(snapshots // 2))
    timed("compact", lambda: compact(many))
    timed("expire all but 1", lambda: expire(many, 1))
    kept = sum(len(many.place.read(f"snapshots/{name}")) for name in many.place.names("snapshots"))
    print(f"{'snapshot files':<58} {kept / 1e6:8.3f} MB")


if __name__ == "__main__":
    main()
