"""Tables: what goes in comes out, as of any snapshot; batches count once; columns grow and never change."""

from __future__ import annotations

import datetime
import gc
import sys
from datetime import UTC, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from lake_parts import BATCH_ROWS, append, between, content, create, places, rows
from storage import Remote

from rayline.core.errors import DataError, InputError, NotFoundError, StorageError
from rayline.lake import parquet
from rayline.lake.columns import TYPES, parse
from rayline.lake.lake import Lake
from rayline.lake.media import Incoming, append_files
from rayline.lake.place import Place
from rayline.lake.snapshot import EVERY
from rayline.lake.table import Table

EIGHT = pa.table(
    {
        "int64": pa.array([1, None, 2**60]),
        "float64": pa.array([0.5, None, float("inf")]),
        "bool": pa.array([True, None, False]),
        "string": pa.array(["a", None, "ß\n"]),
        "date32": pa.array([datetime.date(2020, 2, 29), None, datetime.date(1, 1, 1)]),
        "timestamp": pa.array([datetime.datetime(2020, 1, 1), None, datetime.datetime(1969, 1, 1)], pa.timestamp("us")),
        "moment": pa.array([datetime.datetime(2020, 1, 1, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
        "binary": pa.array([b"\0\xff", None, b""]),
        "list": pa.array([[1.5, None], None, []], pa.list_(pa.float64())),
    }
)


def filled(uri: str, table: pa.Table, **more: object) -> Table:
    made = Lake(uri).create("made", **more)  # type: ignore[arg-type]
    made.append(table.schema, [table])
    return made


def whole(table: Table) -> pa.Table:
    return pa.concat_tables(list(table.batches(table.latest())))


def test_every_type_comes_back_as_it_went_in(uri: str) -> None:
    assert {str(t) for t in EIGHT.schema.types} == {str(t) for t in TYPES.values()}
    assert whole(filled(uri, EIGHT)).equals(EIGHT)


def test_rows_come_by_partition_as_each_first_came_and_keep_their_order_there(uri: str) -> None:
    table = create(uri)
    append(uri, 0)
    append(uri, 1)
    found = [(row["city"], row["batch"], row["place"]) for row in content(table)]
    assert found == [("Bonn", b, p) for b in (0, 1) for p in (0, 2, 4)] + [
        ("Rome", b, p) for b in (0, 1) for p in (1, 3, 5)
    ]


@pytest.mark.parametrize("column", ["int64", "bool", "string", "date32"])
def test_partitions_of_each_type_and_of_missing_values(tmp_path: Path, column: str) -> None:
    table = filled(str(tmp_path), EIGHT, by=[column])
    assert len(table.latest().partitions) == 3
    assert sorted(map(str, whole(table).select(EIGHT.column_names).to_pylist())) == sorted(map(str, EIGHT.to_pylist()))


def test_partitions_by_two_columns_and_odd_names(tmp_path: Path) -> None:
    made = pa.table({"a b": ["x/y", "", "x/y", "__HIVE_DEFAULT_PARTITION__"], "k": [1, 1, 2, None], "v": [1, 2, 3, 4]})
    table = filled(str(tmp_path), made, by=["a b", "k"])
    assert whole(table).to_pylist() == made.to_pylist()
    only = table.pieces(table.latest(), {"a b": ["x/y"], "k": [2]})
    assert [table.read(table.latest(), piece).to_pylist() for piece in only] == [[{"a b": "x/y", "k": 2, "v": 3}]]


def test_partition_values_that_are_no_names_of_folders(uri: str) -> None:
    odd = ["..", ".", "a=b", "a\nb", "x\0y", " ", "%2F", "a?b#c", "a/../b", "~", "é" * 20, "\u202e"]
    made = pa.table({"k": odd, "v": list(range(len(odd)))})
    table = filled(uri, made, by=["k"])
    assert whole(table).sort_by("v").to_pylist() == made.to_pylist()
    long = pa.table({"k": ["x" * 300], "v": [0]})
    with pytest.raises(DataError, match="'k' has a value too long for the name of a folder"):
        table.append(long.schema, [long])
    assert table.latest().number == 1


def test_other_tools_read_the_files(tmp_path: Path) -> None:
    create(str(tmp_path))
    append(str(tmp_path), 0)
    found = pq.read_table(tmp_path / "raw" / "people" / "data", partitioning="hive")
    assert sorted(found.column("place").to_pylist()) == list(range(BATCH_ROWS))
    assert set(found.column("city").to_pylist()) == {"Bonn", "Rome"}


def test_a_batch_twice_counts_once(uri: str) -> None:
    create(uri)
    assert append(uri, 7).rows == BATCH_ROWS
    again = append(uri, 7)
    assert (again.snapshot, again.rows, again.repeated) == (1, 0, True)
    append(uri, 8)
    assert places(Lake(uri).open("people")) == {n: list(range(BATCH_ROWS)) for n in (7, 8)}
    assert len(Place(uri).tree("raw/people/data")) == 4


def test_without_a_batch_each_append_counts(tmp_path: Path) -> None:
    table = filled(str(tmp_path), rows(0))
    table.append(rows(0).schema, [rows(0)])
    assert table.latest().last.rows == 2 * BATCH_ROWS


def test_every_snapshot_stays_as_it_was_by_number_and_by_time(uri: str) -> None:
    table = create(uri)
    count = 5 if "://" in uri else 2 * EVERY + 3
    for batch in range(count):
        append(uri, batch)
    table = Lake(uri).open("people")
    history = table.latest().history
    assert [summary.number for summary in history] == list(range(count + 1))
    assert [summary.time for summary in history] == sorted({summary.time for summary in history})
    for summary in history[:: 1 if count < 10 else 13]:
        state = table.at(summary.number)
        moment = datetime.datetime.fromisoformat(summary.time)
        assert state == table.at(moment=moment) == table.at(moment=moment.replace(tzinfo=None))
        assert state.last == summary
        assert list(places(table, state)) == list(range(summary.number))
        if summary.number:
            assert table.at(moment=moment - timedelta(microseconds=1)).number == summary.number - 1
    with pytest.raises(InputError, match=f"has no snapshot {count + 1}; it has 0 to {count}"):
        table.at(count + 1)
    with pytest.raises(InputError, match="no snapshot as old as 2001"):
        table.at(moment=datetime.datetime(2001, 1, 1))


def test_time_never_goes_back_where_a_clock_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = create(str(tmp_path))
    monkeypatch.setattr("rayline.lake.log.now", lambda: "2001-01-01T00:00:00.000000Z")
    append(str(tmp_path), 0)
    first, second = table.latest().history
    assert second.time > first.time


def test_large_batches_become_row_groups_and_files_of_their_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", 8_000)
    monkeypatch.setattr(parquet, "FILE_BYTES", 32_000)
    monkeypatch.setattr(parquet, "HELD_BYTES", 32_000)
    made = pa.table({"n": pa.array(range(50_000), pa.int64())})
    table = Lake(str(tmp_path)).create("made")
    table.append(made.schema, (made.slice(n, 700) for n in range(0, 50_000, 700)))
    files = table.latest().files()
    assert len(files) == 13
    assert all(6_000 <= size <= 10_000 for file in files[:-1] for _, size in file.groups)
    assert whole(table).equals(made)
    pieces = table.pieces(table.latest())
    assert [piece.first_row for piece in pieces] == [sum(p.rows for p in pieces[:n]) for n in range(len(pieces))]


def test_many_partitions_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = pa.table({"k": [n % 300 for n in range(3_000)], "n": list(range(3_000))})
    table = filled(str(tmp_path), made, by=["k"])
    assert sorted(whole(table).column("n").to_pylist()) == list(range(3_000))
    monkeypatch.setattr(parquet, "MOST_PARTITIONS", 299)
    with pytest.raises(DataError, match="more than 299 combinations"):
        table.append(made.schema, [made])
    assert table.latest().last.rows == 3_000
    assert len(list((tmp_path / "raw" / "made" / "data").rglob("*.parquet"))) == 300


def test_a_new_column_is_null_before_and_a_missing_one_is_null_after(uri: str) -> None:
    table = create(uri)
    append(uri, 0)
    new = rows(1).append_column("rank", pa.array(range(BATCH_ROWS))).drop_columns(["share"])
    table.append(new.schema, [new])
    append(uri, 2)
    assert [column.name for column in table.latest().columns] == ["batch", "place", "city", "share", "rank"]
    for row in content(table):
        assert (row["rank"] is None) == (row["batch"] != 1)
        assert (row["share"] is None) == (row["batch"] == 1)
    assert table.at(1).columns == parse("batch:int64!, place:int64!, city:string, share:float64")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"place": pa.array(["x"] * 6)}, "column 'place' holds string where the table keeps int64"),
        ({"place": pa.array([0.5] * 6)}, "column 'place' holds float64 where the table keeps int64"),
        ({"place": pa.array([1, 2, None, 4, 5, None])}, "'place' has no value in row 3, the first of 2 here"),
        ({"place": None}, "lacks column 'place', which the table declares as never missing"),
        ({"share": pa.array([2**60 + 1] * 6)}, "whole numbers beyond 2\\^53"),
        ({"share": None, "shares": pa.array([1.0] * 6)}, "'shares' that the table does not have.* mean 'share'"),
        ({"deep": pa.array([{"a": 1}] * 6)}, "'deep' holds struct"),
    ],
)
def test_other_changes_of_columns_are_refused_and_leave_nothing(
    tmp_path: Path, change: dict[str, pa.Array | None], words: str
) -> None:
    table = create(str(tmp_path))
    made = rows(0)
    for name, values in change.items():
        made = made.drop_columns([name]) if name in made.column_names else made
        made = made if values is None else made.append_column(name, values)
    with pytest.raises(DataError, match=words):
        table.append(made.schema, [made], where="new.csv")
    assert table.latest().number == 0
    assert not list((tmp_path / "raw" / "people").rglob("*.parquet"))


