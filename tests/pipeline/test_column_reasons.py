"""Why a column is what it is, in words a person can follow: also where the spec says so."""

from pathlib import Path

import polars as pl

from rayline.pipeline.collect import collect
from rayline.sources.scan import scan
from rayline.spec import load


def test_what_the_spec_says_of_a_column_is_told_in_words(tmp_path: Path) -> None:
    rows = pl.DataFrame({"visit": range(60), "customer": [n // 3 for n in range(60)]})
    rows = rows.with_columns(zip=pl.col("visit") % 7, spent=pl.col("visit") * 37 % 41, again=pl.col("visit") % 2)
    rows.write_csv(tmp_path / "visits.csv")
    data = {
        "source": str(tmp_path / "visits.csv"),
        "target": "again",
        "id": "visit",
        "split": {"name": "group", "by": "customer"},
        "features": {"zip": "category"},
    }
    found = collect(load({"name": "visits", "data": data}), scan)
    assert found.reasons == {
        "visit": ("id", "data.id names it"),
        "customer": ("id", "data.split goes by it"),
        "zip": ("category", "data.features says so"),
        "spent": ("number", "numbers"),
    }
    assert "customer: id, not learnt from (data.split goes by it)" in found.decisions
