"""Places for lakes: a local folder, and moto's S3 server."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow.fs as pafs
import pytest
from lake_parts import Children
from storage import Silent, Store
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


@pytest.fixture
def store(server: tuple[Store, str]) -> Store:
    server[0].reset()
    return server[0]


@pytest.fixture(scope="session")
def children() -> Iterator[Children]:
    made = Children()
    yield made
    made.close()


_numbers = itertools.count()


@pytest.fixture
def s3_uri(server: tuple[Store, str], store: Store) -> str:
    """A place of its own on S3."""
    return f"s3://key:secret@lakes/lake-{next(_numbers)}?{server[1]}"


@pytest.fixture(params=["local", "s3"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a lake."""
    return str(tmp_path / "lake") if request.param == "local" else request.getfixturevalue("s3_uri")
