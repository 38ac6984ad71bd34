"""What training tells while it runs and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Epoch:
    """One epoch, numbered from 0."""

    epoch: int
    train_loss: float
    """Mean loss a row over the epoch's steps (with dropout, weights moving)."""
    validation_loss: float | None
    """Mean loss a validation row after the epoch; `None` without validation rows."""
    rows_per_s: float
    seconds: float
    learning_rate: float
    """At the epoch's last step."""
    digest: str
    """SHA-256 of every weight after the epoch; equal on all workers."""


@dataclass(frozen=True)
class Progress:
    """Where training is; sent a few times a second."""

    epoch: int
    epochs: int
    step: int
    """Steps done over all epochs."""
    steps: int
    rows_per_s: float
    loss: float
    """Mean loss a row in this epoch so far."""
    seconds_left: float


@dataclass(frozen=True)
class Fit:
    """A finished training."""

    history: list[Epoch]
    best_epoch: int
    """The epoch whose weights these are: the last, or with early stopping the one of least validation loss."""
    state_dict: dict[str, Tensor]
    resumed_from: int | None
    """The step a checkpoint let it go on from; `None` when it began anew."""
    seconds: float
    """Spent by this run, not by those before it."""
    checkpoint: str | None = None
    """URI of the last checkpoint, `None` where none was asked for."""

    @property
    def digest(self) -> str:
        """SHA-256 of the weights after the best epoch."""
        return self.history[self.best_epoch].digest


def typical_rate(rates: Iterable[float | None]) -> float | None:
    """The rows a second of a training, from those of its epochs: the median, which a slow first one does not move.

    >>> typical_rate([100.0, 900.0, 1000.0]), typical_rate([None])
    (900.0, None)
    """
    known = [rate for rate in rates if rate]
    return median(known) if known else None


OnEpoch = Callable[[Epoch], None]
OnProgress = Callable[[Progress], None]
