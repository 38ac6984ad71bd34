"""Charts as SVG text that follows the page's light or dark colours.

Figures are drawn by matplotlib without pyplot. Text from data never reaches it (it would be read as mathematics,
and lack glyphs); names stand beside the chart, in HTML. Colours are drawn as place-holders and become the page's
CSS variables.

    P points · B bins
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rayline.evaluate.curves import Bin, Curve
from rayline.evaluate.judgement import Fit

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


@contextmanager
def _figure(into: list[Markup], what: str, width: float = 4.4, height: float = 3.3) -> Iterator[Figure]:
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    into.append(_theme(buffer.getvalue(), what))


def _theme(svg: str, what: str) -> Markup:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"#0a00(\w\w)", r"var(--c-\1)", svg)
    svg = re.sub(
        r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>|font-family: [^;]*; ", "", svg, flags=re.DOTALL
    )
    svg = re.sub(r"(\d\.\d\d)\d+", r"\1", svg)
    # ids are the same in every figure of one size; a prefix keeps the figures of a page apart
    prefix = re.sub(r"\W+", "-", what.lower())
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\1{prefix}-", svg)
    box = re.search(r'viewBox="([^"]*)"', svg)
    assert box is not None
    head = f'<svg class="plot" viewBox="{box[1]}" role="img" aria-label="{what}" xmlns:xlink="http://www.w3.org/1999/xlink">'
    svg = re.sub(r"<svg[^>]*>", head, svg, count=1)
    return Markup(re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><"))


def training(history: Sequence[Mapping[str, Any]], best_epoch: int | None) -> Markup:
    """Loss by epoch (numbered from 0, shown from 1), and a line at the epoch whose weights were kept."""
    out: list[Markup] = []
    epochs = [int(epoch["epoch"]) + 1 for epoch in history]
    with _figure(out, "Loss by epoch") as figure:
        axes = figure.add_subplot()
        marker = "o" if len(epochs) < 25 else None
        for place, key in enumerate(("train_loss", "validation_loss")):
            losses = [epoch.get(key) for epoch in history]
            if any(loss is not None for loss in losses):
                values = [np.nan if loss is None else float(loss) for loss in losses]
                axes.plot(epochs, values, color=SERIES[place], marker=marker, markersize=3.5)
        if best_epoch is not None:
            axes.axvline(best_epoch + 1, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss")
        axes.grid(axis="x", visible=False)
    return out[0]


def learning_rate(history: Sequence[Mapping[str, Any]]) -> Markup:
    """Learning rate at the end of each epoch."""
    out: list[Markup] = []
    with _figure(out, "Learning rate by epoch", height=1.3) as figure:
        axes = figure.add_subplot()
        epochs = [int(epoch["epoch"]) + 1 for epoch in history]
        axes.plot(epochs, [float(epoch["learning_rate"]) for epoch in history], color=SERIES[2])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
        axes.ticklabel_format(axis="y", style="plain")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("epoch")
        axes.set_ylabel("learning rate")
        axes.grid(axis="x", visible=False)
    return out[0]


def roc(curves: Sequence[Curve], mark: tuple[float, float] | None = None) -> Markup:
    """ROC curves one on the other; `mark` is where the threshold stands (false-positive rate, recall)."""
    out: list[Markup] = []
    with _figure(out, "ROC curve", width=4.0, height=3.6) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        _curves(axes, curves, mark)
        axes.set_xlabel("false-positive rate")
        axes.set_ylabel("recall")
    return out[0]


def precision_recall(curves: Sequence[Curve], mark: tuple[float, float] | None = None) -> Markup:
    """PR curves one on the other; `mark` is where the threshold stands (recall, precision)."""
    out: list[Markup] = []
    with _figure(out, "Precision-recall curve", width=4.0, height=3.6) as figure:
        axes = figure.add_subplot()
        if len(curves) == 1:  # what guessing would reach
            axes.axhline(curves[0].share, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        _curves(axes, curves, mark)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
    return out[0]


def _curves(axes: Any, curves: Sequence[Curve], mark: tuple[float, float] | None) -> None:
    for place, curve in enumerate(curves):
        axes.plot(curve.x, curve.y, color=SERIES[place % len(SERIES)], linewidth=1.8 if len(curves) < 4 else 1.2)
    if len(curves) == 1:
        axes.fill_between(curves[0].x, curves[0].y, color=SERIES[0], alpha=0.10, linewidth=0)
    if mark is not None:
        axes.plot(*mark, marker="o", markersize=8, color=SERIES[1], markeredgecolor=CARD, markeredgewidth=1.6)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)


def calibration(bins: Sequence[Bin]) -> Markup:
    """Observed against stated shares with their intervals, and below how many rows each bin holds."""
    out: list[Markup] = []
    with _figure(out, "Reliability diagram", width=4.0, height=3.6) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        stated, observed = [one.stated for one in bins], [one.observed for one in bins]
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        upper.vlines(
            stated,
            [one.observed_low for one in bins],
            [one.observed_high for one in bins],
            color=SERIES[0],
            alpha=0.45,
            linewidth=3,
        )
        upper.plot(stated, observed, color=SERIES[0], marker="o", markersize=4.5, linewidth=1.2)
        upper.set_xlim(-0.02, 1.02)
        upper.set_ylim(-0.02, 1.04)
        upper.set_ylabel("observed share")
        lower.bar(
            [(one.low + one.high) / 2 for one in bins],
            [one.rows for one in bins],
            width=0.085,
            color=SERIES[0],
            alpha=0.55,
        )
        lower.yaxis.set_major_locator(MaxNLocator(nbins=2, integer=True))
        lower.set_ylabel("rows")
        lower.set_xlabel("stated probability")
        lower.grid(axis="x", visible=False)
    return out[0]


def predicted_against_true(fit: Fit) -> Markup:
    """Regression: one dot a row of the sample, on the diagonal where the prediction is right."""
    out: list[Markup] = []
    with _figure(out, "Predicted against true values", width=4.0, height=3.6) as figure:
        axes = figure.add_subplot()
        both = np.array([*fit.truth, *fit.prediction])
        low, high = float(both.min()), float(both.max())
        axes.plot([low, high], [low, high], color=MUTED, linewidth=0.9, linestyle=(0, (2, 3)))
        # strokes of no length with round ends: one path, where a scatter writes an element for each row
        x, y = (
            np.stack([part, part, np.full(len(part), np.nan)], axis=1).ravel() for part in (fit.truth, fit.prediction)
        )
        axes.plot(x, y, color=SERIES[0], alpha=0.5, linewidth=2.6)
        axes.set_xlabel("true value")
        axes.set_ylabel("predicted")
    return out[0]


def residuals(fit: Fit) -> Markup:
    """Regression: how errors (predicted minus true) are spread."""
    out: list[Markup] = []
    with _figure(out, "Errors, predicted minus true", width=4.0, height=3.6) as figure:
        axes = figure.add_subplot()
        edges = np.array(fit.edges)
        axes.bar(edges[:-1], fit.counts, width=np.diff(edges) * 0.94, align="edge", color=SERIES[0], alpha=0.8)
        axes.axvline(0, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
        axes.set_xlabel("predicted minus true")
        axes.set_ylabel("rows")
        axes.grid(axis="x", visible=False)
    return out[0]
