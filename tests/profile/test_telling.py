"""Words that tell classes apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.columns import ROW
from rayline.profile import telling
from rayline.profile.association import associations
from rayline.profile.profile import Profile, merge, profile_frame
from rayline.profile.telling import telling_words
from rayline.report import profile_page
from rayline.report.profile_tables import answer_tables

WORDS = [f"word{n}" for n in range(60)]


def news(n: int = 900, seed: int = 0) -> pl.DataFrame:
    """Texts of three classes, of which two have a word of their own in half of their texts."""
    rng = np.random.default_rng(seed)
    classes = rng.choice(["sport", "trade", "other"], n)
    own = {"sport": "Goal", "trade": "stocks,", "other": "x"}
    texts = [
        " ".join([*rng.choice(WORDS, 9), *([own[name]] if rng.random() < 0.5 else []), "7", str(n)])
        for n, name in enumerate(classes)
    ]
    return pl.DataFrame({ROW: np.arange(n), "text": texts, "y": classes})


def profiled(frame: pl.DataFrame, **options: Any) -> Profile:
    return profile_frame(frame, seed=0, **options)


def test_words_of_one_class_are_found_with_their_shares() -> None:
    frame = news()
    found = telling_words(profiled(frame), "y")["text"]
    assert {name: [one.word for one in words] for name, words in found.items()} == {
        "sport": ["goal"], "trade": ["stocks"],
    }  # fmt: skip
    texts = frame.filter(pl.col("y") == "sport")["text"]
    (goal,) = found["sport"]
    assert goal.share == pytest.approx(texts.str.contains("Goal").mean())
    assert goal.elsewhere == 0.0


def test_how_sure_a_word_is_follows_its_odds() -> None:
    a, b, c, d = 30.5, 70.5, 10.5, 190.5
    z = telling._log_odds(np.array([[30.0]]), np.array([100.0]), np.array([[10.0]]), np.array([200.0]))
    assert z[0, 0] == pytest.approx(math.log(a * d / (b * c)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d))


def test_the_order_of_rows_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "MOST_TEXTS", 300)
    frame = news()
    whole = telling_words(profiled(frame), "y")
    parts = merge([profiled(frame[500:]), profiled(frame[:500])])
    assert telling_words(parts, "y") == whole
    assert whole["text"].keys() == {"sport", "trade"}


def test_what_no_words_are_told_of() -> None:
    frame = news().with_columns(number=pl.Series(np.random.default_rng(0).normal(size=900)))
    assert telling_words(profiled(frame, private=["text"]), "y") == {}
    assert telling_words(profiled(frame, private=["y"]), "y") == {}
    assert telling_words(profiled(frame), "number") == {}
    assert telling_words(profiled(frame), "text") == {}
    shuffled = frame.with_columns(pl.col("y").shuffle(seed=1))
    assert telling_words(profiled(shuffled), "y") == {}
    many = frame.with_columns(y=pl.Series([f"c{n % 40}" for n in range(900)]))
    assert telling_words(profiled(many), "y") == {}


def test_the_page_shows_words_and_how_the_target_varies() -> None:
    rng = np.random.default_rng(0)
    y = rng.random(900) < 0.4
    frame = news().with_columns(
        y=pl.Series(np.where(y, "<yes>", "no")),
        age=pl.Series(np.where(y, rng.integers(40, 80, 900), rng.integers(20, 60, 900))),
        noise=pl.Series(rng.normal(size=900)),
    )
    frame = frame.with_columns(pl.col("text") + pl.Series(np.where(y, " <b>won</b>", "")))
    profile = profiled(frame)
    associated = associations(profile, "y")
    (age,) = answer_tables(profile, "y", associated)
    assert (age["name"], age["rate_of"]) == ("age", "share of <yes>")
    assert age["rows"][0]["value"].startswith("up to ")
    assert age["rows"][-1]["value"].endswith(" and more")
    rates = [float(row["rate"].removesuffix("%")) for row in age["rows"]]
    assert rates == sorted(rates)
    drawn = profile_page.render(profile, target="y", associated=associated)
    assert "y by the strongest of them" in drawn
    assert "<td>won</td>" in drawn
    assert "&lt;yes&gt;" in drawn
    assert "<yes>" not in drawn
    assert answer_tables(profiled(news()), "y", associations(profiled(news()), "y")) == []
