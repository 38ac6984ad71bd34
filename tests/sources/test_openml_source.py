"""OpenML's sets by name: from a server that answers as OpenML does, and from the folder they are kept in."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import json
import logging
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
import sklearn.datasets
from sklearn.datasets import _openml

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.sources import openml
from rayline.sources._source import Source
from rayline.sources.openml import Config
from rayline.spec.sections import as_source

# OpenML's own answers, as scikit-learn keeps them for its tests
ANSWERS = Path(sklearn.datasets.__file__).parent / "tests" / "data" / "openml"
NAMES = {"iris": 61, "titanic": 40945, "anneal": 2}


class OpenML(http.server.ThreadingHTTPServer):
    """Answers for a few sets; `down`: as one in trouble, `spoilt`: with files that their checksums do not fit."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.down = False
        self.spoilt = False
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: OpenML

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        status, body = self.answer(self.path.strip("/").split("/"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, parts: list[str]) -> tuple[int, bytes]:
        if self.server.down:
            return 503, b"come back later"
        match parts:
            case ["api", "v1", "json", "data", "list", "data_name", name, *_] if name in NAMES:
                return 200, self.stored(NAMES[name], f"api-v1-jdl-dn-{name}-l-2-s-act-")
            case ["api", "v1", "json", "data", "features", number]:
                return 200, self.stored(int(number), f"api-v1-jdf-{number}")
            case ["api", "v1", "json", "data", "qualities", number]:
                return 200, self.stored(int(number), f"api-v1-jdq-{number}")
            case ["api", "v1", "json", "data", number] if number.isdigit() and int(number) in NAMES.values():
                about = json.loads(self.stored(int(number), f"api-v1-jd-{number}"))
                described = about["data_set_description"]
                described["url"] = f"{self.server.url}/files/{number}.arff"
                described["md5_checksum"] = hashlib.md5(self.arff(number)).hexdigest()
                return 200, json.dumps(about).encode()
            case ["files", file]:
                return 200, self.arff(file.removesuffix(".arff")) + (b"\n" if self.server.spoilt else b"")
        return 412, b'{"error": {"code": "372", "message": "No results"}}'

    def arff(self, number: str) -> bytes:
        (file,) = (ANSWERS / f"id_{number}").glob("data-v1-dl-*.arff.gz")
        return gzip.decompress(file.read_bytes())

    def stored(self, number: int, name: str) -> bytes:
        return gzip.decompress((ANSWERS / f"id_{number}" / f"{name}.json.gz").read_bytes())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenML]:
    openml.load.cache_clear()
    with OpenML() as serving:
        threading.Thread(target=serving.serve_forever, args=(0.05,), daemon=True).start()
        for name in ("_SEARCH_NAME", "_DATA_INFO", "_DATA_FEATURES", "_DATA_QUALITIES"):
            monkeypatch.setattr(_openml, name, getattr(_openml, name).replace("https://www.openml.org", serving.url))
        yield serving
        serving.shutdown()


def opened(dataset: str, folder: Path, **options: Any) -> Source:
    return Config(dataset=dataset, folder=str(folder), **options).build()


def read(source: Source) -> pl.DataFrame:
    (fragment,) = source.fragments()
    found = pl.from_arrow(source.read(fragment))
    assert isinstance(found, pl.DataFrame)
    return found.drop(ROW)


def refused(source: Source) -> str:
    with pytest.raises(DataError) as caught:
        source.schema()
    return str(caught.value)


def test_a_set_by_name(server: OpenML, tmp_path: Path) -> None:
    found = read(opened("iris", tmp_path))
    assert found.shape == (150, 5)
    assert found["class"].value_counts(sort=True)["count"].to_list() == [50, 50, 50]
    assert found["sepallength"].head(3).to_list() == [5.1, 4.9, 4.7]


def test_a_set_by_number_with_text_and_missing_values(server: OpenML, tmp_path: Path) -> None:
    source = opened("40945", tmp_path)
    assert source.schema().field("name").type == pa.string()
    assert source.schema().field("age").type == pa.float64()
    assert source.schema().field("survived").type == pa.string()  # nominal, though it is 0 and 1
    found = read(source)
    assert found.height == 1309
    assert found["age"].null_count() == 263
    assert set(found["embarked"].to_list()) == {"S", "C", "Q", None}
    assert set(found["survived"].to_list()) == {"0", "1"}


def test_a_kept_set_needs_no_server(server: OpenML, tmp_path: Path) -> None:
    first = read(opened("iris", tmp_path))
    server.down = True
    openml.load.cache_clear()
    asked = len(server.paths)
    source = opened("iris", tmp_path)
    assert read(source).equals(first)
    assert len(server.paths) == asked
    assert read(pickle.loads(pickle.dumps(source))).equals(first)


def test_columns_can_be_chosen(server: OpenML, tmp_path: Path) -> None:
    source = opened("iris", tmp_path, columns=("class", "petalwidth"))
    assert read(source).columns == ["class", "petalwidth"]
    with pytest.raises(DataError, match="no column 'klass'. Did you mean 'class'"):
        opened("iris", tmp_path, columns=("klass",)).schema()


def test_several_active_versions_are_said(server: OpenML, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        opened("iris", tmp_path).schema()
    assert "openml:iris: Multiple active versions" in caplog.text


def test_a_name_that_openml_does_not_know(server: OpenML, tmp_path: Path) -> None:
    assert refused(opened("irris", tmp_path)).startswith("openml:irris cannot be read: No active dataset irris found")


def test_a_server_in_trouble_and_nothing_kept(server: OpenML, tmp_path: Path) -> None:
    server.down = True
    message = refused(opened("iris", tmp_path))
    assert message.startswith(f"openml:iris is not in {str(tmp_path)!r} and cannot be downloaded: HTTP Error 503")
    assert "copy the folder from a machine that has the set" in message


def test_a_file_that_is_not_what_its_checksum_says(server: OpenML, tmp_path: Path) -> None:
    server.spoilt = True
    assert "openml:iris cannot be read: The md5 checksum" in refused(opened("iris", tmp_path))


def test_a_number_has_no_version(tmp_path: Path) -> None:
    assert "Leave data.source.version out" in refused(opened("61", tmp_path, version=2))


def test_text_in_a_spec() -> None:
    assert as_source("openml:iris") == Config(dataset="iris")
    assert as_source("openml:adult-census@2") == Config(dataset="adult-census", version=2)
    assert as_source("openml:61") == Config(dataset="61")
    with pytest.raises(SpecError, match="version"):
        catalog.resolve("source", {"name": "openml", "dataset": "iris", "version": 0})
