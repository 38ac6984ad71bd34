"""What serving replicas send to the monitor: one small JSON object a model version and flush.

Counts are deltas since the sender's last record, so that a receiver adds them up and a lost record loses
only its own interval. Feature counts are in the bins of the reference profile (`profile.windows`), hence
exact and mergeable.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class WindowRecord(BaseModel):
    """What one replica saw of one model version between `started` and `ended` (seconds since the epoch)."""

    model_config = ConfigDict(extra="forbid")

    model: str
    version: str
    package: str
    """URI of the package served, where the monitor finds the reference profile."""
    replica: str
    sequence: int
    """Counts up from 0 for each replica and version; a receiver drops a number it has seen."""
    started: float
    ended: float
    rows: int
    features: dict[str, list[int]]
    """Feature name to counts in the reference's bins, the bin of missing values last."""
    predictions: dict[str, int] = {}
    """Class label to rows answered with it; for regression, reference-bin number (as text) to rows."""
