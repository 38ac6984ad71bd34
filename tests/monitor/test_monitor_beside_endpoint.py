"""The monitor that `rayline serve` starts beside its endpoint: what it keeps, and what it leaves."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from census import draw_people, make_record

from rayline.pipeline import serving


@pytest.mark.parametrize("anywhere", [True, False], ids=["a free port", "a port of its own"])
def test_windows_are_kept_only_at_a_port_where_the_next_one_finds_them(
    package: Callable[..., str], rayline_home: Path, anywhere: bool
) -> None:
    port = serving.free_port()
    record = make_record(package(), draw_people(40, 1), ended=time.time())
    with serving._monitor(0 if anywhere else port) as url:
        body = orjson.dumps([record.model_dump()])
        with urllib.request.urlopen(f"{url}/records", body, timeout=10) as answer:
            assert orjson.loads(answer.read()) == {"accepted": 1}
    left = [path.name for path in rayline_home.rglob("*.json")]
    assert left == ([] if anywhere else [f"monitor-{port}.json"])
