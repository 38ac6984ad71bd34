"""The arithmetic both forms share, so that they agree bit for bit.

Everything is elementwise IEEE 754 in float64 and one cast at the end, so that the number of rows worked on at a time
changes nothing. Number columns lie in the rows of the working matrix: NumPy then runs along the data.

    n rows · F number columns · A all number columns that come of the features (numbers, indicators, one-hot, encoded)
    W columns of `Prepared.numbers`: those that selection and reduction leave of the A · C categories with ids
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rayline.core.errors import DataError
from rayline.core.prepared import FIRST_ID, MISSING_ID, UNKNOWN_ID
from rayline.prepare.fitted import Hashed, digest, inner_fold
from rayline.prepare.impute._joint import Filler
from rayline.prepare.number_value import FloatArray
from rayline.prepare.reduce._reducer import Projection
from rayline.prepare.state import CategoryState, NumberState, State, TensorState, missing_name

LARGEST_INPUT = 1e100
LARGEST_OUTPUT = 1e15
"""Numbers are kept within these before and after scaling, so that no product here, and no square or sum of float32
in a network, overflows into inf and NaN."""

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]


class NumberTransform:
    """Limits, fill, curve and scale of all number columns at once: limits are for what was observed, not for fills."""

    def __init__(self, states: Sequence[NumberState], fillers: dict[str, Filler]) -> None:
        self.names = [s.name for s in states]
        fills = _column([math.nan if s.fill is None else s.fill for s in states])
        self._fill_F1 = np.clip(fills, -LARGEST_INPUT, LARGEST_INPUT)
        clips = [s.clip for s in states]
        self._low_F1 = _column([max(c.low, -LARGEST_INPUT) if c.action != "missing" else -LARGEST_INPUT for c in clips])
        self._high_F1 = _column([min(c.high, LARGEST_INPUT) if c.action != "missing" else LARGEST_INPUT for c in clips])
        self._offset_F1 = _column([s.affine.offset for s in states])
        self._factor_F1 = _column([s.affine.factor for s in states])
        self._limited = [(place, s.clip) for place, s in enumerate(states) if s.clip.action == "missing"]
        self._curved = [(place, s.curve) for place, s in enumerate(states) if s.curve is not None]
        self._joint = [
            (filler, np.array([place for place, s in enumerate(states) if s.joint == key], dtype=np.intp))
            for key, filler in fillers.items()
        ]
        self._may_lack_fill = any(not s.filled for s in states)

    def __call__(self, x_FN: FloatArray) -> BoolArray:
        """Transform `x_FN` (NaN or infinite: missing) in place; returns where it was missing [F, n].

        Raises:
            DataError: a value is missing in a column without an imputer.
        """
        for place, limits in self._limited:
            x_FN[place][(x_FN[place] < limits.low) | (x_FN[place] > limits.high)] = np.nan
        missing_FN = ~np.isfinite(x_FN)
        np.maximum(x_FN, self._low_F1, out=x_FN)
        np.minimum(x_FN, self._high_F1, out=x_FN)
        if self._joint:
            np.copyto(x_FN, np.nan, where=missing_FN)  # infinities among them have become limits
            self._fill_jointly(x_FN, missing_FN)
        np.copyto(x_FN, self._fill_F1, where=missing_FN if not self._joint else missing_FN & ~np.isfinite(x_FN))
        if self._may_lack_fill:
            self._require_filled(x_FN)
        for place, curve in self._curved:
            x_FN[place] = curve(x_FN[place])
        # an offset is never -0.0, so neither is a sum: whichever zero maximum() chose, the bits end up equal
        np.add(x_FN, self._offset_F1, out=x_FN)
        np.multiply(x_FN, self._factor_F1, out=x_FN)
        np.maximum(x_FN, -LARGEST_OUTPUT, out=x_FN)
        np.minimum(x_FN, LARGEST_OUTPUT, out=x_FN)
        return missing_FN

    def _fill_jointly(self, x_FN: FloatArray, missing_FN: BoolArray) -> None:
        lacking = np.flatnonzero(missing_FN.any(axis=0))
        if not len(lacking):
            return
        # a gathered copy lies in memory the same way for one row and for many
        seen_FL = np.where(missing_FN[:, lacking], np.nan, x_FN[:, lacking])
        for filler, places in self._joint:
            filled_FL = seen_FL.copy()
            filler(filled_FL)
            x_FN[np.ix_(places, lacking)] = np.clip(filled_FL[places], -LARGEST_INPUT, LARGEST_INPUT)

    def _require_filled(self, x_FN: FloatArray) -> None:
        lacking = ~np.isfinite(x_FN).all(axis=1)
        if lacking.any():
            name = self.names[int(np.argmax(lacking))]
            raise DataError(
                f"column {name!r} has missing values and no imputer. Give every row a number, "
                f"or train with prepare.columns.{name}.impute: median."
            )


class CategoryTransform:
    """Look-up of one category column's texts."""

    def __init__(self, state: CategoryState) -> None:
        self.name = state.name
        known = state.vocabulary
        self._hashed = known if isinstance(known, Hashed) else None
        values = () if isinstance(known, Hashed) else known.values
        ids = {value: FIRST_ID + n for n, value in enumerate(values)}
        self._key = "" if isinstance(known, Hashed) else known.key
        self._by_digest = ids if self._key else {}
        self.ids: dict[str, int] = {} if self._key else ids
        """Known text to id; empty for a private column, whose texts are not kept, and for buckets."""
        if isinstance(known, Hashed):
            self.missing_id = known.missing_id
        else:
            self.missing_id = MISSING_ID if state.fill is None else ids.get(state.fill, UNKNOWN_ID)
        self.width = len(state.number_names)
        """Number columns the category becomes; 0 where it becomes ids."""
        table_IK = np.zeros((known.size, self.width), dtype=np.float32)
        self._folds_OIK: npt.NDArray[np.float32] | None = None
        if known.form == "one_hot":
            table_IK[FIRST_ID:] = np.eye(known.size - FIRST_ID, self.width, dtype=np.float32)
            if not isinstance(known, Hashed) and known.missing:
                table_IK[MISSING_ID, -1] = 1.0
        elif not isinstance(known, Hashed) and known.numbers is not None:
            table_IK = np.array(known.numbers.table, dtype=np.float64).astype(np.float32)
            if known.numbers.folds:
                self._folds_OIK = np.array(known.numbers.folds, dtype=np.float64).astype(np.float32)
        self._table_IK = table_IK

    @property
    def needs_folds(self) -> bool:
        """Whether a training row's numbers depend on its inner fold."""
        return self._folds_OIK is not None

    def id_of(self, text: str | None) -> int:
        if text is None:
            return self.missing_id
        if self._hashed is not None:
            return self._hashed.id_of(text)
        if self._key:
            return self._by_digest.get(digest(text, self._key), UNKNOWN_ID)
        return self.ids.get(text, UNKNOWN_ID)

    def write(self, ids_N: IntArray, out_NK: npt.NDArray[np.float32], fold_N: npt.NDArray[np.int64] | None) -> None:
        """The number columns that the ids stand for; `fold_N`: inner folds of training rows."""
        if self._folds_OIK is not None and fold_N is not None:
            out_NK[:] = self._folds_OIK[fold_N, ids_N]
        else:
            out_NK[:] = self._table_IK[ids_N]


