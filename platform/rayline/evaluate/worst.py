"""The rows a model got most wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from rayline.core.columns import ROW, Task
from rayline.evaluate.metrics.log_loss import row_losses
from rayline.evaluate.metrics.mse import errors
from rayline.evaluate.scored import Scored

TRUTH, ANSWER, STATED, LOSS = "truth", "answer", "stated", "loss"
"""Columns that `worst_errors` puts before the row's own."""


def worst_errors(scored: Scored, frame: pl.DataFrame, *, private: Sequence[str] = (), most: int = 20) -> pl.DataFrame:
    """The `most` rows with the largest loss, worst first, with their raw columns.

    Classification: rows answered wrongly, by log-loss, with `stated` the probability given to the answer.
    Regression: by absolute error, with `loss` the error (predicted minus true). Private columns and the target's
    own are left out; `frame` [n] is in the order of `scored`.
    """
    assert len(frame) == len(scored), "the frame holds the same rows"
    if scored.task is Task.REGRESSION:
        loss = errors(scored)
        rows = np.argsort(-np.abs(loss), kind="stable")[:most]
        head = {
            TRUTH: scored.truth[rows].astype(float),
            ANSWER: scored.prediction[rows].astype(float),
            LOSS: loss[rows],
        }
        front = pl.DataFrame(head)
    else:
        loss, labels = row_losses(scored), scored.labels()
        wrong = np.flatnonzero(labels != scored.truth.astype(np.int64))
        rows = wrong[np.argsort(-loss[wrong], kind="stable")[:most]]
        front = pl.DataFrame(
            {
                TRUTH: [scored.target.classes[int(place)] for place in scored.truth[rows]],
                ANSWER: [scored.target.classes[int(place)] for place in labels[rows]],
                STATED: _stated(scored, labels)[rows],
                LOSS: loss[rows],
            },
            schema={TRUTH: pl.String, ANSWER: pl.String, STATED: pl.Float64, LOSS: pl.Float64},
        )
    shown = [name for name in frame.columns if name not in {*private, scored.target.name, ROW, *front.columns}]
    return front.hstack(frame[rows.tolist()].select(shown).get_columns())


def _stated(
    scored: Scored, labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if scored.task is Task.BINARY:
        positive = scored.prediction.astype(np.float64)
        return np.where(labels == 1, positive, 1.0 - positive)
    return np.asarray(scored.prediction[np.arange(len(scored)), labels], dtype=np.float64)