def test_whole_numbers_dates_and_columns_without_values_fit_where_nothing_is_lost(tmp_path: Path) -> None:
    table = Lake(str(tmp_path)).create("made", columns=parse("x:float64, t:timestamp[us], n:int64, gone:int64"))
    made = pa.table(
        {
            "x": [1, 2],
            "t": [datetime.date(2020, 1, 1)] * 2,
            "n": pa.array([None, None], pa.string()),
            "gone": pa.nulls(2),
            "never": pa.nulls(2),
        }
    )
    table.append(made.schema, [made])
    row = {"x": 1.0, "t": datetime.datetime(2020, 1, 1), "n": None, "gone": None}
    assert content(table) == [row, {**row, "x": 2.0}]


def test_nan_is_missing(tmp_path: Path) -> None:
    table = filled(str(tmp_path), pa.table({"x": [1.0, float("nan")]}))
    assert whole(table).column("x").to_pylist() == [1.0, None]


def test_a_source_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    def half() -> object:
        yield rows(0, 100)
        raise DataError("the rest is gone")

    table = create(str(tmp_path))
    with pytest.raises(DataError, match="the rest is gone"):
        table.append(rows(0).schema, half())  # type: ignore[arg-type]
    assert table.latest().number == 0
    assert not list((tmp_path / "raw" / "people").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"zone": "curated"}, "declares its columns"),
        ({"columns": "a:int64", "by": ["b"]}, "'b' is not a column"),
        ({"columns": "a:int64, b:float64", "by": ["b"]}, "holds float64"),
        ({"columns": "a:int64", "by": ["a"]}, "takes every column"),
        ({"columns": "a:int64, a:string"}, "'a' more than once"),
        ({"columns": "a:int46"}, "Did you mean 'int64'"),
        ({"columns": "a"}, "is not NAME:TYPE"),
        ({"columns": "__row__:int64"}, "a name Rayline keeps"),
        ({"kind": "files", "columns": "image:string"}, "cannot have a column 'image'"),
    ],
)
def test_tables_that_cannot_be(tmp_path: Path, arguments: dict[str, object], words: str) -> None:
    def make() -> None:
        columns = {"columns": parse(str(arguments["columns"]))} if "columns" in arguments else {}
        Lake(str(tmp_path)).create("made", **{**arguments, **columns})  # type: ignore[arg-type]

    with pytest.raises(InputError, match=words):
        make()
    assert not Lake(str(tmp_path)).tables()


