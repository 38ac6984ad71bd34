"""One finding of `rayline doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    """It works, and something about it costs speed, safety or money."""
    FAIL = "fail"
    """A run, a submission or an endpoint will not work."""


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and what to do about it."""

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""
    """Empty when all is well."""
