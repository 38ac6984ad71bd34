"""What a package takes from the data it was trained on."""

from pathlib import Path

import polars as pl

from rayline.pipeline.collect import collect
from rayline.pipeline.publishing import watched
from rayline.sources.scan import scan
from rayline.spec import load


def test_corrected_columns_are_not_watched_for_drift_since_requests_are_counted_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    n = 200
    pl.DataFrame(
        {
            "kept": [float(i % 13) for i in range(n)],
            "stood_in": [-999.0 if i % 3 else float(i % 11) for i in range(n)],
            "town": [("Ulm", "?", "Bonn")[i % 3] for i in range(n)],
            "y": [i // 2 % 2 for i in range(n)],
        }
    ).write_parquet(path)
    prepare = {
        "clean": [
            {"name": "missing", "columns": ["stood_in"], "values": [-999]},
            {"name": "missing", "columns": ["town"], "values": ["?"]},
        ],
        "derive": {"twice": "kept * 2"},
    }
    collected = collect(load({"name": "w", "data": {"source": str(path), "target": "y"}, "prepare": prepare}), scan)
    assert {feature.name for feature in collected.features} == {"kept", "stood_in", "town", "twice"}
    assert [feature.name for feature in watched(collected)] == ["kept"]
