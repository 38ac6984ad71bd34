"""The monitor process: replicas post their windows to it, Prometheus scrapes it, people read its drift as JSON.

    POST /records     a JSON list of `core.records.WindowRecord`; answers how many came to which outcome
    GET  /metrics     Prometheus' text format
    GET  /drift       every version's counts beside training's, and the drift of each feature
    GET  /-/healthy   `ok`

Beyond loopback it asks for a key, since a record names a place for it to read from: `Authorization: Bearer KEY` on
`/records` and `/drift`. `/metrics` stays open, as Prometheus expects.
"""

from __future__ import annotations

import contextlib
import errno
import hmac
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from prometheus_client import CollectorRegistry
from pydantic import TypeAdapter, ValidationError

from rayline.core.errors import (
    AddressInUseError,
    InputError,
    MethodNotAllowedError,
    NotFoundError,
    RequestError,
    TooLargeError,
    UnauthorizedError,
)
from rayline.core.home import ensure_home
from rayline.core.network import is_loopback
from rayline.core.records import WindowRecord
from rayline.monitor import exporter
from rayline.monitor.watch import Watch

log = logging.getLogger("rayline.monitor")

HOST = "127.0.0.1"
PORT = 8010
MOST_BYTES = 64 << 20
"""Largest body of `/records`: what a replica holds back while the monitor is away, for a thousand features."""
SAVE_EVERY_S = 10.0
PATIENCE_S = 10.0
"""How long a connection may stay silent."""
ROUTES = {"/records": "POST", "/metrics": "GET", "/drift": "GET", "/-/healthy": "GET"}
KEYED = ("/records", "/drift")
KEY_VARIABLE = "RAYLINE_MONITOR_KEY"
"""Environment variable with the key that replicas send and the monitor asks for."""

_RECORDS = TypeAdapter(list[WindowRecord])


class Monitor:
    """A monitor that answers on its own threads until `stop()`."""

    def __init__(self, server: _Server, watch: Watch) -> None:
        self.watch = watch
        self._server = server
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True),
            threading.Thread(target=self._save, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def host(self) -> str:
        return str(self._server.server_address[0])

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        """Stop answering and save the windows."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join()
        self.watch.save()

    def _save(self) -> None:
        while not self._stopping.wait(SAVE_EVERY_S):
            self.watch.save()


def start(host: str = HOST, port: int = PORT, *, state: str | None = None, keys: Sequence[str] = ()) -> Monitor:
    """Start a monitor in this process.

    Args:
        host: address to bind.
        port: 0 takes a free one.
        state: file (path or URI) that keeps the windows over a restart; `None` keeps nothing.
        keys: keys of which a request to `/records` and `/drift` must carry one; required beyond loopback.

    Raises:
        AddressInUseError: something else listens there.
        InputError: an address this machine does not have, or one beyond loopback without keys.
    """
    if not keys and not is_loopback(host):
        raise InputError(
            f"the monitor asks for a key on any address but loopback, and {host} is not. Set RAYLINE_MONITOR_KEY, "
            "or bind 127.0.0.1."
        )
    watch = Watch(state)
    try:
        server = _Server((host, port), watch, tuple(keys))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(
                f"port {port} on {host} is taken, so the monitor cannot listen there. "
                "Stop what listens, or choose another port (0 takes a free one)."
            ) from None
        raise InputError(f"the monitor cannot listen on {host}:{port}: {error.strerror or error}.") from None
    return Monitor(server, watch)


def run_forever(
    host: str = HOST, port: int = PORT, *, keeps: bool = True, on_start: Callable[[str], None] | None = None
) -> None:
    """Monitor until SIGINT or SIGTERM, with the windows kept in `RAYLINE_HOME/serve/`. Call it in the main thread.

    Without `keeps`, and on port 0, none are: nobody would find them at a port that was only free just now.

    The key is that of `RAYLINE_MONITOR_KEY`, where it is set. `on_start` is called with the URL once it answers.

    Raises:
        AddressInUseError: something else listens there.
        InputError: as `start`.
        StorageError: `RAYLINE_HOME` cannot be written.
    """
    stopping = threading.Event()

    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        state = str(ensure_home() / "serve" / f"monitor-{port}.json") if keeps and port else None
        key = os.environ.get(KEY_VARIABLE)
        monitor = start(host, port, state=state, keys=(key,) if key else ())
        if on_start is not None:
            on_start(monitor.url)
        stopping.wait()
        monitor.stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], watch: Watch, keys: tuple[str, ...]) -> None:
        self.watch = watch
        self.keys = keys
        self.metrics: CollectorRegistry = exporter.registry(watch)
        self._connections: set[Any] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        # Prometheus keeps its connection, whose thread would go on answering
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class' signature
        # a client that went away, as a rule; the server answers the next one all the same
        log.debug("connection of %s failed", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "rayline-monitor"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_S
    # headers and body leave in one packet: in two, a client's delayed acknowledgement adds 40 ms
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class' name
        log.debug(format, *args)

    def _answer(self, method: str) -> None:
        try:
            status, kind, body = HTTPStatus.OK, *self._route(method)
        except RequestError as error:
            status, kind, body = HTTPStatus(error.status), "application/json", orjson.dumps({"error": str(error)})
            self.close_connection = True  # the body of a refused request may not have been read
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _route(self, method: str) -> tuple[str, bytes]:
        path = self.path.partition("?")[0]
        if path not in ROUTES:
            raise NotFoundError(f"nothing at {path}. There is: {', '.join(ROUTES)}.")
        if ROUTES[path] != method:
            raise MethodNotAllowedError(f"{path} takes {ROUTES[path]}, not {method}.")
        if path in KEYED:
            self._check_key()
        if path == "/metrics":
            return exporter.CONTENT_TYPE, exporter.render(self.server.metrics)
        if path == "/drift":
            versions = [report.to_json() for report in self.server.watch.report()]
            return "application/json", orjson.dumps({"versions": versions})
        if path == "/-/healthy":
            return "text/plain; charset=utf-8", b"ok\n"
        return "application/json", orjson.dumps(self._take_records())

    def _take_records(self) -> dict[str, int]:
        try:
            records = _RECORDS.validate_json(self._body())
        except ValidationError as error:
            self.server.watch.refuse()
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "body"
            raise RequestError(f"{where}: {first['msg']}. Send a JSON list of window records.") from None
        return {str(outcome): number for outcome, number in self.server.watch.accept(records).items()}

    def _body(self) -> bytes:
        text = self.headers.get("Content-Length", "")
        if not text.isdecimal():
            raise RequestError("send a Content-Length; a body in chunks is not taken.")
        if int(text) > MOST_BYTES:
            raise TooLargeError(f"a body of {int(text):,} bytes; at most {MOST_BYTES:,} are taken. Send fewer records.")
        return self.rfile.read(int(text))

    def _check_key(self) -> None:
        if not self.server.keys:
            return
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        # every key is compared, in constant time, so that the time taken tells nothing
        matches = [hmac.compare_digest(given.encode(), key.encode()) for key in self.server.keys]
        if scheme.lower() != "bearer" or not any(matches):
            raise UnauthorizedError("send a key: Authorization: Bearer KEY.")
