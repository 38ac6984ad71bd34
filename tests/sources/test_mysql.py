"""A real MariaDB: what is MySQL's own."""

from __future__ import annotations

import datetime as dt
import gc
import logging
from typing import Any

import maria
import polars as pl
import pyarrow as pa
import pytest
from sql_parts import PASSWORD, USER, refused, rows

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.sources import _query
from rayline.sources.scan import scan
from rayline.sources.sql import Config


@pytest.fixture
def shop(maria_server: maria.Maria, monkeypatch: pytest.MonkeyPatch) -> maria.Maria:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    return maria_server


def url_of(server: maria.Maria, scheme: str = "mysql", database: str = maria.DATABASE) -> str:
    return f"{scheme}://{USER}:${{SHOP_PASSWORD}}@127.0.0.1:{server.port}/{database}"


def column(server: maria.Maria, name: str, **options: Any) -> tuple[pa.DataType, list[Any]]:
    """The type and the values of a column of `odd`."""
    source = Config(url=url_of(server), table="odd", columns=(name,), order=("id",), **options).build()
    return source.schema().field(name).type, rows(source)[name].to_list()


@pytest.fixture(scope="module")
def odd(maria_server: maria.Maria) -> None:
    maria_server.run(
        """create table odd (id int primary key, amount decimal(30, 5), at datetime, fine datetime(6),
        stamp timestamp null, ok boolean, stars tinyint(1), bits bit(1), flags bit(9), wide bit(64),
        size enum('s', 'größe'), tags set('x', 'y'), doc json, big bigint unsigned, day date, clock time(1), y year,
        word varchar(40), latin varchar(20) character set latin1, note longtext, raw blob, single float, real_ double,
        ip inet6, place point, only_null decimal(5, 2))""",
        "set sql_mode = '', time_zone = '+05:30'",
        """insert into odd values (1, 123456789012345678901234.5, '2024-01-02 03:04:05', '2024-01-02 03:04:05.123456',
        '2024-06-01 12:00', true, 1, 1, 257, 18446744073709551615, 'größe', 'x,y', '{"a": [1, "é🐑"]}',
        18446744073709551615, '2024-02-29', '-10:30:00.5', 2024, '🐑 é\n', 'café', 'say "x", y', x'00ff', 123456792,
        1e308, '::1', point(1, 2), null)""",
        "insert into odd (id) values (2)",
        "insert into odd (id, at, fine, stamp, day, size) values (3, 0, 0, 0, 0, '')",
        "insert into odd (id, at, day, stars, ok, bits, big, clock) values "
        "(4, '2024-00-00', '2024-02-00', 7, false, 0, 5, '838:59:59')",
    )


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("amount", pa.float64(), [123456789012345678901234.5, None, None, None]),
        ("fine", pa.timestamp("us"), [dt.datetime(2024, 1, 2, 3, 4, 5, 123456), None, None, None]),
        ("stamp", pa.timestamp("us", "UTC"), [dt.datetime(2024, 6, 1, 6, 30, tzinfo=dt.UTC), None, None, None]),
        ("ok", pa.bool_(), [True, None, None, False]),
        ("stars", pa.int64(), [1, None, None, 7]),
        ("bits", pa.bool_(), [True, None, None, False]),
        ("flags", pa.int64(), [257, None, None, None]),
        ("wide", pa.float64(), [2.0**64, None, None, None]),
        ("size", pa.string(), ["größe", None, "", None]),
        ("tags", pa.string(), ["x,y", None, None, None]),
        ("doc", pa.string(), ['{"a": [1, "é🐑"]}', None, None, None]),
        ("big", pa.float64(), [2.0**64, None, None, 5.0]),
        ("clock", pa.string(), ["-10:30:00.500000", None, None, "838:59:59"]),
        ("y", pa.int64(), [2024, None, None, None]),
        ("word", pa.string(), ["🐑 é\n", None, None, None]),
        ("latin", pa.string(), ["café", None, None, None]),
        ("note", pa.string(), ['say "x", y', None, None, None]),
        ("raw", pa.binary(), [b"\x00\xff", None, None, None]),
        ("single", pa.float64(), [123456792.0, None, None, None]),  # the server writes 123457000
        ("real_", pa.float64(), [1e308, None, None, None]),
        ("ip", pa.string(), ["::1", None, None, None]),
        ("only_null", pa.float64(), [None, None, None, None]),
    ],
)
def test_types_and_values(shop: maria.Maria, name: str, kind: pa.DataType, values: list[Any]) -> None:
    assert column(shop, name) == (kind, values)


