"""The arithmetic both forms share, so that they agree bit for bit.

Everything is elementwise IEEE 754 in float64 and one cast at the end, so that the number of rows worked on at a time
changes nothing. Number columns lie in the rows of the working matrix: NumPy then runs along the data.

    n rows · F number columns · W columns of `Prepared.numbers` (numbers, indicators, one-hot) · C categories with ids
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rayline.core.errors import DataError
from rayline.core.prepared import FIRST_ID, MISSING_ID, UNKNOWN_ID
from rayline.prepare.fitted import digest
from rayline.prepare.number_value import FloatArray
from rayline.prepare.state import CategoryState, NumberState, State

LARGEST_INPUT = 1e100
LARGEST_OUTPUT = 1e15
"""Numbers are kept within these before and after scaling, so that no product here, and no square or sum of float32
in a network, overflows into inf and NaN."""

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]


class NumberTransform:
    """Fill, clip and scale of all number columns at once."""

    def __init__(self, states: Sequence[NumberState]) -> None:
        self.names = [s.name for s in states]
        self._fill_F1 = _column([math.nan if s.fill is None else s.fill for s in states])
        self._low_F1 = _column([max(s.clip.low, -LARGEST_INPUT) for s in states])
        self._high_F1 = _column([min(s.clip.high, LARGEST_INPUT) for s in states])
        self._offset_F1 = _column([s.affine.offset for s in states])
        self._factor_F1 = _column([s.affine.factor for s in states])
        self._may_lack_fill = bool(np.isnan(self._fill_F1).any())

    def __call__(self, x_FN: FloatArray) -> BoolArray:
        """Transform `x_FN` (NaN or infinite: missing) in place; returns where it was missing [F, n].

        Raises:
            DataError: a value is missing in a column without an imputer.
        """
        missing_FN = ~np.isfinite(x_FN)
        np.copyto(x_FN, self._fill_F1, where=missing_FN)
        if self._may_lack_fill:
            self._require_filled(x_FN)
        np.maximum(x_FN, self._low_F1, out=x_FN)
        np.minimum(x_FN, self._high_F1, out=x_FN)
        # an offset is never -0.0, so neither is a sum: whichever zero maximum() chose, the bits end up equal
        np.add(x_FN, self._offset_F1, out=x_FN)
        np.multiply(x_FN, self._factor_F1, out=x_FN)
        np.maximum(x_FN, -LARGEST_OUTPUT, out=x_FN)
        np.minimum(x_FN, LARGEST_OUTPUT, out=x_FN)
        return missing_FN

    def _require_filled(self, x_FN: FloatArray) -> None:
        lacking = np.isnan(x_FN).any(axis=1)
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
        ids = {value: FIRST_ID + n for n, value in enumerate(state.vocabulary.values)}
        self._key = state.vocabulary.key
        self._by_digest = ids if self._key else {}
        self.ids: dict[str, int] = {} if self._key else ids
        """Known text to id; empty for a private column, whose texts are not kept."""
        self.missing_id = MISSING_ID if state.fill is None else ids.get(state.fill, UNKNOWN_ID)
        known = len(state.vocabulary.values)
        places = np.full(FIRST_ID + known, -1, dtype=np.int32)
        places[FIRST_ID:] = np.arange(known)
        if state.vocabulary.missing:
            places[MISSING_ID] = known
        self.one_hot_places = places
        """Id to the place of its one-hot column, -1 for none."""

    def id_of(self, text: str | None) -> int:
        if text is None:
            return self.missing_id
        if self._key:
            return self._by_digest.get(digest(text, self._key), UNKNOWN_ID)
        return self.ids.get(text, UNKNOWN_ID)

    def one_hot(self, ids_N: IntArray, out_NK: npt.NDArray[np.float32]) -> None:
        """Set the columns of `out_NK` (zeros) that the ids stand for."""
        places = self.one_hot_places[ids_N]
        rows = np.flatnonzero(places >= 0)
        out_NK[rows, places[rows]] = 1.0


class Transform:
    """The state of a preparation, arranged for use."""

    def __init__(self, states: Sequence[State]) -> None:
        number_states = [s for s in states if isinstance(s, NumberState)]
        category_states = [s for s in states if isinstance(s, CategoryState)]
        self.numbers = NumberTransform(number_states)
        self.categories = [CategoryTransform(s) for s in category_states]
        self.with_ids = [n for n, s in enumerate(category_states) if not s.one_hot]
        """Which of the categories become ids, in their order."""
        width = len(number_states)
        self.number_indicators: list[tuple[int, int]] = []
        """(place among the numbers, column of the output)."""
        self.category_indicators: list[tuple[int, int]] = []
        self.one_hot: list[tuple[int, int, int]] = []
        """(place among the categories, first column of the output, one past the last)."""
        for state in (s for s in states if s.indicator):
            if isinstance(state, NumberState):
                self.number_indicators.append((number_states.index(state), width))
            else:
                self.category_indicators.append((category_states.index(state), width))
            width += 1
        for n, category in enumerate(category_states):
            if category.one_hot:
                end = width + len(category.one_hot_names)
                self.one_hot.append((n, width, end))
                width = end
        self.width = width

    def fill_numbers(
        self,
        out_NW: npt.NDArray[np.float32],
        x_FN: FloatArray,
        ids: Sequence[IntArray],
        missing: Sequence[BoolArray],
    ) -> None:
        """Transform `x_FN` in place and write every number column of `out_NW`.

        Args:
            out_NW: float32 [n, W], zeros.
            x_FN: float64 [F, n] as read.
            ids: for each category its ids [n].
            missing: for each category where it was missing [n]; read only where there is an indicator.

        Raises:
            DataError: a value is missing in a column without an imputer.
        """
        missing_FN = self.numbers(x_FN)
        out_NW[:, : len(x_FN)] = x_FN.T
        for place, column in self.number_indicators:
            out_NW[:, column] = missing_FN[place]
        for place, column in self.category_indicators:
            out_NW[:, column] = missing[place]
        for place, start, end in self.one_hot:
            self.categories[place].one_hot(ids[place], out_NW[:, start:end])


def _column(values: Sequence[float]) -> FloatArray:
    return np.array(values, dtype=np.float64).reshape(-1, 1)
