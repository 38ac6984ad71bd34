"""A table of the lake as a source: one snapshot from beginning to end, and keys that nothing moves."""

from __future__ import annotations

import datetime as dt
import pickle
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.lake import media
from rayline.lake.columns import parse
from rayline.lake.compact import compact
from rayline.lake.expire import expire
from rayline.lake.lake import Lake
from rayline.lake.table import Table
from rayline.sources._source import Source
from rayline.sources.lake import Config
from rayline.sources.scan import scan
from rayline.spec.sections import as_source


@pytest.fixture(autouse=True)
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RAYLINE_LAKE", str(tmp_path / "lake"))
    return str(tmp_path / "lake")


@pytest.fixture
def table() -> Table:
    made = Lake().create("sales", columns=parse("day:date32, city:string, n:int64, x:float64"), by=["day", "city"])
    for batch in range(3):
        add(made, batch)
    return made


def add(table: Table, batch: int) -> None:
    rows = pa.table(
        {
            "day": [dt.date(2024, 1, 1 + n % 2) for n in range(8)],
            "city": ["Bonn" if n < 4 else None for n in range(8)],
            "n": [batch * 8 + n for n in range(8)],
            "x": [None if n == 3 else n / 2 for n in range(8)],
        }
    )
    table.append(rows.schema, [rows])


def built(value: object) -> Source:
    return as_source(value).build()  # type: ignore[attr-defined, no-any-return]


def rows(source: Source) -> pl.DataFrame:
    return pl.concat([pl.from_arrow(source.read(f)) for f in source.fragments()])  # type: ignore[misc]


def test_the_newest_snapshot_is_chosen_once(table: Table) -> None:
    source = built("lake:sales")
    assert source.name == "lake:sales@3"
    packed = pickle.dumps(source)
    first = rows(source)
    add(table, 3)
    assert rows(source).equals(first)
    assert rows(pickle.loads(packed)).equals(first)
    assert rows(built("lake:sales@3")).equals(first)
    assert rows(built("lake:sales")).height == 32
    assert sorted(first["n"]) == list(range(24))
    assert pl.DataFrame(first.schema).columns == ["day", "city", "n", "x", ROW]


def test_keys_stay_when_rows_come_and_files_go(table: Table) -> None:
    def keys() -> dict[int, int]:
        return dict(rows(built("lake:sales")).select("n", ROW).iter_rows())

    before = keys()
    add(table, 3)
    compact(table)
    expire(table, 1)
    after = keys()
    assert {n: after[n] for n in before} == before
    assert len(set(after.values())) == 32
    frame = rows(built("lake:sales"))
    assert frame[ROW].is_sorted()
    assert frame.filter(pl.col("n") == 1)[ROW].item() == 1 << 40


def test_partitions_not_asked_for_are_not_opened(table: Table, lake: str) -> None:
    for path in Path(lake).rglob("city=Bonn/*.parquet"):
        path.write_bytes(b"broken")
    chosen = {"name": "lake", "table": "sales", "where": {"city": [None], "day": dt.date(2024, 1, 2)}}
    frame = rows(built(chosen))
    assert set(frame["day"]) == {dt.date(2024, 1, 2)}
    assert frame["n"].to_list() == [5, 7, 13, 15, 21, 23]
    assert frame.equals(rows(built({**chosen, "where": {"city": None, "day": "2024-01-02"}})))
    assert frame[ROW].to_list() == [(3 << 40) + n for n in range(6)]
    with pytest.raises(DataError, match="is damaged"):
        rows(built("lake:sales"))


def test_columns_not_asked_for_are_not_read(table: Table) -> None:
    source = built({"name": "lake", "table": "sales", "columns": ["x", "city"]})
    assert source.schema() == pa.schema([("x", pa.float64()), ("city", pa.string())])
    assert rows(source).columns == ["x", "city", ROW]
    assert source.read(source.fragments()[0], ["city"]).column_names == ["city", ROW]
    with pytest.raises(DataError, match="lake:sales@3 has no column 'cty'. Did you mean 'city'"):
        built({"name": "lake", "table": "sales", "columns": ["cty"]}).schema()


def test_as_of_a_time(table: Table) -> None:
    moment = table.at(1).last.time
    assert built({"name": "lake", "table": "sales", "at": moment}).name == "lake:sales@1"
    with pytest.raises(DataError, match="no snapshot as old as 2001"):
        built({"name": "lake", "table": "sales", "at": "2001-01-01"})


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ("lake:slaes", DataError, "no table 'slaes'. Did you mean 'sales'"),
        ("lake:sales@9", DataError, "has no snapshot 9; it has 0 to 3"),
        ("lake:sales@new", DataError, "names no snapshot. Write lake:NAME"),
        ({"name": "lake", "table": "sales", "where": {"n": 1}}, DataError, "not partitioned by 'n'.* by day, city"),
        ({"name": "lake", "table": "sales", "snapshot": 1, "at": "2024-01-01"}, DataError, "Give one of them"),
        ({"name": "lake", "tabel": "sales"}, SpecError, "Did you mean 'table'"),
    ],
)
def test_what_is_not_there(table: Table, value: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        built(value)


@pytest.mark.parametrize("value", ["lake:sales@0", {"name": "lake", "table": "sales", "where": {"city": "Rome"}}])
def test_no_rows(table: Table, value: object) -> None:
    with pytest.raises(DataError, match="has no rows. Append some"):
        built(value).fragments()


def test_files_come_with_their_content_and_labels(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for name in ("cat/1.png", "dog/2.png", "dog/3.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\x89PNG" + name.encode())
    table = Lake().create("pictures", kind="files")
    media.append_files(table, media.found_below(str(folder), "label"))
    source = built("lake:pictures")
    assert source.schema() == pa.schema([("path", pa.string()), ("label", pa.string()), ("image", pa.binary())])
    found = scan(source, lambda frame, _: frame.rows())
    assert [row for part in found for row in part] == [
        (name, name.split("/")[0], b"\x89PNG" + name.encode(), n)
        for n, name in enumerate(("cat/1.png", "dog/2.png", "dog/3.png"))
    ]
    assert pickle.loads(pickle.dumps(source)).read(source.fragments()[0], ["label"]).column_names == ["label", ROW]
    assert built({"name": "lake", "table": "pictures", "columns": ["sha256"]}).schema().names == ["sha256"]


def test_the_lake_is_where_the_config_or_the_environment_says(table: Table, lake: str) -> None:
    assert catalog.resolve("source", {"name": "lake", "table": "sales", "lake": lake}) == Config(
        table="sales", lake=lake
    )
    with pytest.raises(DataError, match="elsewhere has no table 'sales'. It is empty"):
        Config(table="sales", lake=lake + "/elsewhere").build()


def test_what_is_kept_of_a_source_is_its_snapshot(table: Table) -> None:
    first = Config(table="sales").build()
    add(table, 9)
    again = catalog.resolve("source", catalog.describe(first.kept)).build()  # type: ignore[attr-defined, arg-type]
    assert again.name == first.name
    assert scan(again, lambda frame, _: frame.height) == scan(first, lambda frame, _: frame.height)
    assert Config(table="sales").build().name != first.name
