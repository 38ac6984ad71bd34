"""What is printed on narrow terminals: numbers keep every digit."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from rayline.cli._show import leaderboard_table, make_table, print_table
from rayline.cli.main import _guarded
from rayline.cli.status import show
from rayline.pipeline.result import RunResult
from rayline.registry.models import Entry, Registry

WIDTHS = ("30", "60", "80", "200")


@pytest.fixture(params=WIDTHS)
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", request.param)
    return str(request.param)


def words(text: str) -> list[str]:
    return [cell.strip() for line in text.splitlines() for cell in line.split("│")]


def test_the_lists_of_the_lake(
    columns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAYLINE_LAKE", raising=False)
    name = "orders_of_the_northern_branches"
    (tmp_path / "a.csv").write_text("x\n" + "".join(f"{n}\n" for n in range(54_842)))
    for arguments in (["create", name], ["append", name, "a.csv", "--batch", "the first of " + "m" * 40]):
        assert _guarded(["lake", *arguments], debug=False) == 0
    capsys.readouterr()
    for arguments in (["list"], ["snapshots", name]):
        assert _guarded(["lake", *arguments], debug=False) == 0
        found = words(capsys.readouterr().out)
        assert "54,842" in found
        assert any(cell.endswith((" kB", " B")) for cell in found)
        assert ("".join(found).count("m") >= 40) == (arguments[0] == "snapshots")
        assert not any("…" in cell for cell in found)


def test_the_list_of_models(
    columns: str, rayline_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = Entry(
        name="credit-of-the-northern-branches", version=1234, uri="u", digest="d", run="r", created=0.0,
        metrics={"roc_auc": 0.9123, "calibration_error": 0.0321}, aliases=("champion", "challenger"), archived=False,
    )  # fmt: skip
    monkeypatch.setattr(Registry, "list", lambda *_, **__: [entry])
    assert _guarded(["models", "list"], debug=False) == 0
    out = capsys.readouterr().out
    for whole in ("1234", "0.9123", "0.0321", "@champion", "@challenger"):
        assert whole in out


def test_the_status_of_an_endpoint(columns: str, capsys: pytest.CaptureFixture[str]) -> None:
    about = {"replicas": 12, "failures": {"a": "it needs " + "more memory than there is " * 4}}
    model = {"answering": "1234", "aliases": {"champion": "1234"}, "versions": {"1234": about}}
    show({"url": "", "application": "RUNNING", "message": "", "models": {"m" * 40: model}}, as_json=False)
    out = capsys.readouterr().out
    assert {"1234", "12"} <= set(words(out))
    assert out.count("m") >= 40


def test_numbers_stay_whole_where_texts_break() -> None:
    out = io.StringIO()
    table = make_table("name", "rows", numbers=("rows",))
    table.add_row("n" * 90, "1,234,567,890")
    print_table(Console(file=out, width=20, soft_wrap=True), table)
    assert "1,234,567,890" in out.getvalue()
    assert out.getvalue().count("n") == 91
    assert max(map(len, out.getvalue().splitlines())) == 12 + 3 + 13


def test_the_table_of_a_search() -> None:
    params = {"train.optimizer.lr": 0.00123, "model.hidden": [256, 128, 64, 32], "train.batch_size": 4096}
    entry = {"rank": 1, "mean": 0.9123, "low": 0.9012, "high": 0.9234, "params": params}
    result = RunResult.__new__(RunResult)
    object.__setattr__(result, "search_metric", "calibration_error")
    object.__setattr__(result, "leaderboard", [entry])
    out = io.StringIO()
    print_table(Console(file=out, width=40, soft_wrap=True), leaderboard_table(result))
    assert {"0.9123", "0.9012 to 0.9234"} <= set(words(out.getvalue()))
