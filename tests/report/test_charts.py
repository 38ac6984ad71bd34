import re

import numpy as np
import pytest

from rayline.evaluate.curves import Bin, Curve
from rayline.evaluate.judgement import Fit
from rayline.report import charts

HISTORY = [
    {"epoch": i, "train_loss": 0.01234 / (i + 1), "validation_loss": None, "learning_rate": 0.0012} for i in range(4)
]
CURVE = Curve("a", (0.0, 0.25, 1.0), (0.0, 0.9, 1.0), 0.9, 0.3)
FIT = Fit((1.0, 2.0, 3.0), (1.5, 1.5, 3.5), (-1.0, 0.0, 1.0), (1, 2), 0.1, {"50": 0.5})
BIN = Bin(0.2, 0.3, 40, 0.25, 0.3, 0.2, 0.4)
DRAWN = {
    "training": lambda: charts.training(HISTORY, 2),
    "learning rate": lambda: charts.learning_rate(HISTORY),
    "roc": lambda: charts.roc([CURVE], (0.1, 0.5)),
    "several": lambda: charts.precision_recall([CURVE, CURVE, CURVE]),
    "calibration": lambda: charts.calibration([BIN]),
    "predicted": lambda: charts.predicted_against_true(FIT),
    "residuals": lambda: charts.residuals(FIT),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_takes_the_pages_colours_and_font(name: str):
    svg = DRAWN[name]()
    assert svg.startswith('<svg class="plot" viewBox="0 0 ')
    assert 'role="img" aria-label="' in svg
    assert "#0a00" not in svg
    assert "var(--c-02)" in svg
    # what matplotlib colours by itself would not follow the page
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) <= set()
    for foreign in ("font-family", "<metadata", "<style", "http://www.w3.org/2000/svg", "<!--"):
        assert foreign not in svg
    assert len(svg) < 40_000


def test_tick_labels_keep_their_digits():
    assert ">0.012<" in DRAWN["training"]()
    assert ">0.0010<" in DRAWN["learning rate"]() or ">0.0008<" in DRAWN["learning rate"]()


def test_a_chart_of_many_rows_stays_small():
    rng = np.random.default_rng(0)
    truth = tuple(rng.normal(size=1500).tolist())
    svg = charts.predicted_against_true(Fit(truth, truth, (-1.0, 1.0), (1500,), 0.0, {}))
    assert len(svg) < 120_000
    assert svg.count("<path") < 40
