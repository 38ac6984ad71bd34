"""A real PostgreSQL for tests, of the system's packages, in a folder of its own on a free port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from cut_proxy import free_port

USER, PASSWORD = "reader", "p@ss/w:rd%1"


class Postgres:
    """A running server, and statements sent to it."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname="postgres", autocommit=True
        )

    def run(self, statement: str) -> None:
        with self.connect() as connection:
            connection.execute(statement)  # type: ignore[call-overload]


@contextmanager
def running() -> Iterator[Postgres]:
    """PostgreSQL until the block ends."""
    # it refuses to run as root, and its user cannot enter a folder of pytest's
    account = pwd.getpwnam("postgres") if os.getuid() == 0 else None
    as_user: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid} if account else {}
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        (folder / "password").write_text(PASSWORD)
        for path in (folder, folder / "password"):
            if account:
                os.chown(path, account.pw_uid, account.pw_gid)
        options = [f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync"]
        subprocess.run(
            [_program("initdb"), f"--pgdata={folder / 'data'}", "--encoding=UTF8", "--locale=C.UTF-8", *options],
            check=True, capture_output=True, cwd=folder, **as_user,
        )  # fmt: skip
        port = free_port()
        settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [_program("postgres"), "-D", str(folder / "data"), *(f"--{k}={v}" for k, v in settings.items())],
                stdout=log, stderr=log, cwd=folder, **as_user,
            )  # fmt: skip
        try:
            server = Postgres(port, process)
            _wait(server, folder / "log")
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: what it holds is thrown away
            process.wait(timeout=20)
    finally:
        shutil.rmtree(folder)


def _program(name: str) -> str:
    found = shutil.which(name) or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None
    )
    assert found, f"the tests of databases need {name}: install your system's package 'postgresql'"
    return found


def _wait(server: Postgres, log: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            server.connect().close()
            return
        except psycopg.OperationalError:
            assert server.process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
