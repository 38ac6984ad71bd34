"""JSON lines: flattened objects, types decided once, and the line of whatever is wrong."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.sources import _guessed, _pieces
from rayline.sources._source import RefusedError, Source
from rayline.sources.jsonl import Config, JsonLinesSource
from rayline.sources.scan import scan
from rayline.spec.sections import as_source


def open_lines(folder: Path, *lines: Any, **options: Any) -> JsonLinesSource:
    path = folder / "data.jsonl"
    texts = [line if isinstance(line, str | bytes) else json.dumps(line) for line in lines]
    path.write_bytes(b"".join((text.encode() if isinstance(text, str) else text) + b"\n" for text in texts))
    source = Config(path=str(path), **options).build()
    assert isinstance(source, JsonLinesSource)
    return source


def column(source: Source, name: str) -> list[object]:
    return [value for f in source.fragments() for value in source.read(f, [name]).column(name).to_pylist()]


def refused(source: Source) -> str:
    with pytest.raises(DataError) as caught:
        scan(source, lambda frame, _: frame.height)
    return str(caught.value)


def test_types_follow_the_values(tmp_path: Path) -> None:
    source = open_lines(
        tmp_path,
        {
            "i": 1,
            "f": 1,
            "s": "x",
            "b": True,
            "d": "2024-01-02",
            "t": "2024-01-02T03:04:05",
            "z": "2024-01-02T03:04:05+02:00",
        },
        {"i": 2, "f": 1.5, "s": None, "b": False, "d": None, "t": "2024-01-02 03:04:05.678", "z": None},
    )
    zoned = pa.timestamp("us", "UTC")
    kinds = [pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.date32(), pa.timestamp("us"), zoned]
    assert source.schema().types == kinds
    assert column(source, "f") == [1.0, 1.5]
    assert column(source, "d") == [dt.date(2024, 1, 2), None]
    assert column(source, "t")[1] == dt.datetime(2024, 1, 2, 3, 4, 5, 678_000)
    assert column(source, "z") == [dt.datetime(2024, 1, 2, 1, 4, 5, tzinfo=dt.UTC), None]


def test_objects_are_flattened_by_dots_and_missing_keys_are_missing(tmp_path: Path) -> None:
    source = open_lines(
        tmp_path, {"id": 1, "user": {"age": 3, "home": {"city": "Oslo"}}}, {"id": 2, "user": None}, {"id": 3}
    )
    assert source.schema().names == ["id", "user.age", "user.home.city"]
    assert column(source, "user.home.city") == ["Oslo", None, None]
    (table,) = [source.read(f, ["user.home.city", "id"]) for f in source.fragments()]
    assert table.column_names == ["user.home.city", "id", ROW]


def test_lists_of_numbers_are_sequences(tmp_path: Path) -> None:
    source = open_lines(tmp_path, {"x": [1, 2.5, None]}, {"x": []}, {"x": None})
    assert source.schema().field("x").type == pa.list_(pa.float64())
    assert column(source, "x") == [[1.0, 2.5, None], [], None]


def test_numbers_among_texts_are_text(tmp_path: Path) -> None:
    source = open_lines(
        tmp_path, {"a": "x", "b": True}, {"a": 1, "b": 2}, {"a": 1.5, "b": None}, {"a": False, "b": "y"}
    )
    assert column(source, "a") == ["x", "1", "1.5", "false"]
    assert column(source, "b") == ["true", "2", None, "y"]


def test_texts_that_are_not_all_dates_are_text(tmp_path: Path) -> None:
    source = open_lines(tmp_path, {"a": "2024-01-02", "b": "2024-02-30"}, {"a": "soon", "b": "2024-01-01"})
    assert column(source, "a") == ["2024-01-02", "soon"]
    assert column(source, "b") == ["2024-02-30", "2024-01-01"]


def test_a_column_without_any_value_is_text(tmp_path: Path) -> None:
    source = open_lines(tmp_path, {"a": None, "b": 1})
    assert source.schema().field("a").type == pa.string()
    assert column(source, "a") == [None]


def test_pythons_nan_is_missing_and_infinity_a_number(tmp_path: Path) -> None:
    source = open_lines(tmp_path, '{"a": NaN}', '{"a": 1.5}', '{"a": -Infinity}')
    assert column(source, "a") == [None, 1.5, float("-inf")]


def test_numbers_beyond_a_whole_number_of_64_bits_are_numbers(tmp_path: Path) -> None:
    source = open_lines(tmp_path, {"a": 2**63, "b": 2**63 - 1, "c": -(2**63)})
    assert source.schema().types == [pa.float64(), pa.int64(), pa.int64()]
    assert (column(source, "a"), column(source, "b")) == ([2.0**63], [2**63 - 1])


def test_types_can_be_given(tmp_path: Path) -> None:
    source = open_lines(tmp_path, {"zip": 1234, "n": 1}, {"zip": "01234", "n": 2}, types={"zip": "text", "n": "number"})
    assert column(source, "zip") == ["1234", "01234"]
    assert source.schema().field("n").type == pa.float64()


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    source = open_lines(tmp_path, {"a": 1, "tags": ["x"], "u": {"b": 2}}, columns=("u.b", "a"))
    assert source.schema().names == ["u.b", "a"]
    assert [f.to_pylist() for f in map(source.read, source.fragments())] == [[{"u.b": 2, "a": 1, ROW: 0}]]
    assert "no column 'c'" in refused(open_lines(tmp_path, {"a": 1}, columns=("c",)))


def test_empty_lines_and_a_byte_order_mark_are_passed_over(tmp_path: Path) -> None:
    source = open_lines(tmp_path, b'\xef\xbb\xbf{"a": 1}\r', "", "  ", {"a": 2})
    assert column(source, "a") == [1, 2]


def test_compressed_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "b.ndjson").write_text('{"n": 2, "m": 1.5}\n')
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"n": 1}\n'))
    source = as_source(str(tmp_path)).build()  # type: ignore[attr-defined]
    assert column(source, "n") == [1, 2]
    assert column(source, "m") == [None, 1.5]
    assert column(as_source(str(tmp_path / "a.jsonl.gz")).build(), "n") == [1]  # type: ignore[attr-defined]


# what is wrong is said with its file and line, and without the value


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "has no rows"),
        (["", ""], "has no rows"),
        ([{}, {}], "holds empty objects alone"),
        ([{"a": 1}, '{"a": secret}'], "data.jsonl line 2 is not JSON: "),
        ([{"a": 1}, "", '{"a": "secret'], "data.jsonl line 3 is not JSON: "),
        ([{"a": 1}, '{"a": 1} {"a": 2}'], "data.jsonl line 2 is not JSON: "),
        ([{"a": 1}, b'{"a": "secret\xff"}'], "data.jsonl line 2 is not UTF-8 text"),
        ([{"a": 1}, "17"], "data.jsonl line 2 holds a whole number, not an object."),
        (["[", '{"a": 1}', "]"], "data.jsonl line 1 is not JSON: "),
        (["[", '{"a": 1}', "]"], "An array becomes lines by: jq -c '.[]'"),
        (['[{"a": 1}]'], "line 1 holds a list of other things than numbers, not an object. JSON lines"),
        (['[{"a": 1}]'], "jq -c '.[]'"),
        ([{"a": 1}, {"a": ["secret"]}], "data.jsonl line 2: column 'a' holds a list of other things than numbers."),
        ([{"a": [1]}, {"a": 2}], "data.jsonl line 2: column 'a' holds a whole number."),
        ([{"a": [[1]]}], "data.jsonl line 1: column 'a' holds a list of other things than numbers."),
        ([{"a": 1}, {"a": {"b": 2}}], "'a' is a whole number on line 1 of data.jsonl and an object elsewhere"),
        ([{"a.b": 1, "a": {"b": 2}}], "data.jsonl has the column 'a.b' twice"),
        ([{ROW: 1}], f"has a column {ROW!r}, a name Rayline keeps"),
    ],
)  # fmt: skip
def test_unusable_files(tmp_path: Path, lines: list[Any], message: str) -> None:
    found = refused(open_lines(tmp_path, *lines))
    assert message in found
    assert "secret" not in found


def test_a_value_that_a_given_type_does_not_hold(tmp_path: Path) -> None:
    message = refused(open_lines(tmp_path, {"n": 1}, {"n": "secret"}, types={"n": "integer"}))
    assert message.startswith("data.jsonl line 2: column 'n' holds a text, which cannot be read as int64.")
    assert "secret" not in message


def test_a_type_for_an_unknown_column(tmp_path: Path) -> None:
    assert "no column 'aeg'. Did you mean 'age'?" in refused(open_lines(tmp_path, {"age": 1}, types={"aeg": "text"}))


# large files


@pytest.fixture
def unsettled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files are too large, for this test, to be read whole for their types."""
    monkeypatch.setattr(_guessed, "WHOLE_BYTES", 10)
    monkeypatch.setattr(_guessed, "HEAD_BYTES", 40)
    return tmp_path


