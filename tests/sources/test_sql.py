"""Databases: SQLite's file, and a real PostgreSQL that the tests start."""

from __future__ import annotations

import datetime as dt
import os
import pickle
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cut_proxy
import polars as pl
import postgres
import pyarrow as pa
import pytest
from pydantic import ValidationError

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.core.redact import redact_all
from rayline.sources import _query
from rayline.sources._source import Source
from rayline.sources.scan import scan
from rayline.sources.sql import Config

DAY = dt.date(2024, 1, 1)


def lite(folder: Path, *statements: str, many: tuple[str, list[tuple[Any, ...]]] | None = None) -> str:
    """A SQLite file made by `statements`; its URL."""
    path = folder / "shop.db"
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
        if many:
            connection.executemany(*many)
    connection.close()
    return f"sqlite:///{path}"


def rows(source: Source, columns: list[str] | None = None) -> pl.DataFrame:
    return pl.concat([pl.from_arrow(source.read(f, columns)) for f in source.fragments()])  # type: ignore[misc]


def refused(**options: Any) -> str:
    with pytest.raises(DataError) as caught:
        scan(Config(**options).build(), lambda frame, _: frame.height)
    return str(caught.value)


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Postgres]:
    with postgres.running() as running:
        running.run("create schema archive")
        running.run("create sequence ids")
        running.run(
            """create table orders as select i::int as id, case when i % 10 <> 0 then i % 97 end as shop,
            'n' || i as name, (i / 4.0)::numeric(12, 2) as price, i / 8.0::float8 as share, i % 2 = 0 as paid,
            date '2024-01-01' + i % 365 as day, timestamp '2024-01-01' + i * interval '1 s' as at,
            timestamptz '2024-01-01 00:00+02' + i * interval '1 s' as zoned, null::bigint as nothing,
            array[i, i + 1] as pair, decode('ff', 'hex') as raw, json_build_object('i', i) as extra
            from generate_series(1, 3000) i"""
        )
        running.run("create table archive.orders as select 1 as old")
        yield running


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", postgres.PASSWORD)


def url_of(server: postgres.Postgres, port: int | None = None) -> str:
    return f"postgresql://{postgres.USER}:${{SHOP_PASSWORD}}@127.0.0.1:{port or server.port}/postgres"


# SQLite


def test_sqlite_columns_get_the_types_a_table_declares_and_its_values_have(tmp_path: Path) -> None:
    url = lite(
        tmp_path,
        "create table t (n integer, x real, s text, b blob, day date, at timestamp, ok boolean, odd date, none text)",
        "insert into t values (1, 0.5, 'a', x'00ff', '2024-01-01', '2024-01-01 10:00:00', 1, 'soon', null)",
        "insert into t values (null, 2, null, null, null, null, 0, '2024-01-01', null)",
    )
    source = Config(url=url, table="t", order=("s",)).build()
    kinds = [pa.int64(), pa.float64(), pa.string(), pa.binary(), pa.date32(), pa.timestamp("us"), pa.bool_()]
    assert source.schema().types == [*kinds, pa.string(), pa.string()]
    assert rows(source).drop(ROW).rows() == [
        (None, 2.0, None, None, None, None, False, "2024-01-01", None),
        (1, 0.5, "a", b"\x00\xff", DAY, dt.datetime(2024, 1, 1, 10), True, "soon", None),
    ]


