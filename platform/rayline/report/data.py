"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from rayline.core.columns import Target
from rayline.evaluate.gates import GateResult
from rayline.evaluate.judgement import Judgement
from rayline.explain.permutation import Importance
from rayline.profile.profile import Profile


@dataclass(frozen=True)
class ReportData:
    """Everything the page of a run shows. Sections whose part is empty are left out."""

    name: str
    """The model's name."""
    target: Target
    judgement: Judgement
    """Of the test rows."""
    spec: str
    """The spec as YAML, every default spelled out."""
    version: str | None = None
    """In the registry; `None` where it was not registered."""
    aliases: Sequence[str] = ()
    created: str = ""
    """When, as text."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Part (train, validation, test, duplicates dropped) to rows."""
    gates: Sequence[GateResult] = ()
    history: Sequence[Mapping[str, Any]] = ()
    """One mapping an epoch, numbered from 0: epoch, train_loss, validation_loss, rows_per_s, seconds, learning_rate."""
    best_epoch: int | None = None
    """The epoch whose weights were kept, numbered from 0."""
    importances: Sequence[Importance] = ()
    importance_metric: str = ""
    worst: pl.DataFrame | None = None
    """As `evaluate.worst.worst_errors` gives them."""
    profile: Profile | None = None
    """Of the training rows."""
    decisions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Column to its feature type and the reason for it."""
    private: Sequence[str] = ()
    """Columns of which nothing but the name may be shown."""
    preparation: Sequence[Mapping[str, Any]] = ()
    """As `Preparation.explain` gives it: column, type, missing, steps of {step, name, learnt}."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """Stage to seconds."""
    package: str = ""
    digest: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What it ran on: package or machine part to its version or description."""
    leaderboard: Sequence[Mapping[str, Any]] = ()
    """Search, best first: trial, params (or config), mean, low, high, folds."""
    search_metric: str = ""
