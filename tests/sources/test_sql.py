"""Databases: SQLite's file, and what a spec may say of any."""

from __future__ import annotations

import datetime as dt
import pickle
import re
import sqlite3
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pydantic import ValidationError
from sql_parts import refused, rows

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.sources import _query
from rayline.sources._source import Source
from rayline.sources.scan import scan
from rayline.sources.sql import Config
from rayline.spec import load

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
    labels = [fragment.label.removeprefix(f"{tmp_path}/shop.db table t ") for fragment in source.fragments()]
    assert labels == [
        "piece 1 of 4 (where k < 1 or k is null order by k, n)",
        "piece 2 of 4 (where k >= 1 and k < 3 order by k, n)",
        "piece 3 of 4 (where k >= 3 and k < 7 order by k, n)",
        "piece 4 of 4 (where k >= 7 order by k, n)",
    ]
    found = rows(source)
    assert sorted(found["n"]) == list(range(500))
    assert found[ROW].is_unique().all()
    first = rows(source).filter(pl.col("k").is_null())
    assert first.height == keys.count(None)
    assert (first[ROW] // 2**40).unique().to_list() == [0]


def test_a_row_that_is_refused_is_found_by_the_name_it_is_given(tmp_path: Path) -> None:
    """By the name of its piece, and its place in the order that the name says."""
    values = [(f"c'{n:02}", "odd" if n == 37 else str(n)) for n in range(60)]
    url = lite(tmp_path, "create table t (code text, n text)", many=("insert into t values (?, ?)", values))
    said = refused(url=url, table="t", partition={"column": "code", "pieces": 5}, types={"n": "integer"})
    found = re.search(r"piece \d of 5 \((where .+)\) row (\d+): the value of column 'n' cannot be read", said)
    assert found is not None, said
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        statement = f"select code, n from t {found[1]} limit 1 offset {int(found[2]) - 1}"
        assert connection.execute(statement).fetchall() == [("c'37", "odd")]


def test_a_private_column_s_ranges_are_not_shown(tmp_path: Path) -> None:
    values = [(f"secret-{n}", n) for n in range(20)]
    url = lite(tmp_path, "create table t (who text, n integer)", many=("insert into t values (?, ?)", values))
    sql = {"name": "sql", "url": url, "table": "t", "partition": {"column": "who", "pieces": 2}}
    for source in (sql, {"name": "history", "source": sql, "time": "n", "lags": {"n": 1}}):
        spec = load({"name": "t", "data": {"source": source, "target": "n", "private": ["who"]}})
        built: Source = pickle.loads(pickle.dumps(spec.data.source.build()))  # type: ignore[attr-defined]
        assert [fragment.label.partition(" table t ")[2] for fragment in built.fragments()] == [
            "piece 1 of 2 (a range of who, which is private, order by who, n)",
            "piece 2 of 2 (a range of who, which is private, order by who, n)",
        ]


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


def test_a_query_may_end_with_a_comment(tmp_path: Path) -> None:
    url = lite(tmp_path, "create table t (n integer)", "insert into t values (1), (2), (3)")
    source = Config(url=url, query="select n from t -- all of them", partition={"column": "n", "pieces": 2}).build()
    assert rows(source)["n"].to_list() == [1, 2, 3]


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


def test_a_database_that_fails_half_way_is_told_with_the_piece(tmp_path: Path) -> None:
    numbers = [(n,) for n in range(1, 20_001)]
    url = lite(tmp_path, "create table t (id integer primary key)", many=("insert into t values (?)", numbers))
    # SQLite has no absolute value of the smallest number, and says so at that row
    query = "select id, abs(case when id = 15000 then -9223372036854775807 - 1 else id end) as a from t"
    source = Config(url=url, query=query, partition={"column": "id", "pieces": 4}).build()
    with pytest.raises(
        DataError, match=r"shop\.db query piece 3 of 4 \(.*id.*\) could not be read to its end: integer over"
    ):
        [source.read(fragment) for fragment in source.fragments()]
