"""CSV files as they come: other quotes, comments, encodings, mixed encodings, ragged rows, no header."""

from __future__ import annotations

import logging
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.sources import _guessed
from rayline.sources._source import Source
from rayline.sources.csv import Config
from rayline.sources.scan import scan


def open_text(folder: Path, text: str | bytes, **options: object) -> Source:
    path = folder / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Config(path=str(path), **options).build()  # type: ignore[arg-type]


def rows(source: Source) -> list[tuple[object, ...]]:
    parts = scan(source, lambda frame, _: frame.drop(ROW).rows())
    return [row for part in parts for row in part]


def refused(source: Source) -> str:
    with pytest.raises(DataError) as caught:
        rows(source)
    return str(caught.value)


# quotes, escapes, comments


def test_another_quote(tmp_path: Path) -> None:
    assert rows(open_text(tmp_path, "a,b\n'x, ''y''',1\n\"z\",2\n", quote="'")) == [("x, 'y'", 1), ('"z"', 2)]


def test_no_quote_at_all(tmp_path: Path) -> None:
    source = open_text(tmp_path, 'size,b\n5",1\n"7,2\n', quote=None)
    assert rows(source) == [('5"', 1), ('"7', 2)]


def test_an_escape_character(tmp_path: Path) -> None:
    source = open_text(tmp_path, 'a,b\nx\\, y,1\n"he said \\"no\\"",2\n', escape="\\")
    assert rows(source) == [("x, y", 1), ('he said "no"', 2)]


def test_a_quote_within_a_value_stands_for_itself(tmp_path: Path) -> None:
    assert rows(open_text(tmp_path, 'a,b\n5" pipe,1\n6",2\n')) == [('5" pipe', 1), ('6"', 2)]


def test_a_byte_order_mark_before_a_quoted_name_and_line_breaks_within_values(tmp_path: Path) -> None:
    source = open_text(tmp_path, '\ufeff"first, name",b\r\n"x\r\ny",1\r\n"z",2\r\n'.encode())
    assert source.schema().names == ["first, name", "b"]
    assert rows(source) == [("x\r\ny", 1), ("z", 2)]


def test_comments_before_and_among_rows_are_left_out_and_those_within_a_value_kept(tmp_path: Path) -> None:
    text = '# made by "hand\na,b\n1,x\n# one, two, three\n2,"y\n# z"\n#\n3,#w\n'
    source = open_text(tmp_path, text, comment="#")
    assert rows(source) == [(1, "x"), (2, "y\n# z"), (3, "#w")]
    message = refused(open_text(tmp_path, text + "# last\n4\n", comment="#"))
    assert message.startswith("data.csv line 10: 1 value,")
    message = refused(open_text(tmp_path, text + "many,x\n", comment="#", types={"a": "integer"}))
    assert message.startswith("data.csv line 9: the value of column 'a'")


def test_comments_in_another_encoding(tmp_path: Path) -> None:
    source = open_text(tmp_path, "% ü\na;b\nö;1\n".encode("latin-1"), comment="%", encoding="latin-1")
    assert rows(source) == [("ö", 1)]
    assert "line 1: the text is not utf8 at byte 2 (0xfc)" in refused(
        open_text(tmp_path, "% ü\na;b\n".encode("latin-1"), comment="%")
    )


@pytest.mark.parametrize(
    "options", [{"quote": "''"}, {"escape": ""}, {"comment": ""}, {"ragged": "drop"}, {"header": []}]
)
def test_options_that_mean_nothing_are_refused_with_the_spec(options: dict[str, object]) -> None:
    with pytest.raises(SpecError, match=next(iter(options))):
        catalog.resolve("source", {"name": "csv", "path": "a.csv", **options})


# without a header


def test_files_without_a_header_and_with_marks_for_missing_values(tmp_path: Path) -> None:
    text = "2,1,38.50,?\n1,?,39.2,NA\n?,9,?,x\n"
    source = open_text(tmp_path, text, header=["surgery", "age", "heat", "note"], missing=["?"])
    assert source.schema().types == [pa.int64(), pa.int64(), pa.float64(), pa.string()]
    assert rows(source) == [(2, 1, 38.5, None), (1, None, 39.2, "NA"), (None, 9, None, "x")]


def test_columns_without_a_header_can_be_numbered(tmp_path: Path) -> None:
    source = open_text(tmp_path, "1,x\n2,y\n", header="none")
    assert source.schema().names == ["column_1", "column_2"]
    assert rows(source) == [(1, "x"), (2, "y")]


def test_a_header_of_several_lines_and_empty_lines_before_it(tmp_path: Path) -> None:
    source = open_text(tmp_path, '\n\n"a\nb",c\n\n1,2\n')
    assert source.schema().names == ["a\nb", "c"]
    assert rows(source) == [(1, 2)]


def test_two_columns_without_names(tmp_path: Path) -> None:
    source = open_text(tmp_path, ",a,\n0,x,1.5\n1,y,2.5\n")
    assert source.schema().names == ["column_1", "a", "column_3"]
    assert rows(source) == [(0, "x", 1.5), (1, "y", 2.5)]


# ragged rows


