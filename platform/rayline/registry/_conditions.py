"""Conditions over the columns of a request: the expressions of `data.expect`, computed as in training."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.category_text import category_text
from rayline.core.columns import Condition, ValueKind
from rayline.core.errors import SignatureError
from rayline.core.expressions import columns_of, compiled
from rayline.prepare.number_value import to_floats
from rayline.registry.signature import KIND_TYPES

Values = Sequence[Any] | npt.NDArray[Any]


class Conditions:
    """Conditions made ready. A condition that is missing for a row, as one of its values is, holds.

    One does not that reads as a date what is none, as in training.
    """

    def __init__(self, declared: Sequence[Condition]) -> None:
        """
        Args:
            declared: of a signature, those of columns as requests give them, or those of columns as preparation makes
                them: what is called by one name may hold one thing here and another there.
        """
        self._kinds: dict[str, ValueKind] = {}
        conditions = list(declared)
        for condition in conditions:
            self._kinds.update(condition.kinds)
        schema = pl.Schema({name: KIND_TYPES[kind] for name, kind in self._kinds.items()})
        self._texts = [condition.text for condition in conditions]
        self._made = [_holding(text, schema).alias(str(n)) for n, text in enumerate(self._texts)]
        self._hidden = {condition.text for condition in conditions if condition.private}

    def __bool__(self) -> bool:
        return bool(self._texts)

    def check(self, columns: Mapping[str, Values]) -> None:
        """Check columns of plain values of the right types.

        Raises:
            SignatureError: a condition does not hold; the first row is named.
        """
        self._check({name: _typed(columns[name], kind) for name, kind in self._kinds.items()}, None)

    def count(self, columns: Mapping[str, Values]) -> int:
        """How many rows break a condition, each counted once for each that it breaks."""
        held = pl.DataFrame({name: _typed(columns[name], kind) for name, kind in self._kinds.items()})
        return sum(int((~column).sum() or 0) for column in held.select(self._made))

    def check_frame(self, frame: pl.DataFrame, places: npt.NDArray[np.int64] | None) -> None:
        """Check a frame's rows; `places` [n] are their numbers in messages.

        Raises:
            SignatureError: as `check`.
        """
        typed = {
            name: pl.Series(to_floats(frame[name], private=bool(self._hidden)))
            if kind == "number"
            else _typed(frame[name].to_list(), kind)
            for name, kind in self._kinds.items()
        }
        self._check(typed, places)

    def _check(self, typed: Mapping[str, pl.Series], places: npt.NDArray[np.int64] | None) -> None:
        rows = pl.DataFrame(typed)
        held = rows.select(self._made)
        for n, text in enumerate(self._texts):
            holds = held[str(n)]
            if not holds.all():  # nulls aside
                self._refuse(text, rows, int((~holds).fill_null(value=False).arg_max() or 0), places)

    def _refuse(self, text: str, rows: pl.DataFrame, row: int, places: npt.NDArray[np.int64] | None) -> NoReturn:
        values = "" if text in self._hidden else f": {_shown(rows.select(columns_of(text)).row(row, named=True))}"
        place = row if places is None else int(places[row])
        raise SignatureError(
            f"row {place + 1}: {text!r} was declared, and it does not hold{values}.", reason="condition"
        )


def _holding(text: str, schema: pl.Schema) -> pl.Expr:
    made = compiled(text, schema)
    return pl.all_horizontal(made.expr, *(~one.rows.fill_null(value=False) for one in made.unread))


def _typed(values: Values, kind: ValueKind) -> pl.Series:
    """Values of one column as the column that an expression was made for; what cannot be of its kind is missing."""
    if isinstance(values, np.ndarray):
        if kind == "number" and values.dtype.kind in "iuf":
            return pl.Series(values.astype(np.float64))
        values = values.tolist()
    read = {"number": _number, "text": _text, "boolean": _boolean, "date": _date}[kind]
    return pl.Series([read(value) for value in values], dtype=KIND_TYPES[kind])


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str) else category_text(value)


def _boolean(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(category_text(value) or "")


def _date(value: Any) -> dt.datetime | None:
    if isinstance(value, dt.date):
        value = value.isoformat()
    try:
        moment = dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _shown(values: Mapping[str, Any]) -> str:
    texts = ((name, "null" if value is None else _plain(value)) for name, value in values.items())
    return ", ".join(f"{name} is {text if len(text) <= 60 else text[:57] + '…'}" for name, text in texts)


def _plain(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.15g}"
    return repr(value) if isinstance(value, str) else str(value)
