"""A real MariaDB for tests, of the system's packages, in a folder of its own on a free port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
from cut_proxy import free_port

USER, PASSWORD = "reader", "p@ss/w:rd%1"
DATABASE = "shop"
# nothing is kept, so nothing waits for a disk
FAST = ("--innodb-flush-method=nosync", "--innodb-log-file-size=4M")
PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/bin", "/usr/bin")


class Maria:
    """A running server, and statements sent to it."""

    def __init__(self, port: int, socket: Path, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.socket = socket
        self.process = process

    def connect(self, user: str = USER, password: str = PASSWORD, database: str | None = DATABASE) -> Any:
        return pymysql.connect(
            unix_socket=str(self.socket), user=user, password=password, database=database, autocommit=True
        )

    def run(self, *statements: str, **login: Any) -> None:
        with self.connect(**login) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@contextmanager
def running() -> Iterator[Maria]:
    """MariaDB until the block ends, with an empty database `shop`."""
    # it refuses to run as root, and its user cannot enter a folder of pytest's
    account = pwd.getpwnam("mysql") if os.getuid() == 0 else None
    as_user: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid} if account else {}
    folder = Path(tempfile.mkdtemp(prefix="maria-"))
    try:
        if account:
            os.chown(folder, account.pw_uid, account.pw_gid)
        made = subprocess.run(
            [_program("mariadb-install-db"), "--no-defaults", "--auth-root-authentication-method=normal",
             "--skip-test-db", f"--datadir={folder / 'data'}", *FAST],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, check=False, **as_user,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout
        port, socket = free_port(), folder / "socket"
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [_program("mariadbd"), "--no-defaults", f"--datadir={folder / 'data'}", f"--socket={socket}",
                 f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve", *FAST],
                stdout=log, stderr=log, cwd=folder, **as_user,
            )  # fmt: skip
        try:
            server = Maria(port, socket, process)
            _wait(server, folder / "log")
            server.run(
                f"create database {DATABASE} character set utf8mb4",
                f"create user {USER} identified by '{PASSWORD}'",
                f"grant all on *.* to {USER}",
                user="root", password="", database=None,
            )  # fmt: skip
            yield server
        finally:
            process.kill()  # what it holds is thrown away
            process.wait(timeout=20)
    finally:
        shutil.rmtree(folder)


def _program(name: str) -> str:
    found = shutil.which(name) or next((f"{place}/{name}" for place in PLACES if Path(place, name).exists()), None)
    assert found, f"the tests of databases need {name}: install your system's package 'mariadb-server'"
    return found


def _wait(server: Maria, log: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            if server.socket.exists():
                server.connect(user="root", password="", database=None).close()
                return
        except pymysql.OperationalError:
            pass
        assert server.process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)
