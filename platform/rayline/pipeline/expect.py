"""Expectations on the data of a run: looked at in one pass before anything is learnt, decided in one place.

    fragments ──scan──> violations of each ──merge──> decision ──> stop (DataError), warnings, rows into quarantine

Fragments whose values lie below ones before them are looked at once more, and so are those that have rows to set
aside: nothing is written until it is clear that the run goes on.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
import pyarrow as pa

from rayline.core import files
from rayline.core.columns import ROW
from rayline.core.errors import DataError, StorageError
from rayline.pipeline.folder import RunFolder, root
from rayline.pipeline.opening import private_columns
from rayline.prepare.expectations import Broken, Checker, Decision, Rows, Violations, among, merge
from rayline.sources._source import Fragment, Source
from rayline.spec import Spec

if TYPE_CHECKING:
    from rayline.pipeline.collect import Scan

HISTORY = "rows.json"
"""File beside the runs of a spec's name: how many rows each had."""
REMEMBERED = 50
COMPARED = 10
"""Runs kept in it, and the latest of them that a number of rows is compared with."""
QUARANTINE = "quarantine"


@dataclass(frozen=True)
class Expected:
    """What became of the expectations on a run's data."""

    quarantined: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    """`ROW` of rows that are in quarantine, sorted: no part, no duplicate, no profile knows them."""
    rows: int | None = None
    """Rows that are kept; `None` where nothing was expected."""
    broken: tuple[Broken, ...] = ()
    """What does not hold and did not stop the run."""
    folder: str | None = None
    """Where the quarantined rows lie, as Parquet."""
    checked: int = 0
    """How many things were expected."""

    @property
    def lines(self) -> list[str]:
        """What people are told, a line each; for `Stages.watcher.note`."""
        warned = [f"warning: {one.check.name}: {one.text}" for one in self.broken if not one.aside]
        aside = [f"{one.check.name}: {one.text}" for one in self.broken if one.aside]
        if aside:
            total = len(self.quarantined) + (self.rows or 0)
            where = "" if self.folder is None else f" in {self.folder}"
            aside.insert(0, f"quarantine: {len(self.quarantined):,} of {total:,} rows set aside{where}")
        return warned + aside

    def to_json(self) -> dict[str, Any]:
        """For a run's state, its result and the report."""
        return {
            "checked": self.checked,
            "rows": self.rows,
            "quarantined": len(self.quarantined),
            "quarantine": self.folder,
            "broken": [one.to_json() for one in self.broken],
        }


class _Some:
    """A source of which only some fragments are read again; all else is the source's own."""

    def __init__(self, inner: Source, indexes: set[int]) -> None:
        self._inner = inner
        self._indexes = indexes

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # before it is unpickled there is no inner source
            raise AttributeError(name)
        return getattr(self._inner, name)

    def fragments(self) -> list[Fragment]:
        """Those that are read again."""
        return [fragment for fragment in self._inner.fragments() if fragment.index in self._indexes]

    def settle(self) -> None:
        """Nothing: not every value was read."""


def prove(spec: Spec, schema: pa.Schema) -> None:
    """Prove, before anything is read, that every expectation fits the columns.

    Raises:
        SpecError: a column that is not there, or of a type that an expectation is not for.
    """
    _checker(spec).prove(_polars(schema))


