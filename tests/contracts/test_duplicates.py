"""What every rule of duplicates must do, run on every rule found."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from pydantic import ValidationError

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import SpecError
from rayline.prepare.duplicates._duplicates import Duplicates, DuplicatesConfig

RULES = catalog.names("duplicates")
OPTIONS: dict[str, dict[str, Any]] = {
    "exact": {"columns": ["x", "kind"]},
    "minhash": {"column": "text"},
    "phash": {"column": "image"},
}
pytestmark = pytest.mark.parametrize("name", RULES)


def image(seed: int) -> bytes:
    cells = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    handle = io.BytesIO()
    Image.fromarray(cells).resize((48, 48), Image.Resampling.BICUBIC).save(handle, "PNG")
    return handle.getvalue()


def rows(kinds: list[int]) -> pl.DataFrame:
    """A row for each of `kinds`; rows of one kind are equal in every column but ROW and id."""
    words = [f"w{n}" for n in range(400)]
    texts = {kind: " ".join(np.random.default_rng(kind).choice(words, 30)) for kind in set(kinds)}
    return pl.DataFrame(
        {
            ROW: np.arange(len(kinds)),
            "id": np.arange(len(kinds)) * 7,
            "x": [kind / 2 for kind in kinds],
            "kind": [str(kind) for kind in kinds],
            "text": [texts[kind] for kind in kinds],
            "image": [image(kind) for kind in kinds],
        }
    )


KINDS = [3, 1, 3, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
AGAIN = [2, 4, 9, 10, 11]


def build(name: str) -> Duplicates:
    found = catalog.config_class("duplicates", name)(**OPTIONS[name]).build()  # type: ignore[attr-defined]
    assert isinstance(found, Duplicates)
    return found


def test_every_rule_has_a_case_here(name: str) -> None:
    assert name in OPTIONS


def test_the_first_by_position_stays(name: str) -> None:
    rule = build(name)
    found = rule.find([rule.index(rows(KINDS))])
    assert found.dtype == np.int64
    assert found.tolist() == AGAIN


def test_order_and_fragments_change_nothing(name: str) -> None:
    rule, data = build(name), rows(KINDS)
    pieces = [data[at : at + 4].reverse() for at in range(0, len(KINDS), 4)]
    assert rule.find([rule.index(piece) for piece in reversed(pieces)]).tolist() == AGAIN


def test_rows_that_are_out_already_hide_nobody(name: str) -> None:
    rule, data = build(name), rows(KINDS)
    # the first 3 and 5 are out: the second ones are the first now
    assert rule.find([rule.index(data)], dropped=np.array([0, 5])).tolist() == [4, 10, 11]


def test_no_rows_and_no_repetitions(name: str) -> None:
    rule, data = build(name), rows([1, 2, 3])
    assert rule.find([rule.index(data)]).tolist() == []
    assert rule.find([rule.index(data.clear())]).tolist() == []
    assert rule.find([rule.index(data)], dropped=np.arange(3)).tolist() == []


def test_missing_values_fail_nobody(name: str) -> None:
    rule = build(name)
    data = rows(KINDS).with_columns(
        pl.when(pl.col(ROW) == 2).then(None).otherwise(pl.col(c)).alias(c) for c in ("x", "kind", "text", "image")
    )
    assert rule.find([rule.index(data)]).tolist() == AGAIN[1:]


def test_the_columns_it_names_are_enough(name: str) -> None:
    rule, data = build(name), rows(KINDS)
    assert rule.columns is not None
    assert rule.index(data.select(*rule.columns, ROW)).equals(rule.index(data))
    config = catalog.config_class("duplicates", name)(**OPTIONS[name])
    assert isinstance(config, DuplicatesConfig)
    assert config.reads == rule.columns


def test_the_same_in_another_process(name: str) -> None:
    rule, data = build(name), rows(KINDS)
    assert pickle.loads(pickle.dumps(rule)).index(data).equals(rule.index(data))


def test_a_column_that_is_not_there_is_answered_with_the_nearest(name: str) -> None:
    rule, column = build(name), next(iter(OPTIONS[name].values()))
    column = column[0] if isinstance(column, list) else column
    with pytest.raises(SpecError, match=f"{name} compares '{column}', which is not a column. Did you mean '{column}s'"):
        rule.index(rows(KINDS).rename({column: f"{column}s"}))


def test_an_option_it_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="nonsense"):
        catalog.config_class("duplicates", name)(**OPTIONS[name], nonsense=1)
