"""A preparation of very many columns is arranged in time that grows with their number, not with its square."""

import numpy as np
import pytest

from rayline.prepare.state import NumberState, State
from rayline.prepare.transform import Transform


def test_no_column_is_looked_for_among_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unsearched(tuple[str, ...]):
        __slots__ = ()

        def index(self, *_: object) -> int:
            raise AssertionError("every name is compared with every other")

    names = State.all_numbers
    monkeypatch.setattr(State, "all_numbers", property(lambda state: Unsearched(names.fget(state))))  # type: ignore[attr-defined]
    columns = tuple(NumberState(f"n{place}", fill=0.0, indicator=True) for place in range(3))
    transform = Transform(State(columns, kept=("n2", "n1=(missing)", "n0")))
    out_NW = np.empty((2, 3), np.float32)
    transform.fill_numbers(out_NW, np.array([[1.0, 2.0], [np.nan, 4.0], [5.0, 6.0]]), [], [])
    assert out_NW.tolist() == [[5.0, 1.0, 1.0], [6.0, 0.0, 2.0]]
