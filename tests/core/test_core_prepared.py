from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rayline.core.errors import StorageError
from rayline.core.prepared import Prepared, Rows, concat, from_table, read_shards, to_table, write_shard


def make_rows(n: int, numbers: int, categories: int, start: int = 0) -> Rows:
    rng = np.random.default_rng(n + start)
    return Rows(
        Prepared(
            rng.normal(size=(n, numbers)).astype(np.float32),
            rng.integers(0, 9, size=(n, categories)).astype(np.int32),
        ),
        rng.integers(0, 2, size=n).astype(np.float32),
        np.arange(start, start + n, dtype=np.int64),
    )


def assert_same(a: Rows, b: Rows) -> None:
    assert np.array_equal(a.inputs.numbers, b.inputs.numbers)
    assert np.array_equal(a.inputs.categories, b.inputs.categories)
    assert np.array_equal(a.target, b.target)
    assert np.array_equal(a.row, b.row)


@pytest.mark.parametrize(("numbers", "categories"), [(3, 2), (0, 2), (3, 0)])
@pytest.mark.parametrize("n", [1, 7])
def test_table_and_back(n: int, numbers: int, categories: int) -> None:
    rows = make_rows(n, numbers, categories)
    back = from_table(to_table(rows))
    assert_same(rows, back)
    assert back.inputs.numbers.dtype == np.float32
    assert back.inputs.categories.dtype == np.int32


def test_an_empty_shard_keeps_its_widths() -> None:
    back = from_table(to_table(make_rows(0, 3, 2)))
    assert back.inputs.numbers.shape == (0, 3)
    assert back.inputs.categories.shape == (0, 2)


def test_shards_come_back_in_name_order(tmp_path: Path) -> None:
    first, second = make_rows(5, 2, 1), make_rows(4, 2, 1, start=5)
    write_shard(str(tmp_path / "part-00001.arrow"), second)
    write_shard(str(tmp_path / "part-00000.arrow"), first)
    assert_same(read_shards(str(tmp_path)), concat([first, second]))


def test_no_shards_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="rayline run"):
        read_shards(str(tmp_path / "nothing"))
