"""What holds of every database server, each a real one that the tests start."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cut_proxy
import polars as pl
import pytest
from sql_parts import PASSWORD, Server, refused, rows

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.core.redact import redact_all
from rayline.sources.sql import Config


@pytest.mark.parametrize("column", ["shop", "name", "price", "at", "zoned", "share", "day"])
def test_it_is_read_in_pieces_by_a_column_of_any_ordered_type(server: Server, column: str) -> None:
    source = Config(url=server.url(), table="orders", partition={"column": column, "pieces": 5}).build()
    with ThreadPoolExecutor(5) as pool:
        tables = list(pool.map(source.read, source.fragments()))
    assert len(tables) == 5
    assert max(table.num_rows for table in tables) < 1000
    found = pl.concat([pl.from_arrow(table) for table in tables])  # type: ignore[misc]
    assert sorted(found["id"]) == list(range(1, 3001))
    assert found[ROW].is_sorted()
    values = found[column].drop_nulls()
    assert values.is_sorted() or column == "name"  # the database's order of texts is its own


def test_two_databases_give_the_same(server: Server, request: pytest.FixtureRequest) -> None:
    names = ("id", "shop", "name", "price", "share", "paid", "day", "at", "zoned", "nothing", "raw")
    source = Config(url=server.url(), table="orders", columns=names).build()
    assert [str(kind) for kind in source.schema().types] == [
        "int64", "int64", "string", "double", "double", "bool", "date32[day]", "timestamp[us]",
        "timestamp[us, tz=UTC]", "int64", "binary",
    ]  # fmt: skip
    found = rows(source).sort("id")
    assert found.height == 3000
    # as computed by neither of them
    ids = pl.int_range(1, 3001, eager=True)
    assert found["price"].round(2).equals((ids / 4).alias("price"))
    assert found["share"].equals((ids / 8).alias("share"))
    assert found["paid"].equals((ids % 2 == 0).alias("paid"))
    assert found["at"].dt.epoch("s").equals((ids + 1704067200).alias("at"))
    assert found["zoned"].dt.epoch("s").equals((ids + 1704067200 - 7200).alias("zoned"))
    assert found["shop"].null_count() == 300
    assert found["raw"].unique().to_list() == [b"\xff"]


def test_it_reads_the_same_in_another_process(server: Server, tmp_path: Path) -> None:
    source = Config(url=server.url(), table="orders", partition={"column": "id", "pieces": 3}).build()
    last = source.fragments()[-1]
    (tmp_path / "packed").write_bytes(pickle.dumps((source, last)))
    code = (
        f"import pickle; source, last = pickle.load(open({str(tmp_path / 'packed')!r}, 'rb'));"
        "print(source.read(last).column('id').to_pylist()[-3:])"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, text=True).strip() == "[2998, 2999, 3000]"
    bare = {key: value for key, value in os.environ.items() if key != "SHOP_PASSWORD"}
    failed = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert "needs the environment variable SHOP_PASSWORD, which is not set here" in failed.stderr


def test_the_name_of_a_secret_survives_printing_and_its_value_is_in_no_pickle(server: Server) -> None:
    config = Config(url=server.url(), table="orders")
    shown = redact_all(catalog.describe(config))
    assert catalog.resolve("source", {**shown, "name": "sql"}) == config
    source = config.build()
    assert source.fragments()
    assert PASSWORD.encode() not in pickle.dumps(source)


def test_tables_of_other_schemas_and_tables_that_are_not_there(server: Server) -> None:
    url = server.url()
    assert rows(Config(url=url, table="archive.orders").build())["old"].to_list() == [1]
    assert "Did you mean 'archive.orders'?" in refused(url=url, table="archive.order")
    missing = f"{server.name()} has no table 'oders'. Did you mean 'orders'?"
    assert missing in refused(url=url, table="oders")
    assert missing in refused(url=url, query="select * from oders")


def test_statements_that_are_none_or_would_change_something(server: Server) -> None:
    url = server.url()
    assert f"{server.name()} refuses the statement: " in refused(url=url, query="selekt 1")
    assert f"{server.name()} refuses the statement: " in refused(url=url, query="delete from orders")
    changing = refused(url=url, query="select nextval('ids')" if "post" in url else "select nextval(ids)")
    assert "read-only" in changing.lower().replace(" ", "-")
    message = refused(url=url, query="select nme from orders")
    assert "nme" in message.partition("refuses the statement: ")[2]
    assert "Did you mean 'name'?" in refused(url=url, table="orders", columns=("nme",))
    assert "'id'" in refused(url=url, query="select id, 2 as id from orders")


def test_a_wrong_password_and_an_unset_one(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    message = refused(url=server.url(), table="orders")
    assert f"cannot connect to {server.name()}" in message
    assert "password authentication failed" in message or "Access denied for user" in message
    assert "hunter2" not in message
    monkeypatch.delenv("SHOP_PASSWORD")
    assert "environment variable SHOP_PASSWORD, which is not set" in refused(url=server.url(), table="orders")


def test_a_server_that_is_not_there_and_one_that_is_silent(server: Server) -> None:
    started = time.monotonic()
    port = cut_proxy.free_port()
    assert f"cannot connect to {server.name(port)}" in refused(url=server.url(port), table="orders")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        message = refused(url=server.url(port), table="orders", timeout_s=1)
    assert f"cannot connect to {server.name(port)}" in message
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("columns", [None, ("id", "name", "price", "at", "zoned")], ids=["objects", "csv"])
def test_a_connection_cut_half_way_is_one_clear_error(server: Server, columns: tuple[str, ...] | None) -> None:
    with cut_proxy.proxy(server.port) as proxy:
        source = Config(url=server.url(proxy.port), table="orders", columns=columns).build()
        fragment = source.fragments()[0]
        assert source.read(fragment).num_rows == 3000
        proxy.cut_after = 100_000
        with pytest.raises(DataError, match="went away while it was read: .*read again"):
            source.read(fragment)
        assert proxy.cuts == 1
        proxy.cut_after = None
        assert source.read(fragment).num_rows == 3000


def test_a_server_that_ends_the_session_is_one_clear_error(server: Server) -> None:
    asleep = "pg_sleep(0.005) is not null" if server.backend == "postgresql" else "sleep(0.005) = 0"
    source = Config(url=server.url(), query=f"select id from orders where id <= 300 and {asleep}", timeout_s=1).build()
    source.schema()  # 1.5 s, longer than a connection may take
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(source.fragments)
        time.sleep(0.3)
        server.run(server.kill)
        with pytest.raises(DataError, match="went away while it was read: "):
            reading.result(timeout=30)
