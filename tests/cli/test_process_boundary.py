"""What ends a process, in words: faults of ours and of tasks, Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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

    monkeypatch.setattr(main, "app", ending(OfATaskError("Traceback (most recent call last): …")))
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
    monkeypatch.setattr(main, "app", ending(KeyboardInterrupt()))
    assert main._guarded([command, "spec.yaml"], debug=False) == 130
    assert capsys.readouterr().err == f"\nstopped. What was finished is kept{more}\n"
