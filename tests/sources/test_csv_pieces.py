"""Large CSV files are cut between records: the pieces together are the file, wherever they are cut."""

from __future__ import annotations

import io
import itertools
import pickle
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.sources import _pieces
from rayline.sources._source import Source
from rayline.sources.csv import Config
from rayline.sources.scan import scan

# what a reader of CSV may stumble over, more often than by chance
TEXT = st.lists(st.sampled_from([*list('a",\n'), '""', "\r\n", "\r", '"a', '",', "é", "\n\n"]), max_size=60).map(
    "".join
)


def by_reader(data: bytes) -> tuple[list[dict[str, str]], int]:
    """The records of two values as Arrow reads them, and how many records there are of any length."""
    others = []
    options = pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda row: others.append(row) or "skip")
    table = pacsv.read_csv(
        io.BytesIO(data),
        read_options=pacsv.ReadOptions(column_names=["a", "b"]),
        parse_options=options,
        convert_options=pacsv.ConvertOptions(column_types={"a": pa.string(), "b": pa.string()}),
    )
    return table.to_pylist(), table.num_rows + len(others)


@settings(max_examples=400, deadline=None)
@given(text=TEXT, piece_bytes=st.integers(1, 12), chunk_bytes=st.integers(1, 9))
def test_pieces_hold_the_readers_records_and_as_many_as_counted(text: str, piece_bytes: int, chunk_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pieces, "CHUNK_BYTES", chunk_bytes)
        data = text.encode()
        found = _pieces.cut(pa.BufferReader(data), quote='"', delimiter=",", piece_bytes=piece_bytes)
    assert b"".join(data[piece.start : piece.stop] for piece in found) == data
    for piece in found:
        before = data[: piece.start].decode()
        ends = before.replace("\r\n", "\n")
        assert piece.first_line == 1 + ends.count("\n") + ends.count("\r")
    parts = [by_reader(data[piece.start : piece.stop]) for piece in found]
    whole, records = by_reader(data) if data else ([], 0)
    assert [row for rows, _ in parts for row in rows] == whole
    assert [piece.records for piece in found] == [count for _, count in parts]
    assert sum(piece.records for piece in found) == records


def cells() -> st.SearchStrategy[str]:
    return st.text(alphabet=st.sampled_from(list('ab",\n\r é')), max_size=6)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(cells(), cells()), min_size=1, max_size=12), chunk_bytes=st.integers(1, 9))
