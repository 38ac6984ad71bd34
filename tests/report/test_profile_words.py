import io

import numpy as np
import polars as pl
from made_reports import EVIL, profile
from rich.console import Console
from scipy import stats

from rayline.core.columns import ROW
from rayline.profile.profile import Profile, profile_frame
from rayline.report import notation, profile_text
from rayline.report.alerts import Alert, alerts, tags
from rayline.report.cards import cards, skewness


def profiled(n: int = 1000, **columns) -> Profile:
    return profile_frame(pl.DataFrame({ROW: np.arange(n), **columns}), seed=0)


def tags_of(found: list[Alert], column: str) -> set[str]:
    return {tag for tag, _ in tags(found).get(column, [])}


def test_every_oddity_has_its_alert():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000)
    found = alerts(
        profiled(
            empty=pl.Series([None] * 1000, dtype=pl.String),
            gaps=np.where(rng.random(1000) < 0.4, np.nan, x),
            constant=[7] * 1000,
            key=[f"k{i}" for i in range(1000)],
            number_key=rng.permutation(1000),
            rare=["yes"] * 10 + ["no"] * 990,
            zeros=np.where(rng.random(1000) < 0.7, 0.0, x),
            tail=rng.lognormal(0, 2, 1000),
            infinite=np.where(np.arange(1000) == 3, np.inf, x),
            twin=-x + 0.01 * rng.normal(size=1000),
            x=x,
            calm=rng.integers(0, 50, 1000),
        )
    )
    expected = {
        "empty": {"empty"}, "gaps": {"many missing"}, "constant": {"constant"}, "key": {"id-like"},
        "number_key": {"id-like"}, "rare": {"imbalanced"}, "infinite": {"infinite"}, "x": {"correlated"}, "calm": set(),
    }  # fmt: skip
    for column, wanted in expected.items():
        assert wanted <= tags_of(found, column), column
    assert tags_of(found, "calm") == set()
    assert "mostly zero" in tags_of(found, "zeros")
    assert {"skewed", "outliers"} <= tags_of(found, "tail")
    assert [alert.tone for alert in found] == sorted((a.tone for a in found), key=("bad", "warn", "").index)
    (pairs,) = [alert for alert in found if alert.tag == "correlated"]
    assert "twin and x (−1.00)" in pairs.text
    assert "x" in pairs.columns


def test_a_tame_table_has_no_alert():
    rng = np.random.default_rng(0)
    assert alerts(profiled(a=rng.normal(size=1000), b=rng.choice(["u", "v"], 1000), c=rng.random(1000) < 0.4)) == []


def test_bars_hold_every_row():
    rng = np.random.default_rng(0)
    whole = rng.integers(17, 91, 5000)
    found = {
        card.name: card
        for card in cards(profiled(5000, whole=whole, few=whole % 3, real=rng.normal(size=5000)), {}, {})
    }
    for card in found.values():
        rows = sum(int(label.split(": ")[1].split(" ")[0].replace(",", "")) for _, label in card.bars)
        assert rows == 5000
        assert max(height for height, _ in card.bars) == 1.0
    assert len(found["few"].bars) == 3
    heights = [height for height, _ in found["whole"].bars[1:-1]]
    assert min(heights) > 0.6  # bins of equally many whole numbers leave no comb of gaps


def test_top_values_add_up_and_name_the_rest():
    values = ["a"] * 500 + ["b"] * 300 + [f"r{i}" for i in range(200)]
    (card,) = cards(profiled(1000, word=values), {}, {})
    assert [(value, text) for value, _, text in card.tops[:2]] == [("a", "50%"), ("b", "30%")]
    assert card.tops[-1][0] == "196 others"


def test_skewness_is_that_of_scipy_and_no_number_is_too_large():
    values = np.random.default_rng(0).lognormal(size=1000)
    assert abs(skewness(values) - stats.skew(values)) < 1e-9
    assert skewness(np.zeros(0)) == skewness(np.ones(5)) == skewness(np.zeros(3)) == 0.0
    assert abs(skewness(values * 1e300) - stats.skew(values)) < 1e-9


def test_the_text_form_shows_every_column_but_private_ones():
    out = io.StringIO()
    profile_text.show(profile(), Console(file=out, width=120))
    text = out.getvalue()
    assert "600 rows, 6 columns (1 private, not shown)" in text
    assert "top-secret" not in text
    assert "[bold]d[/bold]" in text  # names are no markup
    assert "2024-01-01 to 2025-0" in text
    assert "✗ nothing has no value at all." in text
    assert " ".join(EVIL.split())[:20] in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_numbers_fit_their_readers():
    assert notation.number(float("inf")) == "∞"
    assert notation.number(123456789) == "123,456,789"
    assert notation.number(2014) == "2014"
    assert notation.number(-0.5) == "−0.5"
    assert notation.score(0.0) == "0.0000"
    assert notation.percent(None) == "–"
    assert notation.short(True) == "True"
    assert notation.short("two\nlines") == "two lines"
    assert notation.metric_name("mean_ape") == "Mean ape"
