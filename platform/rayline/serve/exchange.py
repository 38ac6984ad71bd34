"""One HTTP exchange over ASGI: headers and body in, one reply out."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

import orjson

from rayline.core.errors import TooLargeError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

DRAINED_BYTES = 256 << 20
"""Body bytes read and thrown away before a 413, so that a client that is still sending gets to read it."""

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"
_CONTENT_TYPE = {kind: (b"content-type", kind) for kind in (JSON, HTML)}


class ClientGoneError(Exception):
    """The client hung up before its request was whole."""


class Reply(NamedTuple):
    body: bytes
    status: int = 200
    kind: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


def json_reply(value: Any, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Reply:
    return Reply(orjson.dumps(value), status, JSON, headers)


async def send_reply(send: Send, reply: Reply) -> None:
    length = (b"content-length", b"%d" % len(reply.body))
    headers = [_CONTENT_TYPE[reply.kind], length, *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def read_body(receive: Receive, headers: dict[bytes, bytes], most_bytes: int) -> bytes:
    """The whole body of a request.

    Raises:
        TooLargeError: it is larger than `most_bytes`; no more than that was kept.
        ClientGoneError: it never ended.
    """
    message = await receive()
    body = message.get("body", b"")
    if not message.get("more_body", False):
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        if len(body) > most_bytes:
            raise _too_large(len(body), most_bytes)
        return body  # type: ignore[no-any-return]
    declared = headers.get(b"content-length", b"")
    too_large = declared.isdigit() and int(declared) > most_bytes
    chunks = [] if too_large else [body]
    size = len(body)
    while message.get("more_body", False) and size < DRAINED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most_bytes:
            too_large = True
            chunks.clear()
        else:
            chunks.append(chunk)
    if too_large:
        raise _too_large(size, most_bytes)
    return b"".join(chunks)


def request_id(headers: dict[bytes, bytes]) -> str:
    """The `X-Request-ID` that a client or Ray's proxy gave, else a new one; at most 128 visible characters."""
    given = headers.get(b"x-request-id")
    if given is not None and 0 < len(given) <= 128:
        text = given.decode("latin-1")
        if text.isprintable():
            return text
    return uuid.uuid4().hex


def _too_large(size: int, most_bytes: int) -> TooLargeError:
    return TooLargeError(
        f"a body of {size:,} bytes or more; at most {most_bytes:,} are taken. Send fewer rows a request, or use "
        "`rayline predict` for a file."
    )
