"""Cases of the sources' contract: servers and brokers, started once and used by all of them."""

from __future__ import annotations

import atexit
import json
import tempfile
import threading
import uuid
from collections.abc import Callable
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kafka_cluster import Cluster
from mqtt_broker import Broker
from rayline.core import catalog
from rayline.core.catalog import PluginConfig
from rayline.sources._mqtt import MqttStream
from rayline.sources.mqtt import Config as MqttConfig

ROWS = [
    {"number": 1, "share": 0.5, "kind": "a"},
    {"number": None, "share": None, "kind": "b"},
    {"number": 3, "share": 2, "kind": None, "place": {"open": True}},
]


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(ROWS).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@cache
def _server() -> ThreadingHTTPServer:
    made = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made


@cache
def _cluster() -> Cluster:
    return Cluster()


@cache
def _broker() -> Broker:
    folder = tempfile.TemporaryDirectory()
    made = Broker(Path(folder.name))
    atexit.register(lambda: (made.stop(), folder.cleanup()))
    return made


def _web(folder: Path) -> PluginConfig:
    return catalog.resolve("source", {"name": "web", "url": f"http://127.0.0.1:{_server().server_port}/rows"})


def _kafka(folder: Path) -> PluginConfig:
    topic = f"rows-{uuid.uuid4().hex}"
    _cluster().send(topic, ROWS)
    return catalog.resolve("source", {"name": "kafka", "brokers": _cluster().brokers, "topic": topic})


def _mqtt(folder: Path) -> PluginConfig:
    topic = f"rows/{uuid.uuid4().hex}"
    options = {"url": _broker().url, "topic": topic, "seconds": 20, "max_rows": len(ROWS)}
    config = catalog.resolve("source", {"name": "mqtt", **options})
    assert isinstance(config, MqttConfig)
    with MqttStream(config, "read") as stream:
        stream.seek(None)
    _broker().send(topic, ROWS)
    return config


MAKE: dict[str, Callable[[Path], PluginConfig]] = {"kafka": _kafka, "mqtt": _mqtt, "web": _web}
