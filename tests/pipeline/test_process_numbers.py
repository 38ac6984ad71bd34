"""A number that the system gave to another process since does not pass for the one that wrote it down."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from rayline.core.errors import InputError
from rayline.pipeline import folder
from rayline.pipeline.endpoint import Endpoint, note, running
from rayline.pipeline.process import born, lives
from rayline.spec import load

SPEC = load({"name": "numbered", "data": {"source": "sklearn:iris", "target": "target"}})


@pytest.fixture
def other() -> Iterator[int]:
    """A process that lives."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def test_a_process_is_known_by_its_number_and_its_beginning(other: int) -> None:
    assert lives(os.getpid(), born(os.getpid()))
    assert lives(other, born(other))
    assert not lives(other, "1")
    assert lives(other)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert not lives(gone.pid)


@pytest.mark.parametrize("same", [True, False], ids=["the one that began it", "another of its number"])
def test_a_run_is_resumed_where_its_process_ended(other: int, same: bool) -> None:
    begun = folder.begin(SPEC, "run")
    begun.update(host=socket.gethostname(), pid=other, born=born(other) if same else "1")
    if same:
        with pytest.raises(InputError, match=f"is still running, as process {other}"):
            folder.resume(SPEC, "run")
    else:
        assert folder.resume(SPEC, "run").id == begun.id


def test_an_endpoint_whose_process_ended_does_not_run(other: int, rayline_home: Path) -> None:
    note(Endpoint("http://127.0.0.1:1", "127.0.0.1:2", None, None, other, born(other)))
    assert running() is not None
    note(Endpoint("http://127.0.0.1:1", "127.0.0.1:2", None, None, other, "1"))
    assert running() is None


@pytest.mark.parametrize("content", [b"", b"{", orjson.dumps({"url": "x", "colour": "red"}), b"[]"])
def test_a_note_of_another_rayline_is_no_endpoint(rayline_home: Path, content: bytes) -> None:
    (rayline_home / "serve").mkdir(parents=True)
    (rayline_home / "serve" / "endpoint.json").write_bytes(content)
    assert running() is None