def test_types_are_widened_when_a_later_row_needs_it(unsettled: Path) -> None:
    source = open_lines(unsettled, *[{"n": 1, "e": None}] * 50, {"n": 2.5, "e": "y"})
    assert source.schema().types == [pa.int64(), pa.string()]
    with pytest.raises(RefusedError, match="column 'n' holds values that are no int64"):
        source.read(source.fragments()[0])
    scan(source, lambda frame, _: None)
    assert source.schema().types == [pa.float64(), pa.string()]
    assert column(source, "e")[-1] == "y"


def test_text_among_numbers_late_is_refused_with_its_line(unsettled: Path) -> None:
    message = refused(open_lines(unsettled, *[{"n": 1}] * 50, {"n": "many"}))
    assert message.startswith("data.jsonl line 51: column 'n' holds a text, which cannot be read as int64.")
    assert "types: {n: text}" in message


def test_a_key_met_late_is_not_lost_in_silence(unsettled: Path) -> None:
    lines = [*[{"n": 1}] * 50, {"n": 1, "late": None}, {"n": 2, "late": 3}]
    message = refused(open_lines(unsettled, *lines))
    assert message.startswith("data.jsonl line 52 has a key 'late' that the first megabytes do not have.")
    chosen = open_lines(unsettled, *lines, columns=("n",))
    assert sum(scan(chosen, lambda frame, _: frame["n"].sum())) == 53