def test_a_quote_that_swallows_the_rest_of_a_file_is_refused(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, 'a,b\n1,x\n\n2,"5 inch\n3,y\n4,z\n'))
    assert message.startswith("data.csv line 4: a quote opens a value and nothing closes it")
    assert rows(open_text(tmp_path, 'a,b\n1,"x\n"')) == [(1, "x\n")]
    assert rows(open_text(tmp_path, 'a,b\n1,"x\n"\n')) == [(1, "x\n")]


def test_all_ragged_rows_are_named_at_once(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, 'a,b\n1\n1,2\n1,2,3\n"x\ny",2\n\n4\n'))
    assert message.startswith("data.csv line 2: 1 value, and the header has 2 columns. Other lines too")
    assert "(line 4: 3, line 8: 1; 3 lines in all)" in message
    assert "data.source.ragged: skip" in message


def test_of_many_ragged_rows_the_first_twenty_are_named(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, "a,b\n" + "1\n" * 50))
    assert message.count("line ") == 21  # and "Correct the line"
    assert "line 21: 1, …; 50 lines in all" in message


def test_ragged_rows_can_be_skipped_and_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = open_text(tmp_path, 'a,b\n1,2\n1\n"x\ny",5,6\n3,4\n', ragged="skip")
    with caplog.at_level(logging.WARNING):
        assert rows(source) == [(1, 2), (3, 4)]
        rows(source)
    note = "data.csv: 2 rows were skipped, not of the header's 2 values (lines 3, 4)."
    assert source.notes == {0: note}
    assert caplog.messages == [note]


def test_where_all_rows_are_ragged_none_is_left(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, "a,b\n1\n2\n", ragged="skip"))
    assert "has no row of the header's length: ragged: skip leaves out 2 rows, which is all there is." in message


# encodings


def test_another_encoding_is_named_with_line_and_byte(tmp_path: Path) -> None:
    text = "name,n\nAnn,1\nZoë,2\nRenée,3\n"
    message = refused(open_text(tmp_path, text.encode("latin-1")))
    assert message.startswith(
        "data.csv line 3: the text of column 'name' is not utf8 at byte 15 (0xeb). Latin-1 may fit"
    )
    assert "data.source.encoding: latin-1" in message
    assert rows(open_text(tmp_path, text.encode("latin-1"), encoding="latin-1"))[1] == ("Zoë", 2)


def test_characters_that_only_windows_has(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, "price,n\n5 €,1\n".encode("cp1252")))
    assert "line 2" in message
    assert "data.source.encoding: cp1252" in message


def test_mixed_encodings_are_said_to_be_mixed(tmp_path: Path) -> None:
    lines = ["name,n", "Zoë,1", "Ann,2", "Renée,3", "Müller,4"]
    data = b"".join(line.encode("latin-1" if "é" in line else "utf8") + b"\n" for line in lines)
    message = refused(open_text(tmp_path, data))
    assert message.startswith("data.csv line 4: the text of column 'name' is not utf8 at byte 23 (0xe9).")
    assert (
        "2 other lines hold characters in UTF-8 and 1 lines hold bytes that are none: the file mixes encodings"
        in message
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_two_bytes_a_character(tmp_path: Path, encoding: str) -> None:
    text = "name,n\nAnn,1\n"
    message = refused(open_text(tmp_path, text.encode(encoding)))
    assert "data.source.encoding: utf-16" in message
    assert rows(open_text(tmp_path, text.encode(encoding), encoding=encoding)) == [("Ann", 1)]


def test_a_declared_encoding_that_does_not_fit(tmp_path: Path) -> None:
    message = refused(open_text(tmp_path, "name,n\nAnn,1\nZoë,2\n".encode(), encoding="ascii"))
    assert message.startswith("data.csv line 3: the text is not ascii at byte 15 (0xc3). UTF-8 fits all of it")
    message = refused(open_text(tmp_path, "a,b\n1,ö\n2,ü\n".encode("latin-1"), encoding="shift_jis"))
    assert message.startswith("data.csv line 2: the text is not shift_jis at byte 6")


def test_an_encoding_fault_far_into_a_file(tmp_path: Path) -> None:
    data = b"a,b\n" + b"1234567890,abcdefghij\n" * 150_000 + b"1,\xff\n"
    assert "data.csv line 150002: the text of column 'b' is not utf8 at byte 3300006 (0xff)" in refused(
        open_text(tmp_path, data)
    )


def test_no_value_is_shown_whatever_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guessed, "WHOLE_BYTES", 10)
    texts: list[str | bytes] = [
        "a,b\n1,2\nsecret\n", 'a,b\n1,"secret\n', b"a,b\n1,secret\xff\n", "a,b\nsecret,1\n" * 3 + "x\n",
    ]  # fmt: skip
    for text in texts:
        assert "secret" not in refused(open_text(tmp_path, text))


def test_ten_thousand_columns(tmp_path: Path) -> None:
    wide = pl.DataFrame({f"column {n}": [n, n + 1] for n in range(10_000)})
    wide.write_csv(tmp_path / "data.csv")
    source = Config(path=str(tmp_path / "data.csv")).build()
    assert len(source.schema()) == 10_000
    (found,) = scan(source, lambda frame, _: frame.drop(ROW))
    assert found.equals(wide)
