"""What a search has finished, kept so that no kill costs a fold twice.

    FOLDER/search.json            the question: space, folds, metric, data and spec digests
    FOLDER/TRIAL/params.json      settings asked for, and their number in the order of asking
    FOLDER/TRIAL/fold-K.json      one finished fold, written whole or not at all
    FOLDER/TRIAL/given-up.json    the trial was stopped early

A trial is named by the digest of its settings. Ray Tune's own snapshots are throttled, and a search restored
from them repeats finished trials; hence this ledger, written by the trial itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from rayline.core import files
from rayline.core.errors import SpecError


@dataclass(frozen=True)
class FoldResult:
    """One trained and judged fold: `value` of the search's metric, all `metrics`, `seconds` it took."""

    fold: int
    value: float
    metrics: dict[str, float | None]
    seconds: float
    rows: int
    """Rows of the fold held out."""
    train_rows: int


@dataclass
class TrialRecord:
    """A trial as found in the ledger."""

    id: str
    number: int
    params: dict[str, Any]
    folds: dict[int, FoldResult] = field(default_factory=dict)
    given_up: bool = False
    """Stopped early because it lagged; it is not tried again."""


def digest(value: Any) -> str:
    """A short name for any JSON-able value; equal values have equal names."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


class Ledger:
    """One search's folder, at any URI. Safe with several writers: each writes other files."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def open(self, question: dict[str, Any]) -> None:
        """Begin, or continue, the search of this question.

        Raises:
            SpecError: the folder holds results of another question.
        """
        uri = files.join(self.folder, "search.json")
        if files.exists(uri):
            if files.read_json(uri) != orjson.loads(orjson.dumps(question)):
                raise SpecError(
                    f"{self.folder} holds a search of another spec or other data; its folds cannot be reused. "
                    "Run without --resume."
                )
            return
        files.write_json(uri, question)

    def start(self, params: dict[str, Any], number: int) -> str:
        """Record that `params` is being tried; returns the trial's id."""
        trial = digest(params)
        uri = files.join(self.folder, trial, "params.json")
        if not files.exists(uri):
            files.write_json(uri, {"number": number, "params": params})
        return trial

    def commit(self, trial: str, result: FoldResult) -> None:
        files.write_json(files.join(self.folder, trial, f"fold-{result.fold}.json"), asdict(result))

    def give_up(self, trial: str) -> None:
        """Record that a trial was stopped early."""
        files.write_json(files.join(self.folder, trial, "given-up.json"), {})

    def fold(self, trial: str, fold: int) -> FoldResult | None:
        """A finished fold, or `None`."""
        uri = files.join(self.folder, trial, f"fold-{fold}.json")
        return FoldResult(**files.read_json(uri)) if files.exists(uri) else None

    def trials(self, folds: int) -> list[TrialRecord]:
        """Every trial begun, in the order of asking, with the folds it finished."""
        found = []
        for name in files.list_folders(self.folder):
            uri = files.join(self.folder, name, "params.json")
            if not files.exists(uri):
                continue
            head = files.read_json(uri)
            record = TrialRecord(id=name, number=head["number"], params=head["params"])
            record.given_up = files.exists(files.join(self.folder, name, "given-up.json"))
            for fold in range(folds):
                result = self.fold(name, fold)
                if result is not None:
                    record.folds[fold] = result
            found.append(record)
        return sorted(found, key=lambda record: record.number)
