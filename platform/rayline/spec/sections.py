"""The sections of a spec and their defaults. `name`, `data.source` and `data.target` are required, no more.

data        data.py, with `expect` in expectation.py
prepare     prepare.py
train, tune learning.py
and what comes after a network is trained, and the whole, here
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rayline.core import catalog
from rayline.core.catalog import Plugin, PluginConfig
from rayline.core.names import CHAMPION
from rayline.spec.condition import Condition, MetricName
from rayline.spec.data import Data, as_source
from rayline.spec.expectation import EVERY, Expectation, RowsExpectation
from rayline.spec.forms import AliasName, ModelName, Section
from rayline.spec.learning import Dimension, Train, Tune
from rayline.spec.prepare import CategorySteps, ColumnSteps, Leakage, NumberSteps, Prepare

__all__ = [
    "EVERY",
    "CategorySteps",
    "ColumnSteps",
    "Data",
    "Dimension",
    "Evaluate",
    "Expectation",
    "Explain",
    "Leakage",
    "Monitor",
    "NumberSteps",
    "Prepare",
    "Register",
    "RowsExpectation",
    "Section",
    "Serve",
    "Spec",
    "Train",
    "Tune",
    "as_source",
]


class Evaluate(Section):
    metrics: tuple[str, ...] | Literal["auto"] = "auto"
    """Names of metrics; `auto`: all that fit the task."""
    threshold: Annotated[float, Field(ge=0, le=1)] | Literal["f1", "accuracy", "youden"] = 0.5
    """Binary tasks: where `positive` begins; a name tunes it on the validation rows for that."""
    bootstrap: int = Field(default=200, ge=0)
    """Resamples for the confidence intervals; 0 for none."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    slices: tuple[str, ...] = ()
    """Columns by whose values (numbers: quartiles) every metric is repeated."""
    gates: dict[MetricName, Condition] = Field(default={})
    """Metric to condition on the test rows: `{roc_auc: ">= 0.9", log_loss: no worse than champion}`."""

    @field_validator("threshold", mode="before")
    @classmethod
    def _share(cls, value: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value not in ("f1", "accuracy", "youden") and not (number and 0 <= value <= 1):
            raise ValueError("give a probability from 0 to 1, or one of f1, accuracy, youden")
        return value

    @field_validator("metrics")
    @classmethod
    def _known(cls, value: Any) -> Any:
        for name in () if value == "auto" else value:
            catalog.config_class("metric", name)
        return value


class Explain(Section):
    importance_repeats: int = Field(default=3, ge=0)
    """Permutations a feature for permutation importance; 0 for none."""
    importance_rows: int = Field(default=5000, ge=100)
    """Test rows used for it at most."""


class Register(Section):
    model: ModelName | None = None
    """Name in the registry; default: the spec's name."""
    alias: AliasName | None = CHAMPION
    """Alias the new version takes when it passes its gates; `null` for none. One that is shown to be worse than the
    champion on the same test rows becomes challenger, unless gates compare with the champion themselves."""
    tags: dict[str, str] = Field(default={})


class Serve(Section):
    max_batch_rows: int = Field(default=1024, ge=1)
    """Rows of waiting requests answered by one pass of the model, at most."""


class Monitor(Section):
    drift: Annotated[PluginConfig, Plugin("drift", "psi")] = Field(default="psi", validate_default=True)  # type: ignore[assignment]
    window_s: float = Field(default=3600.0, gt=0)
    """Length of the live window that is compared with training, seconds."""


class Spec(Section):
    name: ModelName
    """Names the run and the model."""
    storage: str | None = None
    """URI every node can read and write (`s3://…`); default: `RAYLINE_HOME`, for one machine."""
    data: Data
    prepare: Prepare = Field(default_factory=Prepare)
    model: Annotated[PluginConfig, Plugin("model", "mlp")] = Field(default="mlp", validate_default=True)  # type: ignore[assignment]
    train: Train = Field(default_factory=Train)
    tune: Tune = Field(default_factory=Tune)
    evaluate: Evaluate = Evaluate()
    explain: Explain = Explain()
    registration: Register = Field(default=Register(), alias="register")
    serve: Serve = Serve()
    monitor: Monitor = Field(default_factory=Monitor)

    @model_validator(mode="before")
    @classmethod
    def _mapping(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError("a spec is a mapping with at least name, data.source and data.target")
        return value

    @property
    def model_name(self) -> str:
        """The name in the registry."""
        return self.registration.model or self.name
