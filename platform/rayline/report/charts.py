"""Charts as SVG text that follows the page's light or dark colours.

Figures are drawn by matplotlib without pyplot. Text from data never reaches it (it would be read as mathematics,
and lack glyphs); names stand beside the chart, in HTML. Colours are drawn as place-holders and become the page's
CSS variables.

    P points · B bins
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rayline.evaluate.curves import Bin, Curve
from rayline.evaluate.judgement import Fit

P = ParamSpec("P")

INK, MUTED, GRID, CARD = "#0a0001", "#0a0002", "#0a0003", "#0a0004"
SERIES = tuple(f"#0a00{number}" for number in range(10, 22))
"""Colours of curves; the page defines `--c-10` and on for them."""

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rayline",
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 8.5,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "path.simplify": False,
}


def _chart(
    what: str, width: float, height: float
) -> Callable[[Callable[Concatenate[Any, P], None]], Callable[P, Markup]]:
    """Turns a function that draws on a figure of this size, inches, into one that returns its SVG."""

    def decorate(draw: Callable[Concatenate[Any, P], None]) -> Callable[P, Markup]:
        @wraps(draw)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> Markup:
            with mpl.rc_context(_STYLE):
                figure = Figure(figsize=(width, height), layout="constrained")
                FigureCanvasSVG(figure)
                draw(figure, *args, **kwargs)
                buffer = io.StringIO()
                figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
            return _theme(buffer.getvalue(), what)

        return drawn

    return decorate


def _theme(svg: str, what: str) -> Markup:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"#0a00(\w\w)", r"var(--c-\1)", svg)
    svg = re.sub(
        r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>|font-family: [^;]*; ", "", svg, flags=re.DOTALL
    )
    svg = re.sub(r'="[^"]*"', lambda found: re.sub(r"(\d\.\d\d)\d+", r"\1", found[0]), svg)
    # ids are the same in every figure of one size; a prefix keeps the figures of a page apart
    prefix = re.sub(r"\W+", "-", what.lower())
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\1{prefix}-", svg)
    box = re.search(r'viewBox="([^"]*)"', svg)
    assert box is not None
    head = f'<svg class="plot" viewBox="{box[1]}" role="img" aria-label="{what}" xmlns:xlink="http://www.w3.org/1999/xlink">'
    svg = re.sub(r"<svg[^>]*>", head, svg, count=1)
    return Markup(re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><"))


@_chart("Loss by epoch", 4.4, 3.3)
def training(figure: Figure, history: Sequence[Mapping[str, Any]], best_epoch: int | None) -> None:
    """Loss by epoch (numbered from 0, shown from 1), and a line at the epoch whose weights were kept."""
    axes = figure.add_subplot()
    epochs = [int(epoch["epoch"]) + 1 for epoch in history]
    marker = "o" if len(epochs) < 25 else None
    for place, key in enumerate(("train_loss", "validation_loss")):
        losses = [epoch.get(key) for epoch in history]
        if any(loss is not None for loss in losses):
            values = [np.nan if loss is None else float(loss) for loss in losses]
            axes.plot(epochs, values, color=SERIES[place], marker=marker, markersize=3.5)
    if best_epoch is not None:
        axes.axvline(best_epoch + 1, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
    axes.set_ylabel("loss")
    _by_epoch(axes)


@_chart("Learning rate by epoch", 4.4, 1.3)
def learning_rate(figure: Figure, history: Sequence[Mapping[str, Any]]) -> None:
    """Learning rate at the end of each epoch."""
    axes = figure.add_subplot()
    epochs = [int(epoch["epoch"]) + 1 for epoch in history]
    axes.plot(epochs, [float(epoch["learning_rate"]) for epoch in history], color=SERIES[2])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.set_ylim(bottom=0)
    _by_epoch(axes)


def _by_epoch(axes: Any) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    axes.set_xlabel("epoch")
    axes.grid(axis="x", visible=False)


@_chart("ROC curve", 4.0, 3.6)
def roc(figure: Figure, curves: Sequence[Curve], mark: tuple[float, float] | None = None) -> None:
    """ROC curves one on the other; `mark` is where the threshold stands (false-positive rate, recall)."""
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    _curves(axes, curves, mark)
    axes.set_xlabel("false-positive rate")
    axes.set_ylabel("recall")


@_chart("Precision-recall curve", 4.0, 3.6)
def precision_recall(figure: Figure, curves: Sequence[Curve], mark: tuple[float, float] | None = None) -> None:
    """PR curves one on the other; `mark` is where the threshold stands (recall, precision)."""
    axes = figure.add_subplot()
    if len(curves) == 1:  # what guessing would reach
        axes.axhline(curves[0].share, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    _curves(axes, curves, mark)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")


def _curves(axes: Any, curves: Sequence[Curve], mark: tuple[float, float] | None) -> None:
    for place, curve in enumerate(curves):
        axes.plot(curve.x, curve.y, color=SERIES[place % len(SERIES)], linewidth=1.8 if len(curves) < 4 else 1.2)
    if len(curves) == 1:
        axes.fill_between(curves[0].x, curves[0].y, color=SERIES[0], alpha=0.10, linewidth=0)
    if mark is not None:
        axes.plot(*mark, marker="o", markersize=8, color=SERIES[1], markeredgecolor=CARD, markeredgewidth=1.6)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)


@_chart("Reliability diagram", 4.0, 3.6)
def calibration(figure: Figure, bins: Sequence[Bin]) -> None:
    """Observed against stated shares with their intervals, and below how many rows each bin holds."""
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    stated, observed = [one.stated for one in bins], [one.observed for one in bins]
    lows, highs = [one.observed_low for one in bins], [one.observed_high for one in bins]
    upper.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    upper.vlines(stated, lows, highs, color=SERIES[0], alpha=0.45, linewidth=3)
    upper.plot(stated, observed, color=SERIES[0], marker="o", markersize=4.5, linewidth=1.2)
    upper.set_xlim(-0.02, 1.02)
    upper.set_ylim(-0.02, 1.04)
    upper.set_ylabel("observed share")
    middles = [(one.low + one.high) / 2 for one in bins]
    lower.bar(middles, [one.rows for one in bins], width=0.085, color=SERIES[0], alpha=0.55)
    lower.yaxis.set_major_locator(MaxNLocator(nbins=2, integer=True))
    lower.set_ylabel("rows")
    lower.set_xlabel("stated probability")
    lower.grid(axis="x", visible=False)


@_chart("Predicted against true values", 4.0, 3.6)
def predicted_against_true(figure: Figure, fit: Fit) -> None:
    """Regression: one dot a row of the sample, on the diagonal where the prediction is right."""
    axes = figure.add_subplot()
    both = np.array([*fit.truth, *fit.prediction])
    low, high = float(both.min()), float(both.max())
    axes.plot([low, high], [low, high], color=MUTED, linewidth=0.9, linestyle=(0, (2, 3)))
    # strokes of no length with round ends: one path, where a scatter writes an element for each row
    x, y = (np.stack([part, part, np.full(len(part), np.nan)], axis=1).ravel() for part in (fit.truth, fit.prediction))
    axes.plot(x, y, color=SERIES[0], alpha=0.5, linewidth=2.6)
    axes.set_xlabel("true value")
    axes.set_ylabel("predicted")


@_chart("Errors, predicted minus true", 4.0, 3.6)
def residuals(figure: Figure, fit: Fit) -> None:
    """Regression: how errors (predicted minus true) are spread."""
    axes = figure.add_subplot()
    edges = np.array(fit.edges)
    axes.bar(edges[:-1], fit.counts, width=np.diff(edges) * 0.94, align="edge", color=SERIES[0], alpha=0.8)
    axes.axvline(0, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("predicted minus true")
    axes.set_ylabel("rows")
    axes.grid(axis="x", visible=False)
