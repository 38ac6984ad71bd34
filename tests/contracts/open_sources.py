"""Cases of the sources' contract: tables of lakehouses and databases, and sets that are published."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import sklearn.datasets
from datasets import Dataset, DatasetDict
from deltalake import write_deltalake
from pyiceberg.catalog.sql import SqlCatalog

from rayline.core import catalog
from rayline.core.catalog import PluginConfig

ANSWERS = Path(sklearn.datasets.__file__).parent / "tests" / "data" / "openml" / "id_61"
TABLE = pa.table({"number": [1, None, 3], "share": [0.5, None, float("nan")], "kind": ["a", "b", None]})


def _delta(folder: Path) -> PluginConfig:
    for _ in range(2):
        write_deltalake(folder / "table", TABLE, mode="append", partition_by=["kind"])
    return catalog.resolve("source", {"name": "delta", "path": str(folder / "table")})


def _iceberg(folder: Path) -> PluginConfig:
    options = {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    shop = SqlCatalog("test", **options)
    shop.create_namespace("shop")
    orders = shop.create_table("shop.orders", schema=TABLE.schema)
    for _ in range(2):
        orders.append(TABLE)
    named = {"table": "shop.orders", "catalog": "test", "properties": options}
    return catalog.resolve("source", {"name": "iceberg", **named})


def _huggingface(folder: Path) -> PluginConfig:
    rows = Dataset(TABLE)
    DatasetDict(train=rows, test=rows).save_to_disk(folder / "set")
    return catalog.resolve("source", {"name": "huggingface", "dataset": str(folder / "set")})


def _openml(folder: Path) -> PluginConfig:
    """A folder as it is once the set was downloaded."""
    kept = folder / "openml" / "openml.org"
    for place, name in (
        ("api/v1/json/data/61", "api-v1-jd-61.json.gz"),
        ("api/v1/json/data/features/61", "api-v1-jdf-61.json.gz"),
        ("api/v1/json/data/qualities/61", "api-v1-jdq-61.json.gz"),
    ):
        _put(kept / f"{place}.gz", gzip.decompress((ANSWERS / name).read_bytes()))
    described = json.loads(gzip.decompress((ANSWERS / "api-v1-jd-61.json.gz").read_bytes()))["data_set_description"]
    (arff,) = ANSWERS.glob("data-v1-dl-*.arff.gz")
    _put(kept / f"{described['url'].partition('openml.org/')[2]}.gz", gzip.decompress(arff.read_bytes()))
    return catalog.resolve("source", {"name": "openml", "dataset": "61", "folder": str(folder)})


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data))


def _sql(folder: Path) -> PluginConfig:
    with closing(sqlite3.connect(folder / "shop.db")) as shop, shop:
        shop.execute("create table orders (id integer primary key, number integer, share real, kind text)")
        rows = [(place, *row.values()) for place, row in enumerate(TABLE.to_pylist())]
        shop.executemany("insert into orders values (?, ?, ?, ?)", rows)
    options = {"url": f"sqlite:///{folder}/shop.db", "table": "orders", "partition": {"column": "id", "pieces": 2}}
    return catalog.resolve("source", {"name": "sql", **options})


MAKE: dict[str, Callable[[Path], PluginConfig]] = {
    "delta": _delta,
    "huggingface": _huggingface,
    "iceberg": _iceberg,
    "openml": _openml,
    "sql": _sql,
}
