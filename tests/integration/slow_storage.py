"""S3 storage that takes its time: moto's server, with a pause before each object it gives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.fs as pafs
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from rayline.core import files


class Slow:
    """Stands before an application and waits `pause_s` before each object is read."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.pause_s = 0.0
        self.given = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] == "GET" and "list-type" not in environ.get("QUERY_STRING", ""):
            self.given += 1
            time.sleep(self.pause_s)
        return self.application(environ, start_response)


@contextmanager
def slow_storage(package: str) -> Iterator[tuple[str, Slow]]:
    """`package` put into a bucket: its URI there, and what sets the pause."""
    slow = Slow(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, slow, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = quote(f"http://127.0.0.1:{server.server_port}", safe="")
    uri = f"s3://key:secret@packages/people?endpoint_override={endpoint}&scheme=http&region=us-east-1"
    try:
        filesystem, path = files.locate(uri)
        assert isinstance(filesystem, pafs.S3FileSystem)
        pafs.S3FileSystem(
            access_key="key",
            secret_key="secret",
            endpoint_override=f"127.0.0.1:{server.server_port}",
            scheme="http",
            region="us-east-1",
            allow_bucket_creation=True,
        ).create_dir("packages")
        pafs.copy_files(str(Path(package)), path, pafs.LocalFileSystem(), filesystem)
        yield uri, slow
    finally:
        server.shutdown()
