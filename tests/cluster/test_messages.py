"""What Ray tells a driver is a line each as long as a command is connected, and as Ray has it before and after."""

from __future__ import annotations

import pytest
import ray._private.worker as ray_worker
from ray.exceptions import RpcError
from ray.experimental import internal_kv

from rayline.cluster import connect as connecting
from rayline.cluster import messages
from rayline.cluster.connect import Connection, connect
from rayline.cluster.key_values import KeyValues
from rayline.core.errors import ClusterError

PAGE = {"lines": ["Task f failed due to oom. \nMemory on the node was 7GB / 8GB\nEviction Stats: none", "another"]}


def test_messages_are_a_line_each_on_stderr_within_the_block(capsys: pytest.CaptureFixture[str]) -> None:
    before = ray_worker.print_to_stdstream
    with messages.shortened():
        ray_worker.print_to_stdstream(PAGE, ignore_prefix=False)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "Ray: Task f failed due to oom. \nRay: another\n"
    assert ray_worker.print_to_stdstream is before


def test_a_connection_that_fails_or_is_closed_leaves_nothing_in_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting.ray, "is_initialized", lambda: False)  # of other tests
    monkeypatch.setattr(connecting.environment, "JOIN", {})
    monkeypatch.setattr(connecting, "_start", lambda **options: Connection("here:1", None, False, False))
    before = ray_worker.print_to_stdstream
    with pytest.raises(ClusterError, match="is not an address"):
        connect("no address at all")
    assert ray_worker.print_to_stdstream is before
    with connect("local") as connection:
        assert ray_worker.print_to_stdstream is not before
    connection.close()
    assert ray_worker.print_to_stdstream is before


def test_a_head_that_does_not_answer_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*key: object, **options: object) -> None:
        raise RpcError("failed to connect to all addresses", rpc_code=14)

    for call in ("put", "get", "del", "list"):
        monkeypatch.setattr(internal_kv, f"_internal_kv_{call}", unreachable)
    notes = KeyValues()
    for ask in (
        lambda: notes.put("a", b"1"),
        lambda: notes.get("a"),
        lambda: notes.delete("a"),
        lambda: notes.keys(""),
    ):
        with pytest.raises(ClusterError, match="the head of the Ray cluster does not answer: failed to connect"):
            ask()
