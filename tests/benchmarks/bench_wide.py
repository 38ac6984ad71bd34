"""A table of ten thousand columns, profiled and prepared: `python tests/benchmarks/bench_wide.py [--against CHECKOUT]`.

Makes its own data: `--rows` of `--columns` numbers (one in fifty with holes, one in fifty whole) and a target, in two
files of CSV and of Parquet. Told are seconds of wall time and of CPU time: of collecting in one process (CPU time is
what other people's work on the machine changes least), results carried as between processes; and of the stages of
`rayline prepare` on a Ray of two CPUs, the second run of two. Every round is a process of its own. With `--against`, a
folder that holds another state of `platform/`, both are measured in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

FORMS = ("parquet", "csv")


def write(folder: Path, rows: int, columns: int) -> None:
    generator = np.random.default_rng(0)
    frame = pl.DataFrame(generator.normal(size=(rows, columns)), schema=[f"n{place}" for place in range(columns)])
    holes = [
        pl.when(pl.Series(generator.random(rows) > 0.1)).then(pl.col(name)).alias(name) for name in frame.columns[::50]
    ]
    whole = [(pl.col(name) * 100).cast(pl.Int64) for name in frame.columns[1::50]]
    answer = pl.Series("answer", np.where(generator.random(rows) > 0.5, "yes", "no"))
    frame = frame.with_columns(*holes, *whole, answer)
    for form in FORMS:
        (folder / form).mkdir()
        for part, piece in enumerate((frame.head(rows // 2), frame.tail(rows - rows // 2))):
            place = folder / form / f"part-{part}.{form}"
            piece.write_csv(place) if form == "csv" else piece.write_parquet(place)


def spec(folder: Path, form: str) -> dict[str, Any]:
    return {"name": "wide", "data": {"source": str(folder / form), "target": "answer", "split": "stratified"}}


def collected(folder: Path, form: str) -> dict[str, float]:
    """Collecting in this process, every result pickled as Ray would."""
    from rayline.pipeline.collect import collect
    from rayline.pipeline.line import read_spec
    from rayline.sources.scan import scan

    def carried(source: Any, fn: Any, **more: Any) -> list[Any]:
        results = scan(source, fn, **more)
        lighten = more.get("lighten")
        packed = [pickle.dumps(result, protocol=5) for result in (lighten(results) if lighten else results)]
        return [pickle.loads(result) for result in packed]

    declared = read_spec(spec(folder, form))  # what it imports is not what is measured
    wall, cpu = time.perf_counter(), time.process_time()
    collect(declared, carried)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def prepared(folder: Path, home: Path, form: str) -> dict[str, float]:
    from rayline.pipeline.preparing import prepare

    output = home / f"out-{time.monotonic_ns()}"
    return prepare(spec(folder, form), str(output), address="auto").stages


def measure(folder: Path, *, ray: bool) -> dict[str, dict[str, float]]:
    """One round, in this process."""
    found = {f"{form} collected": collected(folder, form) for form in FORMS}
    if not ray:
        return found
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["RAYLINE_HOME"] = temporary
        from rayline.cluster.connect import connect

        with connect("local", cpus=2):
            for form in FORMS:
                prepared(folder, Path(temporary), form)
                found[f"{form} prepared"] = prepared(folder, Path(temporary), form)
    return found


def round_of(checkout: Path, folder: Path, *, ray: bool) -> dict[str, dict[str, float]]:
    command = [sys.executable, __file__, "--measure", str(folder), *(["--ray"] if ray else [])]
    path = os.pathsep.join([str(checkout / "platform"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, check=True, text=True)
    result: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--columns", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ray", action="store_true", help="also the stages of `rayline prepare`")
    parser.add_argument("--against", type=Path, help="a folder with another `platform/`")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, ray=options.ray)))
        return
    sides = {"here": Path(__file__).parents[2]} | ({"there": options.against} if options.against else {})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(folder, options.rows, options.columns)
        rounds: dict[str, list[dict[str, dict[str, float]]]] = {side: [] for side in sides}
        for _ in range(options.repeats):
            for side, checkout in sides.items():
                rounds[side].append(round_of(checkout, folder, ray=options.ray))
    print(f"{options.rows} rows of {options.columns} columns, medians of {options.repeats}")
    for side, told in rounds.items():
        for what in told[0]:
            figures = {stage: statistics.median(each[what][stage] for each in told) for stage in told[0][what]}
            print(f"  {side:<5} {what:<18} " + ", ".join(f"{stage} {took:.2f} s" for stage, took in figures.items()))


if __name__ == "__main__":
    main()
