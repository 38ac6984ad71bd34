"""What `prepare.clean` and `prepare.derive` cost an endpoint, a request: `python tests/benchmarks/bench_recipe.py`.

Makes its own rows: two recipes over five columns, and none. Each request is another row, so that no number is met
twice; texts are met again as those of categories and days are (500 towns, 3,360 days), or, as `new`, never. Times are
of one thread's wall clock and of the whole process' CPU, the median over `--repeats` rounds of `--requests` requests.

    typical   three cleaners (missing, spelling, cast), two derived columns
    long      all that a row can reasonably need: seven cleaners, six derived columns
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import polars as pl

from rayline.core.columns import ROW, Feature, FeatureType
from rayline.prepare.preparation import Preparation, fit
from rayline.prepare.recipe import Recipe
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

RAW = pl.Schema(
    {"age": pl.Int64(), "income": pl.Float64(), "debt": pl.Float64(), "town": pl.String(), "since": pl.String()}
)
TYPICAL: dict[str, Any] = {
    "clean": [
        {"name": "missing", "columns": ["income", "debt"], "values": [-999]},
        {"name": "spelling", "columns": ["town"], "merge": {"New York": ["NYC", "n y city"], "Zürich": ["Zurich"]}},
        {"name": "cast", "columns": ["since"], "to": "date", "unparsable": "missing"},
    ],
    "derive": {"ratio": "debt / income", "burdened": "ratio > 0.4 and age >= 30"},
}
LONG: dict[str, Any] = {
    "clean": [
        *TYPICAL["clean"],
        {"name": "limits", "columns": ["age"], "min": 0, "max": 120},
        {"name": "flags", "columns": ["income", "town"]},
        {"name": "bins", "columns": ["age"], "edges": [18, 40, 65], "suffix": "_range"},
        {"name": "dates", "columns": ["since"], "parts": ["year", "month", "weekday"], "cyclic": True},
    ],
    "derive": {
        **TYPICAL["derive"],
        "net": "max(income - debt, 0)",
        "logged": "log1p(fill(net, 0))",
        "place": "cross(town, age_range)",
        "fresh": "if(since_year >= 2020, 1, 0)",
    },
}


def rows(n: int, seed: int = 0, *, new: bool = False) -> list[dict[str, Any]]:
    """Requests' records; with `new`, no text among them is met twice."""
    draw = random.Random(seed)
    if new:
        return [
            {**row, "town": f"Town {seed} {place}", "since": f"{row['since']} {draw.randrange(24):02}:{place % 60:02}"}
            for place, row in enumerate(rows(n, seed))
        ]
    return [
        {
            "age": draw.randrange(17, 90),
            "income": draw.choice([-999.0, None, *[round(draw.lognormvariate(10, 1), 2)] * 8]),
            "debt": round(draw.lognormvariate(9, 1), 2),
            "town": draw.choice(["NYC", "New York", "new-york", "Zurich", "Oslo", f"town {draw.randrange(500)}", None]),
            "since": f"{draw.randrange(2016, 2026)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}",
        }
        for _ in range(n)
    ]


def prepared(steps: dict[str, Any], records: list[dict[str, Any]]) -> Preparation:
    """A preparation behind the recipe of `steps`, learnt from `records`."""
    spec = Prepare.model_validate(steps)
    recipe = Recipe(spec, RAW)
    raw = pl.DataFrame(records, schema=RAW).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(ROW))
    clean = recipe.apply(raw)
    kinds = {n: FeatureType.NUMBER if kind.is_numeric() else FeatureType.CATEGORY for n, kind in recipe.schema.items()}
    features = [Feature(name, kind) for name, kind in kinds.items() if not recipe.schema[name].is_temporal()]
    preparation = fit(spec, features, profile_frame(clean, seed=0))
    return preparation.with_recipe(recipe if recipe.makes else None)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of CPU, threads included."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    learnt_from = rows(20_000)
    for name, steps in (("none", {}), ("typical", TYPICAL), ("long", LONG)):
        compiled = prepared(steps, learnt_from).compile()
        for record in learnt_from:
            compiled.columns({column: [value] for column, value in record.items()})
        for new in (False, True):
            spent = []
            for turn in range(options.repeats):
                records = rows(options.requests, seed=turn + 1, new=new)
                requests = [{column: [value] for column, value in record.items()} for record in records]
                spent.append(timed(lambda: [compiled.columns(request) for request in requests]))  # noqa: B023
            clock, cpu = (statistics.median(times) / options.requests * 1e3 for times in zip(*spent, strict=True))
            print(f"{name:8} {'new' if new else '   '} {clock:.3f} ms a request, {cpu:.3f} ms of CPU")


if __name__ == "__main__":
    main()
