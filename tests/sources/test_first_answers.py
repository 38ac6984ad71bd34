"""What people try first: files that are not what their names say, dialects that nobody named, places nobody answers."""

from __future__ import annotations

import gzip
import http.server
import io
import random
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from rayline.core.errors import DataError, RaylineError, SpecError
from rayline.sources import _csv, _pieces, _remote
from rayline.sources import csv as csv_source
from rayline.sources._source import Source
from rayline.sources.scan import scan
from rayline.spec.sections import as_source


def read(source: Source) -> pl.DataFrame:
    return pl.concat(scan(source, lambda frame, _: frame))


def opened(path: Path, content: str | bytes, name: str = "data.csv", **options: object) -> Source:
    (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return csv_source.Config(path=str(path / name), **options).build()


def refused(path: Path, content: str | bytes, name: str = "data.csv", **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read(opened(path, content, name, **options))
    return str(caught.value)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>" * 1000)
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"a": [1]}).write_parquet(buffer)
    return buffer.getvalue()


# Other kinds of file


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped(), "an Excel workbook or another zip archive. Save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), "a workbook of an old Excel"),
        (parquet(), "a Parquet file. Name it so"),
        (gzip.compress(b"a,b\n1,2\n"), "compressed by gzip. End its name in .csv.gz"),
        (b"SQLite format 3\0" + bytes(100), "a SQLite database. Give data.source: {name: sql"),
        (b"%PDF-1.7\n\xe2\xe3\n", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "an image"),
        ("<!DOCTYPE html>\n<html><body>Log in</body></html>\n", "a web page or XML"),
        ('[{"a": 1}, {"a": 2}]\n', "an array becomes such lines by: jq"),
        (
            '\ufeff{"a": 1, "b": 2}\n{"a": 2, "b": 3}\n',
            "JSON. If each line is an object, give data.source: {name: jsonl",
        ),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: str | bytes, said: str) -> None:
    message = refused(tmp_path, content)
    assert message.startswith("data.csv is no CSV: it begins as ")
    assert said in message


def test_objects_and_marks_in_values_are_no_other_kind(tmp_path: Path) -> None:
    source = opened(tmp_path, '{"a": 1}|x\n{"a": 2}|y\n', header="none", delimiter="|", quote=None)
    assert read(source)["column_1"].to_list() == ['{"a": 1}', '{"a": 2}']
    assert read(opened(tmp_path, "PK,%PDF\n1,2\n")).height == 1


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf16_without_its_mark_is_recognised(tmp_path: Path, order: str) -> None:
    message = refused(tmp_path, "name,n\nMüller,1\n".encode(f"utf-16-{order}"))
    assert f"UTF-16 without its mark: data.source.encoding: utf-16-{order}" in message


