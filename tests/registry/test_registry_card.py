"""The model card: what it tells, and what it must not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from registry_parts import PRIVATE, Made

from rayline.core.columns import InputColumn, Task
from rayline.registry import card
from rayline.spec import load

SPEC = load({"name": "people", "data": {"source": "people.csv", "target": "y", "private": PRIVATE}})
GIVEN: dict[str, Any] = {
    "spec": SPEC,
    "metrics": {"roc_auc": (0.91234, 0.9, 0.92), "mse": (123456.0, None, None), "pr_auc": (None, None, None)},
    "rows": {"train": 7000, "test": 2000},
    "private": PRIVATE,
    "made": datetime(2026, 5, 1, tzinfo=UTC),
}


def test_card_tells_purpose_data_inputs_metrics_and_limits(made: Callable[..., Made]) -> None:
    text = card.render(signature=made().signature, importances={"age": 0.2, "work": 0.3}, **GIVEN)
    for wanted in (
        "# people\n", "whether `y` is `yes`", "probability from 0.4", "Source: `people.csv`", "| train | 7,000 |",
        "| `age` | number | anything, or missing |", "| `town` | category | private |", "`mlp`", "`adamw`",
        "| roc_auc | 0.9123 | 0.9000 to 0.9200 |", "| mse | 123,456.0 |  |", "| pr_auc | undefined |  |",
        "| `work` | 0.3000 |\n| `age` | 0.2000 |", "`salary`, `town`, `name`", "2026-05-01",
    ):  # fmt: skip
        assert wanted in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Data", "## Inputs", "## How it was made", "## How well it does", "## What it relies on", "## Limits",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("task", "wanted"), [(Task.MULTICLASS, "which of 3 classes"), (Task.REGRESSION, "(regression)")]
)
def test_card_knows_the_task(task: Task, wanted: str, made: Callable[..., Made]) -> None:
    assert wanted in card.render(signature=made(task).signature, **GIVEN)


def test_names_cannot_break_the_page(made: Callable[..., Made]) -> None:
    evil = InputColumn(
        name="a|b`<script>x</script>\n# c", type=made().signature.inputs[0].type, minimum=1, maximum=2, nullable=False
    )
    text = card.render(signature=made().signature.model_copy(update={"inputs": (evil,)}), **GIVEN)
    assert "<script>" not in text
    assert "| `a¦b'‹script>x‹/script> # c` | number | at least 1; at most 2; never missing |" in text


def test_card_shows_no_credentials(made: Callable[..., Made]) -> None:
    spec = load({"name": "people", "data": {"source": "s3://KEY:SECRET@bucket/people.csv", "target": "y"}})
    text = card.render(signature=made().signature, **{**GIVEN, "spec": spec})
    assert "Source: `s3://***@bucket/people.csv`" in text


def test_card_names_what_history_is_made_of_and_adds(made: Callable[..., Made]) -> None:
    inner = {"name": "csv", "path": "readings.csv", "decimal": ","}
    source = {
        "name": "history",
        "source": inner,
        "by": "machine",
        "time": "at",
        "lags": {"load": [1, 2]},
        "elapsed": True,
    }
    text = card.render(
        signature=made().signature, **{**GIVEN, "spec": load({"name": "m", "data": {"source": source, "target": "y"}})}
    )
    assert (
        "Source: `readings.csv`. `history` adds what came before each row, by `machine`, in the order of `at`: " in text
    )
    assert "`load_lag_1`, `load_lag_2`, `at_elapsed`. Split: `" in text


def test_card_names_the_table_of_a_database(made: Callable[..., Made]) -> None:
    source = {"name": "sql", "url": "mysql://me:${DB_PASSWORD}@host/shop", "table": "orders"}
    spec = load({"name": "m", "data": {"source": source, "target": "y"}})
    text = card.render(signature=made().signature, **{**GIVEN, "spec": spec})
    assert "Source: `mysql://me:${DB_PASSWORD}@host/shop`, table `orders`. Split: `" in text


def test_card_of_a_package_is_the_one_given(packaged: str) -> None:
    assert Path(packaged, "card.md").read_text() == "# people\n"