def test_pieces_hold_every_row_once_and_rows_without_a_key_too(tmp_path: Path) -> None:
    keys = [None if i % 11 == 0 else i % 5 if i % 3 else 7 for i in range(500)]
    values = [(key, n) for n, key in enumerate(keys)]
    url = lite(tmp_path, "create table t (k integer, n integer)", many=("insert into t values (?, ?)", values))
    whole = Config(url=url, table="t").build()
    assert [f.label for f in whole.fragments()] == [f"{tmp_path}/shop.db table t"]
    source = Config(url=url, table="t", partition={"column": "k", "pieces": 4}).build()
    assert len(source.fragments()) > 1
    assert source.fragments()[1].label.endswith(f"table t piece 2 of {len(source.fragments())}")
    found = rows(source)
    assert sorted(found["n"]) == list(range(500))
    assert found[ROW].is_unique().all()
    first = rows(source).filter(pl.col("k").is_null())
    assert first.height == keys.count(None)
    assert (first[ROW] // 2**40).unique().to_list() == [0]


def test_a_column_of_one_value_or_none_is_one_piece(tmp_path: Path) -> None:
    url = lite(tmp_path, "create table t (k integer, n integer)", "insert into t values (1, 1), (1, 2)")
    assert len(Config(url=url, table="t", partition={"column": "k"}).build().fragments()) == 1
    url = lite(tmp_path, "update t set k = null")
    source = Config(url=url, table="t", partition={"column": "k"}).build()
    assert rows(source)["n"].to_list() == [1, 2]


def test_rows_keep_their_places_whatever_order_the_database_has_them_in(tmp_path: Path) -> None:
    insert = "insert into t values (?, ?)"
    values = [(i % 7, f"n{i}") for i in range(100)]
    made = []
    for name, each in (("a", values), ("b", values[::-1])):
        (tmp_path / name).mkdir()
        url = lite(tmp_path / name, "create table t (k integer, s text)", many=(insert, each))
        made.append(rows(Config(url=url, table="t", partition={"column": "k", "pieces": 3}).build()))
        made.append(rows(Config(url=url, query="select * from t order by random()").build()))
    assert made[0].equals(made[2])
    assert made[1].equals(made[3])


def test_columns_and_types_that_are_asked_for(tmp_path: Path) -> None:
    url = lite(
        tmp_path, "create table t (zip text, day text, x text)", "insert into t values ('07', '2024-01-01', 'q')"
    )
    source = Config(url=url, table="t", columns=("day", "zip"), types={"day": "date", "zip": "integer"}).build()
    assert source.schema() == pa.schema({"day": pa.date32(), "zip": pa.int64()})
    assert rows(source, ["zip", "day"]).rows() == [(7, DAY, 0)]


def test_a_query_may_hold_colons_percents_and_an_end(tmp_path: Path) -> None:
    url = lite(tmp_path, "create table t (s text)", "insert into t values ('a:b'), ('50%')")
    source = Config(url=url, query=r"select s, ':x' as c, '\:' as d from t where s like '%\%' escape '\';").build()
    assert rows(source).rows() == [("50%", ":x", r"\:", 0)]


def test_a_later_value_widens_its_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_query, "SAMPLE_ROWS", 10)
    values = [(i, None if i < 20 else f"v{i}", i if i < 20 else i / 4) for i in range(40)]
    url = lite(tmp_path, "create table t (id, s, x)", many=("insert into t values (?, ?, ?)", values))
    source = Config(url=url, table="t", order=("id",)).build()
    assert source.schema().types == [pa.int64(), pa.string(), pa.int64()]
    assert not source.settled
    found = scan(source, lambda frame, _: frame)[0]
    assert found.rows() == [(i, s, float(x), i) for i, s, x in values]
    assert source.settled


def test_text_among_numbers_is_refused_by_its_row_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_query, "SAMPLE_ROWS", 10)
    values = [(i, "private" if i == 23 else i) for i in range(40)]
    url = lite(tmp_path, "create table t (id, x)", many=("insert into t values (?, ?)", values))
    message = refused(url=url, table="t", order=("id",))
    assert "table t row 24: the value of column 'x' cannot be read as int64" in message
    assert "types: {x: text}" in message
    assert "private" not in message


def test_rows_that_come_between_two_readings_are_noticed(tmp_path: Path) -> None:
    url = lite(tmp_path, "create table t (n integer)", "insert into t values (1), (2)")
    strict, lax = (Config(url=url, table="t", changes=changes).build() for changes in ("refuse", "allow"))
    assert (len(strict.fragments()), len(lax.fragments())) == (1, 1)
    lite(tmp_path, "insert into t values (3)")
    with pytest.raises(DataError, match="table t has 3 rows where 2 were counted: it changed"):
        strict.read(strict.fragments()[0])
    assert lax.read(lax.fragments()[0]).num_rows == 3