@pytest.mark.parametrize("options", [{}, {"encoding": "latin-1"}, {"header": ("a", "b")}], ids=str)
@pytest.mark.parametrize(
    "content",
    [
        b"\x01\x93\x00" + bytes(range(255)),
        random.Random(0).randbytes(200),
        random.Random(1).randbytes(3 << 20),
        bytes(99),
    ],
    ids=["each byte", "few", "many", "zeros"],
)
def test_bytes_that_are_no_text(tmp_path: Path, content: bytes, options: dict[str, object]) -> None:
    message = refused(tmp_path, content, **options)
    assert message.startswith("data.csv is no text file: ")
    assert "no encoding would help. Give a file of a kind that is read: CSV (.csv, .tsv" in message
    assert "latin-1" not in message


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("name\x01town\nMüller\x01Köln\n" * 9, {"delimiter": "\x01", "encoding": "latin-1"}),
        ("name\x01town\nMüller\x01Köln\n" * 9, {"delimiter": "\x01"}),
        ("name,town\nMüller,Köln\n", {"encoding": "utf-16"}),
        ("name,town\nMüller,Köln\n", {"encoding": "utf-16-be"}),
        ("name,town\n村田,東京\n", {"encoding": "shift_jis"}),
        ("name,town\n村田,東京\n", {"encoding": "iso2022_jp"}),
        ("name,town\nMüller,Köln\n", {"encoding": "cp500"}),
    ],
    ids=["control delimiter", "the same in UTF-8", "UTF-16", "UTF-16 without mark", "Shift JIS", "JIS", "EBCDIC"],
)
def test_texts_with_odd_bytes_are_text(tmp_path: Path, content: str, options: dict[str, str]) -> None:
    source = opened(tmp_path, content.encode(options.get("encoding", "utf8")), **options)
    assert read(source)["name"][0] in {"Müller", "村田"}


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv.gz", b"a,b\n1,2\n"), ("a.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99)[:-20]), ("a.csv.zst", b"a,b\n1,2\n"),
     ("a.csv.bz2", b"a,b\n1,2\n")],
    ids=["plain as gz", "cut gz", "plain as zst", "plain as bz2"],
)  # fmt: skip
def test_a_packed_file_that_is_none(tmp_path: Path, name: str, content: bytes) -> None:
    message = refused(tmp_path, content, name)
    assert "is no whole" in message
    assert "Fetch or write it again; if it is not compressed, take the ending off" in message


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("a.xlsx", "Save the sheet as CSV"),
        ("a.zip", "Unpack it"),
        ("a.sqlite", "{name: sql, url:"),
        ("a.json", "jq -c"),
    ],
)
def test_files_that_no_source_reads_have_a_cure(tmp_path: Path, name: str, cure: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(SpecError) as caught:
        as_source(str(tmp_path / name))
    assert cure in str(caught.value)


def test_a_folder_of_tables_of_several_kinds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("a.csv", "deep/b.csv"):
        (tmp_path / name).write_text("a\n1\n")
    (tmp_path / "c.parquet").write_bytes(parquet())
    with pytest.raises(SpecError, match=r"tables of several kinds: 2 \.csv and 1 \.parquet\. Name those to read: "):
        as_source(str(tmp_path))
    assert read(as_source(f"{tmp_path}/**/*.csv").build()).height == 2  # type: ignore[attr-defined]
    assert read(csv_source.Config(path=str(tmp_path)).build()).height == 2


# Lines


def test_a_header_without_the_end_of_its_line(tmp_path: Path) -> None:
    assert "has a header line and no rows" in refused(tmp_path, "a,b")
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "one.csv").write_text("a,b\n1,2\n")
    (tmp_path / "rows" / "two.csv").write_text("a,b")
    assert read(csv_source.Config(path=str(tmp_path / "rows")).build()).height == 1


def test_a_record_of_many_megabytes_is_read(tmp_path: Path) -> None:
    long = "x" * (20 << 20)
    found = read(opened(tmp_path, f'a,b\n1,{long}\n2,"y\n{long}"\n3,z\n'))
    assert found["a"].to_list() == [1, 2, 3]
    assert found["b"].str.len_bytes().to_list() == [len(long), len(long) + 2, 1]


def test_a_line_without_an_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_csv, "LONGEST_BYTES", 2 << 20)
    message = refused(tmp_path, "a,b\n1,2\n3," + "x" * (5 << 20) + "\n4,5\n")
    assert message.startswith(
        "data.csv line 3 is of more than 2 MB, and a line that long is most often a file of another"
    )
    message = refused(tmp_path, 'a,b\n1,2\n3,"' + "x\n" * (3 << 20))
    assert message.startswith(
        "data.csv line 3 is of more than 2 MB, and a quote opens a value there and nothing closes it"
    )


