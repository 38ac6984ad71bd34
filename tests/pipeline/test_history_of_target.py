"""History of the target: no training row holds a held-out row's target, and private columns stay so."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from rayline.core.errors import DataError, SpecError
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.pipeline.expect import expect
from rayline.pipeline.opening import open_source, private_columns
from rayline.prepare.leakage import LeakageError
from rayline.prepare.split._parts import TEST, VALIDATION
from rayline.sources.scan import scan
from rayline.spec import load

BY_TIME = {"name": "time", "by": "day"}
BY_SHOP = {"name": "group", "by": "shop"}
LAG = {"lags": {"sales": 1}}


def sales(folder: Path) -> Path:
    """30 shops by 60 days, in no order; no two sales are equal."""
    rng = np.random.default_rng(3)
    rows = 30 * 60
    frame = pl.DataFrame(
        {
            "shop": np.repeat(np.arange(30), 60),
            "day": np.tile(np.arange(60), 30),
            "price": rng.normal(10, 2, rows).round(2),
            "sales": rng.permutation(rows) + 0.5,
        }
    ).sample(fraction=1, shuffle=True, seed=1)
    late, odd = pl.col("day") >= 45, pl.col("shop") % 3 == 0
    frame = frame.with_columns(
        late=pl.when(late).then(pl.lit("test")).otherwise(pl.lit("train")),
        early=pl.when(late).then(pl.lit("train")).otherwise(pl.lit("test")),
        shops=pl.when(odd).then(pl.lit("test")).otherwise(pl.lit("train")),
    )
    frame.write_parquet(folder / "sales.parquet", row_group_size=200)
    return folder / "sales.parquet"


def document(
    folder: Path, split: Any, history: dict[str, Any] | None = None, data: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    source = {"name": "history", "source": str(sales(folder)), "by": "shop", "time": "day", **(history or LAG)}
    plain = {"source": source, "target": "sales", "split": split, **(data or {})}
    plain["features"] = {"late": "drop", "early": "drop", "shops": "drop", **plain.get("features", {})}
    return {"name": "shops", "data": plain, **more}


def look(*given: Any, folds: int = 1, **more: Any) -> Collected:
    return collect(load(document(*given, **more)), scan, folds=folds)


def told(found: Collected, fold: int | None = None) -> int:
    """Training rows whose history holds the target of a row they are judged by."""
    rows = pl.concat(scan(found.source, lambda frame, _: frame))
    parts = found.assign(rows)
    if fold is None:
        held, training = np.isin(parts, (TEST, VALIDATION)), parts >= 0
    else:
        assignment = found.assign.assignment
        held, training = (np.isin(parts, of(fold)) for of in (assignment.judged_parts, assignment.training_parts))
    assert held.any()
    assert training.any()
    return int(rows["sales_lag_1"].filter(pl.Series(training)).is_in(rows["sales"].filter(held).implode()).sum())


@pytest.mark.parametrize("split", ["hash", "random", "stratified", {"name": "time", "by": "price"}])
def test_a_split_that_mixes_times_is_refused(tmp_path: Path, split: Any) -> None:
    with pytest.raises(SpecError, match="'sales_lag_1' is made of earlier values of the target 'sales'") as error:
        look(tmp_path, split)
    assert "Set data.split: {name: time, by: day}, or {name: group, by: shop}" in str(error.value)
    assert "data.features.sales_lag_1: drop" in str(error.value)


def test_what_is_refused_would_leak(tmp_path: Path) -> None:
    assert told(look(tmp_path, "hash", prepare={"leakage": "ignore"})) > 100


@pytest.mark.parametrize("split", [BY_TIME, {**BY_TIME, "gap": 50}, BY_SHOP], ids=["time", "gap", "group"])
def test_the_clean_twin_passes(tmp_path: Path, split: Any) -> None:
    found = look(tmp_path, split, folds=3)
    assert "sales_lag_1" in [feature.name for feature in found.features]
    assert not [line for line in found.warnings if "leakage" in line]
    assert told(found) == 0
    assert [told(found, fold) for fold in range(3)] == [0, 0, 0]


def test_columns_that_are_not_learnt_from_are_no_leak(tmp_path: Path) -> None:
    look(tmp_path, "hash", None, {"features": {"sales_lag_1": "drop"}})
    look(tmp_path, "hash", {"lags": {"price": 1}, "windows": {"price": {"last": 3, "of": "mean"}}})
    with pytest.raises(SpecError, match="'twice' is made of earlier values"):
        look(
            tmp_path,
            "hash",
            None,
            {"features": {"sales_lag_1": "drop"}},
            prepare={"derive": {"twice": "sales_lag_1 * 2"}},
        )


def test_a_split_of_another_kind_is_proven_by_the_rows(tmp_path: Path) -> None:
    late = {"name": "predefined", "column": "late"}
    with pytest.raises(SpecError, match="have it proven by prepare.leakage: {time: day}"):
        look(tmp_path, late)
    by_time = {"prepare": {"leakage": {"time": "day"}}}
    assert told(look(tmp_path, late, **by_time)) == 0
    assert told(look(tmp_path, {**late, "column": "shops"}, prepare={"leakage": {"groups": "shop"}})) == 0
    with pytest.raises(LeakageError, match="training rows are later by 'day'"):
        look(tmp_path, {**late, "column": "early"}, **by_time)
    with pytest.raises(SpecError, match="leave tune.space out"):  # its folds would be divided by a hash
        look(tmp_path, late, **by_time, tune={"space": {"train.epochs": [1, 2]}})


def test_warn_says_so_and_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        look(tmp_path, "hash", prepare={"leakage": "warn"})
    assert "leakage (history): 'sales_lag_1' is made of earlier values of the target" in caplog.text


@pytest.mark.parametrize(
    ("history", "name"),
    [
        ({"windows": {"sales": {"last": 3, "of": "mean", "include_current": True}}}, "sales_mean_3"),
        ({"diffs": {"sales": 1}}, "sales_diff_1"),
        ({"by": "sales", "elapsed": True}, "day_elapsed"),
        ({"time": "sales", "windows": {"price": {"last": 3, "of": "mean"}}}, "price_mean_3"),
    ],
)
def test_what_holds_the_rows_own_target_is_refused_whatever_the_split(
    tmp_path: Path, history: dict[str, Any], name: str
) -> None:
    for leakage in ("stop", "ignore"):
        with pytest.raises(SpecError, match=f"{name!r} is made of the row's own 'sales', the target"):
            look(tmp_path, BY_TIME, history, prepare={"leakage": leakage})
    look(tmp_path, BY_TIME, history, {"features": {name: "drop"}})


def test_a_target_that_is_derived_has_the_history_of_its_columns(tmp_path: Path) -> None:
    derive = {"derive": {"busy": "sales > 900"}}
    data = {"target": "busy", "features": {"sales": "drop"}}
    with pytest.raises(SpecError, match="'sales_lag_1' is made of earlier values of the target 'busy'"):
        look(tmp_path, "hash", None, data, prepare=derive)
    assert look(tmp_path, BY_TIME, None, data, prepare=derive).target.name == "busy"


def test_history_over_history_of_the_target(tmp_path: Path) -> None:
    def over(split: Any, features: dict[str, str]) -> dict[str, Any]:
        spec = document(tmp_path, split, None, {"features": features})
        inner = spec["data"]["source"]
        outer = {
            "name": "history",
            "source": inner,
            "time": "day",
            "windows": {"sales_lag_1": {"last": 2, "of": "max"}},
        }
        return {**spec, "data": {**spec["data"], "source": outer}}

    dropped = {"sales_lag_1": "drop"}
    with pytest.raises(SpecError, match="'sales_lag_1_max_2' is made of earlier values"):
        open_source(load(over("hash", dropped)))
    with pytest.raises(SpecError, match="'sales_lag_1_max_2'"):  # over all shops: they do not tell its rows apart
        open_source(load(over(BY_SHOP, dropped)))
    open_source(load(over(BY_TIME, {})))


def test_history_of_a_private_column_is_private(tmp_path: Path) -> None:
    history = {"lags": {"price": 1}, "windows": {"price": {"last": 2, "of": "max"}}}
    more: dict[str, Any] = {"prepare": {"derive": {"dearer": "price_lag_1 * 2"}}}
    data = {"private": ["price"], "expect": {"price_max_2": {"max": 0.125}}}
    spec = load(document(tmp_path, "hash", history, data, **more))
    hidden = {"price", "price_lag_1", "price_max_2", "dearer"}
    source, _ = open_source(spec)
    assert set(private_columns(spec, source)) == hidden
    found = collect(spec, scan, opened=(source, source.schema()))
    assert set(found.spec.data.private) == set(found.training.private) == hidden
    with pytest.raises(DataError, match=r"price_max_2") as error:
        expect(spec, source, scan)
    values = [f"{value:g}" for value in scan(source, lambda frame, _: frame["price_max_2"])[0].drop_nulls()[:200]]
    assert not [value for value in values if value in str(error.value)]
