"""Work that Ray's memory monitor kills each time ends, in an error that names it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from ray._common.utils import get_system_memory
from ray._private.utils import get_used_memory  # what the monitor looks at

WORK = """
import time
import numpy as np
from rayline.cluster import passes
from rayline.cluster.connect import connect
from rayline.core.errors import RunError
from rayline.sources._source import Fragment

def work(fragment):
    if fragment.index == 2:
        held = [np.ones(2**27, np.uint8) for _ in range(32)]  # 4 GiB
        time.sleep(60)
    return fragment.index

with connect("local", cpus=2):
    assert passes.fan_out([Fragment(0, "small"), Fragment(1, "other")], work) == [0, 1]
    try:
        passes.fan_out([Fragment(index, f"part-{index}.parquet") for index in range(4)], work)
    except RunError as error:
        print(error)
"""


@pytest.mark.slow
def test_a_fragment_that_is_killed_for_want_of_memory_is_named_and_given_up() -> None:
    used, most = get_used_memory(), get_system_memory()
    assert most - used > 6 * 2**30, "this test needs 6 GiB of free memory"
    threshold = (used + 2 * 2**30) / most
    settings = {
        "RAY_memory_usage_threshold": f"{threshold:.4f}",
        "RAY_memory_monitor_refresh_ms": "50",
        "RAY_task_oom_retry_delay_base_ms": "100",
    }
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", WORK],
        check=False,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert time.monotonic() - started < 60
    assert done.returncode == 0, done.stderr
    said = done.stdout.strip()
    assert said.startswith("there is too little memory to work on part-2.parquet: Ray killed the process"), said
    assert "GB were in use" in said
    assert "fewer columns" in said
    assert said.count("\n") == 0
    # told of in a line each while it goes on, and not on stdout
    told = [line for line in done.stderr.splitlines() if "failed due to oom" in line]
    assert told
    assert all(line.startswith("Ray: ") for line in told)
    assert "Eviction Stats" not in done.stderr