def test_what_cannot_be_read_from_sqlite(tmp_path: Path) -> None:
    url = lite(tmp_path, "create table orders (id integer)", "create table people (n integer)")
    assert "has no table 'order'. Did you mean 'orders'? Tables: orders, people." in refused(url=url, table="order")
    assert "has no table 'order'. Did you mean 'orders'?" in refused(url=url, query='select * from "order"')
    assert "shop.db refuses the statement: no such column: ix" in refused(url=url, query="select ix from orders")
    assert "refuses the statement: near" in refused(url=url, query="selekt 1")
    assert "refuses the statement" in refused(url=url, query="delete from orders")
    assert "partition.column" in refused(url=url, table="orders", partition={"column": "idd"})
    assert "Did you mean 'id'? Columns: id." in refused(url=url, table="orders", columns=("idd",))
    assert "has no rows" in refused(url=url, table="people")
    message = refused(url=f"sqlite:///{tmp_path}/shp.db", table="orders")
    assert "there is no SQLite file" in message
    assert "Did you mean 'shop.db'?" in message
    assert not (tmp_path / "shp.db").exists()
    (tmp_path / "text.db").write_text("no database" * 100)
    message = refused(url=f"sqlite:///{tmp_path}/text.db", table="t")
    assert "text.db refuses the statement: file is not a database" in message


def test_text_that_is_not_utf8_is_not_shown(tmp_path: Path) -> None:
    url = lite(tmp_path, "create table t (s text)", "insert into t values (cast(x'70726976ff' as text))")
    message = refused(url=url, table="t")
    assert "a value in the data" in message
    assert "priv" not in message


def test_a_relative_file_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lite(tmp_path, "create table t (n integer)", "insert into t values (5)")
    monkeypatch.chdir(tmp_path)
    source = Config(url="sqlite:///shop.db", table="t").build()
    monkeypatch.chdir("/")
    assert rows(source)["n"].to_list() == [5]


# What a spec may say


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:hunter2@host/db", "postgresql://me:${A}hunter2@host/db", "mysql://host/db?password=hunter2"],
)
def test_a_literal_password_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SpecError) as caught:
        catalog.resolve("source", {"name": "sql", "url": url, "table": "t"}, "data.source")
    assert "Put it into the environment" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_name_of_a_secret_survives_printing_and_its_value_is_in_no_pickle(server: postgres.Postgres) -> None:
    config = Config(url=url_of(server), table="orders")
    shown = redact_all(catalog.describe(config))
    assert catalog.resolve("source", {**shown, "name": "sql"}) == config
    source = config.build()
    assert source.fragments()
    assert postgres.PASSWORD.encode() not in pickle.dumps(source)


def test_either_a_table_or_a_query(tmp_path: Path) -> None:
    for options in ({}, {"table": "t", "query": "select 1"}):
        with pytest.raises(ValidationError, match="either table or query"):
            Config(url="sqlite:///x.db", **options)


def test_a_bare_url_is_told_what_it_lacks() -> None:
    assert Config.from_text("orders.db") is None
    assert Config.from_text("https://host/a") is None
    with pytest.raises(SpecError, match=r"needs a table or a query: \{name: sql, url: 'sqlite:///shop.db', table"):
        Config.from_text("sqlite:///shop.db")
    with pytest.raises(SpecError) as caught:
        Config.from_text("postgresql://me:hunter2@host/db")
    assert "hunter2" not in str(caught.value)


def test_urls_that_no_one_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is no database URL" in refused(url="shop", table="t")
    assert "no dialect of SQLAlchemy is called 'postgrsql'. Did you mean 'postgresql'?" in refused(
        url="postgrsql://host/db", table="t"
    )
    monkeypatch.setitem(sys.modules, "pymysql", None)
    assert "needs an extra: pip install 'rayline[mysql]'" in refused(url="mysql://host/db", table="t")


# PostgreSQL


