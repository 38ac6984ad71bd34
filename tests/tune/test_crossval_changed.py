"""Folds balance and augment what they learn from, and nothing else."""

from typing import Any

import polars as pl
import pytest
from test_crossval import SPEC, fold_data

from rayline.core.errors import SpecError
from rayline.spec import load
from rayline.tune import crossval
from rayline.tune.crossval import run_fold

CHANGED = SPEC | {"prepare": {"augment": ["number_noise", "mixup"], "balance": "smote"}}


def test_a_fold_learns_from_made_up_rows_and_is_judged_on_none(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = fold_data(load(CHANGED))
    seen: dict[str, Any] = {}

    def watched(network: Any, rows: Any, stopping: Any, settings: Any, **more: Any) -> Any:
        seen.update(rows=rows, stopping=stopping, **more)
        return fit(network, rows, stopping, settings, **more)

    fit = crossval.fit
    monkeypatch.setattr(crossval, "fit", watched)
    result = run_fold(data, load(CHANGED | {"train": SPEC["train"] | {"early_stopping": 2}}), 0, "roc_auc")
    made = seen["rows"].made
    assert (made.row < 0).all()
    assert len(seen["rows"]) == len(seen["rows"].rows) + len(made)
    counts = pl.Series(seen["rows"].targets()).value_counts()["count"].to_list()
    assert counts[0] == counts[1]
    assert (seen["stopping"].row >= 0).all()
    assert seen["augmentation"].mixes
    assert result.train_rows == len(seen["rows"].rows), "made-up rows are not counted as rows of the data"
    assert result.rows == int((data.divisions[0].part == 0).sum())
    assert result.value > 0.95


def test_held_out_rows_teach_nothing_to_made_up_ones() -> None:
    data, spec = fold_data(load(CHANGED))
    result = run_fold(data, spec, 1, "log_loss")
    judged = pl.Series(data.divisions[0].part == 1)
    spoilt = data.frame.with_columns(
        pl.when(judged).then(pl.col("mean radius") * 1000).otherwise(pl.col("mean radius")).alias("mean radius")
    )
    other = type(data)(data.target, data.features, spoilt, data.divisions)
    seen = [
        crossval.balanced(
            d.rows(prepared, ~judged.to_numpy(), training=True), spec.prepare.balance, prepared.layout, d.target, seed=0
        ).made
        for d in (data, other)
        for prepared in [crossval.preparation.fit(spec.prepare, d.features, d.without(1), d.target)]
    ]
    assert seen[0].inputs.numbers.tobytes() == seen[1].inputs.numbers.tobytes()
    assert run_fold(data, spec, 1, "log_loss").metrics == result.metrics


def test_what_does_not_fit_is_refused_before_training() -> None:
    data, spec = fold_data(load(SPEC | {"prepare": {"augment": "flip"}}))
    with pytest.raises(SpecError, match="flip changes images, and there is none"):
        run_fold(data, spec, 0, "roc_auc")
