"""What a run gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rayline.core.errors import GateError


@dataclass(frozen=True)
class RunResult:
    """A finished run.

    `metrics` are the test metrics, each `{"value", "low", "high"}` (`None` where a metric is not defined on
    these rows); `stages` seconds by stage; `package` and `report` are paths or URIs.
    """

    model: str
    version: str
    aliases: tuple[str, ...]
    metrics: dict[str, dict[str, Any]]
    stages: dict[str, float]
    package: str
    report: str
    run: str
    """The run's folder."""
    confidence: float = 0.95
    gates: list[dict[str, Any]] = field(default_factory=list)
    succession: str = ""
    """How it stands to the champion before it, in words; empty where there was none, or gates say it."""
    quarantined: int = 0
    """Rows that expectations set aside."""
    leaderboard: list[dict[str, Any]] = field(default_factory=list)
    search_metric: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The object `--json` prints."""
        value: dict[str, Any] = {
            "model": self.model,
            "version": self.version,
            "aliases": list(self.aliases),
            "metrics": {
                "test": {name: metric["value"] for name, metric in self.metrics.items()},
                "intervals": {name: [metric.get("low"), metric.get("high")] for name, metric in self.metrics.items()},
            },
            "gates": self.gates,
            "succession": self.succession,
            "quarantined": self.quarantined,
            "stages": {name: round(seconds, 3) for name, seconds in self.stages.items()},
            "package": self.package,
            "report": self.report,
            "run": self.run,
        }
        if self.leaderboard:
            value["leaderboard"] = self.leaderboard
        return value

    def aliases_text(self) -> str:
        return f"({', '.join('@' + alias for alias in self.aliases)})" if self.aliases else ""


class FailedGatesError(GateError):
    """Gates failed; `result` is what the run found all the same."""

    def __init__(self, message: str, result: RunResult) -> None:
        super().__init__(message)
        self.result = result
