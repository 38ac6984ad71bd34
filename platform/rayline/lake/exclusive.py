"""To make a file only where there is none: the one thing a lake asks of a place beyond files.

local   a hard link to a finished temporary file
S3      a conditional put, `If-None-Match: *`, through boto3
GCS     an upload with `ifGenerationMatch=0`, through google-auth

Arrow's file systems send no conditions, hence the clients. Of several processes that make the same file one succeeds,
and what it made is there whole or not at all. A client that had no answer asks again, and may then be told of its own
file that it is there: commits carry a number of their own for that (`log.py`).
References: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html,
https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

import errno
import os
import time
import uuid
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import orjson

from rayline.core.errors import StorageError

GCS = "storage.googleapis.com"
GCS_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
GCS_AGAIN = (408, 429, 500, 502, 503, 504)
"""Answers after which Google has its clients ask again."""
BYTES = {"Content-Type": "application/octet-stream"}
TIMES = 6
FIRST_WAIT_S = 0.1
CONFLICT_S = 60.0
"""How long S3 is asked again where it answers that another put is under way."""
TIMEOUT_S = (10.0, 60.0)
"""To connect, and between two parts of an answer."""


def link(target: Path, data: bytes) -> bool:
    """Make a local file; `False`, and nothing else, where there is one.

    Raises:
        OSError: the folder cannot be written.
        StorageError: its file system has no hard links.
    """
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP):
                raise
            raise StorageError(
                f"cannot write {target}: {error.strerror}. A lake needs a file system with hard links, which FAT and "
                "some network shares do not have. Choose another folder."
            ) from None
    finally:
        temporary.unlink(missing_ok=True)
    sync(str(target.parent))
    return True


def sync(path: str) -> None:
    """Have a file, or the names in a folder, outlast a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Objects(ABC):
    """Makes objects of one store, each once. Its client is made when it is first needed."""

    condition: str
    """What the store is asked, in its own words."""
    honoured_by: str

    def __init__(self, uri: str) -> None:
        self._uri = urlsplit(uri)
        self._options = {key: values[-1] for key, values in parse_qs(self._uri.query).items()}

    @abstractmethod
    def create(self, bucket: str, key: str, data: bytes) -> bool:
        """Make an object; `False`, and nothing else, where there is one.

        Raises:
            StorageError: the store cannot be written, or does not answer: the object may be there all the same.
        """

    def _endpoint(self) -> str | None:
        named = self._options.get("endpoint_override")
        return named if not named or "://" in named else f"{self._options.get('scheme', 'https')}://{named}"


class S3Objects(Objects):
    condition = "a conditional put (If-None-Match: *)"
    honoured_by = "Amazon S3, MinIO, Ceph"

    def __init__(self, uri: str, region: str) -> None:
        super().__init__(uri)
        self._region = region

    def create(self, bucket: str, key: str, data: bytes) -> bool:
        """See `Objects.create`."""
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

        until = time.monotonic() + CONFLICT_S
        while True:
            try:
                self._client.put_object(Bucket=bucket, Key=key, Body=data, IfNoneMatch="*")
            except ClientError as error:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                if status == 412:
                    return False
                # another conditional put of this key was under way: ask again
                if status == 409 and time.monotonic() < until:
                    time.sleep(0.05)
                    continue
                raise StorageError(f"cannot write s3://{bucket}/{key}: {error}.") from None
            except BotoCoreError as error:
                raise StorageError(f"cannot write s3://{bucket}/{key}: {error}.") from None
            return True

    @cached_property
    def _client(self) -> Any:
        try:
            import boto3  # type: ignore[import-untyped]
        except ImportError:
            raise StorageError("a lake on S3 needs an extra: pip install 'rayline[s3]'") from None
        return boto3.client(
            "s3",
            endpoint_url=self._endpoint(),
            region_name=self._options.get("region") or self._region,
            aws_access_key_id=unquote(self._uri.username) if self._uri.username else None,
            aws_secret_access_key=unquote(self._uri.password) if self._uri.password else None,
        )


class GcsObjects(Objects):
    condition = "a conditional upload (ifGenerationMatch=0)"
    honoured_by = "Google Cloud Storage"

    def create(self, bucket: str, key: str, data: bytes) -> bool:
        """See `Objects.create`."""
        status, said, _ = self._ask(
            "POST",
            f"/upload/storage/v1/b/{quote(bucket, safe='')}/o",
            {"uploadType": "media", "name": key, "ifGenerationMatch": "0"},
            data,
        )
        if status not in (200, 201, 412):
            raise StorageError(f"cannot write gs://{bucket}/{key}: {said}.")
        return status != 412

    def folders(self, bucket: str, folder: str) -> list[str]:
        """Names of the folders directly in `folder`, sorted: of those that objects imply Arrow lists none.

        Raises:
            StorageError: the store cannot be read.
        """
        prefix = f"{folder.rstrip('/')}/"
        asked = {"prefix": prefix, "delimiter": "/", "fields": "prefixes,nextPageToken"}
        found: list[str] = []
        while True:
            status, said, body = self._ask("GET", f"/storage/v1/b/{quote(bucket, safe='')}/o", asked)
            if status != 200:
                raise StorageError(f"cannot list gs://{bucket}/{folder}: {said}.")
            answer = orjson.loads(body)
            found += [name[len(prefix) :].rstrip("/") for name in answer.get("prefixes", ())]
            if not answer.get("nextPageToken"):
                return sorted(found)
            asked["pageToken"] = answer["nextPageToken"]

    def _ask(self, method: str, path: str, asked: dict[str, str], data: bytes | None = None) -> tuple[int, str, bytes]:
        """The status of the last answer, 0 where there was none, what that says to people, and its content."""
        client = self._client
        from google.auth.exceptions import GoogleAuthError
        from requests import RequestException

        url = (self._endpoint() or f"https://{GCS}") + path
        status, said, body = 0, "", b""
        for turn in range(TIMES):
            time.sleep(FIRST_WAIT_S * 2 ** (turn - 1) if turn else 0)
            try:
                answer = client.request(method, url, params=asked, data=data, headers=BYTES, timeout=TIMEOUT_S)
            except RequestException as error:
                status, said = 0, f"no answer ({type(error).__name__})"
                continue
            except GoogleAuthError as error:
                raise StorageError(f"Google Cloud Storage: {error}.") from None
            status, body = answer.status_code, answer.content
            said = f"{status} {answer.reason}: {answer.text.strip()[:300]}"
            if status not in GCS_AGAIN:
                break
        return status, said, body

    @cached_property
    def _client(self) -> Any:
        """A session that signs what it sends; as Arrow's, one without a name for `gs://anonymous@…`."""
        try:
            import google.auth
            import requests
            from google.auth.exceptions import DefaultCredentialsError
            from google.auth.transport.requests import AuthorizedSession
        except ImportError:
            raise StorageError("a lake on Google Cloud Storage needs an extra: pip install 'rayline[gcs]'") from None
        if self._uri.username == "anonymous":
            return requests.Session()
        try:
            credentials, _ = google.auth.default(scopes=[GCS_SCOPE])
        except DefaultCredentialsError:
            raise StorageError(
                "there are no credentials for Google Cloud Storage. Run: gcloud auth application-default login, or set "
                "GOOGLE_APPLICATION_CREDENTIALS to the file of a service account."
            ) from None
        return AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
