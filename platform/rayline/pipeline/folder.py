"""One folder a run: its state, written whole at every step, so that a killed run can be found and continued.

STORAGE/runs/NAME/RUN_ID/run.json      state: what, when, how far, result
                        /shards/       prepared rows         /checkpoints/   training
                        /search/       finished folds        /package/       a model that failed its gates
                        /report.html
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pyarrow.fs import LocalFileSystem

import rayline
from rayline.core import files
from rayline.core.errors import InputError, StorageError
from rayline.core.home import home
from rayline.pipeline.process import born, lives
from rayline.spec import Spec
from rayline.spec.document import to_dict
from rayline.tune.ledger import digest

Command = Literal["run", "tune", "prepare"]


@dataclass(frozen=True)
class RunFolder:
    """A run's place; `id` sorts by time."""

    uri: str
    id: str
    resumed: bool

    def path(self, *parts: str) -> str:
        return files.join(self.uri, *parts)

    def update(self, **values: Any) -> None:
        """Merge `values` into the run's state."""
        uri = self.path("run.json")
        state = files.read_json(uri) if files.exists(uri) else {}
        files.write_json(uri, {**state, **values})

    def state(self) -> dict[str, Any]:
        return dict(files.read_json(self.path("run.json")))

    def end(self, error: BaseException, *, worked: bool, seconds: dict[str, float]) -> None:
        """Say how the run ended: stopped (Ctrl-C, SIGTERM), or failed. One refused before it did any work is deleted.

        Args:
            error: what ended it.
            worked: whether anything worth keeping was done.
            seconds: of each stage that ended.
        """
        if isinstance(error, InputError) and not worked and not self.resumed:
            files.delete_folder(self.uri)
        elif self.state().get("status") == "done":
            return  # Ctrl-C while the cluster stops
        elif isinstance(error, KeyboardInterrupt | SystemExit):  # the latter by SIGTERM
            self.update(status="interrupted", stages=seconds)
        else:
            self.update(status="failed", error=f"{type(error).__name__}: {error}", stages=seconds)


def root(spec: Spec) -> str:
    """Where the runs of a spec's name are kept."""
    return files.join(spec.storage or str(home()), "runs", spec.name)


@contextmanager
def nothing_left(spec: Spec) -> Iterator[None]:
    """Where the block refuses what it was given, no empty folder stays that was not there before.

    Of the machine's own file system only: elsewhere a folder is not there without files.

    Raises:
        StorageError: `storage` is of no known scheme.
    """
    filesystem, path = files.locate(root(spec))
    local = [Path(path)] if isinstance(filesystem, LocalFileSystem) else []
    new = {folder for place in (home(), *local) for folder in (place, *place.parents) if not os.path.exists(folder)}
    try:
        yield
    except InputError:
        for folder in sorted(new, key=lambda folder: len(folder.parts), reverse=True):
            with suppress(OSError):  # it never was, or holds something
                folder.rmdir()
        raise


def begin(spec: Spec, command: Command) -> RunFolder:
    """A new run's folder.

    Raises:
        StorageError: the storage cannot be written.
    """
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = RunFolder(files.join(root(spec), run_id), run_id, resumed=False)
    try:
        folder.update(
            id=run_id,
            name=spec.name,
            command=command,
            spec=digest(to_dict(spec)),
            rayline=rayline.__version__,
            started=datetime.now(UTC).isoformat(),
            status="running",
            **_process(),
        )
    except StorageError as error:
        raise StorageError(f"{'RAYLINE_HOME' if spec.storage is None else 'storage'}: {error}") from None
    return folder


def _process() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "born": born(os.getpid())}


def _require_dead(state: dict[str, Any]) -> None:
    if state.get("status") != "running" or state.get("host") != socket.gethostname() or state["pid"] == os.getpid():
        return
    if not lives(state["pid"], state.get("born")):
        return
    raise InputError(f"run {state['id']} is still running, as process {state['pid']}. Let it end, or stop it first.")


def resume(spec: Spec, command: Command) -> RunFolder:
    """The latest unfinished run of exactly this spec.

    Raises:
        InputError: there is none; the message says what there is.
    """
    wanted = digest(to_dict(spec))
    others = 0
    for run_id in reversed(files.list_folders(root(spec))):
        folder = RunFolder(files.join(root(spec), run_id), run_id, resumed=True)
        if not files.exists(folder.path("run.json")):
            continue
        state = folder.state()
        if state.get("command") != command or state.get("status") == "done":
            continue
        if state.get("spec") == wanted:
            _require_dead(state)
            folder.update(status="running", **_process())
            return folder
        others += 1
    changed = (
        f" ({others} unfinished of another version of the spec: undo its changes to continue one)" if others else ""
    )
    raise InputError(
        f"nothing to resume: no unfinished `rayline {command}` of this spec under {root(spec)}{changed}. "
        "Run without --resume."
    )
