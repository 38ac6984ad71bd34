"""What would steer a terminal is spelled out wherever values and names of the data are printed."""

from __future__ import annotations

import io
import sys

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from rayline.cli._show import Terminal
from rayline.cli.main import main
from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.core.shown import shown, visible
from rayline.profile.association import associations
from rayline.profile.coverage import coverage
from rayline.profile.profile import profile_frame
from rayline.report import profile_text
from rayline.report.notation import short

CLEAR = "\x1b[2J"
EVIL = f"k\x00\x07{CLEAR}\x9b1m"


def test_nothing_but_tab_and_line_feed_is_left_of_control_characters() -> None:
    every = "".join(map(chr, range(0x100)))
    left = {char for char in visible(every) if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0}
    assert left == {"\t", "\n"}
    assert visible("naïve … 日本 👩‍🚀") == "naïve … 日本 👩‍🚀"
    assert short(EVIL) == shown({EVIL: 1})[1:-4] == r"k\x00\x07\x1b[2J\x9b1m"


def test_a_profile_in_a_terminal_spells_them_out() -> None:
    rng = np.random.default_rng(0)
    values = rng.choice([EVIL, "plain", "other"], 300, p=[0.3, 0.3, 0.4])
    frame = pl.DataFrame(
        {ROW: np.arange(300), f"name{CLEAR}": values, "one": [EVIL] * 300, "n": rng.normal(size=300), "y": values}
    )
    profile = profile_frame(frame, seed=0, target="y")
    out = io.StringIO()
    profile_text.show(
        profile,
        Console(file=out, width=200),
        target="y",
        associated=associations(profile, "y"),
        covered=coverage(profile, [f"name{CLEAR}"]),
    )
    assert r"name\x1b[2J" in out.getvalue()
    assert r"k\x00\x07\x1b[2J" in out.getvalue()
    assert not set(out.getvalue()) & {"\x00", "\x07", "\x1b", "\x9b"}


def test_an_error_at_the_terminal_spells_them_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: list[str]) -> None:
        raise DataError(f"data.csv line 3: {EVIL}\nsecond line")

    monkeypatch.setattr("rayline.cli.main._run", fail)
    monkeypatch.setattr(sys, "argv", ["rayline", "profile", "data.csv"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == DataError("").exit_code
    assert capsys.readouterr().err == "error: data.csv line 3: k\\x00\\x07\\x1b[2J\\x9b1m\nsecond line\n"


def test_a_note_of_a_run_spells_them_out() -> None:
    out = io.StringIO()
    Terminal(Console(file=out, width=200)).note(f"warning: {EVIL}")
    assert out.getvalue() == "    warning: k\\x00\\x07\\x1b[2J\\x9b1m\n"
