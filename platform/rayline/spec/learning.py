"""`train` and `tune`: how a network learns, and how the best settings for it are found."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from rayline.core.catalog import Plugin, PluginConfig, Spelt
from rayline.spec.forms import Section


class Train(Section):
    epochs: int = Field(default=10, ge=1)
    batch_size: int = Field(default=256, ge=1)
    """Rows a step over all workers together."""
    optimizer: Annotated[PluginConfig, Plugin("optimizer", "adamw")] = Field(default="adamw", validate_default=True)  # type: ignore[assignment]
    schedule: Annotated[PluginConfig, Plugin("schedule", "cosine")] = Field(default="cosine", validate_default=True)  # type: ignore[assignment]
    early_stopping: int | None = Field(default=None, ge=1)
    """Stop after this many epochs without a better validation loss; the best epoch's weights are kept."""
    clip_norm: float | None = Field(default=1.0, gt=0)
    """Largest norm of the gradient; `null` for none."""
    workers: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    """Data-parallel workers. `auto`: one for each GPU of the cluster, one where there is none."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 autocast where the device has it in hardware (GPUs), float32 elsewhere."""
    max_failures: int = Field(default=3, ge=0)
    """How often lost workers are replaced before the run fails."""
    checkpoint_every: int | None = Field(default=None, ge=1)
    """Steps between checkpoints; `null`: at the end of each epoch."""
    seed: int = 0


class Dimension(Section):
    """Values one key may take: `{values: […]}`, or a range `{low, high, log?, integer?}`."""

    values: tuple[Any, ...] | None = None
    low: float | None = None
    high: float | None = None
    log: bool = False
    integer: bool = False

    @model_validator(mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return {"values": value} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _whole(self) -> Dimension:
        if self.values is not None:
            if not self.values:
                raise ValueError("values must not be empty")
            if self.low is not None or self.high is not None or self.log or self.integer:
                raise ValueError("low, high, log and integer make a range; give them or values, not both")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give either values: […] or both low and high")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError("low must be below high, and both finite")
        if self.log and self.low <= 0:
            raise ValueError("a log range needs low > 0")
        if self.integer and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("low and high of an integer range must be whole")
        return self


class Tune(Section):
    search: Annotated[PluginConfig, Plugin("search", "optuna")] = Field(default="optuna", validate_default=True)  # type: ignore[assignment]
    space: dict[str, Annotated[Dimension, Spelt({"type": "array", "minItems": 1})]] = Field(default={})
    """Any dotted key of the spec to values it may take: `{train.optimizer.lr: {low: 1e-4, high: 0.1, log: yes}}`."""
    trials: int = Field(default=16, ge=1)
    folds: int = Field(default=3, ge=2)
    """Cross-validation folds of the training rows, of the declared split's kind."""
    repeats: int = Field(default=1, ge=1, le=100)
    """How often the training rows are divided into folds, each time into others; a trial is the mean over all."""
    metric: str = "auto"
    """What is optimised: a metric's name. `auto`: roc_auc (binary), log_loss (multi-class), mse (regression)."""
    stopping: Literal["asha", "none"] = "none"
    """`asha`: trials that lag after a fold are given up (successive halving over folds)."""
    max_concurrent: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    seed: int = 0

    @property
    def fits(self) -> int:
        """Folds over all repeats: how often a trial trains."""
        return self.folds * self.repeats