def test_one_text_at_the_end_of_a_large_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pieces, "LARGE_BYTES", 1 << 20)
    monkeypatch.setattr(_pieces, "PIECE_BYTES", 1 << 20)
    monkeypatch.setattr("rayline.sources._guessed.WHOLE_BYTES", 1 << 20)
    monkeypatch.setattr("rayline.sources._guessed.HEAD_BYTES", 1 << 18)
    rows = "".join(f"{n},{n}.5,abc\n" for n in range(200_000))
    message = refused(tmp_path, f"id,x,s\n{rows}secret,1,z\n")
    assert message.startswith("data.csv line 200002: the value of column 'id' cannot be read as int64. Correct it")
    assert "secret" not in message


def test_a_header_without_an_end(tmp_path: Path) -> None:
    message = refused(tmp_path, "x" * (3 << 20))
    assert message.startswith(
        "data.csv: its first line, which names the columns, has no end within its first 1 MB. Write"
    )


def test_a_title_above_the_names(tmp_path: Path) -> None:
    message = refused(tmp_path, "Report of 2024\n\na,b\n1,2\n")
    assert message.startswith(
        "data.csv line 3: 2 values, and the header has 1 column. Other lines too (line 4: 2; 2 lines"
    )
    assert "If the columns' names stand on line 3, take out the lines above it." in message


# Dialects that nobody named


def hints(path: Path, content: str, **options: object) -> str:
    source = opened(path, content, **options)
    read(source)
    return " ".join(source.notes.values())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a^b\n1^x\n2^y\n", "each of its lines has 1 '^'. If they part values, give data.source.delimiter: '^'"),
        ("a b c\n1 2 3\n4 5 6\n", "each of its lines has 2 ' '"),
        ("Report\na;b\n1;2\n3;4\n", "If they part values, take out what stands above the columns' names"),
        ("1,2,3\n4,5,6\n", "the header's names are numbers (1, 2, 3). If the file has no header line"),
        (
            "n;m\n1,5;x\n2,5;y\n",
            "'n' is read as text, and its values look like numbers with a decimal comma: data.source.dec",
        ),
        ("n;m\n1.234,5;x\n2,5;y\n", "to: number, decimal: ',', thousands: '.'}"),
        (
            'n,m\n"1,234",x\n"12,345.5",y\n5,z\n',
            "look like numbers with ',' between thousands: prepare.clean: {name: cast",
        ),
        (
            "d,m\n31/12/2024,x\n01/02/2024,y\n",
            "dates with the day first: prepare.clean: {name: cast, columns: [d], to: date",
        ),
        ("d,m\n31.12.2024,x\n", "format: '%d.%m.%Y'}"),
        ("d,m\n12/31/2024,x\n", "dates with the month first"),
    ],
)
def test_what_looks_odd_is_read_and_told(tmp_path: Path, content: str, said: str) -> None:
    assert said in hints(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    ["name\nAnna Lee\nBob Ray\n", "a,b\n1,Y\n2,N\n", "2023,2024,name\n1,2,x\n", "n,m\n1.5,2024-01-31\n,\n", "a\n1\n2\n",
     "first name,a.b,größe, pad ,日本\n1,2,3,4,5\n"],
)  # fmt: skip
def test_nothing_is_told_of_what_is_not_odd(tmp_path: Path, content: str) -> None:
    assert hints(tmp_path, content) == ""


def test_what_the_spec_names_is_not_told(tmp_path: Path) -> None:
    assert hints(tmp_path, "n;m\n1,5;x\n2,5;y\n", decimal=",") == ""
    assert hints(tmp_path, "n;m\n1,5;x\n2,5;y\n", types={"n": "text"}) == ""
    assert hints(tmp_path, "1,2\n3,4\n", header="none") == ""
    assert hints(tmp_path, "a^b\n1^x\n2^y\n", delimiter=",") == ""


def test_a_line_that_is_for_excel_alone(tmp_path: Path) -> None:
    message = refused(tmp_path, "sep=;\na;b\n1;2\n")
    assert (
        "line 1 is 'sep=;', which is for Excel alone. Take the line out, and give data.source.delimiter: ';'" in message
    )


# Places


