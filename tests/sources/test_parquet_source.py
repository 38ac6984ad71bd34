"""Parquet files: fragments of row groups, types, and one clear error for each thing that can be wrong."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.sources import parquet
from rayline.sources._source import Source
from rayline.sources.parquet import Config
from rayline.sources.scan import scan


def open_folder(folder: Path, **tables: pa.Table) -> Source:
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return Config(path=str(folder)).build()


def column(source: Source, name: str) -> list[object]:
    return [value for f in source.fragments() for value in source.read(f, [name]).column(name).to_pylist()]


def refused(source: Source) -> str:
    with pytest.raises(DataError) as caught:
        scan(source, lambda frame, _: frame.height)
    return str(caught.value)


def test_row_groups_are_read_together_up_to_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"n": list(range(100))}), tmp_path / "a.parquet", row_group_size=10)
    group = pq.read_metadata(tmp_path / "a.parquet").row_group(0)
    monkeypatch.setattr(parquet, "FRAGMENT_BYTES", 4 * max(group.total_byte_size, 10 * 8))
    source = Config(path=str(tmp_path / "a.parquet")).build()
    assert [fragment.parts for fragment in source.fragments()] == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9)]
    assert [fragment.label for fragment in source.fragments()][1] == "a.parquet row groups 4-7"
    assert column(source, "n") == list(range(100))
    rows = [row for fragment in source.fragments() for row in source.read(fragment).column(ROW).to_pylist()]
    assert rows == list(range(100))


def test_types_become_the_six(tmp_path: Path) -> None:
    source = open_folder(
        tmp_path,
        a=pa.table(
            {
                "small": pa.array([1, 2], pa.int8()),
                "huge": pa.array([2**63, 1], pa.uint64()),
                "half": pa.array([0.5, float("nan")], pa.float32()),
                "price": pa.array([decimal.Decimal("1.25"), None], pa.decimal128(5, 2)),
                "word": pa.array(["x", "y"]).dictionary_encode(),
                "long": pa.array(["x", "y"], pa.large_string()),
                "day": pa.array([dt.date(2024, 1, 1), None], pa.date64()),
                "when": pa.array([dt.datetime(2024, 1, 1, 1), None], pa.timestamp("ns")),
                "zoned": pa.array([dt.datetime(2024, 1, 1, 1), None], pa.timestamp("s", "Europe/Paris")),
                "clock": pa.array([dt.time(1, 2, 3), None], pa.time64("us")),
                "nothing": pa.nulls(2),
            }
        ),
    )
    kinds = dict(zip(source.schema().names, map(str, source.schema().types), strict=True))
    assert kinds == {
        "small": "int64", "huge": "double", "half": "double", "price": "double", "word": "string", "long": "string",
        "day": "date32[day]", "when": "timestamp[us]", "zoned": "timestamp[us, tz=UTC]", "clock": "string",
        "nothing": "string",
    }  # fmt: skip
    assert column(source, "half") == [0.5, None]
    assert column(source, "price") == [1.25, None]
    assert column(source, "huge") == [2.0**63, 1.0]
    assert column(source, "clock") == ["01:02:03.000000", None]


def test_files_that_differ_in_type_get_one_that_holds_both(tmp_path: Path) -> None:
    source = open_folder(
        tmp_path,
        a=pa.table({"n": [1, 2], "s": pa.nulls(2), "d": [dt.date(2024, 1, 1)] * 2, "m": [1, 2]}),
        b=pa.table({"m": ["x"], "d": [dt.datetime(2024, 1, 2)], "s": ["y"], "n": [0.5]}),
    )
    kinds = [pa.float64(), pa.string(), pa.timestamp("us"), pa.string()]
    assert source.schema().types == kinds
    assert column(source, "n") == [1.0, 2.0, 0.5]
    assert column(source, "m") == ["1", "2", "x"]


def test_empty_files_and_row_groups_are_passed_over(tmp_path: Path) -> None:
    source = open_folder(tmp_path, a=pa.table({"n": pa.array([], pa.int64())}), b=pa.table({"n": [1]}))
    assert [fragment.label for fragment in source.fragments()] == ["b.parquet"]
    assert source.read(source.fragments()[0]).column(ROW).to_pylist() == [1 << 40]


def test_columns_in_folder_names_are_columns(tmp_path: Path) -> None:
    for year, city in ((2023, "Paris"), (2024, "__HIVE_DEFAULT_PARTITION__")):
        (tmp_path / f"year={year}" / f"city={city}").mkdir(parents=True)
        pq.write_table(pa.table({"n": [year + 1]}), tmp_path / f"year={year}" / f"city={city}" / "part-0.parquet")
    source = Config(path=str(tmp_path)).build()
    assert source.schema() == pa.schema({"n": pa.int64(), "year": pa.int64(), "city": pa.string()})
    assert (column(source, "year"), column(source, "city")) == ([2023, 2024], ["Paris", None])
    assert source.read(source.fragments()[1], ["year", "n"]).to_pylist() == [{"year": 2024, "n": 2025, ROW: 1 << 40}]


def test_columns_of_other_types_can_be_left_out(tmp_path: Path) -> None:
    table = pa.table({"n": [1], "tags": [["a", "b"]]})
    assert "column 'tags' holds list<" in refused(open_folder(tmp_path, a=table))
    source = Config(path=str(tmp_path), columns=("n",)).build()
    assert source.schema().names == ["n"]


def test_a_column_asked_for_that_is_not_there(tmp_path: Path) -> None:
    pq.write_table(pa.table({"age": [1]}), tmp_path / "a.parquet")
    assert "no column 'aeg'. Did you mean 'age'?" in refused(Config(path=str(tmp_path), columns=("aeg",)).build())


def test_files_with_other_columns(tmp_path: Path) -> None:
    message = refused(open_folder(tmp_path, a=pa.table({"x": [1], "y": [1]}), b=pa.table({"x": [1], "z": [1]})))
    assert message.startswith("b.parquet does not have the columns of a.parquet: it lacks 'y' and adds 'z'.")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"n": pa.array([], pa.int64())}), "has no rows"),
        (pa.table([pa.array([1]), pa.array([2])], names=["n", "n"]), "more than one column called 'n'"),
        (pa.table({ROW: [1]}), "a name Rayline keeps"),
    ],
)
def test_unusable_files(tmp_path: Path, table: pa.Table, message: str) -> None:
    assert message in refused(open_folder(tmp_path, a=table))


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": list(range(1000))}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole[: len(whole) // 2])
    assert "a.parquet cannot be read as Parquet" in refused(Config(path=str(tmp_path)).build())


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"")
    assert "a.parquet cannot be read as Parquet" in refused(Config(path=str(tmp_path)).build())


def test_bytes_changed_within_a_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": list(range(1000))}), tmp_path / "a.parquet", compression="zstd", use_dictionary=False)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[100:400] = bytes(300)
    (tmp_path / "a.parquet").write_bytes(data)
    message = refused(Config(path=str(tmp_path)).build())
    assert message.startswith("a.parquet: row group 0 (rows 1 to 1000), column 'n' cannot be read as Parquet: ZSTD")


def test_a_file_whose_column_has_no_value_says_nothing_of_its_type(tmp_path: Path) -> None:
    """It made text of the numbers in all other files."""
    source = open_folder(
        tmp_path,
        a=pa.table({"n": pa.nulls(1), "t": pa.nulls(1)}),
        b=pa.table({"n": [1.5], "t": pa.nulls(1)}),
        c=pa.table({"n": pa.nulls(1), "t": pa.nulls(1)}),
    )
    assert source.schema().types == [pa.float64(), pa.string()]
    assert (column(source, "n"), column(source, "t")) == ([None, 1.5, None], [None, None, None])


def test_a_folder_of_no_value_says_nothing_of_its_columns_type(tmp_path: Path) -> None:
    for year in ("2023", "__HIVE_DEFAULT_PARTITION__"):
        (tmp_path / f"year={year}").mkdir()
        pq.write_table(pa.table({"v": [1]}), tmp_path / f"year={year}" / "a.parquet")
    source = Config(path=str(tmp_path)).build()
    assert source.schema().field("year").type == pa.int64()
    assert column(source, "year") == [2023, None]


@pytest.mark.parametrize("other", [pa.array(["x"]), pa.array([[1.0]]), pa.array([1])])
def test_values_that_no_type_holds_together_are_refused_by_both(tmp_path: Path, other: pa.Array) -> None:
    message = refused(open_folder(tmp_path, a=pa.table({"v": [b"x"]}), b=pa.table({"v": other})))
    assert message.startswith("b.parquet: column 'v' holds ")
    assert message.endswith(
        "and in files before it binary. Write them with one type, or leave the column out: "
        "data.source: {…, columns: […]}."
    )
