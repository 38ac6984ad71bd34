"""CSV files: types, options, and one clear error for each thing that can be wrong."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.sources import _csv, _csv_text, _guessed
from rayline.sources import csv as csv_source
from rayline.sources._csv_blocks import Blocks
from rayline.sources._csv_text import Dialect
from rayline.sources._source import Fragment, RefusedError, Source
from rayline.sources.csv import Config
from rayline.sources.scan import scan


def open_text(folder: Path, text: str | bytes, **options: object) -> Source:
    path = folder / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Config(path=str(path), **options).build()  # type: ignore[arg-type]


def column(source: Source, name: str) -> list[object]:
    return [value for f in source.fragments() for value in source.read(f, [name]).column(name).to_pylist()]


def refused(source: Source) -> str:
    with pytest.raises(DataError) as caught:
        scan(source, lambda frame, _: frame.height)
    return str(caught.value)


def test_types_follow_the_values(tmp_path: Path) -> None:
    source = open_text(tmp_path, "i,f,s,b,d,t\n1,1.5,x,true,2024-01-02,2024-01-02 03:04:05\n2,2,,false,,\n")
    kinds = [pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32(), pa.timestamp("us")]
    assert source.schema().types == kinds
    assert column(source, "t") == [dt.datetime(2024, 1, 2, 3, 4, 5), None]


def test_texts_for_missing_values_are_missing_in_any_column(tmp_path: Path) -> None:
    source = open_text(tmp_path, 'n,s\n1,NA\nNULL,x\nNaN,null\nN/A,""\nnan,nan\n')
    assert column(source, "n") == [1, None, None, None, None]
    assert column(source, "s") == [None, "x", None, None, None]


def test_missing_texts_can_be_chosen(tmp_path: Path) -> None:
    source = open_text(tmp_path, "n,s\n1,NA\n?,x\n", missing=["?"])
    assert (column(source, "n"), column(source, "s")) == ([1, None], ["NA", "x"])


def test_a_column_without_any_value_is_text(tmp_path: Path) -> None:
    source = open_text(tmp_path, "a,b\n1,\n2,NA\n")
    assert source.schema().field("b").type == pa.string()
    assert column(source, "b") == [None, None]


def test_values_may_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    source = open_text(tmp_path, 'a,b\n"x, y",1\n"he said ""no""\nand left",2\n')
    assert column(source, "a") == ["x, y", 'he said "no"\nand left']


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_read_off_the_header(tmp_path: Path, delimiter: str) -> None:
    source = open_text(tmp_path, delimiter.join("abc") + "\n" + delimiter.join("123") + "\n")
    assert source.schema().names == ["a", "b", "c"]


def test_delimiters_within_quotes_do_not_count(tmp_path: Path) -> None:
    assert open_text(tmp_path, '"a,b";"c,d,e"\n1;2\n').schema().names == ["a,b", "c,d,e"]


@pytest.mark.parametrize("header", ['"long\nname";b;c', 'a;"long\nname";c', '"a,\nb,c,d";"e";f'])
def test_the_delimiter_is_that_of_a_header_of_several_lines(tmp_path: Path, header: str) -> None:
    assert len(open_text(tmp_path, f"{header}\n1;2;3\n").schema().names) == 3


def test_lines_may_end_with_a_carriage_return_alone(tmp_path: Path) -> None:
    source = open_text(tmp_path, 'a,b\r1,x\r2,"y\rz"\r')
    assert (column(source, "a"), column(source, "b")) == ([1, 2], ["x", "y\rz"])


@pytest.mark.parametrize("encoding", ["utf8", "latin-1", "utf-16"])
def test_a_line_break_within_quotes_is_whole_wherever_a_block_ends(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrow dropped the line feed where the block before it ended with the carriage return."""
    values = ["a\r\nb", "a\r\r\nb", "a\rb", "é\r\n"]
    text = "n,q,z\r\n" + "".join(f'{n},"{values[n % 4]}",x\r\n' for n in range(40))
    monkeypatch.setattr(_csv, "COLUMN_BYTES", 1)
    for block_bytes in range(40, 72):
        monkeypatch.setattr(_csv, "BLOCK_BYTES", block_bytes)
        source = open_text(tmp_path, text.encode(encoding), encoding=encoding)
        assert column(source, "q") == values * 10


def test_no_more_of_a_large_file_is_read_for_its_types_than_that_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_guessed, "WHOLE_BYTES", 0)
    monkeypatch.setattr(_guessed, "HEAD_BYTES", 1000)
    read, taken = Blocks.read_buffer, []

    def told(self: Blocks, size: int) -> pa.Buffer:
        taken.append(read(self, size))
        return taken[-1]

    monkeypatch.setattr(Blocks, "read_buffer", told)
    source = open_text(tmp_path, "n,s\n" + "1,x\n" * 100_000)
    assert source.schema().types == [pa.int64(), pa.string()]
    assert 0 < sum(block.size for block in taken) <= 2001


