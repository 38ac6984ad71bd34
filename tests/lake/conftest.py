"""Places for lakes: a local folder, moto's S3 server, and an emulator of Google Cloud Storage."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import gcs
import pyarrow.fs as pafs
import pytest
from gcs import Bucket
from lake_parts import Children
from storage import Remote, Silent, Store
from werkzeug.serving import make_server


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[Store, str]]:
    store = Store()
    served = make_server("127.0.0.1", 0, store, threaded=True, request_handler=Silent)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    options = f"scheme=http&endpoint_override=127.0.0.1:{served.server_port}&region=us-east-1"
    pafs.FileSystem.from_uri(f"s3://key:secret@lakes?{options}&allow_bucket_creation=true")[0].create_dir("lakes")
    yield store, options
    served.shutdown()


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    made = Bucket()
    yield made
    made.close()


@pytest.fixture(scope="session")
def children() -> Iterator[Children]:
    made = Children()
    yield made
    made.close()


_numbers = itertools.count()


def _remote(kind: str, request: pytest.FixtureRequest) -> Remote:
    place = f"lake-{next(_numbers)}"
    if kind == "gcs":
        bucket: Bucket = request.getfixturevalue("bucket")
        bucket.reset()
        return Remote(f"gs://anonymous@{gcs.NAME}/{place}?{bucket.options}", bucket)
    store, options = request.getfixturevalue("server")
    store.reset()
    return Remote(f"s3://key:secret@lakes/{place}?{options}", store)


@pytest.fixture(params=["s3", "gcs"])
def remote(request: pytest.FixtureRequest) -> Remote:
    """A place in each object store."""
    return _remote(request.param, request)


@pytest.fixture
def s3_uri(request: pytest.FixtureRequest) -> str:
    """A place on S3."""
    return _remote("s3", request).uri


@pytest.fixture(params=["local", "s3", "gcs"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a lake."""
    return str(tmp_path / "lake") if request.param == "local" else _remote(request.param, request).uri
