from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.seeds import derive, hash_keys, uniform


def test_hashes_never_change() -> None:
    """Splits made by an older Rayline must be found again: these values are for ever."""
    assert derive(0, "split") == 1947725093899964015
    assert hash_keys(pl.Series([0, 1, 2**40, -1]), 7).tolist() == [
        5613541913398801626,
        10598851426485137062,
        8980040013839620693,
        10378928132064415605,
    ]
    assert hash_keys(pl.Series(["a", "b"]), 3).tolist() == [13150623962907894251, 8193511008671514881]


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Int64, pl.Int128, pl.UInt8, pl.UInt64])
def test_an_integer_hashes_alike_in_any_type(dtype: Any) -> None:
    small = [0, 1, 100]
    assert hash_keys(pl.Series(small, dtype=dtype), 7).tolist() == hash_keys(pl.Series(small), 7).tolist()
    if dtype.is_signed_integer():
        below = [-1, -100]
        assert hash_keys(pl.Series(below, dtype=dtype), 7).tolist() == hash_keys(pl.Series(below), 7).tolist()


def test_ids_beyond_the_signed_range_are_hashed_each_on_its_own() -> None:
    ids = [5, 2**63 - 1, 2**63, 2**64 - 1]
    wide = hash_keys(pl.Series(ids, dtype=pl.UInt64), 7)
    assert len(set(wide.tolist())) == 4
    assert wide[:2].tolist() == hash_keys(pl.Series(ids[:2], dtype=pl.Int64), 7).tolist()
    assert wide.tolist() == hash_keys(pl.Series(ids, dtype=pl.Int128), 7).tolist()
    assert len(hash_keys(pl.Series([2**100], dtype=pl.Int128), 7)) == 1


def test_the_same_key_hashes_alike_in_any_company() -> None:
    whole = hash_keys(pl.Series(["a", "b", "c", "b"]), 3)
    alone = hash_keys(pl.Series(["b"]), 3)
    assert whole[1] == whole[3] == alone[0]
    assert len(set(whole.tolist())) == 3


def test_hashes_are_uniform_and_seeds_independent() -> None:
    u, v = (uniform(hash_keys(pl.Series(range(200_000)), seed)) for seed in (1, 2))
    counts, _ = np.histogram(u, bins=20, range=(0, 1))
    expected = len(u) / 20
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < 43.8  # 0.1% point of chi-square with 19 degrees of freedom
    assert abs(float(np.corrcoef(u, v)[0, 1])) < 0.01
    assert u.min() >= 0
    assert u.max() < 1