def test_nothing_is_read_once_reading_has_ended() -> None:
    """Arrow's thread goes on where parsing has failed, and would ask a stream that is closed."""
    stream = pa.BufferReader(b"abc\r\ndef")
    blocks = Blocks(stream)
    assert blocks.first(4) == b"abc\r\n"
    blocks.close()
    stream.close()
    assert blocks.read(4) == b""


def test_a_decimal_comma_is_an_option(tmp_path: Path) -> None:
    source = open_text(tmp_path, "a;b\n1,5;x\n2,25;y\n", decimal=",")
    assert column(source, "a") == [1.5, 2.25]


def test_a_file_without_a_header_is_given_one(tmp_path: Path) -> None:
    source = open_text(tmp_path, "1,a\n2,b\n", header=["n", "s"])
    assert (column(source, "n"), column(source, "s")) == ([1, 2], ["a", "b"])


def test_types_can_be_given(tmp_path: Path) -> None:
    source = open_text(tmp_path, "zip,n\n01234,1\n99999,2\n", types={"zip": "text", "n": "number"})
    assert column(source, "zip") == ["01234", "99999"]
    assert source.schema().field("n").type == pa.float64()


@pytest.mark.parametrize(("encoding", "text"), [("latin-1", "é"), ("cp1252", "€"), ("utf-16", "ü"), ("utf-8-sig", "ß")])
def test_encodings(tmp_path: Path, encoding: str, text: str) -> None:
    source = open_text(tmp_path, f"a,b\n{text},1\n".encode(encoding), encoding=encoding)
    assert column(source, "a") == [text]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    source = open_text(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n")
    assert source.schema().names == ["a", "b"]
    assert column(source, "a") == [1]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed_files(tmp_path: Path, suffix: str, pack: object) -> None:
    (tmp_path / f"a.csv{suffix}").write_bytes(pack(b"a,b\n1,x\n"))  # type: ignore[operator]
    config = Config.from_text(str(tmp_path / f"a.csv{suffix}"))
    assert config is not None
    assert column(config.build(), "b") == ["x"]


def test_a_column_without_a_name_is_named_by_its_place(tmp_path: Path) -> None:
    source = open_text(tmp_path, ",a\n0,x\n1,y\n")
    assert source.schema().names == ["column_1", "a"]
    assert column(source, "column_1") == [0, 1]


def test_files_may_order_their_columns_differently_and_types_hold_for_all(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,s,m\n1,x,\n2,y,\n")
    (tmp_path / "b.csv").write_text("s,m,n\n7,true,2.5\n")
    source = Config(path=str(tmp_path)).build()
    assert source.schema() == pa.schema({"n": pa.float64(), "s": pa.string(), "m": pa.bool_()})
    assert column(source, "n") == [1.0, 2.0, 2.5]
    assert column(source, "s") == ["x", "y", "7"]


def test_times_of_day_are_text(tmp_path: Path) -> None:
    assert column(open_text(tmp_path, "t\n10:30:00\n11:00:00\n"), "t") == ["10:30:00", "11:00:00"]


# what is wrong is said once, with the file and the line


def test_ragged_rows_name_the_line_and_both_counts(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, 'a,b\n1,"x\ny"\n\n2,z\n3\n4,5\n'))
    assert message.startswith("data.csv line 6: 1 value, and the header has 2 columns.")


def test_ragged_rows_are_found_beyond_the_first_megabytes(tmp_path: Path) -> None:
    rows = "1234567890,abcdefghij\n" * 150_000
    message = refused(open_text(tmp_path, "a,b\n" + rows + "1,2,3\n" + rows))
    assert message.startswith("data.csv line 150002: 3 values, and the header has 2 columns.")


def test_ragged_rows_against_a_given_header(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, "1,2,3\n", header=["a", "b"]))
    assert message.startswith("data.csv line 1: 3 values, and data.source.header names 2 columns.")


def test_a_quote_that_never_ends_names_where_it_began(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, 'a,b\n1,2\n"3,4\n5,6\n'))
    assert message.startswith("data.csv line 3: 1 value, and the header has 2 columns.")


@given(st.text(alphabet='a,"\n', min_size=1, max_size=12))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_an_end_that_is_closed_leaves_no_quote_open(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + text)
    whole = Fragment(0, "data.csv", uri=str(path), path=str(path))
    if _csv_text.ends_closed(whole, Dialect(), ","):
        assert _csv_text.open_quote(whole, Dialect(), ",") is None


