"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rayline.core.shown import visible

METRIC_NAMES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "accuracy": "Accuracy",
    "f1": "F1",
    "precision": "Precision",
    "recall": "Recall",
    "log_loss": "Log-loss",
    "calibration_error": "Calibration error",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "mse": "MSE",
}


def metric_name(name: str) -> str:
    return METRIC_NAMES.get(name, name.replace("_", " ").capitalize())


def number(value: Any) -> str:
    """A value in four significant digits, whole ones in full, thousands parted from 10,000 on; a dash for none.

    >>> [number(v) for v in (0.91437, 48842, 1234.5678, 0.1, 1.5e-7, -3.0, None)]
    ['0.9144', '48,842', '1235', '0.1', '1.5e-07', '−3', '–']
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if float(value).is_integer() and size < 1e12:
        text = f"{int(value):,}" if size >= 10_000 else str(int(value))
    elif size >= 1e12 or size < 1e-4:
        return f"{value:.3g}"
    elif size >= 1000:
        text = f"{value:,.0f}" if size >= 10_000 else f"{value:.0f}"
    else:
        text = f"{value:.4g}"
    return text.replace("-", "−")


def score(value: float | None) -> str:
    """A metric's value, four decimals where it is of the size of a share, so that columns of them line up.

    >>> [score(v) for v in (0.9, 1.0, -0.25, 3214.7, None)]
    ['0.9000', '1.0000', '−0.2500', '3215', '–']
    """
    if value is None or math.isnan(value) or not 0.0001 <= abs(value) < 10:
        return "0.0000" if value == 0 else number(value)
    return f"{value:.4f}".replace("-", "−")


def condition(text: str) -> str:
    """A gate's condition in print.

    >>> condition(">= 0.9")
    '≥ 0.9'
    """
    return text.replace(">=", "≥").replace("<=", "≤")


def quoted(name: str) -> str:
    """A name from the data inside a sentence.

    >>> quoted("yes")
    '“yes”'
    """
    return f"“{short(name)}”"


def amount(things: float) -> str:
    """How many there are: thousands always parted, where `number` leaves 2014, which may be a year, as it is.

    >>> amount(999), amount(4000), amount(1234567)
    ('999', '4,000', '1,234,567')
    """
    return f"{round(things):,}"


def listed(names: Sequence[str], most: int = 8, longest: int = 40) -> str:
    """Names as a sentence lists them, each of at most `longest` characters.

    >>> listed(["a", "b", "c"]), listed(["a"]), listed(list("abcd"), 2)
    ('a, b and c', 'a', 'a, b and 2 more')
    """
    shown = [short(name, longest) for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part) if shown else ""


def percent(share: float | None) -> str:
    """A share as a percentage, finer where it is small.

    >>> [percent(v) for v in (0.5, 0.0123, 0.00004, 0.0, 1.0, 0.9996)]
    ['50%', '1.2%', '<0.1%', '0%', '100%', '99.9%']
    """
    if share is None or math.isnan(share):
        return "–"
    if 0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1:
        return "99.9%"
    digits = 1 if share < 0.1 or share > 0.9 else 0
    text = f"{100 * share:.{digits}f}"
    return f"{text.removesuffix('.0')}%"


def decibels(value: float) -> str:
    """A level of sound; −120 dB and less is digital silence.

    >>> decibels(-23.46), decibels(-120.0), decibels(0.0)
    ('−23.5', '−∞', '0')
    """
    return "−∞" if value <= -120 else number(round(value, 1) + 0.0)


def seconds(value: float) -> str:
    """A duration: `12 ms`, `0.4 s`, `12 s`, `3 min 20 s`, `2 h 30 min`.

    >>> [seconds(v) for v in (0.012, 0.42, 12.3, 200.0, 9000.0)]
    ['12 ms', '0.4 s', '12 s', '3 min 20 s', '2 h 30 min']
    """
    if value < 0.1:
        return f"{1000 * value:.0f} ms"
    if value < 10:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    if value < 7200:
        return f"{int(value) // 60} min {int(value) % 60} s"
    return f"{amount(int(value) // 3600)} h {int(value) // 60 % 60} min"


def short(value: Any, most: int = 40) -> str:
    """Any value as text of at most `most` characters.

    >>> short("abcdef", 4), short("a\\x00b")
    ('abc…', 'a\\\\x00b')
    """
    text = (
        number(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else visible(" ".join(str(value).split()))
    )
    return text if len(text) <= most else text[: most - 1] + "…"


METRIC_MEANINGS = {
    "roc_auc": "how often a row of the class is ranked above one that is not; 0.5 is guessing",
    "pr_auc": "how clean the top of the ranking is; the share of the class is guessing",
    "accuracy": "share of rows answered rightly",
    "f1": "precision and recall in one (harmonic mean)",
    "precision": "of the rows answered so, the share that are",
    "recall": "of the rows that are, the share answered so",
    "log_loss": "surprise at the truth, in nats; lower is better",
    "calibration_error": "how far stated probabilities are from what happens; lower is better",
    "r2": "share of the target's variance explained; 0 is answering the mean",
    "rmse": "size of a typical error, large ones weigh more; in units of the target",
    "mae": "mean size of an error, in units of the target",
    "mse": "mean squared error; what training minimised",
}
