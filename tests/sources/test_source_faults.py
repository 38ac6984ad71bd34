"""Sources that die half-way, damaged files, tables at their widest: each ends in a result, or in one clear error."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.profile.profile import merge, profile_frame
from rayline.sources._source import Source
from rayline.sources.scan import scan
from rayline.spec.sections import as_source

ROWS = 40_000


def write(kind: str, path: Path, rows: int = ROWS) -> Path:
    """A file of two columns: `n` counts, `s` is a text of its own in each row."""
    frame = pl.DataFrame({"n": range(rows), "s": [f"text {n * 7919 % 104729}" for n in range(rows)]})
    path = path / f"data.{kind}"
    if kind == "csv":
        frame.write_csv(path)
    elif kind == "jsonl":
        frame.write_ndjson(path)
    elif kind == "arrow":
        with pa.ipc.new_file(str(path), frame.to_arrow().schema) as writer:
            writer.write_table(frame.to_arrow(), max_chunksize=10_000)
    else:
        pq.write_table(frame.to_arrow(), path, row_group_size=10_000, use_dictionary=False)
    return path


def opened(path: Path | str) -> Source:
    source = as_source(str(path)).build()  # type: ignore[attr-defined]
    assert isinstance(source, Source)
    return source


def refused(source: Source) -> str:
    with pytest.raises(DataError) as caught:
        scan(source, lambda frame, _: frame.height)
    assert type(caught.value) is DataError
    return str(caught.value)


# a server that cuts the connection


class CutServer(socketserver.ThreadingTCPServer):
    """Serves files below a folder, and after `cut_after` answers hangs up in the middle of each body."""

    daemon_threads = True

    def __init__(self, folder: Path, *, ranges: bool, cut_after: int) -> None:
        super().__init__(("127.0.0.1", 0), CutHandler)
        self.folder = folder
        self.ranges = ranges
        self.cut_after = cut_after
        self.answers = 0


class CutHandler(socketserver.StreamRequestHandler):
    server: CutServer

    def handle(self) -> None:
        while head := self.head():
            request, *fields = head.splitlines()
            method, path, _ = request.split()
            file = self.server.folder / path.lstrip("/")
            if not file.is_file():
                self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                continue
            body, status = file.read_bytes(), "200 OK"
            wanted = next((f.split("=")[1] for f in fields if f.lower().startswith("range:")), None)
            extra = f"Accept-Ranges: {'bytes' if self.server.ranges else 'none'}\r\n"
            if wanted and self.server.ranges:
                first, last = wanted.split("-")
                whole, status = len(body), "206 Partial Content"
                body = body[int(first) : int(last or whole) + 1]
                extra += f"Content-Range: bytes {first}-{int(first) + len(body) - 1}/{whole}\r\n"
            self.wfile.write(f"HTTP/1.1 {status}\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode())
            if method == "HEAD":
                continue
            self.server.answers += 1
            if self.server.answers > self.server.cut_after:
                self.wfile.write(body[: len(body) // 2])
                return
            self.wfile.write(body)

    def head(self) -> str:
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            try:
                line = self.rfile.readline()
            except ConnectionResetError:
                return ""
            if not line:
                return ""
            text += line
        return text.decode().removesuffix("\r\n\r\n")


@pytest.fixture(params=[True, False], ids=["ranges", "streams"])
def cutting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CutServer]:
    with CutServer(tmp_path, ranges=request.param, cut_after=10**9) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "arrow"])
def test_a_server_that_hangs_up_half_way(kind: str, tmp_path: Path, cutting: CutServer) -> None:
    write(kind, tmp_path)
    uri = f"http://127.0.0.1:{cutting.server_address[1]}/data.{kind}"
    assert sum(scan(opened(uri), lambda frame, _: frame.height)) == ROWS
    cutting.answers, cutting.cut_after = 0, 0
    assert f"data.{kind}" in refused(opened(uri))
    source = opened(uri)
    cutting.cut_after = 10**9
    source.schema()
    cutting.cut_after = 0  # between deciding on types and reading
    assert f"data.{kind}" in refused(source)


# files that change between deciding on types and reading


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("left", [0, 1000, -1000])
def test_a_file_cut_short_while_it_is_read(kind: str, left: int, tmp_path: Path) -> None:
    path = write(kind, tmp_path)
    source = opened(path)
    source.schema()
    path.write_bytes(path.read_bytes()[:left])
    assert f"data.{kind}" in refused(source)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_file_that_grows_while_it_is_read(kind: str, tmp_path: Path) -> None:
    path = write(kind, tmp_path)
    source = opened(path)
    before = path.stat().st_size
    source.schema()
    with path.open("a") as handle:
        handle.write("1,x\n" if kind == "csv" else '{"n": 1, "s": "x"}\n')
    after = path.stat().st_size
    assert f"has changed since it was listed: it had {before:,} bytes and has {after:,} now." in refused(source)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_compressed_file_cut_short(kind: str, tmp_path: Path) -> None:
    path = write(kind, tmp_path)
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes())[:-5000])
    assert f"data.{kind}.gz" in refused(opened(packed))


# damage within a file


def damaged(path: Path, group: int, column: int) -> Path:
    """A Parquet file with 300 bytes of one column's page in one row group overwritten."""
    chunk = pq.read_metadata(path).row_group(group).column(column)
    data = bytearray(path.read_bytes())
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    data[middle : middle + 300] = np.random.default_rng(0).bytes(300)
    path.write_bytes(data)
    return path