def test_postgres_types_come_from_the_database(server: postgres.Postgres) -> None:
    source = Config(url=url_of(server), table="orders", order=("id",)).build()
    text, number, whole = pa.string(), pa.float64(), pa.int64()
    times = [pa.timestamp("us"), pa.timestamp("us", "UTC")]
    assert source.schema().types == [
        whole, whole, text, number, number, pa.bool_(), pa.date32(), *times, whole, pa.list_(number), pa.binary(), text,
    ]  # fmt: skip
    assert source.settled
    assert source.read(source.fragments()[0]).slice(0, 1).to_pylist() == [
        {
            "id": 1, "shop": 1, "name": "n1", "price": 0.25, "share": 0.125, "paid": False, "day": dt.date(2024, 1, 2),
            "at": dt.datetime(2024, 1, 1, 0, 0, 1), "zoned": dt.datetime(2023, 12, 31, 22, 0, 1, tzinfo=dt.UTC),
            "nothing": None, "pair": [1.0, 2.0], "raw": b"\xff", "extra": '{"i":1}', ROW: 0,
        }
    ]  # fmt: skip


@pytest.mark.parametrize("column", ["shop", "name", "price", "at", "zoned", "share", "day"])
def test_postgres_is_read_in_pieces_by_a_column_of_any_ordered_type(server: postgres.Postgres, column: str) -> None:
    source = Config(url=url_of(server), table="orders", partition={"column": column, "pieces": 5}).build()
    with ThreadPoolExecutor(5) as pool:
        tables = list(pool.map(source.read, source.fragments()))
    assert len(tables) == 5
    assert max(table.num_rows for table in tables) < 1000
    found = pl.concat([pl.from_arrow(table) for table in tables])  # type: ignore[misc]
    assert sorted(found["id"]) == list(range(1, 3001))
    assert found[ROW].is_sorted()
    values = found[column].drop_nulls()
    assert values.is_sorted() or column == "name"  # the database's order of texts is its own


