"""`rayline quickstart`: wall time from command to prompt, in an empty `RAYLINE_HOME`.

python tests/benchmarks/bench_quickstart.py [--repeats 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    walls = []
    for _ in range(parser.parse_args().repeats):
        with tempfile.TemporaryDirectory() as home:
            started = time.perf_counter()
            command = [str(Path(sys.executable).with_name("rayline")), "quickstart"]
            environment = {**os.environ, "RAYLINE_HOME": home}
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
            walls.append(time.perf_counter() - started)
            print(f"{walls[-1]:.1f} s", flush=True)
    print(f"rayline quickstart, median of {len(walls)}: {statistics.median(walls):.1f} s")


if __name__ == "__main__":
    main()
