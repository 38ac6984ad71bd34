"""How `rayline doctor` shows what its checks found."""

from __future__ import annotations

import pytest

from rayline.cli.main import _guarded
from rayline.cluster import doctor
from rayline.cluster.checks import Check, Verdict


def test_every_detail_begins_in_one_column(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        Check("home", Verdict.OK, "details"),
        Check("ports of 192.168.100.200", Verdict.WARN, "details in [brackets]", "advice of [file]"),
    ]
    monkeypatch.setattr(doctor, "run_checks", lambda address, storage: found)
    assert _guarded(["doctor"], debug=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "✓ home                     details",
        "! ports of 192.168.100.200 details in [brackets]",
        "                           advice of [file]",
    ]
