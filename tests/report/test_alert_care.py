"""Alerts and cards say no more than the rows do: of few values, huge numbers, flags, targets and saved profiles."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from rich.console import Console

from rayline.core.columns import ROW, FeatureType, Target, Task
from rayline.evaluate.judge import judge
from rayline.evaluate.scored import Scored
from rayline.pipeline import suspected, understand
from rayline.profile.association import associations
from rayline.profile.profile import Profile, profile_frame
from rayline.profile.suspects import suspects
from rayline.profile.types import Decision, infer
from rayline.report import gaps, page, profile_page, profile_text, tables
from rayline.report.alerts import Alert, alerts
from rayline.report.cards import Card, cards
from rayline.report.data import ReportData
from rayline.report.insights import insights
from rayline.spec.sections import Evaluate


def profiled(private: tuple[str, ...] = (), first: int = 0, **columns: Any) -> Profile:
    frame = pl.DataFrame(columns)
    rows = pl.Series(ROW, np.arange(frame.height) + first)
    return profile_frame(frame.with_columns(rows), seed=0, private=private)


def tags_of(found: list[Alert]) -> set[tuple[str, str]]:
    return {(name, alert.tag) for alert in found for name in alert.columns}


def card_of(profile: Profile, name: str) -> Card:
    decisions = {column: (str(one.type), one.reason) for column, one in infer(profile).items()}
    return next(card for card in cards(profile, decisions, {}) if card.name == name)


def png(level: int, side: int = 12) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((side, side), level, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_columns_known_together_in_few_rows_say_nothing_of_each_other() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=400), rng.normal(size=400)
    same, near = x.copy(), x + 0.38 * y
    same[5:] = near[20:] = np.nan
    assert abs(np.corrcoef(x[:20], near[:20])[0, 1]) > 0.9
    assert not {tag for _, tag in tags_of(alerts(profiled(x=x, same=same, near=near)))} & {"correlated"}
    assert ("twin", "correlated") in tags_of(alerts(profiled(x=x, twin=x + 0.01 * y)))


def test_a_feature_known_in_few_rows_tells_no_target() -> None:
    y = np.arange(400) % 7 * 1.5
    profile = profiled(rare=pl.Series([*y[:9], *[None] * 391]), all=2 * y, y=y)
    found = alerts(profile, target="y", associated=associations(profile, "y"))
    assert ("all", "tells the target") in tags_of(found)
    assert ("rare", "tells the target") not in tags_of(found)


def test_what_may_mean_missing_is_found_where_not_every_value_is_counted() -> None:
    x = np.random.default_rng(0).normal(size=5000)
    x[:200] = -999.0
    codes = [f"c{n}" for n in range(20_000)] + ["n/a"] * 500
    profile = profiled(x=x)
    assert profile.columns["x"].truncated
    (alert,) = [one for one in alerts(profile) if one.tag == "placeholder"]
    assert "is −999 in 200 rows" in alert.text
    many = profiled(code=codes)
    assert many.columns["code"].truncated
    assert ("code", "placeholder") in tags_of(alerts(many))


def test_flags_are_neither_mostly_zero_nor_skewed() -> None:
    flag = np.arange(1000) % 20 == 0
    assert tags_of(alerts(profiled(flag=flag.astype(np.int64), other=2.0 - np.roll(flag, 7)))) == set()


def test_a_value_that_is_there_or_not_can_tell_something() -> None:
    profile = profiled(answer=["yes", None] * 50, level=pl.Series([3, None] * 50))
    tones = {alert.column: alert.tone for alert in alerts(profile) if alert.tag == "constant"}
    assert tones == {"answer": "warn", "level": "bad"}


def test_shares_of_a_column_with_gaps_are_of_its_values() -> None:
    profile = profiled(kind=["a"] * 98 + ["b"] * 2 + [None] * 900)
    (alert,) = [one for one in alerts(profile) if one.tag == "imbalanced"]
    assert alert.text == "kind is 'a' in 98% of its values."


def test_broken_media_are_named_as_other_rows_are() -> None:
    images = [png(n % 200) for n in range(30)]
    images[4] = images[4][:40]
    (alert,) = [one for one in alerts(profiled(picture=images)) if one.tag == "broken"]
    assert "(rows 5)" in alert.text
    (alert,) = [one for one in alerts(profiled(picture=images, first=1 << 40)) if one.tag == "broken"]
    assert "(rows 5 of file 2)" in alert.text


def test_images_too_large_to_look_into_are_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.profile.images.MOST_PIXELS", 200)
    profile = profiled(picture=[png(90)] * 3 + [png(200, side=20)])
    inner = profile.columns["picture"].inner or {}
    assert (inner["decoded"], inner["undecodable"]) == (3, 0)
    assert ("picture", "broken") not in tags_of(alerts(profile))


def test_numbers_too_far_apart_for_bins_have_a_card_without_bars() -> None:
    card = card_of(profiled(x=[1.7e308 * (-1) ** n * (1 - n / 1000) for n in range(50)]), "x")
    assert card.bars == []
    assert card.ends == ("−1.7e+308", "1.7e+308") or card.ends[1] == "1.7e+308"


def test_dates_written_as_text_are_drawn_as_dates() -> None:
    days = [f"2024-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(500)]
    card = card_of(profiled(day=days), "day")
    assert card.type == "date"
    assert card.ends == ("2024-01-01", "2024-12-28")
    assert sum(int(label.split(": ")[1].split()[0]) for _, label in card.bars) == 500
    assert card.tops == []


def test_bars_of_dates_count_all_rows_and_not_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.profile.profile.SAMPLE_ROWS", 100)
    days = np.datetime64("2024-01-01") + np.arange(4000).astype("timedelta64[D]")
    card = card_of(profiled(day=days), "day")
    told = sum(int(label.split(": ")[1].split()[0].replace(",", "")) for _, label in card.bars)
    assert told == pytest.approx(4000, abs=24)


def test_lists_and_images_have_bars_of_what_is_within() -> None:
    profile = profiled(
        same=pl.Series([[1.0, 2.0, float(n % 9)] for n in range(60)]),
        long=pl.Series([[1.0] * (1 + n % 5) for n in range(60)]),
        picture=[png(4 * n) for n in range(60)],
    )
    found = {name: card_of(profile, name) for name in ("same", "long", "picture")}
    assert {name: card.of for name, card in found.items()} == {
        "same": "elements of lists", "long": "lengths of lists", "picture": "brightness of images",
    }  # fmt: skip
    assert found["same"].ends == ("0", "8")
    assert found["long"].ends == ("1", "5")
    assert found["picture"].ends == ("0.00", "0.93")


def test_an_id_has_neither_mean_nor_correlation() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    profile = profiled(number=list(range(300)), x=x, y=x + rng.normal(size=300))
    assert [key for key, _ in card_of(profile, "number").facts] == ["distinct"]
    drawn = profile_page.render(profile)
    heat = drawn[drawn.index('id="correlations"') :]
    assert 'title="x"' in heat
    assert "number" not in heat[heat.index("<table") : heat.index("</table>")]


def test_values_that_are_there_once_are_examples_and_no_bars() -> None:
    card = card_of(profiled(code=[f"x{n}" for n in range(300)]), "code")
    assert card.tops[-1] == ("294 others", 0, "")
    assert {(width, share) for _, width, share in card.tops} == {(0, "")}


def test_an_id_that_is_known_as_one_is_not_suggested() -> None:
    (found,) = alerts(profiled(code=[f"x{n}" for n in range(300)]))
    assert (found.tag, found.tone, found.line) == ("id-like", "", "")
    number = np.random.default_rng(0).integers(0, 1000, 300)
    number[:30] += 10**6
    (found,) = alerts(profiled(hospital_number=number))
    assert (found.tag, found.line) == ("id-like", "data.features.hospital_number: id")


def test_the_page_of_a_saved_profile_with_private_text_is_drawn(tmp_path: Path) -> None:
    profile = profiled(private=("name",), name=[f"secret {n}" for n in range(60)], x=list(range(60)))
    profile.save(tmp_path)
    drawn = profile_page.render(Profile.load(tmp_path))
    assert "secret" not in drawn
    assert "1 private column is not shown" in drawn


def test_the_target_is_shown_as_such_and_not_as_a_feature() -> None:
    rng = np.random.default_rng(0)
    y = np.where(rng.random(600) < 0.03, "yes indeed it is so", "no it is not so at all")
    profile = profiled(y=y, x=rng.normal(size=600))
    first, second = cards(profile, {"x": ("number", "")}, {}, target="y")
    assert (first.name, first.type, second.name) == ("y", "target", "x")
    assert [key for key, _ in first.facts] == ["distinct"]
    assert {value for value, _, _ in first.tops} == set(y.tolist())
    drawn = profile_page.render(profile, target="y")
    assert '<span title="y">y</span><span class="tag">target</span>' in drawn
    assert "imbalanced" not in drawn


def test_what_a_source_says_of_its_columns_is_obeyed() -> None:
    said = {
        "path": Decision(FeatureType.ID, "data.source says so"),
        "frame": Decision(FeatureType.ID, "data.source says so"),
    }
    n = 400
    profile = profiled(
        path=[f"f{k // 100}.mp4" for k in range(n)], frame=[k % 100 for k in range(n)], x=[0.5, 1.5] * 200
    )
    decisions = infer(profile) | said
    drawn = profile_page.render(profile, decisions=decisions)
    assert drawn.count('<p class="soft small" style="margin:8px 0 0">as its source says</p>') == 2
    assert {tag for name, tag in tags_of(alerts(profile, decisions=decisions)) if name == "frame"} == set()
    assert "frame" not in {one.column for one in associations(profile, "x", decisions=decisions)}


def test_the_command_takes_types_from_the_source(tmp_path: Path) -> None:
    for n in range(40):
        folder = tmp_path / f"k{n % 2}"
        folder.mkdir(exist_ok=True)
        (folder / f"{n}.png").write_bytes(png(5 * n))
    _, decisions = understand.understand({"name": "images", "path": str(tmp_path)})
    assert decisions["path"] == Decision(FeatureType.ID, "data.source says so")
    assert suspected.infer is infer


def test_the_report_of_a_run_shows_a_class_target_as_one() -> None:
    from made_reports import report, scored, table

    frame = table(600).with_columns(pl.Series("y", [["no", "yes"][n % 2] for n in range(600)]))
    profile = profile_frame(frame, seed=0, private=["ssn"])
    decisions = {name: (str(one.type), one.reason) for name, one in infer(profile).items() if name != "y"}
    drawn = page.render(report(scored(Task.BINARY), profile=profile, decisions=decisions))
    card = drawn[drawn.index('<span title="y">y</span>') :]
    card = card[: card.index("</dl>")]
    assert '<span class="tag">target</span>' in card
    assert "vocabulary" not in card


def test_a_column_without_any_value_hides_no_complete_row() -> None:
    rng = np.random.default_rng(0)
    lacks = rng.random(200) < 0.25
    x = pl.Series(np.where(lacks, np.nan, 1.0 + np.arange(200) % 7))
    profile = profiled(gone=pl.Series([None] * 200, dtype=pl.String), x=x, y=pl.Series([*range(200)]))
    assert profile.patterns is not None
    assert profile.patterns.complete == 0
    assert gaps.complete_rows(profile) == 200 - lacks.sum()
    plot = gaps.missing_plot(profile)
    assert plot is not None
    assert plot["names"] == ["x"]
    assert [(row["complete"], row["cells"]) for row in plot["rows"]] == [(True, [False]), (False, [True])]
    assert [one["name"] for one in plot["counts"]] == ["gone", "x"]
    assert f"<b>{100 - 100 * lacks.mean():.0f}%</b><span>complete rows</span>" in profile_page.render(profile)


def test_rows_of_a_private_target_are_not_shown() -> None:
    from made_reports import report, scored

    data = report(scored(Task.BINARY, classes=("covered", "hidden")))
    heads, rows = tables.worst_table(data, frozenset())
    assert len(rows) > 5
    assert heads[0] == "is"
    assert tables.worst_table(data, frozenset({data.target.name})) == ([], [])


def test_probabilities_that_are_right_are_not_called_wrong_on_few_rows() -> None:
    rng = np.random.default_rng(0)
    told = {True: 0, False: 0}
    for skewed in (False, True):
        for _ in range(20):
            p = rng.random(150)
            truth = (rng.random(150) < (p**3 if skewed else p)).astype(np.float32)
            target = Target("y", Task.BINARY, ("no", "yes"), "yes")
            judgement = judge(Scored(target, truth, p), Evaluate(bootstrap=0))
            data = ReportData(name="m", target=target, judgement=judgement, spec="")
            found = judgement.metrics["calibration_error"].value
            assert found is not None
            told[skewed] += any("do not read them as odds" in one.text for one in insights(data))
    assert told[False] <= 1
    assert told[True] >= 18


def test_the_command_for_suspects_is_one_that_a_shell_reads() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    label = np.where(x > 0, "up", "down")
    label[np.flatnonzero(x > 0.5)[:3]] = "down"
    profile = profiled(x=x, twice=x * 2, **{"which way": label})
    found = suspects(profile, "which way")
    assert found is not None
    (alert,) = [one for one in alerts(profile, target="which way", suspected=found) if one.tag == "suspected labels"]
    assert alert.text.endswith("rayline annotate export DATA --suspects 'which way' -o TODO.csv")
    assert "--suspects &#39;which way&#39; -o" in profile_page.render(profile, target="which way", suspected=found)


def test_the_terminal_shows_so_many_columns_and_counts_the_rest() -> None:
    profile = profiled(**{f"c{n:03}": list(range(30)) for n in range(40)})
    console = Console(file=io.StringIO(), width=120)
    profile_text.show(profile, console, most_columns=10)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "and 30 more columns: --json lists them" in told
    assert "c009 " in told
    assert "c010 " not in told


def test_the_rule_for_label_conflicts_compares_what_was_compared() -> None:
    frame = pl.DataFrame({"x": [1, 1, *range(2, 60)], "own": [5] * 60, "y": ["a", "b"] * 30, ROW: range(60)})
    profile = profile_frame(frame, seed=0, private=["own"], target="y", repeats=True)
    (alert,) = [one for one in alerts(profile, target="y") if one.tag == "label conflicts"]
    assert alert.line == "prepare.duplicates: {name: exact, columns: [x, own]}"