class Transform:
    """The state of a preparation, arranged for use."""

    def __init__(self, state: State) -> None:
        self.numbers = NumberTransform(state.numbers, state.fillers)
        self.categories = [CategoryTransform(s) for s in state.categories]
        self.tensors: list[TensorState] = state.tensors
        self.with_ids = [n for n, s in enumerate(state.categories) if s.has_ids]
        """Which of the categories become ids, in their order."""
        self.dropping = [(s.name, s.clip) for s in state.numbers if s.clip.action == "drop"]
        """Columns whose numbers beyond their limits leave a training row out."""
        self._seed = state.seed
        column_of = {name: place for place, name in enumerate(state.all_numbers)}
        column = len(state.numbers)
        self._number_indicators: list[tuple[int, int]] = []
        self.category_indicators: list[tuple[int, int]] = []
        """(place among the categories, column of all numbers)."""
        for place, number in enumerate(state.numbers):
            if number.indicator:
                self._number_indicators.append((place, column_of[missing_name(number.name)]))
                column += 1
        for place, category in enumerate(state.categories):
            if category.indicator:
                self.category_indicators.append((place, column_of[missing_name(category.name)]))
                column += 1
        self._encoded: list[tuple[int, int, int]] = []
        for place, look_up in enumerate(self.categories):
            if look_up.width:
                self._encoded.append((place, column, column + look_up.width))
                column += look_up.width
        self._width = column
        self.width = len(state.layout.numbers)
        self._kept = None if state.kept is None else [column_of[name] for name in state.kept]
        self._projection = state.projection
        self.plain = column == len(state.numbers) and self._kept is None and self._projection is None
        """Whether `Prepared.numbers` is the number features and nothing else."""

    @property
    def needs_folds(self) -> bool:
        """Whether training rows are prepared otherwise than rows to answer."""
        return any(category.needs_folds for category in self.categories)

    def folds_of(self, row_N: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Inner folds [n] of training rows by their ROW."""
        return inner_fold(row_N, self._seed)

    def fill_numbers(
        self,
        out_NW: npt.NDArray[np.float32],
        x_FN: FloatArray,
        ids: Sequence[IntArray],
        missing: Sequence[BoolArray],
        fold_N: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Transform `x_FN` in place and write every number column of `out_NW`.

        Args:
            out_NW: float32 [n, W].
            x_FN: float64 [F, n] as read.
            ids: for each category its ids [n].
            missing: for each category where it was missing [n]; read only where there is an indicator.
            fold_N: inner folds of training rows; `None` for rows to answer.

        Raises:
            DataError: a value is missing in a column without an imputer.
        """
        missing_FN = self.numbers(x_FN)
        if self.plain:
            out_NW[:] = x_FN.T
            return
        direct = self._kept is None and self._projection is None
        all_NA = out_NW if direct else np.empty((x_FN.shape[1], self._width), dtype=np.float32)
        all_NA[:, : len(x_FN)] = x_FN.T
        for place, column in self._number_indicators:
            all_NA[:, column] = missing_FN[place]
        for place, column in self.category_indicators:
            all_NA[:, column] = missing[place]
        for place, start, end in self._encoded:
            self.categories[place].write(ids[place], all_NA[:, start:end], fold_N)
        if direct:
            return
        kept_NA = all_NA if self._kept is None else all_NA[:, self._kept]
        out_NW[:] = kept_NA if self._projection is None else _project(kept_NA, self._projection)

    def tensor_inputs(self, values: Sequence[Any]) -> tuple[npt.NDArray[Any], ...]:
        """The arrays of every tensor column, given the n values of each."""
        return tuple(t.step(list(column), t.name) for t, column in zip(self.tensors, values, strict=True))


def _project(kept_NA: npt.NDArray[np.float32], projection: Projection) -> FloatArray:
    """Column by column in a fixed order: a matrix product may round otherwise for another number of rows."""
    out_KN = np.zeros((len(projection.components_KW), len(kept_NA)))
    for place in range(kept_NA.shape[1]):
        centred_N = kept_NA[:, place].astype(np.float64) - projection.mean_W[place]
        out_KN += projection.components_KW[:, place, None] * centred_N
    return out_KN.T


def _column(values: Sequence[float]) -> FloatArray:
    return np.array(values, dtype=np.float64).reshape(-1, 1)
