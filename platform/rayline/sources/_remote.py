"""Places that are not on this machine: how long their clients wait, and what they answered in words for people.

Clients of object stores retry for a quarter of an hour before they say that nobody answers; ours say so within seconds.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

RETRY_S = 20
"""How long Google's store is asked again; `?retry_limit_seconds=` of a URL says otherwise."""
CONNECT_S, SILENT_S = 10, 30
"""How long a web server may take to be connected to, and may be silent."""
_LAST = re.compile(r"with a last message of (.*?)(?: The request was not sent| error_info=|\})", re.DOTALL)
_SECRETS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; AWS_ENDPOINT_URL for a store of your own",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS; a public bucket is gs://anonymous@bucket/…",
    "abfs": "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or az login",
}
_STATUS = {
    401: "it wants credentials. Give a URL that needs none, or download the file",
    403: "it does not let us read it. Give a URL that needs no credentials, or download the file",
    404: "there is nothing at this address. Check it",
    410: "there is nothing at this address any more",
    429: "it is asked too often. Try again later",
}


def bounded(uri: str) -> str:
    """A URI whose client gives up in time."""
    if not uri.startswith(("gs://", "gcs://")) or "retry_limit_seconds=" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}retry_limit_seconds={RETRY_S}"


def options(scheme: str) -> dict[str, Any]:
    """What fsspec's filesystem of a scheme is made with."""
    if scheme not in ("http", "https"):
        return {}
    import aiohttp  # what fsspec reads the web with

    waits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENT_S)
    return {"client_kwargs": {"timeout": waits}}


def said(uri: str, error: BaseException) -> str:
    """What a server or client answered, in a sentence, with what to do next."""
    status = getattr(error, "status", None)
    if type(error).__name__ == "TooManyRedirects":
        return "The server leads from one address to another without an end."
    if type(error).__name__ == "ClientPayloadError":
        return "The server ended its answer before the file was whole. Read again, or download the file."
    if isinstance(error, TimeoutError):
        return f"The server was silent for {SILENT_S} seconds."
    if isinstance(status, int) and status:
        fault = f"it has a fault ({getattr(error, 'message', '')}). Try again later" if status >= 500 else ""
        return f"The server answered {status}: {_STATUS.get(status) or fault or getattr(error, 'message', '')}."
    lines = str(error).strip().splitlines() or [type(error).__name__]
    last = _LAST.search(lines[0])
    words = (last[1] if last else lines[0])[:300].rstrip(". ")
    scheme = {"gcs": "gs", "abfss": "abfs"}.get(found := uri.partition("://")[0], found)
    secrets = f" Check the name, the network, and the environment: {_SECRETS[scheme]}." if scheme in _SECRETS else ""
    return f"{words}.{secrets}"


class Handler(pafs.FSSpecHandler):  # type: ignore[misc]
    """Files of an fsspec filesystem, whose every fault is an `OSError`."""

    def open_input_stream(self, path: str) -> pa.PythonFile:
        return pa.PythonFile(self._open(path), mode="r")

    def open_input_file(self, path: str) -> pa.PythonFile:
        handle: Any = self._open(path)
        try:
            handle.seek(0, os.SEEK_END)
            handle.seek(0)
        except OSError:  # a web server that answers with whole files alone
            handle = io.BytesIO(handle.read())
        return pa.PythonFile(handle, mode="r")

    def _open(self, path: str) -> Guarded:
        if not self.fs.isfile(path):
            raise FileNotFoundError(path)
        return Guarded(_os_errors(self.fs.open, path, mode="rb"))


class Guarded:
    """A file opened by fsspec. Clients raise errors of their own where a connection is cut."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def read(self, *args: int) -> bytes:
        return _os_errors(self._handle.read, *args)  # type: ignore[no-any-return]

    def seek(self, *args: int) -> int:
        return _os_errors(self._handle.seek, *args)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)


def _os_errors(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    try:
        return call(*args, **options)
    except OSError:
        raise
    except Exception as error:  # each client has its own tree of errors, and none is imported here
        raise OSError(f"{type(error).__name__}: {error}") from error