def test_what_pythons_own_writer_wrote_is_cut_between_its_records(
    rows: list[tuple[str, str]], chunk_bytes: int
) -> None:
    import csv

    text = io.StringIO(newline="")
    ends = []
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow(row)
        ends.append(len(text.getvalue().encode()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pieces, "CHUNK_BYTES", chunk_bytes)
        data = text.getvalue().encode()
        found = _pieces.cut(pa.BufferReader(data), quote='"', delimiter=",", piece_bytes=1)
    assert [piece.stop for piece in found] == ends
    assert [piece.records for piece in found] == [1] * len(rows)


@pytest.fixture
def cut_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is large, and a piece is a few records."""
    monkeypatch.setattr(_pieces, "LARGE_BYTES", 100)
    monkeypatch.setattr(_pieces, "PIECE_BYTES", 50)


def written(folder: Path, **options: object) -> tuple[Path, pl.DataFrame]:
    made = pl.DataFrame(
        {"n": range(60), "s": [f'line {n}\nof "two", {n}' if n % 7 == 0 else f"w{n}" for n in range(60)]}
    )
    path = folder / "data.csv"
    made.write_csv(path, **options)  # type: ignore[arg-type]
    return path, made


def read(source: Source) -> pl.DataFrame:
    return pl.concat([pl.from_arrow(source.read(f)) for f in source.fragments()])  # type: ignore[misc]


@pytest.mark.usefixtures("cut_small")
def test_a_large_file_is_read_in_pieces_with_the_keys_of_the_whole(tmp_path: Path) -> None:
    path, made = written(tmp_path)
    source = Config(path=str(path)).build()
    fragments = source.fragments()
    assert len(fragments) == 10
    assert [f.first_row for f in fragments][:1] == [0]
    found = read(source)
    assert found.drop(ROW).equals(made)
    assert found[ROW].to_list() == list(range(60))
    again = pickle.loads(pickle.dumps(source))
    assert again.read(pickle.loads(pickle.dumps(fragments[-1]))).equals(source.read(fragments[-1]))


@pytest.mark.usefixtures("cut_small")
def test_only_the_first_piece_has_the_header(tmp_path: Path) -> None:
    path, made = written(tmp_path, include_header=False)
    source = Config(path=str(path), header=("n", "s")).build()
    assert read(source).drop(ROW).equals(made)


@pytest.mark.usefixtures("cut_small")
def test_faults_in_a_later_piece_name_the_line_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text('a,b\n"1\n\n1",2\n' + "1,2\n" * 80 + "1\n" + "1,2\n" * 30 + "x,2\n1,2,3\n")
    with pytest.raises(DataError, match=r"^data\.csv line 85: 1 value,") as caught:
        scan(Config(path=str(path), types={"b": "integer"}).build(), lambda frame, _: frame.height)
    assert "line 117" not in str(caught.value)
    path.write_text("a,b\n" + "1,2\n" * 80 + "1,x\n")
    with pytest.raises(DataError, match=r"^data\.csv line 82: the value of column 'b'"):
        scan(Config(path=str(path), types={"b": "integer"}).build(), lambda frame, _: frame.height)
    path.write_bytes(b"a,b\n" + b"1,2\n" * 80 + b"1,\xe9\n")
    with pytest.raises(DataError, match=r"^data\.csv line 82: the text of column 'b' is not utf8 at byte 326 \(0xe9\)"):
        scan(Config(path=str(path), types={"b": "text"}).build(), lambda frame, _: frame.height)


@pytest.mark.usefixtures("cut_small")
def test_skipped_rows_leave_their_keys_unused(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + "".join(f"{n},2\n" if n % 10 else f"{n}\n" for n in range(100)))
    source = Config(path=str(path), ragged="skip").build()
    found = read(source)
    assert found["a"].to_list() == [n for n in range(100) if n % 10]
    assert found[ROW].is_unique().all()
    assert found[ROW].max() < 100  # type: ignore[operator]


@pytest.mark.usefixtures("cut_small")
@pytest.mark.parametrize(
    "options", [{"escape": "\\"}, {"comment": "#"}, {"encoding": "utf-16"}, {"encoding": "gb18030"}]
)
def test_where_bytes_do_not_tell_records_apart_a_file_is_one_fragment(tmp_path: Path, options: dict[str, str]) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n" + "1,2\n" * 100, encoding=options.get("encoding", "utf8"))
    source = Config(path=str(path), **options).build()  # type: ignore[arg-type]
    assert len(source.fragments()) == 1
    assert read(source).height == 100


@pytest.mark.usefixtures("cut_small")
def test_a_compressed_file_is_one_fragment(tmp_path: Path) -> None:
    import gzip
    import random

    lines = "".join(f"{random.Random(n).random()},2\n" for n in range(100))
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(("a,b\n" + lines).encode()))
    source = Config(path=str(tmp_path / "data.csv.gz")).build()
    assert len(source.fragments()) == 1
    assert read(source).height == 100


def test_a_carriage_return_alone_ends_a_record() -> None:
    found = _pieces.cut(pa.BufferReader(b"a\rb\r\nc\n\r\nd"), quote='"', delimiter=",", piece_bytes=1)
    assert [(piece.start, piece.stop, piece.records, piece.first_line) for piece in found] == [
        (0, 2, 1, 1), (2, 5, 1, 2), (5, 7, 1, 3), (7, 9, 0, 4), (9, 10, 1, 5),
    ]  # fmt: skip


def test_pieces_are_of_about_the_size_asked_for() -> None:
    data = b"1234,5678\n" * 10_000
    found = _pieces.cut(pa.BufferReader(data), quote='"', delimiter=",", piece_bytes=10_000)
    assert [piece.stop for piece in found] == list(itertools.accumulate([10_000] * 10))
