"""What ends a process, in words: faults of ours and of tasks, Ctrl-C."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rayline
from rayline.cli import main


def ending(error: BaseException) -> Callable[..., Any]:
    def command(*_: object, **__: object) -> None:
        raise error

    return command


def test_a_fault_in_a_task_is_one_error_without_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class OfATaskError(RuntimeError):
        cause = ValueError("no such thing")

    monkeypatch.setattr(main, "_run", ending(OfATaskError("Traceback (most recent call last): …")))
    assert main._guarded(["run"], debug=False) == 1
    assert (
        capsys.readouterr().err
        == "error: ValueError: no such thing\nThis is a fault of Rayline's; --debug shows where.\n"
    )


@pytest.mark.parametrize(
    ("command", "more"), [("run", "; `--resume` continues."), ("tune", "; `--resume` continues."), ("render", ".")]
)
def test_ctrl_c_tells_how_to_go_on_where_one_can(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, more: str
) -> None:
    monkeypatch.setattr(main, "_run", ending(KeyboardInterrupt()))
    assert main._guarded([command, "spec.yaml"], debug=False) == 130
    assert capsys.readouterr().err == f"\nstopped. What was finished is kept{more}\n"


def test_sigterm_ends_a_command_that_has_joined_ray_as_ctrl_c_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "_run", ending(SystemExit(signal.SIGTERM)))  # Ray's handler raises it
    assert main._guarded(["run", "spec.yaml"], debug=False) == 143
    assert capsys.readouterr().err == "\nstopped. What was finished is kept; `--resume` continues.\n"
    monkeypatch.setattr(main, "_run", ending(SystemExit(3)))
    with pytest.raises(SystemExit):
        main._guarded(["run", "spec.yaml"], debug=False)


@pytest.mark.parametrize("module", ["typer", "rayline.core.errors", "rayline.pipeline.resolve", "polars"])
def test_ctrl_c_while_the_program_is_still_being_imported_is_one_line(module: str) -> None:
    """The press comes where Python begins to import `module`."""
    code = (
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "sys.argv = ['rayline', 'render', 'spec.yaml']\n"
        "from rayline.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\nstopped. What was finished is kept.\n")


def test_what_cannot_tidy_up_after_ctrl_c_adds_nothing_to_the_line() -> None:
    code = (
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'polars':\n"
        "            import atexit; atexit.register(lambda: 1 / 0)\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "sys.argv = ['rayline', 'run', 'spec.yaml']\n"
        "from rayline.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    told = "\nstopped. What was finished is kept; `--resume` continues.\n"
    assert (done.returncode, done.stdout, done.stderr) == (130, "", told)


def test_ctrl_c_while_the_interpreter_ends_prints_nothing() -> None:
    code = (
        "import atexit, os, signal, sys\n"
        "atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))\n"
        "sys.argv = ['rayline', 'schema']\n"
        "from rayline.cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
    assert done.stdout.endswith("}\n")


def test_a_disk_that_is_full_is_no_fault_of_ours() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rayline.cli", "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == (
        "error: cannot write the output or a temporary file: No space left on device. Free some space and run it "
        "again.\n"
    )


def test_a_file_that_the_disk_has_no_room_for_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class OfATaskError(RuntimeError):
        cause = OSError(errno.ENOSPC, "No space left on device", "/data/part-0.arrow")

    monkeypatch.setattr(main, "_run", ending(OfATaskError("Traceback (most recent call last): …")))
    assert main._guarded(["run"], debug=False) == 1
    assert capsys.readouterr().err == (
        "error: cannot write /data/part-0.arrow: No space left on device. Free some space and run it again.\n"
    )


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main._guarded(["--version"], debug=False) == 0
    assert capsys.readouterr().out == f"rayline {rayline.__version__}\n"
