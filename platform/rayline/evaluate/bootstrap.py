"""Bootstrap intervals of many metrics from one set of resamples.

A resample is how often each row was drawn; every metric reads the same ones, so the difference of two models
over them is paired. Up to `most_rows` rows this is the ordinary bootstrap. Above, it is the bag of little
bootstraps with one bag (Kleiner, Talwalkar, Sarkar and Jordan, "A scalable bootstrap for massive data", 2014):
n draws from a seeded subset of the rows have the spread of n rows at a fraction of the work, and are moved to
the estimate of all rows.

    n rows · b rows drawn from · R resamples
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rayline.core.seeds import derive
from rayline.evaluate.metrics._metric import Metric
from rayline.evaluate.scored import FloatArray, IntArray, Scored

_AT_ONCE = 4_000_000  # weights in memory at a time, 32 MB


@dataclass(frozen=True)
class Estimate:
    """A metric's value with its interval; `None` where the rows do not define it, with the `reason` in words."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Resamples:
    """How rows are drawn: `rows` [b] are the places drawn from, `repeats` times, `draws` rows each."""

    rows: IntArray
    draws: int
    repeats: int
    seed: int

    def weights(self) -> Iterator[FloatArray]:
        """How often each of `rows` was drawn, [r, b] blocks of the R resamples, the same at every call."""
        rng = np.random.default_rng(derive(self.seed, "bootstrap"))
        b = len(self.rows)
        step = max(1, _AT_ONCE // max(b, 1))
        for start in range(0, self.repeats, step):
            count = min(step, self.repeats - start)
            if self.draws > b:
                yield rng.multinomial(self.draws, np.full(b, 1.0 / b), size=count).astype(np.float64)
            else:
                block = np.empty((count, b))
                for place in range(count):
                    block[place] = np.bincount(rng.integers(b, size=b), minlength=b)
                yield block


def resamples(n: int, repeats: int, *, seed: int, most_rows: int = 10_000) -> Resamples:
    """Resamples of `n` rows, drawn from at most `most_rows` of them."""
    rows = np.arange(n)
    if n > most_rows:
        rows = np.sort(np.random.default_rng(derive(seed, "bag")).choice(n, most_rows, replace=False))
    return Resamples(rows, n, repeats if n > 1 else 0, seed)


def estimate(metrics: Mapping[str, Metric], scored: Scored, drawn: Resamples, confidence: float) -> dict[str, Estimate]:
    """Every metric of `scored` with its percentile interval of `confidence`; no interval for 0 resamples."""
    spread = _values(metrics, scored, drawn)
    out = {}
    for name, metric in metrics.items():
        value = metric(scored)
        if np.isnan(value):
            out[name] = Estimate(None, reason=metric.undefined(scored))
            continue
        low, high = interval(value, spread[name], confidence)
        out[name] = Estimate(value, *_within(metric, low, high))
    return out


def difference(metric: Metric, scored: Scored, other: Scored, drawn: Resamples, confidence: float) -> Estimate:
    """`scored` minus `other` on the same rows, with the interval of paired resamples."""
    assert len(scored) == len(other), "a paired comparison needs the same rows"
    value = metric(scored) - metric(other)
    if np.isnan(value):
        return Estimate(None, reason=metric.undefined(scored))
    spread = _values({"": metric}, scored, drawn)[""] - _values({"": metric}, other, drawn)[""]
    return Estimate(value, *interval(value, spread, confidence))


def interval(value: float, resampled_R: FloatArray, confidence: float) -> tuple[float | None, float | None]:
    """The central `confidence` of resampled values, moved so that their mean is `value`.

    The move is nothing for means and areas; it takes out the bias of resampling in such as calibration error
    (a resample looks worse calibrated than its rows are) and the offset of a bag from all rows. `None` where
    fewer than half of the resamples define the metric.
    """
    defined = resampled_R[~np.isnan(resampled_R)]
    if len(defined) == 0 or 2 * len(defined) < len(resampled_R):
        return None, None
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail]) + (value - defined.mean())
    return float(min(low, value)), float(max(high, value))


def _within(metric: Metric, low: float | None, high: float | None) -> tuple[float | None, float | None]:
    if low is None or high is None:
        return None, None
    return max(low, metric.lowest), min(high, metric.highest)


def _values(metrics: Mapping[str, Metric], scored: Scored, drawn: Resamples) -> dict[str, FloatArray]:
    bag = scored if len(drawn.rows) == len(scored) else scored.take(drawn.rows)
    blocks: dict[str, list[FloatArray]] = {name: [np.empty(0)] for name in metrics}
    for weights in drawn.weights():
        for name, metric in metrics.items():
            blocks[name].append(metric.weighted(bag, weights))
    return {name: np.concatenate(parts) for name, parts in blocks.items()}