def test_postgres_gives_the_same_as_csv_and_as_objects(
    server: postgres.Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.run(
        """create table odd (n bigint, x float8, r real, d numeric, t text, c char(4), v varchar, ok boolean, day date,
        at timestamp, zoned timestamptz, u uuid)"""
    )
    server.run(
        """insert into odd values
        (1, 'NaN', 0.1, 'NaN', '', 'ab', 'NULL', true, '0001-01-01', '1969-12-31 23:59:59.999999',
         '2024-06-01 12:00+0530',
         'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
        (-9223372036854775808, 'Infinity', 1e-40, 123456789012345678.9, E'a\nb', '', E'\\.', false, '9999-12-31',
         '2024-01-01', '1900-01-01 00:00+00', null),
        (9223372036854775807, '-Infinity', 3e38, 0.1, 'say "x", y', null, E'\r', null, null, null, null, null),
        (null, 5e-324, null, null, null, 'é', ' ', null, null, null, null, null),
        (0, 0.1, -0.0, 1e40, 'ß∂ 🐑', '"', ',', true, '2024-02-29', '2024-01-01 00:00:00.5', '2024-01-01', null)"""
    )
    for columns in (None, *((name,) for name in ("n", "t", "zoned", "ok"))):
        source = Config(url=url_of(server), table="odd", columns=columns).build()
        as_csv = rows(source)
        with monkeypatch.context() as patch:
            patch.setattr("rayline.sources._postgres.is_plain", lambda oid, wanted: False)
            as_objects = rows(source)
        assert as_csv.equals(as_objects)
        assert as_csv.height == 5
    assert as_objects.height == 5
    server.run("insert into odd (n, at) values (7, '20000-01-01')")
    message = refused(url=url_of(server), table="odd")
    assert "a value in the data (" in message
    assert "20000" not in message


def test_postgres_reads_the_same_in_another_process(server: postgres.Postgres, tmp_path: Path) -> None:
    source = Config(url=url_of(server), table="orders", partition={"column": "id", "pieces": 3}).build()
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


def test_postgres_queries_with_casts(server: postgres.Postgres) -> None:
    source = Config(url=url_of(server), query="select id::bigint % 3 as k, '10:30'::time as t from orders").build()
    assert rows(source).row(0) == (0, "10:30:00", 0)


def test_postgres_tables_of_other_schemas(server: postgres.Postgres) -> None:
    assert rows(Config(url=url_of(server), table="archive.orders").build())["old"].to_list() == [1]
    assert "Did you mean 'archive.orders'?" in refused(url=url_of(server), table="archive.order")


def test_what_cannot_be_read_from_postgres(server: postgres.Postgres) -> None:
    url, name = url_of(server), f"postgresql://127.0.0.1:{server.port}/postgres"
    assert f"{name} has no table 'order_s'. Did you mean 'orders'?" in refused(url=url, table="order_s")
    assert f"{name} has no table 'oders'. Did you mean 'orders'?" in refused(url=url, query="select * from oders")
    message = refused(url=url, query="select nme from orders")
    assert f'{name} refuses the statement: column "nme" does not exist' in message
    assert 'Perhaps you meant to reference the column "orders.name"' in message
    assert 'refuses the statement: syntax error at or near "1"' in refused(url=url, query="selekt 1")
    assert 'syntax error at or near "from"' in refused(url=url, query="delete from orders")
    assert "refuses the statement: cannot execute nextval() in a read-only" in refused(
        url=url, query="select nextval('ids')"
    )
    assert "Did you mean 'name'?" in refused(url=url, table="orders", columns=("nme",))
    assert "more than one column called 'id'" in refused(url=url, query="select id, 2 as id from orders")


def test_a_value_that_a_query_cannot_cast_is_not_shown(server: postgres.Postgres) -> None:
    message = refused(url=url_of(server), query="select ('private ' || name)::int as n from orders")
    assert "a value in the data (InvalidTextRepresentation 22P02)" in message
    assert "private" not in message


def test_a_wrong_password_and_an_unset_one(server: postgres.Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    message = refused(url=url_of(server), table="orders")
    assert f"cannot connect to postgresql://127.0.0.1:{server.port}/postgres" in message
    assert "password authentication failed" in message
    assert "hunter2" not in message
    monkeypatch.delenv("SHOP_PASSWORD")
    assert "environment variable SHOP_PASSWORD, which is not set" in refused(url=url_of(server), table="orders")


def test_a_server_that_is_not_there_and_one_that_is_silent(server: postgres.Postgres) -> None:
    started = time.monotonic()
    port = cut_proxy.free_port()
    message = refused(url=url_of(server, port), table="orders")
    assert f"cannot connect to postgresql://127.0.0.1:{port}/postgres" in message
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        message = refused(url=url_of(server, port), table="orders", timeout_s=1)
    assert f"cannot connect to postgresql://127.0.0.1:{port}/postgres" in message
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("columns", [None, ("id", "name", "price", "at", "zoned")], ids=["objects", "csv"])
def test_a_connection_cut_half_way_is_one_clear_error(
    server: postgres.Postgres, columns: tuple[str, ...] | None
) -> None:
    with cut_proxy.proxy(server.port) as proxy:
        source = Config(url=url_of(server, proxy.port), table="orders", columns=columns).build()
        fragment = source.fragments()[0]
        assert source.read(fragment).num_rows == 3000
        proxy.cut_after = 100_000
        with pytest.raises(DataError, match="went away while it was read: .*read again"):
            source.read(fragment)
        assert proxy.cuts == 1
        proxy.cut_after = None
        assert source.read(fragment).num_rows == 3000


def test_a_server_that_ends_the_session_is_one_clear_error(server: postgres.Postgres) -> None:
    slow = "select id, pg_sleep(0.003) is null as s from orders where id <= 300"
    source = Config(url=url_of(server), query=slow).build()
    source.schema()
    others = "pid <> pg_backend_pid() and usename = current_user"
    kill = f"select pg_terminate_backend(pid) from pg_stat_activity where {others}"
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(source.fragments)
        time.sleep(0.3)
        server.run(kill)
        with pytest.raises(DataError, match="went away while it was read: terminating connection"):
            reading.result(timeout=30)
