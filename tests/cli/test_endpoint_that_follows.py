"""An endpoint that does not follow a new version or alias: what was done is done, and what was not is told."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from rayline.cli import _show
from rayline.cli.main import _guarded
from rayline.core.errors import ClusterError
from rayline.pipeline import endpoint, serving
from rayline.registry.models import Registry


@pytest.fixture(autouse=True)
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint whose Ray does not answer."""

    def follow(model: str) -> list[str]:
        raise ClusterError("nothing answers at 127.0.0.1:6379.")

    monkeypatch.setattr(serving, "follow", follow)
    monkeypatch.setattr(endpoint, "running", SimpleNamespace)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_run_is_done_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    monkeypatch.setattr(_show, "show_result", lambda result, *, as_json: print("{}", file=sys.stdout))
    result: Any = SimpleNamespace(model="people")
    with _show.finish(as_json=as_json) as done:
        done.result = result
    said = capsys.readouterr()
    assert said.out == "{}\n"
    assert said.err == (
        "warning: the endpoint answers as before: nothing answers at 127.0.0.1:6379.\n"
        "Try again: rayline deploy people\n"
    )


def test_an_alias_that_moved_is_told_beside_the_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = SimpleNamespace(name="people", version=3)
    monkeypatch.setattr(Registry, "promote", lambda self, name, number, alias: moved)
    assert _guarded(["models", "promote", "people/3", "--alias", "champion"], debug=False) == 1
    said = capsys.readouterr()
    assert said.out == "people version 3 is now @champion\n"
    assert said.err == (
        "error: @champion points at version 3 now, but the endpoint answers as before: nothing answers at "
        "127.0.0.1:6379. Try again: rayline deploy people/3 --alias champion\n"
    )