def test_names(uri: str) -> None:
    create(uri)
    with pytest.raises(InputError, match="'people' in the raw zone already"):
        Lake(uri).create("people", zone="curated", columns=parse("a:int64"))
    with pytest.raises(NotFoundError, match="no table 'poeple'. Did you mean 'people'"):
        Lake(uri).open("poeple")
    with pytest.raises(InputError, match="cannot name a table"):
        Lake(uri).open("../people")
    Lake(uri).create("a", zone="curated", columns=parse("a:int64"))
    assert [(entry.name, entry.zone) for entry in Lake(uri).tables()] == [("people", "raw"), ("a", "curated")]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    table = filled(str(tmp_path), pa.table({"x": list(range(50_000))}))
    (path,) = (tmp_path / "raw" / "made" / "data").glob("*.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"{path.name}, row groups 0-0, is damaged"):
        whole(table)
    path.unlink()
    with pytest.raises(DataError, match=rf"{path.name} is gone"):
        whole(table)
    snapshot = tmp_path / "raw" / "made" / "snapshots" / "0000000001.json"
    snapshot.write_bytes(snapshot.read_bytes()[:-9])
    with pytest.raises(StorageError, match=r"0000000001.json is damaged"):
        Lake(str(tmp_path)).open("made").latest()
    snapshot.write_text('{"format": 2}')
    with pytest.raises(StorageError, match="of format 2; this Rayline reads format 1"):
        Lake(str(tmp_path)).open("made").latest()


@pytest.mark.parametrize("batch", ["", "x" * 1001])
def test_ids_that_name_no_batch(tmp_path: Path, batch: str) -> None:
    table = create(str(tmp_path))
    with pytest.raises(InputError, match=rf"has 1 to 1000 characters, and this one {len(batch)}"):
        table.append(rows(0).schema, [rows(0)], batch=batch)
    assert table.latest().number == 0


def test_an_empty_batch_is_a_batch(tmp_path: Path) -> None:
    table = create(str(tmp_path))
    none = rows(0).slice(0, 0)
    assert [table.append(none.schema, [none], batch="x").rows, table.append(none.schema, [], batch="x").repeated] == [
        0,
        True,
    ]
    with pytest.raises(DataError, match=r"with other content \(0 rows, and here 6\)"):
        table.append(none.schema, [rows(0)], batch="x")
    assert (table.latest().last.rows, table.latest().last.files) == (0, 0)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="cannot write"):
        create(str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"only where none is, .* local folders, s3:// and gs://"):
        Lake("abfss://container@account.dfs.core.windows.net/lake")


