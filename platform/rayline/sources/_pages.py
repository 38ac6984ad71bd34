"""How a web API says where its next page is: by a cursor, an offset, a page's number or a link."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import orjson
import urllib3
from pydantic import BaseModel, ConfigDict, Field

from rayline.core.errors import listing, nearest
from rayline.sources import _records
from rayline.sources._http import Answer, Client


class _Paging(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Cursor(_Paging):
    """Each page names the next one's cursor; the last names none."""

    kind: Literal["cursor"]
    path: str
    """Where a page holds it: `next_cursor`, `meta.next`."""
    parameter: str = "cursor"
    """The parameter that takes it."""


class Offset(_Paging):
    """Records are skipped by number, until a page is empty."""

    kind: Literal["offset"]
    parameter: str = "offset"
    """The parameter for how many records to skip."""
    limit: str = "limit"
    """The parameter for how many to send …"""
    size: int = Field(default=100, ge=1)
    """… and its value. A server may send fewer."""


class Page(_Paging):
    """Pages are numbered, until one is empty or not there."""

    kind: Literal["page"]
    parameter: str = "page"
    first: int = 1
    """The first page's number."""


class Link(_Paging):
    """Each page holds the URL of the next: in its `Link` header (RFC 8288, `rel="next"`), or in its JSON."""

    kind: Literal["link"]
    path: str | None = None
    """Where a page's JSON holds it; `null`: the header."""


Paging = Annotated[Cursor | Offset | Page | Link, Field(discriminator="kind")]


_LINK = re.compile(r"<([^>]*)>([^<]*)")
_NEXT = re.compile(r';\s*rel\s*=\s*(?:next\b|"(?:[^"]*\s)?next(?:\s[^"]*)?")', re.IGNORECASE)


def pages(
    client: Client, url: str, paging: Cursor | Offset | Page | Link | None, records: str, *, trusted: bool
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """URL and rows of each page, in order. `trusted`: no secret is sent, so a link may lead to another server.

    Raises:
        DataError: a page cannot be had, is no JSON, has no list of objects at `records`, or comes twice.
    """
    here: str | None = first(url, paging)
    number = paging.first if isinstance(paging, Page) else 0
    skipped = 0
    seen: set[str] = set()
    before = b""
    while here is not None:
        if here in seen:
            raise client.error(here, "it leads back to itself. Check paging.")
        seen.add(here)
        answer = client.get(here, ends_at_404=isinstance(paging, Page) and len(seen) > 1)
        if answer.status == 404:
            return
        body = _parsed(client, here, answer)
        rows = _rows(client, here, body, records)
        # of the rows alone: what stands around them may tell the time
        digest = hashlib.blake2b(orjson.dumps(rows)).digest()
        if rows and digest == before and isinstance(paging, Offset | Page):
            raise client.error(
                here, f"it has the rows of the page before: the server knows no parameter {paging.parameter!r}, or "
                "sends its last page again and again. Check paging, or give max_rows."
            )  # fmt: skip
        before = digest
        yield here, rows
        skipped += len(rows)
        number += 1
        match paging:
            case Cursor():
                cursor = at(body, paging.path)
                here = None if cursor in (None, "", False) else with_(url, {paging.parameter: str(cursor)})
            case Offset():
                here = with_(url, {paging.parameter: str(skipped), paging.limit: str(paging.size)}) if rows else None
            case Page():
                here = with_(url, {paging.parameter: str(number)}) if rows else None
            case Link():
                link = at(body, paging.path) if paging.path else next_link(answer.headers)
                here = _linked(client, url, here, link, trusted=trusted) if link else None
            case None:
                here = None


def first(url: str, paging: Cursor | Offset | Page | Link | None) -> str:
    """The URL of the first page."""
    if isinstance(paging, Offset):
        return with_(url, {paging.parameter: "0", paging.limit: str(paging.size)})
    if isinstance(paging, Page):
        return with_(url, {paging.parameter: str(paging.first)})
    return url


def with_(url: str, parameters: Mapping[str, str]) -> str:
    """`url` with parameters set in its query.

    >>> with_("https://host/a?page=1&b=2", {"page": "2"})
    'https://host/a?b=2&page=2'
    """
    parts = urlsplit(url)
    pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in parameters]
    return urlunsplit(parts._replace(query=urlencode([*pairs, *parameters.items()])))


def at(body: Any, path: str) -> Any:
    """What JSON holds at `a.b.c`; `None` where there is nothing."""
    for key in path.split("."):
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body


def next_link(headers: Mapping[str, str]) -> str | None:
    """The target of `Link: <…>; rel="next"`."""
    for target, options in _LINK.findall(headers.get("Link", "")):
        if _NEXT.search(options):
            return str(target)
    return None


def _parsed(client: Client, url: str, answer: Answer) -> Any:
    try:
        return orjson.loads(answer.data)
    except orjson.JSONDecodeError as error:
        kind = answer.headers.get("Content-Type", "no content type")
        raise client.error(
            url, f"it is no JSON (at character {error.pos} of {len(answer.data)} bytes, {kind}). Check url and headers."
        ) from None


def _rows(client: Client, url: str, body: Any, records: str) -> list[dict[str, Any]]:
    found = at(body, records) if records else body
    if not isinstance(found, list):
        keys = list(body) if isinstance(body, dict) else []
        near = nearest(records, keys) if found is None else ""
        holds = f"It has {listing(keys)}.{near}" if keys else "It is no object."
        where = f"at records: {records!r}" if records else "itself"
        raise client.error(url, f"there is no list {where}. {holds} Name the list's place: records: data.items.")
    rows = []
    for place, item in enumerate(found, start=1):
        try:
            rows.append(_records.flat(item))
        except _records.NoRecordError as error:
            raise client.error(url, f"record {place} {error}.") from None
    return rows


def _linked(client: Client, url: str, here: str, link: Any, *, trusted: bool) -> str:
    if not isinstance(link, str):
        raise client.error(here, "the place of the next page's URL holds something else. Check paging.path.")
    target = urljoin(here, link)
    if not trusted and _origin(target) != _origin(url):
        raise client.error(
            here, f"its next page is at {_origin(target)}, another server, which would be sent our secrets. Name that "
            "server in url."
        )  # fmt: skip
    return target


def _origin(url: str) -> str:
    parts = urllib3.util.parse_url(url)
    return f"{parts.scheme}://{parts.host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