@pytest.mark.usefixtures("odd")
def test_dates_that_are_none_are_missing_and_told(shop: maria.Maria, caplog: pytest.LogCaptureFixture) -> None:
    assert column(shop, "day") == (pa.date32(), [dt.date(2024, 2, 29), None, None, None])
    source = Config(url=url_of(shop), table="odd").build()
    with caplog.at_level(logging.WARNING):
        scan(source, lambda frame, _: frame.height)
    assert source.notes[0].endswith(
        "shop table odd: dates that are none, such as 0000-00-00, were read as missing "
        "(at: 2, fine: 1, stamp: 1, day: 2)."
    )
    assert source.notes[0] in caplog.text
    found = rows(Config(url=url_of(shop), table="odd", partition={"column": "at", "pieces": 3}).build())
    assert sorted(found["id"]) == [1, 2, 3, 4]
    kept = column(shop, "at", types={"at": "text"})[1]
    assert kept == ["2024-01-02T03:04:05", None, "0000-00-00 00:00:00", "2024-00-00 00:00:00"]


def test_small_numbers_are_truths_only_where_all_are(shop: maria.Maria, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_query, "SAMPLE_ROWS", 10)
    shop.run(
        "create or replace table likes (id int primary key, yes tinyint(1), stars tinyint(1), far bigint unsigned)",
        "insert into likes select seq, seq % 2, if(seq = 40, 5, seq % 2), if(seq = 40, ~0, seq) from seq_1_to_50",
    )
    source = Config(url=url_of(shop), table="likes").build()
    assert source.schema().types == [pa.int64(), pa.bool_(), pa.int64(), pa.int64()]
    found = pl.concat(scan(source, lambda frame, _: frame))
    assert (found["yes"].sum(), found["stars"].max(), found["far"].max()) == (25, 5, 2.0**64)


def test_texts_that_count_as_equal_keep_their_places(shop: maria.Maria) -> None:
    texts = ["a", "A", "a ", "á", "b", "B"]
    made = []
    for order in (texts, texts[::-1]):
        shop.run("create or replace table alike (s varchar(9), n int) collate utf8mb4_general_ci")
        for text in order:
            shop.run(f"insert into alike values ('{text}', 1)")
        made.append(rows(Config(url=url_of(shop), table="alike", partition={"column": "s", "pieces": 4}).build()))
    assert made[0].equals(made[1])
    assert sorted(made[0]["s"]) == sorted(texts)
    assert made[0][ROW].is_unique().all()


def test_colons_percents_and_backslashes_of_a_query(shop: maria.Maria) -> None:
    source = Config(
        url=url_of(shop), query=r"select '50%' as p, ':x' as c, '\\:' as d from orders where name like '%n30%0';"
    ).build()
    assert rows(source).row(0) == ("50%", ":x", r"\:", 0)


def test_mariadb_is_a_name_for_it_too(shop: maria.Maria) -> None:
    assert rows(Config(url=url_of(shop, "mariadb"), table="orders").build()).height == 3000


def test_what_a_database_refuses(shop: maria.Maria) -> None:
    url = url_of(shop)
    message = refused(url=url_of(shop, database=""), table="orders")
    assert "refuses the statement: No database selected. Name one in the URL" in message
    assert rows(Config(url=url_of(shop, database=""), table="shop.orders").build()).height == 3000
    assert "cannot connect to" in (message := refused(url=url_of(shop, database="shp"), table="orders"))
    assert "Unknown database 'shp'" in message
    assert "got an unexpected keyword argument 'charest'" in refused(url=f"{url}?charest=latin1", table="orders")
    limited = f"{url}?init_command=set%20max_statement_time%3D0.1"
    assert "max_statement_time exceeded" in refused(url=limited, query="select sleep(0.01) as s from orders")


def test_a_value_of_the_data_is_not_shown(shop: maria.Maria) -> None:
    message = refused(url=url_of(shop), query="select extractvalue(1, concat('~private ', name)) as x from orders")
    assert "a value in the data (" in message
    assert "private" not in message


def test_a_way_to_log_in_that_needs_a_package_is_named(shop: maria.Maria, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.run("install soname 'auth_ed25519'", "create user modern identified via ed25519 using password('x')")
    url = url_of(shop).replace(USER, "modern")
    assert "'pynacl' package is required" in refused(url=url, table="orders")


def test_a_reading_that_ends_early_ends_in_silence(shop: maria.Maria, capfd: pytest.CaptureFixture[str]) -> None:
    shop.run("create or replace table wide (id int primary key, word text)")
    shop.run("insert into wide select seq, repeat('x', 2000) from seq_1_to_9000")
    source = Config(url=url_of(shop), table="wide", types={"word": "integer"}).build()
    source.fragments()
    with pytest.raises(DataError, match="table wide row 1: the value of column 'word' cannot be read"):
        source.read(source.fragments()[0])
    del source
    gc.collect()
    assert capfd.readouterr().err == ""