def test_a_store_that_ignores_conditions_is_refused(remote: Remote) -> None:
    remote.store.ignores_conditions = True
    with pytest.raises(StorageError, match="overwrites all the same"):
        create(remote.uri)
    assert not Lake(remote.uri).tables()


def test_a_store_that_never_ends_a_conflict_is_told(s3_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was asked again for ever."""
    monkeypatch.setattr("rayline.lake.exclusive.CONFLICT_S", 0.2)
    objects = Place(s3_uri)._objects
    conflict = {"Error": {"Code": "ConditionalRequestConflict"}, "ResponseMetadata": {"HTTPStatusCode": 409}}

    def put(**_: object) -> None:
        raise ClientError(conflict, "PutObject")

    monkeypatch.setattr(objects._client, "put_object", put)  # type: ignore[attr-defined]
    with pytest.raises(StorageError, match="cannot write s3://lakes/a: .*ConditionalRequestConflict"):
        objects.create("lakes", "a", b"1")


def test_a_commit_whose_answer_was_lost_is_known_as_its_own(remote: Remote) -> None:
    create(remote.uri)
    remote.store.loses_answer_of = "0000000001.json"
    made = rows(0)
    assert not Lake(remote.uri).open("people").append(made.schema, [made]).repeated
    assert remote.store.loses_answer_of == ""
    table = Lake(remote.uri).open("people")
    assert table.latest().number == 1
    assert places(table) == {0: list(range(BATCH_ROWS))}


def test_messages_keep_the_keys_of_a_store(s3_uri: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        Lake(s3_uri).open("people")
    assert "secret" not in str(caught.value)


def test_a_batch_that_comes_again_with_other_content_is_told_and_changes_nothing(tmp_path: Path) -> None:
    uri = str(tmp_path)
    table = create(uri)
    append(uri, 7)
    turned = rows(7).take(list(reversed(range(BATCH_ROWS))))
    again = [turned.slice(n, 2) for n in range(0, BATCH_ROWS, 2)]  # other pieces, in another order
    assert table.append(turned.schema, again, batch="7").repeated
    more = rows(8).append_column("rank", pa.array(range(BATCH_ROWS)))
    table.append(more.schema, [more], batch="8")
    assert append(uri, 7).repeated  # a column that came since is no other content
    swapped = rows(7).set_column(2, "city", pa.array(["Rome", "Bonn"] * 3))
    said = "new.csv: batch '7' is in already, by snapshot 1, with other content \\(6 rows, and here {}\\). Nothing was"
    for other, count in ((swapped, 6), (rows(7, 5), 5), (pa.concat_tables([rows(7)] * 2), 12), (rows(9), 6)):
        with pytest.raises(DataError, match=said.format(count)):
            Lake(uri).open("people").append(other.schema, [other], batch="7", where="new.csv")
    assert table.latest().number == 2
    assert len(list(tmp_path.rglob("*.parquet"))) == 4


def test_the_content_of_a_batch_is_known_by_its_values_in_every_type(tmp_path: Path) -> None:
    table = Lake(str(tmp_path)).create("made")
    table.append(EIGHT.schema, [EIGHT], batch="x")
    assert table.append(EIGHT.schema, [EIGHT.slice(n, 1) for n in range(3)], batch="x").repeated
    for place, name in enumerate(EIGHT.column_names):
        values = EIGHT.column(name)
        other = EIGHT.set_column(place, name, values.take([1, 0, 2]))
        with pytest.raises(DataError, match="with other content"):
            table.append(other.schema, [other], batch="x")
    assert table.latest().last.rows == 3


def test_of_two_processes_with_one_batch_and_other_content_the_second_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = str(tmp_path)
    table = create(uri)
    between(monkeypatch, lambda: append(uri, 1, count=4))
    made = rows(1)
    with pytest.raises(DataError, match=r"with other content \(4 rows, and here 6\)"):
        table.append(made.schema, [made], batch="1")
    assert places(table) == {1: [0, 1, 2, 3]}
    assert len(list(tmp_path.rglob("*.parquet"))) == 2


def test_a_file_that_is_discarded_half_written_complains_of_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    table = create(str(tmp_path))
    writer = parquet.Writer(table.place, table.latest().columns, ())
    writer.write(rows(0))
    writer._flush(next(iter(writer._parts.values())), whole=True)
    writer.discard()
    assert not list(tmp_path.rglob("*.parquet"))
    del writer
    gc.collect()
    assert not said


def test_rows_without_a_column_of_the_table_are_refused(tmp_path: Path) -> None:
    table = create(str(tmp_path))
    other = pa.table({"town": ["Bonn"], "none": pa.nulls(1)})
    with pytest.raises(DataError) as caught:
        table.append(other.schema, [other], where="towns.csv")
    assert str(caught.value) == (
        "towns.csv has no column of the table's: it has town, none, and the table batch, place, city, share. Nothing "
        "was added. Name the file's columns as the table's are, append what belongs there, or make another table: "
        "rayline lake create NAME."
    )
    assert table.latest().number == 0


def test_an_append_tells_which_columns_are_new_and_which_are_absent(tmp_path: Path) -> None:
    table = Lake(str(tmp_path)).create("people")
    first = rows(0)
    assert table.append(first.schema, [first]).new_columns == ()
    other = first.drop_columns(["share", "place"]).append_column("age", pa.array([1] * BATCH_ROWS))
    done = table.append(other.schema, [other])
    assert (done.new_columns, done.absent_columns) == (("age",), ("place", "share"))
    done = table.append(other.schema, [other])
    assert (done.new_columns, done.absent_columns) == ((), ("place", "share"))


def test_a_curated_table_takes_no_column_that_it_does_not_declare(tmp_path: Path) -> None:
    table = Lake(str(tmp_path)).create(
        "people", zone="curated", columns=parse("id:integer!, returned:text, place:text")
    )
    given = pa.table({"id": [1], "returned": ["no"], "age": [3], "plaice": ["Bonn"]})
    with pytest.raises(DataError) as caught:
        table.append(given.schema, [given], where="orders.csv")
    assert str(caught.value) == (
        "orders.csv has 'age', 'plaice', and this curated table declares id, returned, place alone. "
        "Did you mean 'place'? Nothing was added. Leave out of the data what is not declared, or make a table that "
        "declares it: rayline lake create NAME --zone curated --like DATA (or --schema)."
    )
    assert table.latest().number == 0
    declared = given.select(["id", "returned"])
    assert table.append(declared.schema, [declared]).absent_columns == ("place",)
    unknown = declared.append_column("nothing", pa.nulls(1))  # of which no type is known, and nothing is kept
    assert table.append(unknown.schema, [unknown]).new_columns == ()
    assert whole(table).column_names == ["id", "returned", "place"]


def test_a_curated_table_of_files_declares_its_labels(tmp_path: Path) -> None:
    folder = tmp_path / "signs"
    (folder / "stop").mkdir(parents=True)
    (folder / "stop" / "1.png").write_bytes(b"1")
    rows = pa.table({"path": ["stop/1.png"], "label": ["stop"]})
    lake = Lake(str(tmp_path / "lake"))
    bare = lake.create("bare", zone="curated", kind="files")
    with pytest.raises(DataError, match="has 'label', and this curated table declares"):
        append_files(bare, Incoming(str(folder), rows))
    labelled = lake.create("labelled", zone="curated", kind="files", columns=parse("label:text"))
    assert append_files(labelled, Incoming(str(folder), rows)).rows == 1
