"""Where files are: local paths, folders, globs and URLs, and one clear error for each place that holds nothing."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.sources import _files
from rayline.sources import csv as csv_source
from rayline.sources import parquet as parquet_source
from rayline.sources._source import Source
from rayline.spec.sections import as_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two CSV files in a folder and one below it, among files that are none."""
    for name, value in (("b.csv", 2), ("a.csv", 1), ("deep/c.csv", 3)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"n\n{value}\n")
    for name in ("notes.md", "_SUCCESS", ".a.csv.crc", "_temporary.csv"):
        (tmp_path / name).write_text("no data")
    return tmp_path


def labels(text: str) -> list[str]:
    return [fragment.label for fragment in csv_source.Config(path=text).build().fragments()]


def numbers(source: Source) -> list[int]:
    return [n for fragment in source.fragments() for n in source.read(fragment).column("n").to_pylist()]


def refused(text: str) -> str:
    with pytest.raises(DataError) as caught:
        labels(text)
    return str(caught.value)


def test_one_file(folder: Path) -> None:
    assert labels(str(folder / "a.csv")) == ["a.csv"]


def test_a_relative_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert labels("deep/../a.csv") == ["a.csv"]


def test_a_folder_is_read_by_path_and_leaves_out_what_other_programs_note(folder: Path) -> None:
    assert labels(str(folder)) == ["a.csv", "b.csv", "deep/c.csv"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.csv", ["_temporary.csv", "a.csv", "b.csv"]),
        ("[ab].csv", ["a.csv", "b.csv"]),
        ("?.csv", ["a.csv", "b.csv"]),
        ("*/c.csv", ["deep/c.csv"]),
        ("**/[a-c].csv", ["a.csv", "b.csv", "deep/c.csv"]),
    ],
)
def test_globs(folder: Path, pattern: str, found: list[str]) -> None:
    assert labels(str(folder / pattern)) == found


def test_a_file_uri_with_a_space(tmp_path: Path) -> None:
    (tmp_path / "a b.csv").write_text("n\n1\n")
    source = csv_source.Config(path=f"file://{tmp_path}/a%20b.csv").build()
    assert numbers(source) == [1]


def test_a_missing_file_names_the_nearest(folder: Path) -> None:
    assert "there is no file or folder" in refused(str(folder / "aa.csv"))
    assert "Did you mean 'a.csv'?" in refused(str(folder / "aa.csv"))


def test_a_missing_folder_is_said(folder: Path) -> None:
    assert "There is no folder" in refused(str(folder / "none" / "a.csv"))


def test_a_pattern_without_a_match(folder: Path) -> None:
    assert "no file matches" in refused(str(folder / "x*.csv"))


def test_a_folder_without_matching_files_says_what_it_holds(tmp_path: Path) -> None:
    assert "it is empty" in refused(str(tmp_path))
    (tmp_path / "a.txt").write_text("x")
    assert "has no .csv or .tsv" in refused(str(tmp_path))
    assert "it holds .txt" in refused(str(tmp_path))


@pytest.mark.parametrize("uri", ["s4://bucket/a.csv", "nothing://x/a.csv"])
def test_an_unknown_scheme(uri: str) -> None:
    assert f"cannot open '{uri}'" in refused(uri)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied"), "may not be read"),
        (FileNotFoundError(2, "No such file"), "there is no file 'x.csv'"),
        (OSError(5, "Input/output error"), "cannot read 'x.csv'"),
    ],
)
def test_what_the_system_refuses_is_one_message(error: OSError, message: str) -> None:
    assert message in str(_files.unreadable("x.csv", error))


def test_a_file_that_goes_away_after_it_was_found(folder: Path) -> None:
    source = csv_source.Config(path=str(folder / "a.csv")).build()
    source.schema()
    (folder / "a.csv").unlink()
    with pytest.raises(DataError, match="there is no file"):
        source.read(source.fragments()[0])


def test_text_in_a_spec_is_claimed_by_kind(folder: Path) -> None:
    assert isinstance(as_source(str(folder)), csv_source.Config)
    pq.write_table(pa.table({"n": [1]}), folder.joinpath("deep", "x.parquet"))
    (folder / "deep" / "c.csv").unlink()
    assert isinstance(as_source(str(folder / "deep")), parquet_source.Config)
    assert isinstance(as_source("s3://bucket/rows/*.parquet?region=eu-west-1"), parquet_source.Config)
    assert isinstance(as_source("https://example.org/data.csv?raw=true"), csv_source.Config)


