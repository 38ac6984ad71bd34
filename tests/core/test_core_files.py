from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from rayline.core import files
from rayline.core.errors import StorageError


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target = str(tmp_path / "deep" / "a.bin")
    files.write_bytes(target, b"one")
    files.write_bytes(target, b"two")
    assert files.read_bytes(target) == b"two"
    assert files.list_names(str(tmp_path / "deep")) == ["a.bin"]


def _write_forever(target: str) -> None:
    turn = 0
    while True:
        files.write_bytes(target, bytes([turn % 251]) * 2_000_000)
        turn += 1


def test_a_kill_in_the_middle_of_writing_leaves_a_whole_file(tmp_path: Path) -> None:
    target = str(tmp_path / "a.bin")
    writer = multiprocessing.get_context("fork").Process(target=_write_forever, args=(target,))
    writer.start()
    deadline = time.monotonic() + 10
    while not os.path.exists(target) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    data = files.read_bytes(target)
    assert len(data) == 2_000_000
    assert len(set(data)) == 1


def test_writing_where_one_may_not_says_so(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    with pytest.raises(StorageError, match="cannot write"):
        files.write_bytes(str(blocker / "x"), b"")


def test_unknown_scheme_is_named() -> None:
    with pytest.raises(StorageError, match="nosuch"):
        files.locate("nosuch://bucket/key")


def test_join_keeps_the_query_last() -> None:
    assert files.join("s3://b/p?endpoint_override=h:1", "x", "y") == "s3://b/p/x/y?endpoint_override=h:1"
    assert files.join("/a/b/", "c") == "/a/b/c"


def test_equal_json_is_equal_bytes(tmp_path: Path) -> None:
    one, two = str(tmp_path / "1"), str(tmp_path / "2")
    files.write_json(one, {"b": 1, "a": [1.5, None]})
    files.write_json(two, {"a": [1.5, None], "b": 1})
    assert files.read_bytes(one) == files.read_bytes(two)
    assert files.read_json(one) == {"a": [1.5, None], "b": 1}
