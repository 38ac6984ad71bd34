"""Suspected label errors as they are told: on the page, on the terminal, as an alert, in JSON, and as rows to label."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_reports import EVIL
from rich.console import Console
from sklearn.datasets import load_wine

from rayline.cli import main
from rayline.core.columns import ROW
from rayline.pipeline import suspected, understand
from rayline.profile.profile import Profile, profile_frame
from rayline.profile.suspects import Suspects, suspects
from rayline.report import profile_page, profile_text
from rayline.report.alerts import alerts
from rayline.report.suspect_facts import suspect_alert, suspect_facts


def wine() -> pl.DataFrame:
    """With two labels changed, and names that look like markup."""
    x, y = load_wine(return_X_y=True)
    labels = [[EVIL, "one", "two"][value] for value in y]
    labels[3], labels[100] = "two", EVIL
    return pl.DataFrame({f"c{n}": x[:, n] for n in range(x.shape[1])} | {"kind": labels, "own": ["secret"] * len(y)})


@pytest.fixture(scope="module")
def profile() -> Profile:
    frame = wine()
    return profile_frame(frame.with_columns(pl.Series(ROW, np.arange(frame.height))), seed=0, private=["own"])


@pytest.fixture(scope="module")
def told(profile: Profile) -> Suspects:
    found = suspects(profile, "kind")
    assert found is not None
    return found


def test_the_page_lists_the_rows_and_says_how_much_is_found(profile: Profile, told: Suspects) -> None:
    page = profile_page.render(profile, target="kind", suspected=told)
    assert '<section id="suspects">' in page
    assert f"{len(told.rows)} of 178 rows looked at" in page
    for one in told.rows:
        assert f'<tr><td class="num">{one.row + 1}</td>' in page
    assert EVIL not in page
    assert "secret" not in page
    assert "rayline annotate export DATA --suspects kind -o TODO.csv" in page
    assert 'id="suspects"' not in profile_page.render(profile, target="kind")
    none = profile_page.render(profile, target="kind", suspected=replace(told, rows=(), share=0.0))
    assert "0 of 178 rows looked at (0%)" in none
    assert "annotate export" not in none


def test_the_alert_says_what_to_do_next(profile: Profile, told: Suspects) -> None:
    (alert,) = [one for one in alerts(profile, target="kind", suspected=told) if one.tag == "suspected labels"]
    assert alert.tone == "warn"
    assert alert.text.startswith(f"{len(told.rows)} rows ({100 * told.share:.1f}%) have another kind than nearly all")
    assert "rayline annotate export DATA --suspects kind -o TODO.csv" in alert.text
    out = io.StringIO()
    profile_text.show(profile, Console(file=out, width=120), target="kind", suspected=told)
    assert "another kind than nearly all rows like them" in " ".join(out.getvalue().split())
    one = suspect_alert(replace(told, rows=told.rows[:1]))
    assert one is not None
    assert "1 row (" in one.text
    assert "it is wrong, or unusual" in one.text
    about = suspect_alert(replace(told, exact=False, estimate=1200))
    assert about is not None
    assert about.text.startswith("About 1,200 rows")


def test_where_features_tell_nothing_there_is_no_alert(told: Suspects) -> None:
    assert suspect_alert(replace(told, found=0.1)) is None
    assert suspect_alert(replace(told, rows=())) is None
    assert suspect_alert(None) is None
    weak = suspect_alert(replace(told, found=0.4))
    assert weak is not None
    assert weak.tone == ""
    facts = suspect_facts(replace(told, found=0.1))
    assert facts is not None
    assert not facts["telling"]
    assert suspect_facts(None) is None


def test_rayline_profile_tells_them_and_annotate_export_takes_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wine().write_csv(tmp_path / "wine.csv")

    def run(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["rayline", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert not ended.value.code
        return capsys.readouterr().out

    data, page = str(tmp_path / "wine.csv"), tmp_path / "page.html"
    found = json.loads(run("profile", data, "--target", "kind", "--private", "own", "--json", "--html", str(page)))
    rows = [one["row"] for one in found["suspected"]["rows"]]
    assert {3, 100} <= set(rows)
    assert "suspected labels" in {alert["tag"] for alert in found["alerts"]}
    assert '<section id="suspects">' in page.read_text()
    todo = str(tmp_path / "todo.csv")
    said = run("annotate", "export", data, "-o", todo, "--suspects", "kind", "--private", "own")
    assert f"{len(rows)} of {wine().height} rows" in said
    assert pl.read_csv(todo)["row"].to_list() == sorted(rows)
    assert suspected.SEED == understand.SEED
