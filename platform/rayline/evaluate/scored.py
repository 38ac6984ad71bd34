"""Predictions beside the truth: what every metric reads.

n rows · K classes · R resamples
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rayline.core.columns import Target, Task
from rayline.core.errors import RunError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """Rows with what is true of them and what was predicted.

    `truth` [n]: 0 or 1 (binary, 1 is the positive class), the class's place in `target.classes` (multi-class)
    or the value (regression). `prediction`: the probability of the positive class [n] (binary), of each class
    [n, K] (multi-class), or the value [n] (regression). `threshold` is where the positive class begins.

    Raises:
        RunError: a prediction is not a finite number, which is what a training run that diverged leaves.
    """

    target: Target
    truth: npt.NDArray[Any]
    prediction: npt.NDArray[Any]
    threshold: float = 0.5

    def __post_init__(self) -> None:
        assert len(self.truth) == len(self.prediction), "as many truths as predictions"
        shape = (len(self.target.classes),) if self.target.task is Task.MULTICLASS else ()
        assert self.prediction.shape[1:] == shape, (
            f"predictions of shape {self.prediction.shape} for {self.target.task}"
        )
        broken = int((~np.isfinite(self.prediction)).reshape(len(self.truth), -1).any(axis=1).sum()) if len(self) else 0
        if broken:
            raise RunError(
                f"{broken} of {len(self)} predictions are not finite numbers: training diverged. "
                "Lower train.optimizer.lr, set train.clip_norm, or look for extreme values in the data."
            )

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def task(self) -> Task:
        return self.target.task

    def take(self, rows: npt.NDArray[Any]) -> Scored:
        """The given rows: places [m] or a mask [n]."""
        return replace(self, truth=self.truth[rows], prediction=self.prediction[rows])

    def labels(self) -> IntArray:
        """The class answered for each row [n]: its place in `target.classes`."""
        if self.task is Task.BINARY:
            return (self.prediction >= self.threshold).astype(np.int64)
        assert self.task is Task.MULTICLASS
        return np.asarray(self.prediction.argmax(axis=1), dtype=np.int64)

    def one_vs_rest(self) -> Iterator[tuple[str, npt.NDArray[np.bool_], npt.NDArray[Any]]]:
        """For each class that can be told from the others: its name, whether a row is of it [n], its score [n].

        Binary tasks have one such class, the positive one.
        """
        if self.task is Task.BINARY:
            yield self.target.classes[1], self.truth > 0.5, self.prediction
        else:
            for place, name in enumerate(self.target.classes):
                yield name, self.truth == place, self.prediction[:, place]
