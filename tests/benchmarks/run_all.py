"""Every benchmark that makes its own data, one after the other: `make bench`. Those that want `--data` name it.

python tests/benchmarks/run_all.py [--data adult.csv]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a CSV file of people and incomes, such as UCI adult with a header")
    data = parser.parse_args().data
    failed = []
    for path in sorted(HERE.glob("bench_*.py")):
        wants = "--data" in path.read_text(encoding="utf-8")
        needs = wants and 'add_argument("--data", required=True' in path.read_text(encoding="utf-8")
        if needs and data is None:
            print(f"== {path.name}: left out, it needs --data")
            continue
        print(f"== {path.name}", flush=True)
        command = [sys.executable, str(path), *(["--data", data] if wants and data else [])]
        if subprocess.run(command, check=False).returncode:
            failed.append(path.name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