def test_text_that_nothing_claims(folder: Path) -> None:
    with pytest.raises(SpecError, match="cannot tell what kind of source"):
        as_source(str(folder / "notes.bin"))


def test_any_fsspec_filesystem() -> None:
    with fsspec.open("memory://rows/a.csv", "w") as handle:
        handle.write("n\n1\n")
    with fsspec.open("memory://rows/b.csv", "w") as handle:
        handle.write("n\n2\n")
    assert numbers(csv_source.Config(path="memory://rows/*.csv").build()) == [1, 2]
    assert numbers(csv_source.Config(path="memory://rows/").build()) == [1, 2]


@pytest.fixture
def website(tmp_path: Path) -> Iterator[str]:
    """An HTTP server over a folder with a.csv and a.parquet."""
    (tmp_path / "a.csv").write_text("n\n1\n2\n")
    pq.write_table(pa.table({"n": [1, 2, 3]}), tmp_path / "a.parquet", row_group_size=2)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_files_over_http(website: str) -> None:
    assert numbers(as_source(f"{website}/a.csv").build()) == [1, 2]  # type: ignore[attr-defined]
    assert numbers(as_source(f"{website}/a.csv?raw=1").build()) == [1, 2]  # type: ignore[attr-defined]
    assert numbers(as_source(f"{website}/a.parquet").build()) == [1, 2, 3]  # type: ignore[attr-defined]


def test_a_missing_file_over_http(website: str) -> None:
    assert "there is no file or folder" in refused(f"{website}/b.csv")


def test_a_server_that_does_not_answer() -> None:
    assert "Cannot connect to host 127.0.0.1:9" in refused("http://127.0.0.1:9/a.csv")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A URI of a bucket on an S3 server, with `{}` where the key goes."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    yield f"s3://rows/{{}}?region=us-east-1&scheme=http&endpoint_override=127.0.0.1:{port}&allow_bucket_creation=true"
    server.stop()


def test_files_on_s3(bucket: str) -> None:
    filesystem, path = _files.locate(bucket.format(""))
    filesystem.create_dir(path)
    for name, value in (("in/a.csv", 1), ("in/b.csv", 2)):
        with filesystem.open_output_stream(f"rows/{name}") as stream:
            stream.write(f"n\n{value}\n".encode())
    with filesystem.open_output_stream("rows/in/a.parquet") as stream:
        pq.write_table(pa.table({"n": [7, 8]}), stream)
    both = r"several kinds: 2 \.csv and 1 \.parquet\. Name those to read: s3://rows/in/\*\*/\*\.csv\?region="
    with pytest.raises(SpecError, match=both):
        as_source(bucket.format("in/"))
    folder = as_source(bucket.format("in/**/*.csv"))
    assert isinstance(folder, csv_source.Config)
    source = folder.build()
    assert [fragment.label for fragment in source.fragments()] == ["a.csv", "b.csv"]
    assert numbers(source) == [1, 2]
    assert source.read(source.fragments()[1]).column(ROW).to_pylist() == [1 << 40]
    assert numbers(csv_source.Config(path=bucket.format("in/*.csv")).build()) == [1, 2]
    assert numbers(as_source(bucket.format("in/a.parquet")).build()) == [7, 8]  # type: ignore[attr-defined]
    assert "there is no file or folder" in refused(bucket.format("in/c.csv"))


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "report [2].csv").write_text("n\n7\n")
    (tmp_path / "report 2.csv").write_text("n\n8\n")
    assert numbers(csv_source.Config(path=str(tmp_path / "report [2].csv")).build()) == [7]
    assert numbers(csv_source.Config(path=str(tmp_path / "report ?.csv")).build()) == [8]


def test_a_folder_of_many_files_is_listed_in_time_in_line_with_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file was compared with every file found before it."""
    compared = 0

    class Entry:
        type = pa.fs.FileType.File

        def __init__(self, path: str) -> None:
            self.path = path

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return self is other

        __hash__ = object.__hash__

    entries = [Entry(f"/data/{place}.{'csv' if place % 2 else 'md'}") for place in range(400)]

    class Place:
        def get_file_info(self, _: object) -> list[Entry]:
            return entries

    found, others = _files._held(Place(), "/data", (".csv",))
    assert (len(found), len(others), compared) == (200, 200, 0)
