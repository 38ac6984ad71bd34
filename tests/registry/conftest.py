"""Packages for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.fs as pafs
import pytest
from moto.server import ThreadedMotoServer
from registry_parts import Made, make

from rayline.core.columns import Task
from rayline.registry import package


@pytest.fixture(scope="session")
def made() -> Callable[..., Made]:
    """`make`, each combination built once."""
    built: dict[Task, Made] = {}

    def get(task: Task = Task.BINARY) -> Made:
        if task not in built:
            built[task] = make(task)
        return built[task]

    return get


@pytest.fixture
def packaged(made: Callable[..., Made], tmp_path: Path) -> str:
    """A written binary package."""
    folder = str(tmp_path / "package")
    package.write(folder, **made().parts)
    return folder


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """A bucket on moto's S3 server, as a URI to fill."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"127.0.0.1:{port}" if host == "0.0.0.0" else f"{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        options = f"scheme=http&endpoint_override={endpoint}&region=us-east-1&allow_bucket_creation=true"
        pafs.FileSystem.from_uri(f"s3://models?{options}")[0].create_dir("models")
        yield "s3://models/PATH?" + options
    server.stop()
