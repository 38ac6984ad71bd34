"""The connection to MLflow: which store, opened once, asked with patience.

`MLFLOW_TRACKING_URI` names the store, else it is SQLite under `RAYLINE_HOME`. MLflow takes 1.5 s to import and 1 s
to make a fresh database; `warm()` starts both beside other work. Its telemetry is switched off before it is imported.
"""

from __future__ import annotations

import fcntl
import logging
import os
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rayline.core import files
from rayline.core.errors import StorageError
from rayline.core.home import ensure_home, home

if TYPE_CHECKING:
    from mlflow import MlflowClient

T = TypeVar("T")

_TRIES = 8
_clients: dict[str, MlflowClient] = {}
_opening = threading.RLock()


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, else the SQLite database of `RAYLINE_HOME`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or _home_uri()


def artifact_root(storage: str | None = None) -> str | None:
    """Where new runs keep their files: below `storage`, else `RAYLINE_HOME`; `None`: a tracking server decides."""
    if storage is not None:
        return files.join(storage, "artifacts")
    if tracking_uri().startswith(("http:", "https:", "databricks")):
        return None
    return str(home() / "artifacts")


def is_empty() -> bool:
    """Whether nothing was ever kept here: then there is nothing to ask, and no reason to make a database."""
    return tracking_uri() == _home_uri() and not (home() / "mlflow.db").exists()


def client() -> MlflowClient:
    """MLflow's client, made once for each tracking URI; the first call of a process imports MLflow.

    Raises:
        StorageError: the store cannot be opened or made.
    """
    uri = tracking_uri()
    with _opening:
        if uri not in _clients:
            _clients[uri] = _open(uri)
        return _clients[uri]


def warm(*, makes: bool = True) -> Future[None]:
    """Import MLflow and make its database in a background thread; whoever needs them first waits for the rest.

    Without `makes`, a `RAYLINE_HOME` that has no database is left without: the run may be refused yet.

    The future is only for who wants to know when: a failure shows again where the store is first used.
    """
    done: Future[None] = Future()

    def work() -> None:
        try:
            if makes or not is_empty():
                client()
            else:
                _silence()
                import_module("mlflow.store.tracking.sqlalchemy_store")
        except Exception as error:  # noqa: BLE001 (a thread's boundary: handed to the future's owner)
            done.set_exception(error)
        else:
            done.set_result(None)

    # a daemon, so that Ctrl-C need not wait for migrations; the database appears by one rename
    threading.Thread(target=work, name="mlflow-warm", daemon=True).start()
    return done


def ask(call: Callable[[MlflowClient], T]) -> T | None:
    """What `call` gets from the store, tried again (about 3 s in all) while another writer is in its way.

    `None` where the store knows no such thing, or already has the one that was to be made.

    Raises:
        StorageError: the store does not answer, or refuses.
    """
    connected = client()
    from mlflow.exceptions import MlflowException

    for attempt in range(_TRIES):
        try:
            return call(connected)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"):
                return None
            if error.error_code != "TEMPORARILY_UNAVAILABLE" or attempt == _TRIES - 1:
                raise StorageError(f"the tracking store {tracking_uri()} refused: {error.message}") from error
            time.sleep(random.uniform(0.5, 1.0) * 0.02 * 2**attempt)
    raise AssertionError("unreachable")


def writing() -> AbstractContextManager[None]:
    """Keep other processes of this `RAYLINE_HOME` from writing meanwhile; a database server needs no such help."""
    return _exclusive(home() / "mlflow.lock") if tracking_uri() == _home_uri() else nullcontext()


def local(uri: str) -> str:
    """`file:///a/b` as `/a/b`; other URIs as they are."""
    return uri.removeprefix("file://") if uri.startswith("file:///") else uri


def _home_uri() -> str:
    return f"sqlite:///{home() / 'mlflow.db'}"


def _silence() -> None:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"


def _open(uri: str) -> MlflowClient:
    _silence()
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # 7 by default: minutes for a server that is gone
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    # every failure reaches us as an exception; MLflow would print its own traceback as well
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    try:
        if uri == _home_uri():
            _make_database(ensure_home() / "mlflow.db")
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    except MlflowException as error:
        raise StorageError(
            f"cannot open the tracking store {uri}: {error.message} "
            "Check MLFLOW_TRACKING_URI, or unset it to use SQLite under RAYLINE_HOME."
        ) from error


def _make_database(path: Path) -> None:
    if path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with _exclusive(path.with_name("mlflow.lock")):
        if path.exists():  # made by another process while this one waited
            return
        # MLflow migrates through 60 versions and commits on the way: killed there, it would leave what no
        # later start can open. So the database is made under another name, and shows only when it is whole.
        for dead in path.parent.glob(".mlflow-*.db*"):  # of a process that was killed at it: the lock is this one's
            dead.unlink(missing_ok=True)
        temporary = path.with_name(f".mlflow-{uuid.uuid4().hex[:8]}.db")
        try:
            made = SqlAlchemyStore(f"sqlite:///{temporary}", str(path.with_name("artifacts")))
            made.engine.dispose()
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold an advisory lock on the file `path` against other processes and threads; a kill releases it."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