def expect(
    spec: Spec, source: Source, scan: Scan, folder: RunFolder | None = None, *, now: dt.datetime | None = None
) -> Expected:
    """Check the rows of `source` against `data.expect`: one pass over the columns it names.

    Args:
        spec: what is declared.
        source: the rows, as training will read them.
        scan: in this process or on the cluster.
        folder: the run's. Without one, nothing is written: quarantined rows are told of, not kept, and there is no
            history of rows.
        now: for `max_age`; default: the time it is.

    Raises:
        DataError: an expectation that stops the run is broken; all such are listed, with counts and examples.
        SpecError: as `prove`.
        StorageError: the run's folder cannot be written.
    """
    checker = _checker(spec, private_columns(spec, source))
    if not checker.checks:
        return Expected()
    checker.prove(_polars(source.schema()))

    def check(frame: pl.DataFrame, fragment: Fragment) -> Violations:
        return checker.check(frame, fragment.index, fragment.label)

    violations = merge(scan(source, check, columns=checker.columns))
    again = checker.before(violations)
    if again:
        told = {index: violations.found[index] for index in again}

        def order(frame: pl.DataFrame, fragment: Fragment) -> Violations:
            return checker.order(Violations(told), frame, fragment.index, again[fragment.index])

        ordered = scan(cast(Source, _Some(source, set(again))), order, columns=checker.columns)
        violations = merge([violations, *ordered])
    decision = checker.decide(violations, history=_history(spec, folder), now=now)
    _stop(decision)
    where = None
    if folder is not None:
        where = _set_aside(checker, decision, violations, source, scan, folder)
    return Expected(decision.aside, decision.rows, decision.broken, where, len(checker.checks))


def _checker(spec: Spec, private: Sequence[str] = ()) -> Checker:
    return Checker(spec.data.expect, private=private)


def _polars(schema: pa.Schema) -> pl.Schema:
    return cast(pl.DataFrame, pl.from_arrow(schema.empty_table())).schema


def _stop(decision: Decision) -> None:
    stops = decision.stops
    if stops:
        broken = "\n".join(f"  {one.check.name}: {one.text}" for one in stops)
        count = f"{len(stops)} expectation{'s are' if len(stops) > 1 else ' is'}"
        raise DataError(
            f"data.expect: {count} broken.\n{broken}\n"
            "Correct the data, expect something else, or set `on: warn` or `on: quarantine` where rows may differ."
        )
    if not decision.rows and len(decision.aside):
        names = ", ".join(one.check.name for one in decision.broken if one.aside)
        raise DataError(f"data.expect: every row would go into quarantine, by {names}. Expect something else.")


def _set_aside(
    checker: Checker, decision: Decision, violations: Violations, source: Source, scan: Scan, folder: RunFolder
) -> str | None:
    """Write the quarantined rows of each fragment to a file, each whole or not at all; the files' folder."""
    where = folder.path(QUARANTINE)
    files.delete_folder(where)  # a run that is resumed begins anew
    aside, members = decision.aside, decision.members
    places = [
        index for index, found in violations.in_order() if np.any((aside >= found.ends[0]) & (aside <= found.ends[1]))
    ]
    if not places:
        return None
    part = {index: files.join(where, f"part-{n:05d}.parquet") for n, index in enumerate(places)}

    def write(frame: pl.DataFrame, fragment: Fragment) -> None:
        rows = frame.filter(among(frame[ROW].to_numpy(), aside))
        data = io.BytesIO()
        checker.reasons(rows, fragment.label, members).write_parquet(data)
        files.write_bytes(part[fragment.index], data.getvalue())

    try:
        scan(cast(Source, _Some(source, set(places))), write)
    except BaseException:
        files.delete_folder(where)
        raise
    return where


def _history(spec: Spec, folder: RunFolder | None) -> list[int]:
    """Rows of the latest runs before this one, the latest last."""
    if folder is None:
        return []
    return [entry["rows"] for entry in _remembered(spec) if entry["run"] != folder.id][-COMPARED:]


def remember(spec: Spec, folder: RunFolder, rows: int) -> None:
    """Have later runs compare their number of rows with this one's; for a run that ended well."""
    entries = [entry for entry in _remembered(spec) if entry["run"] != folder.id]
    entries = sorted([*entries, {"run": folder.id, "rows": rows}], key=lambda entry: str(entry["run"]))
    files.write_json(_place(spec), {"runs": entries[-REMEMBERED:]})


def _remembered(spec: Spec) -> list[dict[str, Any]]:
    try:
        return list(files.read_json(_place(spec))["runs"])
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError):
        raise StorageError(
            f"{_place(spec)} holds no history of rows. Delete it; the next run begins a new one."
        ) from None


def _place(spec: Spec) -> str:
    return files.join(root(spec), HISTORY)
