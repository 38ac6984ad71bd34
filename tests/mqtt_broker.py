"""A real MQTT broker for tests: mosquitto, on a free port, with what it keeps in a folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from paho.mqtt import publish


class Broker:
    """Mosquitto in `folder`; after `stop` it may `start` again with what it had kept."""

    def __init__(self, folder: Path, *, password: str | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        lines = [f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder}/",
                 "max_queued_messages 0", f"allow_anonymous {'false' if password else 'true'}"]  # fmt: skip
        if os.getuid() == 0:
            lines.append("user root")
        if password:
            subprocess.run([program("mosquitto_passwd"), "-b", "-c", folder / "passwords", "me", password], check=True)
            lines.append(f"password_file {folder / 'passwords'}")
        (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program("mosquitto"), "-c", str(self.folder / "mosquitto.conf")], stdout=log, stderr=log
            )
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(how)
            process.wait(timeout=20)

    def send(self, topic: str, payloads: Iterable[Any], *, qos: int = 1, retain: bool = False) -> None:
        """Send payloads (bytes and texts as they are, others as JSON), each answered before this returns."""
        messages = [
            (topic, payload if isinstance(payload, bytes | str) else orjson.dumps(payload), qos, retain)
            for payload in payloads
        ]
        publish.multiple(messages, hostname="127.0.0.1", port=self.port)


@contextmanager
def running(folder: Path, *, password: str | None = None) -> Iterator[Broker]:
    """A broker until the block ends."""
    broker = Broker(folder, password=password)
    try:
        yield broker
    finally:
        broker.stop()


def program(name: str) -> str:
    """The path of a program of mosquitto's."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
    assert found, f"the tests of MQTT need {name}: install your system's package 'mosquitto'"
    return found
