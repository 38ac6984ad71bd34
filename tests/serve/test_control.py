"""What is done before and beside the cluster: ports, addresses, the lock, what is still there to serve."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from rayline.core.errors import AddressInUseError, ClusterError, InputError
from rayline.registry import manifest
from rayline.serve import noticeboard, state
from rayline.serve.listening import require_free_ports, url
from rayline.serve.loader import Report
from rayline.serve.noticeboard import Noticeboard
from rayline.serve.packages import still_there


class Store:
    """A store such as Ray's internal one."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def put(self, key: str, value: bytes, *, overwrite: bool = True) -> bool:
        there = key in self.values
        if overwrite or not there:
            self.values[key] = value
        return there

    def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    def delete(self, key: str) -> None:
        self.values.pop(key, None)

    def keys(self, prefix: str) -> list[str]:
        return [key for key in self.values if key.startswith(prefix)]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def board(store: Store) -> Noticeboard:
    return Noticeboard(store)


def test_taken_ports_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUseError, match=rf"127\.0\.0\.1:{port}.*--port") as refused:
            require_free_ports("127.0.0.1", port)
        assert refused.value.exit_code == 2
        monkeypatch.setenv("RAY_SERVE_ENABLE_HA_PROXY", "1")
        monkeypatch.setenv("RAY_SERVE_HAPROXY_STATS_PORT", str(port))
        with pytest.raises(AddressInUseError, match="RAY_SERVE_HAPROXY_STATS_PORT"):
            require_free_ports("127.0.0.1", free_port())
    with pytest.raises(InputError, match=r"cannot listen at 203\.0\.113\.7"):
        require_free_ports("203.0.113.7", free_port())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("2001:db8::1", "http://[2001:db8::1]:8000"),
        ("example.org", "http://example.org:8000"),
    ],
)
def test_url_that_a_client_here_can_use(host: str, address: str) -> None:
    assert url(host, 8000) == address


def test_packages_that_are_gone_are_served_no_longer(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "card.md").write_text("x")
    manifest.seal(str(package))
    here, gone = str(package), str(tmp_path / "gone")
    models = {
        "half": {"versions": {"1": here, "2": gone}, "aliases": {"champion": "2"}},
        "all": {"versions": {"1": gone}},
    }
    left = still_there(state.parse({"models": models}))
    assert {name: model.versions for name, model in left.models.items()} == {"half": {"1": here}}
    assert left.models["half"].answering == "1"


def test_one_deployment_at_a_time(board: Noticeboard) -> None:
    with (
        board.only_one(5),
        pytest.raises(ClusterError, match="another deployment goes on"),
        board.only_one(0.15),
    ):
        raise AssertionError("two at once")
    with board.only_one(0):
        pass


def test_the_lock_is_free_again_after_an_error_and_leaves_one_key(store: Store, board: Noticeboard) -> None:
    for _ in range(3):
        with pytest.raises(ValueError, match="of the block"), board.only_one(0):
            raise ValueError("of the block")
    assert len(store.values) == 1


def test_a_lock_whose_holder_died_is_taken_over(
    store: Store, board: Noticeboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noticeboard, "LEASE_S", 0.3)
    store.values["serve/lock/7"] = b"the dead"
    started = time.monotonic()
    with board.only_one(5):
        assert time.monotonic() - started > 0.3
        assert b"the dead" not in store.values.values()


def test_a_lock_is_not_taken_from_a_holder_that_lives(board: Noticeboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its block takes longer than a lease, and whatever the clocks of the two machines say."""
    monkeypatch.setattr(noticeboard, "LEASE_S", 0.8)
    with board.only_one(5), pytest.raises(ClusterError, match="another deployment goes on"), board.only_one(1.8):
        raise AssertionError("two at once")


class Stopped(Store):
    """One thread, named `late`, stands still before its `nth` call of one kind until `others` is set, or for a while
    where they cannot go on without it.
    """

    def __init__(self, call: str, nth: int, others: threading.Event) -> None:
        super().__init__()
        self._stops = {call: nth}
        self._others = others
        self.stands = threading.Event()

    def _called(self, call: str) -> None:
        if threading.current_thread().name == "late" and call in self._stops:
            self._stops[call] -= 1
            if self._stops[call] == 0:
                self.stands.set()
                self._others.wait(0.5)

    def put(self, key: str, value: bytes, *, overwrite: bool = True) -> bool:
        self._called("put")
        return super().put(key, value, overwrite=overwrite)

    def get(self, key: str) -> bytes | None:
        self._called("get")
        return super().get(key)

    def delete(self, key: str) -> None:
        self._called("delete")
        super().delete(key)

    def keys(self, prefix: str) -> list[str]:
        self._called("keys")
        return super().keys(prefix)


STOPS = [("keys", 1), ("get", 1), ("put", 1), ("keys", 2), ("delete", 1)]


@pytest.mark.parametrize("turns", [1, 2])
@pytest.mark.parametrize(("call", "nth", "dead"), [*((*stop, False) for stop in STOPS), ("put", 1, True)])
def test_wherever_one_process_stands_still_two_are_never_at_it(
    call: str, nth: int, dead: bool, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others take the lock, once or twice in a row, while the late one is between any two of its calls."""
    monkeypatch.setattr(noticeboard, "LEASE_S", 0.3 if dead else 60.0)
    monkeypatch.setattr(noticeboard, "_POLL_S", 0.02)
    entered = threading.Event()
    store = Stopped(call, nth, entered)
    store.values["serve/lock/7"] = b"the dead" if dead else b"free"
    inside: list[str] = []
    most: list[int] = []

    def change(name: str, *, last: bool) -> None:
        with Noticeboard(store).only_one(10):
            inside.append(name)
            if last:
                entered.set()
                time.sleep(0.1)  # the late one goes on now
            most.append(len(inside))
            inside.remove(name)

    late = threading.Thread(target=change, args=("late",), kwargs={"last": False}, name="late")
    late.start()
    assert store.stands.wait(5)
    for turn in range(turns):
        change("early", last=turn == turns - 1)
    late.join(10)
    assert not late.is_alive()
    assert most == [1] * (turns + 1)


def test_reports_are_kept_by_replica_until_it_is_gone(board: Noticeboard) -> None:
    report = Report("f", working=False, models={"m": {"versions": {}}})
    board.put_report("r1", report)
    board.put_report("r2", report)
    assert set(board.reports()) == {"r1", "r2"}
    assert board.reports()["r1"]["fingerprint"] == "f"
    board.forget(all_but={"r2"})
    assert set(board.reports()) == {"r2"}
