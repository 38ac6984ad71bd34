"""What is done before and beside the cluster: ports, addresses, the lock, what is still there to serve."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import orjson
import pytest

from rayline.core.errors import AddressInUseError, ClusterError, InputError
from rayline.registry import manifest
from rayline.serve import state
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


def test_one_deployment_at_a_time(store: Store, board: Noticeboard) -> None:
    with (
        board.only_one(5),
        pytest.raises(ClusterError, match="another deployment goes on"),
        board.only_one(0.15),
    ):
        raise AssertionError("two at once")
    assert store.values == {}
    with board.only_one(5):
        pass


def test_a_lock_whose_holder_died_is_taken_over(store: Store, board: Noticeboard) -> None:
    store.values["serve/lock"] = orjson.dumps({"by": "the dead", "until": time.time() - 1})
    with board.only_one(0.5):
        assert b"the dead" not in store.values["serve/lock"]


def test_reports_are_kept_by_replica_until_it_is_gone(board: Noticeboard) -> None:
    report = Report("f", working=False, models={"m": {"versions": {}}})
    board.put_report("r1", report)
    board.put_report("r2", report)
    assert set(board.reports()) == {"r1", "r2"}
    assert board.reports()["r1"]["fingerprint"] == "f"
    board.forget(all_but={"r2"})
    assert set(board.reports()) == {"r2"}
