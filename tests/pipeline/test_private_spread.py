"""What is made of a private column is as private: golden rows, requests, worst errors, accounts of preparation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from rayline.core.prepared import Prepared, Rows, read_shards
from rayline.models.network import Network
from rayline.pipeline import fitting, publishing
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.pipeline.events import Silent, Stages
from rayline.pipeline.judging import Judged, judge_model
from rayline.pipeline.training import Trained
from rayline.prepare.shards import write_shards
from rayline.registry import golden
from rayline.registry.predictor import read_signature
from rayline.report import page
from rayline.sources.scan import scan
from rayline.spec import load
from rayline.train.record import Fit

MADE = {"salary", "salary_lag_1", "ratio"}
"""A private column, what the source makes of it, what preparation makes of it."""


def salaries(folder: Path) -> str:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "shop": [n % 30 for n in range(600)],
            "day": [n // 30 for n in range(600)],
            "salary": rng.normal(50_000, 5_000, 600).round(2),
            "debt": rng.normal(100, 9, 600).round(1),
            "answer": rng.choice(["stays", "leaves"], 600),
        }
    )
    frame.write_parquet(folder / "salaries.parquet")
    return str(folder / "salaries.parquet")


@pytest.fixture
def learnt(tmp_path: Path) -> tuple[Collected, Trained, Judged]:
    source = {"name": "history", "source": salaries(tmp_path), "by": "shop", "time": "day", "lags": {"salary": 1}}
    data = {"source": source, "target": "answer", "private": ["salary"], "expect": {"ratio": {"min": 0}}}
    prepare = {"derive": {"ratio": "salary / debt"}}
    document = {"name": "x", "data": data, "prepare": prepare, "explain": {"importance_repeats": 0}}
    collected = collect(load(document), scan)
    fitted, target, shards = fitting.fit(collected, collected.features, print), collected.target, tmp_path / "shards"
    write_shards(collected.source, fitted, target, collected.assign, str(shards), columns=collected.assign.columns)
    network = cast(Network, cast(Any, collected.spec.model).build(fitted.layout, target, seed=1)).eval()
    empty = Rows(Prepared(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int32)), np.zeros(0), np.zeros(0))
    fit = Fit(history=[], best_epoch=0, state_dict={}, resumed_from=None, seconds=0.0)
    trained = Trained(fitted, network, fit, empty, read_shards(str(shards / "test")), workers=1)
    return collected, trained, judge_model(Stages(Silent()), collected, trained)


def test_golden_rows_and_requests_keep_them(learnt: tuple[Collected, Trained, Judged], tmp_path: Path) -> None:
    collected, trained, judged = learnt
    assert {feature.name for feature in collected.features} >= MADE
    publishing._write_package(str(tmp_path / "package"), collected, trained, judged)
    described = read_signature(str(tmp_path / "package"))
    assert MADE.isdisjoint(golden.read(str(tmp_path / "package"), described).rows.columns)
    assert {column.name for column in described.inputs if column.private} == {"salary", "salary_lag_1"}
    assert [(column.name, column.private) for column in described.cleaned] == [("ratio", True)]


def test_the_report_keeps_them(learnt: tuple[Collected, Trained, Judged]) -> None:
    collected, trained, judged = learnt
    assert MADE.isdisjoint(judged.worst.columns)
    shown = publishing._report(collected, trained, judged, None, Stages(Silent()), publishing._Registered(), "0" * 64)
    assert set(shown.private) >= MADE
    accounts = [account for account in shown.preparation if account["column"] in MADE]
    assert len(accounts) == 3
    assert not any(step["learnt"] for account in accounts for step in account["steps"])
    html = page.render(shown)
    values = judged.sample["salary"].head(200)
    assert not [value for value in values if str(value) in html or f"{value:,.2f}" in html]
