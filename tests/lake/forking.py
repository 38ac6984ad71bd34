"""Run by `lake_parts.Children`: forks a child for each line on standard input, or waits for one."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

import boto3  # noqa: F401 - imported here once, and not in each child
import google.auth.transport.requests  # noqa: F401
import lake_parts
import paho.mqtt.client  # noqa: F401
import pandas  # noqa: F401 - Arrow imports it when it first makes an array


def child(asked: dict[str, Any]) -> None:
    code = 1
    try:
        if asked["line"]:
            lake_parts.die_at_line(asked["line"])
        lake_parts.act(asked["action"], asked["uri"], asked["number"])
        code = 0
    except BaseException:  # noqa: BLE001 - told, and then this process ends
        traceback.print_exc()
    finally:
        os._exit(code)


for text in sys.stdin:
    asked = json.loads(text)
    if "wait" in asked:
        print(os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1]), flush=True)
        continue
    pid = os.fork()
    if pid == 0:
        child(asked)
    print(pid, flush=True)
