"""Databases for the tests of this room, each started once, with a table `orders` of 3,000 rows."""

from __future__ import annotations

from collections.abc import Iterator

import maria
import postgres
import pytest
from sql_parts import PASSWORD, USER, Server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    with postgres.running() as running:
        running.run(
            """create table orders as select i::int as id, case when i % 10 <> 0 then i % 97 end as shop,
            'n' || i as name, (i / 4.0)::numeric(12, 2) as price, i / 8.0::float8 as share, i % 2 = 0 as paid,
            date '2024-01-01' + i % 365 as day, timestamp '2024-01-01' + i * interval '1 s' as at,
            timestamptz '2024-01-01 00:00+02' + i * interval '1 s' as zoned, null::bigint as nothing,
            array[i, i + 1] as pair, decode('ff', 'hex') as raw, json_build_object('i', i) as extra
            from generate_series(1, 3000) i"""
        )
        running.run("create sequence ids")
        running.run("create schema archive")
        running.run("create table archive.orders as select 1 as old")
        yield running


@pytest.fixture(scope="session")
def maria_server() -> Iterator[maria.Maria]:
    with maria.running() as running:
        running.run(
            "set time_zone = '+02:00'",
            """create table orders (id int, shop int, name varchar(20), price decimal(12, 2), share double,
            paid boolean, day date, at datetime, zoned timestamp null, nothing int, raw varbinary(9), extra json)""",
            """insert into orders select seq, if(seq % 10 <> 0, seq % 97, null), concat('n', seq), seq / 4, seq / 8e0,
            seq % 2 = 0, date '2024-01-01' + interval seq % 365 day, timestamp(date '2024-01-01') + interval seq second,
            timestamp(date '2024-01-01') + interval seq second, null, unhex('ff'), json_object('i', seq)
            from seq_1_to_3000""",
            "create sequence ids",
            "create database archive",
            "create table archive.orders as select 1 as old",
        )
        yield running


@pytest.fixture(params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Each of the databases in turn, with its password in SHOP_PASSWORD."""
    if request.param == "postgresql":
        others = "pid <> pg_backend_pid() and usename = current_user"
        kill = f"select pg_terminate_backend(pid) from pg_stat_activity where {others}"
        made = Server("postgresql", request.getfixturevalue("postgres_server"), "postgres", kill)
    else:
        made = Server("mysql", request.getfixturevalue("maria_server"), maria.DATABASE, f"kill user {USER}")
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    return made