class Site(http.server.BaseHTTPRequestHandler):
    """Answers by the address: /404.csv, /loop.csv, /short.csv, …"""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        what = self.path.strip("/").partition(".")[0]
        if what.isdigit():
            return self.send_error(int(what))
        if what in ("loop", "moved"):
            self.send_response(302)
            self.send_header("Location", f"/{'loop' if what == 'loop' else 'good'}.csv")
            return self.end_headers()
        if what == "silent":
            time.sleep(1.5)
        body = b"<!DOCTYPE html>\n<p>Log in</p>" if what == "login" else b"n\n1\n2\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + 50 * (what == "short")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
        return None

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def answer(url: str) -> str:
    started = time.monotonic()
    with pytest.raises(RaylineError) as caught:
        read(as_source(url).build())  # type: ignore[attr-defined]
    assert time.monotonic() - started < 12
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "404.csv",
            "there is no file or folder '{site}/404.csv'. The server answered 404: there is nothing at this address",
        ),
        (
            "403.csv",
            "cannot read '{site}/403.csv': The server answered 403: it does not let us read it. Give a URL that",
        ),
        ("401.csv", "The server answered 401: it wants credentials"),
        ("500.csv", "The server answered 500: it has a fault (Internal Server Error). Try again later."),
        ("429.csv", "The server answered 429: it is asked too often. Try again later."),
        ("loop.csv", "The server leads from one address to another without an end."),
        ("short.csv", "cannot read '{site}/short.csv': The server ended its answer before the file was whole"),
        (
            "login.csv",
            "login.csv is no CSV: it begins as a web page or XML. If it was fetched: the address leads to a page",
        ),
    ],
)
def test_what_a_web_server_answers(site: str, path: str, said: str) -> None:
    assert said.format(site=site) in answer(f"{site}/{path}")


def test_a_file_that_was_moved_is_read(site: str) -> None:
    assert read(as_source(f"{site}/moved.csv").build())["n"].to_list() == [1, 2]  # type: ignore[attr-defined]


def test_a_web_server_that_is_silent(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_remote, "SILENT_S", 0.3)
    assert "silent for 0.3 seconds" in answer(f"{site}/silent.csv?other=1")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_nobody_is_there() -> None:
    port = closed_port()
    assert "Cannot connect to host" in answer(f"http://127.0.0.1:{port}/a.csv")
    message = answer(f"ftp://127.0.0.1:{port}/a.csv")
    assert f"cannot open 'ftp://127.0.0.1:{port}/a.csv': " in message
    assert "refused" in message
    assert "Protocol not known: foo" in answer("foo://x/a.csv")


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("s3://k:s@bucket/a.csv?region=us-east-1&scheme=http&endpoint_override=127.0.0.1:{port}", "AWS_ACCESS_KEY_ID"),
        (
            "gs://anonymous@bucket/a.csv?scheme=http&endpoint_override=127.0.0.1:{port}",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ),
    ],
)
@pytest.mark.slow
def test_a_store_that_does_not_answer(url: str, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_remote, "RETRY_S", 1)
    message = answer(url.format(port=closed_port()))
    assert "Check the name, the network, and the environment: " in message
    assert advice in message
    assert "k:s@" not in message


def test_a_stores_own_limit_is_kept() -> None:
    assert _remote.bounded("gs://b/a?retry_limit_seconds=7") == "gs://b/a?retry_limit_seconds=7"
    assert _remote.bounded("gs://b/a") == "gs://b/a?retry_limit_seconds=20"
    assert _remote.bounded("s3://b/a?x=1") == "s3://b/a?x=1"


def test_arrow_is_told_apart_from_text(tmp_path: Path) -> None:
    with pa.OSFile(str(tmp_path / "a.csv"), "wb") as file, pa.ipc.new_file(file, pa.schema({"a": pa.int64()})):
        pass
    with pytest.raises(DataError, match="it begins as an Arrow file"):
        read(csv_source.Config(path=str(tmp_path / "a.csv")).build())
