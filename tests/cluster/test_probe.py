"""An address that is no Ray cluster is answered quickly and in words."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import ray

from rayline.cluster import authentication, dashboard, probe
from rayline.cluster.connect import connect, resolve
from rayline.core.errors import ClusterError


class Answer(http.server.BaseHTTPRequestHandler):
    """A web server of some other kind: the status and body its server was given."""

    def do_GET(self) -> None:
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()
        self.wfile.write(self.server.body)  # type: ignore[attr-defined]

    do_HEAD = do_GET  # noqa: N815 - the name http.server looks for

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def web() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.status, server.body = 200, b"<html>"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def unused() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
def silent() -> Iterator[str]:
    """Something that takes connections and never says a word."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield f"127.0.0.1:{one.getsockname()[1]}"


def test_a_closed_port_is_nothing_that_answers(unused: str) -> None:
    began = time.monotonic()
    with pytest.raises(ClusterError, match=f"nothing answers at {unused}.*--address"):
        probe.version(unused)
    assert time.monotonic() - began < 3


def test_a_silent_port_is_waited_for_no_longer_than_told(silent: str) -> None:
    began = time.monotonic()
    with pytest.raises(ClusterError, match="nothing answers"):
        probe.version(silent, timeout_s=1.0)
    assert time.monotonic() - began < 4


def test_a_web_server_is_not_a_ray_cluster(web: http.server.ThreadingHTTPServer) -> None:
    with pytest.raises(ClusterError, match="not a Ray cluster"):
        probe.version(f"127.0.0.1:{web.server_port}", timeout_s=2.0)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ClusterError, match="'nonsense' is not an address"):
        resolve("nonsense")


def test_a_web_server_is_not_a_dashboard(web: http.server.ThreadingHTTPServer) -> None:
    with pytest.raises(ClusterError, match=r"not a Ray dashboard \(status 200\)"):
        dashboard.url_of(f"http://127.0.0.1:{web.server_port}")
    with pytest.raises(ClusterError, match="not a Ray dashboard"):
        dashboard.url_of(f"127.0.0.1:{web.server_port}")


def test_a_dashboard_that_wants_another_token_says_so(
    web: http.server.ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.status = 403  # type: ignore[attr-defined]
    monkeypatch.setenv(authentication.MODE, "token")
    monkeypatch.setenv(authentication.TOKEN, "wrong")
    with pytest.raises(ClusterError, match="refuses this token.*RAY_AUTH_TOKEN"):
        dashboard.url_of(f"http://127.0.0.1:{web.server_port}")


def test_no_dashboard_is_nothing_that_answers(unused: str) -> None:
    with pytest.raises(ClusterError, match="nothing answers at http://.*ssh -L"):
        dashboard.url_of(f"http://{unused}")
    with pytest.raises(ClusterError, match=f"nothing answers at {unused}"):
        dashboard.url_of(unused)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_the_ray_of_this_process_is_used_as_it_is_and_left_running() -> None:
    with connect("127.0.0.1:1") as cluster:  # the address of another does not matter here
        assert not cluster.started
        assert probe.version(cluster.address) == ray.__version__
    assert ray.is_initialized()
