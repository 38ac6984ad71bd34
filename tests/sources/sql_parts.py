"""What the tests of databases share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import maria
import polars as pl
import postgres
import pytest

from rayline.core.errors import DataError
from rayline.sources._source import Source
from rayline.sources.scan import scan
from rayline.sources.sql import Config

USER, PASSWORD = "reader", "p@ss/w:rd%1"


@dataclass(frozen=True)
class Server:
    """A running database of one kind."""

    backend: str
    running: postgres.Postgres | maria.Maria
    database: str
    kill: str
    """The statement that ends the sessions of others."""

    @property
    def port(self) -> int:
        return self.running.port

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.running.run(statement)

    def name(self, port: int | None = None) -> str:
        return f"{self.backend}://127.0.0.1:{port or self.port}/{self.database}"

    def url(self, port: int | None = None) -> str:
        return self.name(port).replace("://", f"://{USER}:${{SHOP_PASSWORD}}@")


def rows(source: Source, columns: list[str] | None = None) -> pl.DataFrame:
    return pl.concat([pl.from_arrow(source.read(f, columns)) for f in source.fragments()])  # type: ignore[misc]


def refused(**options: Any) -> str:
    with pytest.raises(DataError) as caught:
        scan(Config(**options).build(), lambda frame, _: frame.height)
    return str(caught.value)