def test_a_corrupt_row_group_is_named_with_its_rows_and_column(tmp_path: Path) -> None:
    path = write("parquet", tmp_path)
    message = refused(opened(damaged(path, 2, 1)))
    assert message.startswith("data.parquet: row group 2 (rows 20001 to 30000), column 's' cannot be read as Parquet:")


def test_what_is_whole_of_a_damaged_file_can_be_read(tmp_path: Path) -> None:
    path = write("parquet", tmp_path)
    source = opened(damaged(path, 2, 1))
    assert sum(scan(source, lambda frame, _: frame["n"].sum(), columns=["n"])) == ROWS * (ROWS - 1) // 2


def test_checksums_find_a_change_that_decoding_would_not(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    numbers = pa.table({"n": np.arange(10_000)})
    pq.write_table(numbers, path, compression="none", use_dictionary=False, write_page_checksum=True)
    data = bytearray(path.read_bytes())
    data[20_000] ^= 1
    path.write_bytes(data)
    assert "column 'n' cannot be read as Parquet: could not verify page integrity" in refused(opened(path))


def test_bytes_that_are_no_arrow_file(tmp_path: Path) -> None:
    (tmp_path / "data.arrow").write_bytes(b"\0" * 500)
    assert refused(opened(tmp_path / "data.arrow")).startswith("data.arrow cannot be read as an Arrow file")


# as wide, and as varied, as it gets


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_ten_thousand_columns_are_read_and_profiled(kind: str, tmp_path: Path) -> None:
    wide = pl.DataFrame({f"column {n}": [n, n + 1, None] for n in range(10_000)})
    path = tmp_path / f"data.{kind}"
    {"csv": wide.write_csv, "jsonl": wide.write_ndjson, "parquet": wide.write_parquet}[kind](path)  # type: ignore[operator]
    source = opened(path)
    assert len(source.schema()) == 10_000
    (found,) = scan(source, lambda frame, _: frame)
    assert found.drop(ROW).equals(wide)
    with pytest.raises(DataError, match=r"no column 'column 10000'\. Did you mean 'column 1000'\?.*\(10,000 in all\)"):
        source.read(source.fragments()[0], ["column 10000"])
    profile = profile_frame(found.select([*found.columns[:50], ROW]), seed=0)
    assert profile.columns["column 3"].mean == 3.5


def test_five_million_categories_are_counted_in_bounded_memory(tmp_path: Path) -> None:
    rows = 5_000_000
    path = tmp_path / "data.parquet"
    pl.select(pl.int_range(rows).alias("n")).select(c="value " + pl.col("n").cast(pl.String)).write_parquet(
        path, row_group_size=250_000
    )
    source = opened(path)
    assert max(fragment.size_bytes for fragment in source.fragments()) <= 64 << 20
    profile = merge(scan(source, lambda frame, _: profile_frame(frame, seed=0)))
    found = profile.columns["c"]
    assert found.count == rows
    assert found.truncated
    assert found.distinct == pytest.approx(rows, rel=0.03)
    assert len(found.counts) <= 1 << 16
    assert len(json.dumps(profile.to_json())) < 10 << 20
