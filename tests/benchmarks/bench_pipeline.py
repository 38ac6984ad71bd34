"""Profile, fit, transform and write beside Ray Data's own preprocessors and plain Polars, in one go.

`python tests/benchmarks/bench_pipeline.py --data adult.csv [--rows 2300000] [--repeats 3]`

adult.csv (six numbers, eight categories, a target) is enlarged to `--rows` rows of Parquet with missing values. Each
side imputes and standardises the numbers by mean, imputes the categories by a constant and encodes them, and writes
Parquet. Ray is started once; its start is not counted. Peak memory is that of all processes of this run together.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

FILES = 8
NUMBERS = ("age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week")


def enlarge(data: str, rows: int, folder: Path) -> tuple[list[str], list[str]]:
    """Write the table, 5% of each feature's values missing; returns its number and category columns."""
    frame = pl.read_csv(data)
    categories = [name for name in frame.columns[:-1] if name not in NUMBERS]
    generator = np.random.default_rng(0)
    for part in range(FILES):
        count = rows * (part + 1) // FILES - rows * part // FILES
        piece = frame[generator.integers(0, frame.height, count)]
        shift = pl.Series(generator.integers(0, 1000, count))
        piece = piece.with_columns(pl.col("fnlwgt") + shift)
        piece = piece.with_columns(
            pl.when(pl.Series(generator.random(count) >= 0.05)).then(pl.col(name)).alias(name)
            for name in frame.columns[:-1]
        )
        piece.write_parquet(folder / f"part-{part}.parquet", row_group_size=1 << 17)
    return list(NUMBERS), categories


def ours(folder: Path, output: Path, target: str) -> None:
    from rayline.pipeline.preparing import prepare

    document = {
        "name": "bench",
        "data": {"source": str(folder), "target": target, "split": {"name": "hash", "validation": 0, "test": 0}},
        "prepare": {
            "duplicates": "keep",
            "leakage": "ignore",
            "numbers": {"impute": "mean", "scale": "standard"},
            "categories": {"impute": "constant", "encode": "ids"},
        },
    }
    result = prepare(document, str(output), form="parquet", address="auto")
    print("   ", ", ".join(f"{name} {seconds:.2f} s" for name, seconds in result.stages.items()))


def rays(folder: Path, output: Path, numbers: list[str], categories: list[str]) -> None:
    import ray.data
    from ray.data.preprocessors import Chain, OrdinalEncoder, SimpleImputer, StandardScaler

    chain = Chain(
        SimpleImputer(numbers, strategy="mean"),
        SimpleImputer(categories, strategy="constant", fill_value="missing"),
        StandardScaler(numbers),
        OrdinalEncoder(categories),
    )
    data = ray.data.read_parquet(str(folder))
    chain.fit_transform(data).write_parquet(str(output))


def polars(folder: Path, output: Path, numbers: list[str], categories: list[str]) -> None:
    frame = pl.scan_parquet(folder / "*.parquet")
    filled = frame.with_columns(
        *(pl.col(n).cast(pl.Float64).fill_null(strategy="mean") for n in numbers),
        *(pl.col(n).fill_null("missing") for n in categories),
    ).collect()
    scaled = filled.with_columns(
        *(((pl.col(n) - pl.col(n).mean()) / pl.col(n).std(ddof=0)).cast(pl.Float32) for n in numbers),
        *(pl.col(n).cast(pl.Categorical).to_physical().cast(pl.Int32) for n in categories),
    )
    output.mkdir()
    for part in range(FILES):
        start, end = scaled.height * part // FILES, scaled.height * (part + 1) // FILES
        scaled[start:end].write_parquet(output / f"part-{part}.parquet", compression="lz4")


class Peak:
    """The most resident memory that this process and its descendants had together, private pages counted once."""

    def __enter__(self) -> Peak:
        self.most = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            self.most = max(self.most, _private_bytes())


def _private_bytes() -> int:
    """Resident memory without shared pages of this process and its descendants."""
    parents, sizes = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                resident, shared = map(int, (entry / "statm").read_text().split()[1:3])
            except OSError:
                continue
            sizes[int(entry.name)] = (resident - shared) * os.sysconf("SC_PAGE_SIZE")
    family = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(sizes.get(one, 0) for one in family)


def timed(work: Callable[[Path], None], root: Path, repeats: int) -> tuple[float, list[float], int]:
    times, most = [], 0
    for repeat in range(repeats):
        output = root / f"out-{time.monotonic_ns()}-{repeat}"
        with Peak() as peak:
            started = time.perf_counter()
            work(output)
            times.append(time.perf_counter() - started)
        most = max(most, peak.most)
        rows = pl.scan_parquet(f"{output}/**/*.parquet").select(pl.len()).collect().item()
        print(f"    {times[-1]:.2f} s, {rows:,} rows written", flush=True)
    return statistics.median(times), times, most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=2_300_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sides", default="rayline,polars,ray")
    parser.add_argument("--object-store", type=int, default=1 << 30, help="bytes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        os.environ["RAYLINE_HOME"] = str(root / "home")
        from rayline.cluster import environment

        environment.apply(environment.START)
        import ray

        folder = root / "table"
        folder.mkdir()
        numbers, categories = enlarge(options.data, options.rows, folder)
        ray.init(
            address="local", object_store_memory=options.object_store, log_to_driver=False, include_dashboard=False
        )
        ray.data.range(10).map_batches(lambda batch: batch).materialize()  # the first data set of a driver costs 2 s
        sides: dict[str, Callable[[Path], None]] = {
            "rayline": lambda output: ours(folder, output, "income"),
            "polars": lambda output: polars(folder, output, numbers, categories),
            "ray": lambda output: rays(folder, output, numbers, categories),
        }
        medians = {}
        for name in options.sides.split(","):
            print(name, flush=True)
            medians[name], _, most = timed(sides[name], root, options.repeats)
            print(f"  {name:<8} {medians[name]:6.2f} s median, peak {most / 2**30:.2f} GiB", flush=True)
        if "ray" in medians and "rayline" in medians:
            print(f"ray / rayline     {medians['ray'] / medians['rayline']:.1f}   (5 wanted)")
        if "polars" in medians and "rayline" in medians:
            print(f"rayline / polars  {medians['rayline'] / medians['polars']:.1f}   (3 at most, 1.5 aimed at)")
        ray.shutdown()


if __name__ == "__main__":
    main()
