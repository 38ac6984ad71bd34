"""A spec submitted to a cluster of two machines, timed: `sudo python tests/benchmarks/bench_submit.py --data PATH`.

PATH is a CSV file whose target is `--target`; it is sent with the job. Two workers train, one on each machine (two
network namespaces: root, Linux). Printed: seconds from `rayline submit` to its exit, and where the workers were.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from two_machines import two_machines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--target", default="income")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = {
            "name": "submitted",
            "data": {
                "source": str(Path(options.data).absolute()),
                "target": options.target,
                "split": {"name": "stratified", "validation": 0.1, "test": 0.2},
            },
            "train": {"workers": 2, "epochs": options.epochs, "batch_size": 256},
        }
        (folder / "spec.yaml").write_text(yaml.safe_dump(spec))
        with two_machines(folder) as cluster:
            times = []
            for _ in range(options.repeats):
                began = time.perf_counter()
                done = cluster.submit(folder, "spec.yaml", "--set", f"storage={cluster.storage}")
                times.append(time.perf_counter() - began)
                print(done.stdout, done.stderr, sep="\n")
                assert done.returncode == 0
            print(f"workers on {', '.join(cluster.trained_on())}")
            every = ", ".join(f"{seconds:.1f}" for seconds in times)
            print(f"submitted and done in {every} s, median {statistics.median(times):.1f} s")


if __name__ == "__main__":
    main()
