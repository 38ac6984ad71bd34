"""Programs that are killed while they read, and run to their end at last."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa

KILLS = 3


def killed_and_then_run(config: str, first: str = "") -> str:
    """Has a process make read after read by the source that `config` makes, kills it again and again, and lets the
    last one end; what that says.

    Args:
        config: Python that gives the configuration.
        first: Python that comes before.
    """
    code = f"{first}\nconfig = {config}\nprint('ready', flush=True)\nwhile True: config.build().fragments()\n"
    chance = random.Random(1)
    for _ in range(KILLS):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.1, 0.4))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr


def kept(home: Path, column: str, count: int) -> list[int]:
    """The values of a column in the reads below `home`, of which there must be `count`."""
    reads = sorted(home.rglob("read-*.arrow"))
    assert [path.name for path in reads] == [f"read-{n:06d}.arrow" for n in range(1, count + 1)]
    return [value for path in reads for value in pa.ipc.open_file(path).read_all().column(column).to_pylist()]
