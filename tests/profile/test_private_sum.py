"""Whether a value of a private column changed, told by a sum of hashes; `--resume` compares it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest

from rayline.core.columns import ROW
from rayline.pipeline.collected import Collected
from rayline.profile.parts import merge_parts, profile_parts
from rayline.profile.profile import Profile, merge, profile_frame

COLUMNS: dict[str, list[Any]] = {
    "age": [20, 30, 40, 50, 60, 70],
    "name": ["ann", "bob", None, "cy", "di", "ed"],
    "weight": [60.5, None, 70.0, 80.0, 90.0, 90.0],
    "trace": [[1.0], [2.0, 3.0], None, [], [4.0], [5.0]],
    "photo": [b"a", b"b", b"c", None, b"d", b"e"],
}
PRIVATE = ("name", "weight", "trace", "photo")
FRAME = pl.DataFrame({**COLUMNS, ROW: range(6)})


def profiled(frame: pl.DataFrame) -> Profile:
    return profile_frame(frame, seed=1, private=PRIVATE)


def digest(profile: Profile) -> str:
    return str(Collected.digest.func(SimpleNamespace(profiles={0: profile})))


@pytest.mark.parametrize(
    ("column", "value"), [("name", "bobby"), ("weight", 61.0), ("trace", [2.0, 3.5]), ("photo", b"z")]
)
def test_a_changed_private_value_changes_the_digest_and_nothing_that_is_shown(column: str, value: Any) -> None:
    changed = FRAME.with_columns(pl.Series(column, [COLUMNS[column][0], value, *COLUMNS[column][2:]]))
    if column == "weight":  # missing before
        changed = changed.with_columns(pl.Series("weight", [61.0, *COLUMNS["weight"][1:]]))
    before, after = profiled(FRAME), profiled(changed)
    assert orjson.dumps(before.to_json(), option=orjson.OPT_SERIALIZE_NUMPY) == orjson.dumps(
        after.to_json(), option=orjson.OPT_SERIALIZE_NUMPY
    )
    assert digest(before) != digest(after)
    assert digest(before) == digest(profiled(FRAME.clone()))


def test_values_that_change_places_are_noticed() -> None:
    swapped = FRAME.with_columns(pl.Series("name", ["bob", "ann", *COLUMNS["name"][2:]]))
    assert digest(profiled(swapped)) != digest(profiled(FRAME))


def test_the_sum_is_the_same_for_any_order_and_tree_of_merging() -> None:
    whole = profiled(FRAME)
    pieces = [profiled(FRAME[at : at + 2]) for at in (0, 2, 4)]
    one = merge([merge(pieces[:2]), pieces[2]])
    other = merge([pieces[2], merge([pieces[1], pieces[0]])])
    assert whole.private_sum == one.private_sum == other.private_sum == profiled(FRAME[::-1]).private_sum
    parts = profile_parts(FRAME, np.array([0, 1, 0, 1, 0, 1], np.int8), seed=1, private=PRIVATE)
    merged = merge_parts([parts, profile_parts(FRAME[:0], np.zeros(0, np.int8), seed=1, private=PRIVATE)])
    assert sum(part.private_sum for part in merged.values()) % 2**64 == whole.private_sum


def test_texts_kept_once_each_count_as_those_written_out() -> None:
    assert profiled(FRAME.with_columns(pl.col("name").cast(pl.Categorical))).private_sum == profiled(FRAME).private_sum


def test_it_is_not_saved_and_not_taken_where_nothing_is_private(tmp_path: Path) -> None:
    assert profile_frame(FRAME, seed=1).private_sum == 0
    plain = FRAME.drop("trace", "photo")
    made = profile_frame(plain, seed=1, private=("name",))
    made.save(str(tmp_path / "profile"))
    assert made.private_sum != 0
    assert Profile.load(str(tmp_path / "profile")).private_sum == 0
    assert not [
        p for p in (tmp_path / "profile").rglob("*") if p.is_file() and str(made.private_sum) in p.read_text("latin1")
    ]
