"""A real PostgreSQL: its types, its statements and its messages."""

from __future__ import annotations

import datetime as dt

import postgres
import pyarrow as pa
import pytest
from sql_parts import PASSWORD, USER, refused, rows

from rayline.core.columns import ROW
from rayline.sources.sql import Config


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)


def url_of(server: postgres.Postgres) -> str:
    return f"postgresql://{USER}:${{SHOP_PASSWORD}}@127.0.0.1:{server.port}/postgres"


def test_postgres_types_come_from_the_database(postgres_server: postgres.Postgres) -> None:
    source = Config(url=url_of(postgres_server), table="orders", order=("id",)).build()
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


def test_postgres_gives_the_same_as_csv_and_as_objects(
    postgres_server: postgres.Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_server.run(
        """create table odd (n bigint, x float8, r real, d numeric, t text, c char(4), v varchar, ok boolean, day date,
        at timestamp, zoned timestamptz, u uuid)"""
    )
    postgres_server.run(
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
        source = Config(url=url_of(postgres_server), table="odd", columns=columns).build()
        as_csv = rows(source)
        with monkeypatch.context() as patch:
            patch.setattr("rayline.sources._postgres.is_plain", lambda oid, wanted: False)
            as_objects = rows(source)
        assert as_csv.equals(as_objects)
        assert as_csv.height == 5
    assert as_objects.height == 5
    postgres_server.run("insert into odd (n, at) values (7, '20000-01-01')")
    message = refused(url=url_of(postgres_server), table="odd")
    assert "a value in the data (" in message
    assert "20000" not in message


def test_postgres_queries_with_casts(postgres_server: postgres.Postgres) -> None:
    source = Config(
        url=url_of(postgres_server), query="select id::bigint % 3 as k, '10:30'::time as t from orders"
    ).build()
    assert rows(source).row(0) == (0, "10:30:00", 0)


def test_postgres_tables_of_other_schemas(postgres_server: postgres.Postgres) -> None:
    assert rows(Config(url=url_of(postgres_server), table="archive.orders").build())["old"].to_list() == [1]
    assert "Did you mean 'archive.orders'?" in refused(url=url_of(postgres_server), table="archive.order")


def test_what_cannot_be_read_from_postgres(postgres_server: postgres.Postgres) -> None:
    url, name = url_of(postgres_server), f"postgresql://127.0.0.1:{postgres_server.port}/postgres"
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


def test_a_value_that_a_query_cannot_cast_is_not_shown(postgres_server: postgres.Postgres) -> None:
    message = refused(url=url_of(postgres_server), query="select ('private ' || name)::int as n from orders")
    assert "a value in the data (InvalidTextRepresentation 22P02)" in message
    assert "private" not in message
