"""A web API that answers in pages of JSON: by cursor, offset, page number or link.

Choose it for rows behind HTTP. All pages are fetched once, when the rows are first asked for, and kept as an Arrow
file below `RAYLINE_HOME`, so that a run reads the same rows however often; a failing server is asked again, with
growing pauses and as its `Retry-After` says. Secrets are named, `Authorization: Bearer ${API_TOKEN}`, and come from
the environment. Reference: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after, https://www.rfc-editor.org/rfc/rfc8288
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any
from urllib.parse import quote_plus

from pydantic import Field, field_validator

from rayline.core import files
from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError, SpecError
from rayline.sources import _secrets
from rayline.sources._columns import KINDS, Kind
from rayline.sources._http import Client, Limits
from rayline.sources._kept import READ_NAME, KeptSource, Reads, place
from rayline.sources._pages import Paging, pages, with_
from rayline.sources._records import Spool
from rayline.sources._source import Source


class Config(PluginConfig):
    url: str
    """The first page: `https://host/api/orders`."""
    records: str = ""
    """Where a page holds its list of records: `data.items`; empty: the page is the list."""
    params: dict[str, str] = Field(default={})
    """Parameters of every request."""
    headers: dict[str, str] = Field(default={})
    """Headers of every request; secrets by name: `{Authorization: "Bearer ${API_TOKEN}"}`."""
    paging: Paging | None = None
    """`{kind: cursor, path: next}`, `{kind: offset}`, `{kind: page}` or `{kind: link}`; `null`: one page."""
    types: dict[str, Kind] = Field(default={})
    """Types that override the inferred ones: integer, number, text, boolean, date, time."""
    max_rows: int | None = Field(default=None, ge=1)
    """Stop after this many rows."""
    max_bytes: int = Field(default=1 << 30, ge=1)
    """Refuse more than this in all."""
    per_second: float | None = Field(default=None, gt=0)
    """Requests a second at most."""
    tries: int = Field(default=6, ge=1, le=100)
    """How often a page is asked for where the server fails (408, 425, 429, 5xx) or the connection does."""
    backoff_s: float = Field(default=0.5, gt=0)
    """Pause before the second try, seconds; doubled for each further one, with jitter, up to a minute."""
    timeout_s: float = Field(default=30.0, gt=0)
    """How long one answer may take, seconds."""
    total_s: float = Field(default=3600.0, gt=0)
    """How long all may take, seconds."""
    read: str | None = Field(default=None, pattern=f"^{READ_NAME}$")
    """A name for what is fetched: the same name again reads the same rows and asks no server."""
    keep: str | None = None
    """The folder or URI that keeps the rows, one that every machine can read; default: `RAYLINE_HOME/sources`."""

    @field_validator("url")
    @classmethod
    def _web(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise SpecError("url begins with http:// or https://")
        _secrets.check_url(value)
        return value

    @field_validator("paging", mode="before")
    @classmethod
    def _kind(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @field_validator("params", "headers", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        # YAML reads `limit: 5` and `all: yes` as a number and a truth
        if isinstance(value, dict):
            plain = {True: "true", False: "false"}
            return {k: plain[v] if isinstance(v, bool) else str(v) for k, v in value.items()}
        return value

    @field_validator("params", "headers")
    @classmethod
    def _no_secret(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            _secrets.check(name, text, hint=f"{{{name}: '${{API_TOKEN}}'}}")
        return value

    @classmethod
    def from_text(cls, text: str) -> Config | None:  # noqa: ARG003
        """Claims nothing: a URL alone may be of a file."""
        return None

    def build(self) -> Source:
        return WebSource(self)


class WebSource(KeptSource):
    """The rows of all pages, in the order they came."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def name(self) -> str:
        return self.config.url.partition("?")[0]

    def _fetch(self) -> str:
        config = self.config
        told = config.model_dump_json(include={"url", "records", "params", "headers", "paging", "types", "max_rows"})
        folder = place("web", config.keep, json.dumps(json.loads(told), sort_keys=True), self.name.partition("://")[2])
        named = files.join(folder, f"pages.{config.read}.arrow") if config.read else None
        with Reads(folder).locked() as local:
            if named and files.exists(named):
                return named
            declared = {name: KINDS[kind] for name, kind in config.types.items()}
            with Spool(local, declared, self.name) as spool:
                self._all(spool)
                if not spool.num_rows:
                    raise DataError(f"{self.name} has no rows: its first page's list is empty. Check url and params.")
                uri = named or files.join(folder, f"pages-{spool.digest.hexdigest()}.arrow")
                if not files.exists(uri):
                    spool.finish(uri, {})
        return uri

    def _all(self, spool: Spool) -> None:
        config = self.config
        secrets = _secrets.hidden([config.url, *config.params.values(), *config.headers.values()])
        limits = Limits(
            timeout_s=config.timeout_s, tries=config.tries, backoff_s=config.backoff_s, per_second=config.per_second,
            total_s=config.total_s, total_bytes=config.max_bytes,
        )  # fmt: skip
        client = Client(self.name, _secrets.fill_all(config.headers, self.name), limits, secrets)
        url = _secrets.fill(config.url, self.name, encode=quote_plus)
        if config.params:
            url = with_(url, _secrets.fill_all(config.params, self.name))
        with closing(client):
            for _, rows in pages(client, url, config.paging, config.records, trusted=not secrets):
                room = len(rows) if config.max_rows is None else config.max_rows - spool.num_rows
                spool.add(rows[:room])
                if spool.num_rows == config.max_rows:
                    return