def test_large_files_are_cut_between_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pieces, "LARGE_BYTES", 100)
    monkeypatch.setattr(_pieces, "PIECE_BYTES", 64)
    source = open_lines(tmp_path, *[{"n": n, "s": 'a "quoted'} for n in range(40)], "", {"n": 40})
    fragments = source.fragments()
    assert len(fragments) > 5
    found = pl.concat([pl.from_arrow(source.read(f)) for f in fragments])  # type: ignore[misc]
    assert found["n"].to_list() == list(range(41))
    assert found[ROW].is_unique().all()
    again = pickle.loads(pickle.dumps(source))
    assert again.read(fragments[-1]).equals(source.read(fragments[-1]))
    lines = (tmp_path / "data.jsonl").read_text().splitlines()
    lines[30] = '{"n": 1'
    (tmp_path / "data.jsonl").write_text("\n".join(lines))
    assert refused(Config(path=str(tmp_path)).build()).startswith("data.jsonl line 31 is not JSON")


# the quick way and the way line by line are one


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64), st.floats(allow_nan=False), st.text(max_size=5),
    st.sampled_from(["2024-01-02", "2024-01-02T03:04:05Z", "2024-01-02 03:04", "2024-01-02T03:04:05.123456", "x"]),
)  # fmt: skip
VALUES = st.one_of(SCALARS, st.lists(st.one_of(st.none(), st.integers(-9, 9), st.floats(allow_nan=False)), max_size=3))
INNER = st.fixed_dictionaries({}, optional={"d": SCALARS, "e": st.floats(allow_nan=False)})
KEYS = {"a": st.integers(-9, 9), "b": SCALARS, "c": VALUES, "o": INNER}
ROWS = st.lists(st.fixed_dictionaries({}, optional=KEYS), min_size=1, max_size=6)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_arrows_reader_and_ours_agree(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    source = open_lines(tmp_path, *rows)
    try:
        schema = source.schema()
    except DataError:
        return
    (fragment,) = source.fragments()
    kinds = dict(zip(schema.names, source._schema.types, strict=True))
    fast = source._fast(fragment, kinds, complete=False)
    slow = source._slow(fragment, kinds, complete=False)
    assert slow.num_rows == len(rows)
    if fast is not None:
        assert fast.schema == slow.schema
        assert fast.to_pylist() == slow.to_pylist()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"a": "\xe9"}', r"line 2 is not UTF-8 text, as JSON lines are, at its byte 8 \(0xe9\)\. Convert the file"),
        (rb'{"a": "\ud83d"}', r"line 2 holds half of a character: a \\ud800 to \\udfff without the other"),
        (rb'{"\udc00": 1}', r"line 2 holds half of a character"),
        (b"{", r"line 2 is not JSON: .* Objects of several lines become lines by: jq -c \."),
    ],
)
def test_lines_that_hold_what_is_no_text_or_number(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"a": null}\n' + line + b"\n")
    with pytest.raises(DataError, match=message):
        scan(Config(path=str(path)).build(), lambda frame, _: frame.height)