def test_last_values_of_several_lines_are_not_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reading went through all records by Python, many times slower, to see whether the last one is closed."""

    def slow(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(_csv_text, "open_quote", slow)
    source = open_text(tmp_path, 'n,s\n1,"one\ntwo"\n2,"three ""four""\nfive"\n')
    assert column(source, "s") == ["one\ntwo", 'three "four"\nfive']


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "data.csv is empty."),
        ("\n\n", "data.csv is empty."),
        ("a,b\n", "has a header line and no rows."),
        ("a,b,a\n1,2,3\n", "data.csv has more than one column called 'a'."),
        ("?,1,?\n1,2,3\n", "If the file has no header line, name its columns"),
        (f"a,{ROW}\n1,2\n", f"data.csv has a column {ROW!r}, a name Rayline keeps"),
        (b"a,b\n1,\xff\xfe\n", "data.csv line 2: the text of column 'b' is not utf8 at byte 6 (0xff)"),
        (b"a,\xe9\n1,2\n", "data.csv line 1: the text is not utf8 at byte 2 (0xe9)"),
    ],
)
def test_unusable_files(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert message in refused(open_text(tmp_path, text))


def test_files_with_other_columns_are_named_with_the_difference(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")
    message = refused(Config(path=str(tmp_path)).build())
    assert message.startswith("b.csv does not have the columns of a.csv: it lacks 'y' and adds 'z'.")


def test_a_value_that_a_given_type_does_not_hold_names_its_line_and_not_the_value(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, "n,s\n1,a\n\n2,b\nsecret,c\n", types={"n": "integer"}))
    assert message.startswith("data.csv line 5: the value of column 'n' cannot be read as int64.")
    assert "secret" not in message


def test_a_type_for_an_unknown_column(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, "age,b\n1,2\n", types={"aeg": "text"}))
    assert "no column 'aeg'. Did you mean 'age'?" in message


def test_an_unknown_encoding_is_refused_with_the_spec(tmp_path: Path) -> None:
    from rayline.core import catalog

    with pytest.raises(SpecError, match="encoding: not a character encoding"):
        catalog.resolve("source", {"name": "csv", "path": "a.csv", "encoding": "utf9"})


# large files: types from the beginning, widened where a later fragment needs it


@pytest.fixture
def unsettled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files are too large, for this test, to be read whole for their types."""
    monkeypatch.setattr(_guessed, "WHOLE_BYTES", 10)
    monkeypatch.setattr(_guessed, "HEAD_BYTES", 40)
    return tmp_path


def test_whole_numbers_are_widened_when_a_later_row_needs_it_and_the_scan_begins_again(unsettled: Path) -> None:
    source = open_text(unsettled, "n,e,s\n" + "1,,x\n" * 50 + "2.5,7,y\n")
    assert source.schema().types == [pa.int64(), pa.string(), pa.string()]
    assert not source.settled
    seen = scan(source, lambda frame, _: dict(frame.schema))
    assert source.settled
    assert source.schema().types == [pa.float64(), pa.int64(), pa.string()]
    assert column(source, "n")[-1] == 2.5
    assert column(source, "e")[-1] == 7
    assert [str(kind) for kind in seen[0].values()] == ["Float64", "Int64", "String", "Int64"]


def test_all_results_of_a_scan_come_from_the_same_types(unsettled: Path) -> None:
    for name, value in (("a", "1"), ("b", "2"), ("c", "3.5")):
        (unsettled / f"{name}.csv").write_text("n\n" + "1\n" * 30 + f"{value}\n")
    source = Config(path=str(unsettled)).build()
    assert set(scan(source, lambda frame, _: str(frame.schema["n"]))) == {"Float64"}


def test_text_among_numbers_late_in_a_large_file_is_refused_with_its_line(unsettled: Path) -> None:
    message = refused(open_text(unsettled, "n,s\n" + "1,x\n" * 50 + "many,y\n"))
    assert message.startswith("data.csv line 52: the value of column 'n' cannot be read as int64.")
    assert "data.source.types: {n: text}." in message


def test_a_read_of_its_own_says_that_a_wider_type_would_do(unsettled: Path) -> None:
    source = open_text(unsettled, "n,s\n" + "1,x\n" * 50 + "2.5,y\n")
    with pytest.raises(RefusedError, match="column 'n' holds values that are no int64") as caught:
        source.read(source.fragments()[0])
    assert caught.value.wider == pa.float64()


def test_a_column_that_stays_empty_in_a_large_file_is_text(unsettled: Path) -> None:
    source = open_text(unsettled, "n,e\n" + "1,\n" * 50)
    assert set(scan(source, lambda frame, _: str(frame.schema["e"]))) == {"String"}


CELLS = st.one_of(st.none(), st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=8))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.integers(-9, 9), CELLS), min_size=1, max_size=8))
def test_what_pythons_own_writer_wrote_is_read_back(tmp_path: Path, rows: list[tuple[int, str | None]]) -> None:
    import csv

    path = tmp_path / "data.csv"
    with path.open("w", newline="", encoding="utf8") as handle:
        writer = csv.writer(handle, quoting=csv.QUOTE_ALL)
        writer.writerow(["n", "s"])
        writer.writerows(rows)
    source = Config(path=str(path), types={"s": "text"}).build()
    missing = {None, *csv_source.MISSING}
    assert column(source, "s") == [None if text in missing else text for _, text in rows]
    assert column(source, "n") == [number for number, _ in rows]
