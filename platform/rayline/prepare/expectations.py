"""Expectations: `data.expect` made a checker of frames, fragment by fragment, and what became of them together.

    checker.check(frame, index, label) ──> Violations ──merge, in any order──> Violations
    checker.before(violations)         ──> for which fragments the order of values is to be looked at once more
    checker.decide(violations, …)      ──> Decision: what is broken, where, and which rows go into quarantine

A row in quarantine by itself (its type, range, form …) takes no part in what is said of rows together: uniqueness,
order, freshness, the share of missing values and the number of rows.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from rayline.core.columns import ROW
from rayline.prepare import _expectation_totals as totals
from rayline.prepare._expectation_checks import absent, broken, checks_of, is_strict, order_of, prove, unread
from rayline.prepare._expectation_found import (
    EXAMPLES,
    Example,
    Found,
    Ordered,
    Violations,
    merge,
)
from rayline.prepare._expectation_totals import Broken, Decision
from rayline.prepare.row_names import names_in
from rayline.prepare.row_sets import NO_ROWS, Rows, among
from rayline.spec.sections import Expectation

REASON = "__reason__"
"""Column of quarantined rows: what each broke."""
WHERE = "__where__"
"""Column of quarantined rows: row and file, as messages name them."""
_SEEDS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9)


class Checker:
    """`data.expect` made ready. Picklable; expressions are made for the types that frames come with."""

    def __init__(self, expect: Mapping[str, Expectation], *, private: Sequence[str] = ()) -> None:
        self.checks = checks_of(expect)
        self._private = frozenset(private)
        self._made: tuple[pl.Schema, dict[int, pl.Expr]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_made": None}

    @property
    def columns(self) -> list[str]:
        """Columns that frames must have, beside `ROW`."""
        return list(dict.fromkeys(column for check in self.checks for column in check.reads))

    def prove(self, schema: pl.Schema) -> None:
        """Prove that every check can be made of columns of `schema`.

        Raises:
            SpecError: a column that is not there, or of a type that the check is not for.
        """
        prove(self.checks, schema)

    def check(self, frame: pl.DataFrame, index: int = 0, label: str = "") -> Violations:
        """What the rows of one fragment say.

        Args:
            frame: the rows, with `columns` and ROW, in the order of ROW.
            index: the fragment's place among all.
            label: what its file is called.

        Raises:
            SpecError: as `prove`.
        """
        if not frame.height:
            return Violations({index: Found(label, 0, (0, -1))})
        masks = self._masks(frame)
        wrong = pl.any_horizontal(
            *[pl.col(str(n)) for n in masks if self.checks[n].on == "quarantine"] or [pl.lit(False)]
        )
        bad = pl.DataFrame(list(masks.values())).select(wrong).to_series() if masks else pl.Series([False])
        rows = frame[ROW].to_numpy()
        found = Found(
            label,
            frame.height,
            (int(rows.min()), int(rows.max())),
            aside=np.sort(frame[ROW].filter(bad).to_numpy()) if bad.any() else NO_ROWS,
            counts={n: int(mask.sum()) for n, mask in masks.items()},
            examples={n: self._examples(n, frame.filter(mask)) for n, mask in masks.items() if mask.any()},
            texts={
                n: (int(mask.sum()), self._there(n, frame))
                for n, mask in self._unread(frame).items()
                if self.checks[n].by_row
            },
        )
        self._together(frame.filter(~bad) if bad.any() else frame, found)
        return Violations({index: found})

    def before(self, violations: Violations) -> dict[int, dict[int, Any]]:
        """Fragments some of whose values lie below one of a fragment before: index to check to the largest before."""
        return totals.largest_before(self.checks, violations)

    def order(self, violations: Violations, frame: pl.DataFrame, index: int, before: Mapping[int, Any]) -> Violations:
        """`violations` of one fragment whose values are now compared with the largest `before` it, too."""
        found = violations.found[index]
        kept = frame.filter(~among(frame[ROW].to_numpy(), found.aside))
        ordered = {n: self._ordered(n, kept, largest) for n, largest in before.items()}
        return Violations({index: replace(found, ordered={**found.ordered, **ordered})})

    def decide(
        self, violations: Violations, *, history: Sequence[int] = (), now: dt.datetime | None = None
    ) -> Decision:
        """What is broken in all, and which rows are set aside.

        Args:
            violations: of every fragment, with `order` for those that `before` names.
            history: rows of earlier runs.
            now: for `max_age`; default: the time it is.
        """
        return totals.decide(self.checks, violations, history=history, now=now)

    def reasons(self, frame: pl.DataFrame, label: str, members: Mapping[int, Rows]) -> pl.DataFrame:
        """Rows of a fragment that are in quarantine, with what each broke and where it stood.

        Private columns are left out: ROW and `WHERE` say where their owner finds the row. Reasons hold no value.

        Args:
            frame: those rows, with every column and ROW.
            label: what the fragment's file is called.
            members: `Decision.members`.
        """
        masks = {n: mask for n, mask in self._masks(frame).items() if self.checks[n].on == "quarantine"}
        for n, rows in members.items():
            masks[n] = pl.Series(str(n), among(frame[ROW].to_numpy(), rows))
        reasons = pl.DataFrame([masks[n] for n in sorted(masks)] + list(self._unread(frame).values())).select(
            pl.concat_str([self._reason(n, frame.schema) for n in sorted(masks)], separator="; ", ignore_nulls=True)
        )
        open_ = frame.select(*(name for name in frame.columns if name != ROW and name not in self._private), ROW)
        return open_.with_columns(reasons.to_series().alias(REASON), names_in(label).alias(WHERE))

    def _reason(self, n: int, schema: pl.Schema) -> pl.Expr:
        check = self.checks[n]
        problem: pl.Expr = pl.lit(check.problem)
        if unread(check, schema) is not None:
            problem = pl.when(pl.col(f"unread {n}")).then(pl.lit(f"not {check.kind}")).otherwise(problem)
        return pl.when(pl.col(str(n))).then(pl.concat_str(pl.lit(f"{check.name}: "), problem))

    def _unread(self, frame: pl.DataFrame) -> dict[int, pl.Series]:
        """By check of limits or order on a text column, or of an expression, texts that read as nothing to compare."""
        found = {n: unread(check, frame.schema) for n, check in enumerate(self.checks)}
        return {n: frame.select(expr.alias(f"unread {n}")).to_series() for n, expr in found.items() if expr is not None}

    def _masks(self, frame: pl.DataFrame) -> dict[int, pl.Series]:
        """By check of rows by themselves, which rows break it."""
        schema = frame.schema
        if self._made is None or self._made[0] != schema:
            self._made = (schema, {n: broken(c, schema).alias(str(n)) for n, c in enumerate(self.checks) if c.by_row})
        made = self._made[1]
        if not made:
            return {}
        masks = frame.select(
            pl.repeat(value=False, n=pl.len()).alias(""),  # some checks are the same of every row
            *(expr.fill_null(value=False) for expr in made.values()),
        )
        return {n: masks[str(n)] for n in made}

    def _there(self, n: int, frame: pl.DataFrame) -> int:
        """How many values there are; of an expression nothing is said of all of them: 0."""
        if self.checks[n].key == "expressions":
            return 0
        return int(frame.select(~absent(self.checks[n].column, frame.schema)).to_series().sum())

    def _together(self, kept: pl.DataFrame, found: Found) -> None:
        """Add to `found` what is said of rows together."""
        for n, check in enumerate(self.checks):
            if check.key == "missing_share":
                found.missing[n] = int(kept.select(absent(check.column, kept.schema)).to_series().sum())
            elif check.key == "max_age":
                newest = kept.select(order_of(check, kept.schema).max()).item()
                if newest is not None:
                    found.newest[n] = newest
            elif check.key == "unique":
                there = kept.filter(~absent(check.column, kept.schema)).select(check.column, ROW)
                values = there.select(
                    pl.col(check.column) + 0.0 if kept.schema[check.column].is_float() else check.column
                )
                high, low = (values.hash_rows(seed).to_numpy() for seed in _SEEDS)
                found.hashes[n] = (there[ROW].to_numpy(), high, low)
            elif check.key == "increasing":
                found.ordered[n] = self._ordered(n, kept, None)
                if (texts := unread(check, kept.schema)) is not None:
                    found.texts[n] = (int(kept.select(texts).to_series().sum()), self._there(n, kept))

    def _ordered(self, n: int, kept: pl.DataFrame, before: Any) -> Ordered:
        """The ends of a fragment's values, and its rows out of order; a text that is no date is out of any order."""
        check = self.checks[n]
        texts = unread(check, kept.schema)
        dateless = kept.filter(pl.lit(value=False) if texts is None else texts)
        made = kept.select(order_of(check, kept.schema).to_physical().alias("value"), ROW)
        there = made["value"].is_not_null()
        values = made["value"].filter(there).to_numpy()
        if not len(values):
            return Ordered(None, None, dateless[ROW].to_numpy(), self._examples(n, dateless))
        largest = np.maximum.accumulate(values if before is None else np.concatenate([[before], values]))
        largest = np.concatenate([largest[:1], largest])[: len(values)] if before is None else largest[:-1]
        wrong = values <= largest if is_strict(check) else values < largest
        if before is None:
            wrong[0] = False
        frame = pl.concat([kept.filter(there).filter(pl.Series(wrong)), dateless]).sort(ROW)
        low, high = values.min().item(), values.max().item()
        return Ordered(low, high, frame[ROW].to_numpy(), self._examples(n, frame))

    def _examples(self, n: int, bad: pl.DataFrame) -> tuple[Example, ...]:
        """The first rows that break a check."""
        columns = [column for column in self.checks[n].reads if column in bad.columns]
        shown = [] if self._private & set(columns) else columns
        return tuple(
            Example(int(row[-1]), tuple((name, _short(value)) for name, value in zip(shown, row, strict=False)))
            for row in bad.head(EXAMPLES).select(*shown, ROW).iter_rows()
        )


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else "missing" if value is None else str(value)
    text = repr(text) if isinstance(value, str) else text
    return text if len(text) <= 60 else text[:57] + "…"


__all__ = ["REASON", "WHERE", "Broken", "Checker", "Decision", "Rows", "Violations", "among", "merge"]
