"""Delta and Iceberg tables, written by their own libraries: versions, partitions, deletes, columns that came later."""

from __future__ import annotations

import http.server
import json
import pickle
import struct
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import DoubleType
from pyroaring import BitMap64

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.sources import delta, iceberg
from rayline.sources import parquet as parquet_source
from rayline.sources._source import Source
from rayline.spec.sections import as_source


def table(first: int, count: int, **more: Any) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table({"n": list(numbers), "kind": ["ab"[n % 2] for n in numbers], **more})


def read(source: Source) -> pl.DataFrame:
    return pl.concat([pl.from_arrow(source.read(f)) for f in source.fragments()])  # type: ignore[misc]


def numbers(source: Source) -> list[int]:
    return sorted(read(source)["n"].to_list())


# Delta


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Version 0: rows 0 to 9 by kind; 1: rows 10 to 13 too; 2: a further column; 3: without row 1."""
    place = tmp_path / "lake"
    write_deltalake(place, table(0, 10), partition_by=["kind"])
    write_deltalake(place, table(10, 4), mode="append")
    write_deltalake(place, table(20, 2, late=[0.5, 1.5]), mode="append", schema_mode="merge")
    DeltaTable(place).delete("n = 1")
    return place


def test_a_delta_table_is_claimed_by_its_log_alone(lake: Path) -> None:
    config = as_source(str(lake))
    assert isinstance(config, delta.Config)
    assert parquet_source.Config.from_text(str(lake)) is None
    assert numbers(config.build()) == [0, *range(2, 14), 20, 21]


def test_partition_values_and_columns_that_came_later(lake: Path) -> None:
    source = delta.Config(path=str(lake)).build()
    assert source.schema() == pa.schema({"n": pa.int64(), "kind": pa.string(), "late": pa.float64()})
    found = read(source).sort("n")
    assert found["kind"].to_list() == ["ab"[n % 2] for n in found["n"].to_list()]
    assert found["late"].to_list() == [*[None] * 13, 0.5, 1.5]
    assert found[ROW].is_unique().all()
    first = source.fragments()[0]
    assert source.read(first, ["late", "kind"]).column_names == ["late", "kind", ROW]
    assert pickle.loads(pickle.dumps(source)).read(first).equals(source.read(first))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in another time zone."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
def test_times_without_a_zone_are_of_utc_on_every_machine(lake: Path, warehouse: tuple[dict[str, str], str]) -> None:
    *_, last = sorted(entry["timestamp"] for entry in DeltaTable(lake).history())
    at = datetime.fromtimestamp((last - 1) / 1000, UTC).replace(tzinfo=None)
    assert 1 in numbers(delta.Config(path=str(lake), as_of=at).build())
    orders = SqlCatalog("test", **warehouse[0]).load_table("shop.orders")
    at = datetime.fromtimestamp(orders.snapshots()[0].timestamp_ms / 1000, UTC).replace(tzinfo=None)
    assert numbers(opened(warehouse, as_of=at)) == list(range(10))


def test_earlier_versions_of_a_delta_table(lake: Path) -> None:
    assert numbers(delta.Config(path=str(lake), version=0).build()) == list(range(10))
    assert numbers(delta.Config(path=str(lake), version=1).build()) == list(range(14))
    moments = {entry["version"]: entry["timestamp"] for entry in DeltaTable(lake).history()}
    at = {"name": "delta", "path": str(lake), "as_of": (moments[2] - 1) / 1000}
    assert 1 in numbers(catalog.resolve("source", at).build())  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="has no version 99: the latest is 3"):
        delta.Config(path=str(lake), version=99).build().schema()
    before = {"name": "delta", "path": str(lake), "as_of": moments[0] / 1000 - 60}
    with pytest.raises(DataError, match=r"has no version as old as .*: version 0, the oldest, is of 20"):
        catalog.resolve("source", before).build().schema()  # type: ignore[attr-defined]
    with pytest.raises(SpecError, match="give version or as_of, not both"):
        catalog.resolve("source", {"name": "delta", "path": "x", "version": 1, "as_of": "2024-06-01T00:00:00Z"})


def test_rows_written_after_a_delta_table_was_looked_at_are_not_read(lake: Path) -> None:
    source = delta.Config(path=str(lake)).build()
    source.schema()
    copy = pickle.dumps(source)
    write_deltalake(lake, table(30, 4, late=[1.0] * 4), mode="append")
    assert numbers(pickle.loads(copy)) == [0, *range(2, 14), 20, 21]


def test_a_delta_table_in_runs_of_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from deltalake import WriterProperties

    monkeypatch.setattr(parquet_source, "FRAGMENT_BYTES", 1000)
    write_deltalake(tmp_path / "lake", table(0, 1000), writer_properties=WriterProperties(max_row_group_size=100))
    source = delta.Config(path=str(tmp_path / "lake")).build()
    assert len(source.fragments()) == 10
    assert read(source)["n"].to_list() == list(range(1000))
    assert read(source)[ROW].to_list() == list(range(1000))


def z85(data: bytes) -> str:
    letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    words = struct.unpack(f">{len(data) // 4}I", data)
    return "".join(letters[word // 85**power % 85] for word in words for power in (4, 3, 2, 1, 0))


def test_rows_that_a_deletion_vector_takes_away(tmp_path: Path) -> None:
    place = tmp_path / "lake"
    write_deltalake(place, table(0, 10))
    (added,) = pa.table(DeltaTable(place).get_add_actions(flatten=True)).to_pylist()
    # the log's next entry, as the protocol has it: the same file with rows 2, 3 and 9 marked
    packed = struct.pack("<i", 1681511377) + BitMap64([2, 3, 9]).serialize()
    packed += b"\0" * (-len(packed) % 4)
    vector = {"storageType": "i", "pathOrInlineDv": z85(packed), "sizeInBytes": len(packed), "cardinality": 3}
    file = {"path": added["path"], "partitionValues": {}, "size": added["size_bytes"], "dataChange": True}
    file["stats"] = json.dumps({"numRecords": 10})
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    entry = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}},
        {"remove": {"path": added["path"], "deletionTimestamp": 0, "dataChange": True}},
        {"add": {**file, "modificationTime": added["modification_time"], "deletionVector": vector}},
    ]
    log = place / "_delta_log" / f"{1:020}.json"
    log.write_text("\n".join(map(json.dumps, entry)))
    assert numbers(delta.Config(path=str(place)).build()) == [0, 1, 4, 5, 6, 7, 8]
    assert numbers(delta.Config(path=str(place), version=0).build()) == list(range(10))


def test_a_feature_of_delta_that_is_not_read_here(tmp_path: Path) -> None:
    place = tmp_path / "lake"
    write_deltalake(place, table(0, 10))
    features = {"readerFeatures": ["columnMapping"], "writerFeatures": ["columnMapping"]}
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, **features}
    (place / "_delta_log" / f"{1:020}.json").write_text(json.dumps({"protocol": protocol}))
    with pytest.raises(SpecError, match="uses columnMapping of Delta, which cannot be read here"):
        delta.Config(path=str(place)).build().schema()


def test_a_file_of_a_delta_table_that_is_gone(lake: Path) -> None:
    source = delta.Config(path=str(lake)).build()
    source.schema()
    gone = Path(source.fragments()[0].path)
    gone.unlink()
    with pytest.raises(DataError, match=rf"there is no file .*{gone.name}"):
        read(source)


def test_a_delta_table_without_rows(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "lake", table(0, 0))
    with pytest.raises(DataError, match="has no rows at version 0"):
        delta.Config(path=str(tmp_path / "lake")).build().schema()


# Iceberg


@pytest.fixture
def warehouse(tmp_path: Path) -> tuple[dict[str, str], str]:
    """A catalog's options, and the folder of `shop.orders`: rows 0 to 9, then more, a column `late`, and row 1 gone."""
    options = {"type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}/warehouse"}
    shop = SqlCatalog("test", **options)
    shop.create_namespace("shop")
    orders = shop.create_table("shop.orders", schema=table(0, 1).schema)
    orders.append(table(0, 10))
    orders.append(table(10, 4))
    with orders.update_schema() as update:
        update.add_column("late", DoubleType())
    orders.append(table(20, 2, late=[0.5, 1.5]))
    orders.delete("n = 1")
    return options, orders.location().removeprefix("file://")


def opened(warehouse: tuple[dict[str, str], str], **options: Any) -> Source:
    return iceberg.Config(table="shop.orders", catalog="test", properties=warehouse[0], **options).build()


def test_an_iceberg_table_of_a_catalog(warehouse: tuple[dict[str, str], str]) -> None:
    source = opened(warehouse)
    assert source.schema() == pa.schema({"n": pa.int64(), "kind": pa.string(), "late": pa.float64()})
    found = read(source).sort("n")
    assert found["n"].to_list() == [0, *range(2, 14), 20, 21]
    assert found["late"].to_list() == [*[None] * 13, 0.5, 1.5]
    assert found[ROW].is_unique().all()
    first = source.fragments()[0]
    assert source.read(first, ["late", "n"]).column_names == ["late", "n", ROW]
    assert pickle.loads(pickle.dumps(source)).read(first).equals(source.read(first))


def test_an_iceberg_table_by_its_folder(warehouse: tuple[dict[str, str], str]) -> None:
    config = as_source(warehouse[1])
    assert isinstance(config, iceberg.Config)
    assert parquet_source.Config.from_text(warehouse[1]) is None
    assert numbers(config.build()) == [0, *range(2, 14), 20, 21]


def test_earlier_snapshots_and_branches(warehouse: tuple[dict[str, str], str]) -> None:
    orders = SqlCatalog("test", **warehouse[0]).load_table("shop.orders")
    first, second, *_ = [snapshot.snapshot_id for snapshot in orders.snapshots()]
    early = opened(warehouse, snapshot=first)
    assert numbers(early) == list(range(10))
    assert early.schema().names == ["n", "kind"]
    orders.manage_snapshots().create_tag(second, "june").commit()
    assert numbers(opened(warehouse, snapshot="june")) == list(range(14))
    with pytest.raises(DataError, match=r"has no snapshot 'july'\. Known: .*june"):
        opened(warehouse, snapshot="july").schema()
    moments = [datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC) for snapshot in orders.snapshots()]
    assert numbers(opened(warehouse, as_of=moments[0])) == numbers(early)
    with pytest.raises(DataError, match=r"has no snapshot as old as 2020-01-01.*: the oldest is of 20"):
        opened(warehouse, as_of=datetime(2020, 1, 1, tzinfo=UTC)).schema()
    with pytest.raises(SpecError, match="give snapshot or as_of, not both"):
        catalog.resolve("source", {"name": "iceberg", "path": "x", "snapshot": 1, "as_of": "2024-06-01T00:00:00Z"})


def test_rows_written_after_an_iceberg_table_was_looked_at_are_not_read(warehouse: tuple[dict[str, str], str]) -> None:
    source = opened(warehouse)
    source.schema()
    copy = pickle.dumps(source)
    orders = SqlCatalog("test", **warehouse[0]).load_table("shop.orders")
    orders.append(table(30, 4, late=[1.0] * 4))
    assert numbers(pickle.loads(copy)) == [0, *range(2, 14), 20, 21]
    assert numbers(opened(warehouse)) == [0, *range(2, 14), 20, 21, *range(30, 34)]


def test_what_is_no_iceberg_table(warehouse: tuple[dict[str, str], str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test\.shop\.none cannot be read as an Iceberg table: .*shop\.none"):
        iceberg.Config(table="shop.none", catalog="test", properties=warehouse[0]).build().schema()
    with pytest.raises(DataError, match="is no Iceberg table"):
        iceberg.Config(path=str(tmp_path)).build().schema()
    with pytest.raises(SpecError, match="give path, or table with its catalog"):
        catalog.resolve("source", {"name": "iceberg"})


class Refusing(http.server.BaseHTTPRequestHandler):
    """A catalog that lets nobody in, and repeats what it was given."""

    def do_GET(self) -> None:
        said = {"error": {"message": f"no: {self.headers['Authorization']}", "type": "NotAuthorized", "code": 401}}
        self.send_response(401)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, *_: Any) -> None:
        pass


def test_a_catalog_that_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_TOKEN", "hunter2")
    server = http.server.HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    given = {"type": "rest", "uri": f"http://127.0.0.1:{server.server_port}", "token": "${CATALOG_TOKEN}"}
    with pytest.raises(DataError, match=r"default\.shop\.orders cannot be read as an Iceberg table: .*Check") as caught:
        iceberg.Config(table="shop.orders", properties=given).build().schema()
    server.shutdown()
    assert "***" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_catalog_whose_database_is_not_there(tmp_path: Path) -> None:
    given = {"type": "sql", "uri": f"sqlite:///{tmp_path}/none/catalog.db"}
    with pytest.raises(DataError, match="cannot be read as an Iceberg table: .*unable to open database file"):
        iceberg.Config(table="shop.orders", properties=given).build().schema()


@pytest.mark.parametrize("given", [{"token": "hunter2"}, {"uri": "postgresql://me:hunter2@host/catalog"}])
def test_literal_secrets_of_a_catalog_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(SpecError, match="Put it into the environment and name it here") as caught:
        catalog.resolve("source", {"name": "iceberg", "table": "shop.orders", "properties": given})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("fault", ["gone", "cut"])
def test_a_file_of_an_iceberg_table_at_fault(warehouse: tuple[dict[str, str], str], fault: str) -> None:
    source = opened(warehouse)
    label = source.fragments()[1].label
    (path,) = Path(warehouse[1]).rglob(label)
    if fault == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=label):
        read(source)


@pytest.mark.parametrize(("kind", "module"), [("delta", "deltalake"), ("iceberg", "pyiceberg.exceptions")])
def test_without_the_extra(kind: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    config = catalog.resolve("source", {"name": kind, "path": "somewhere"})
    with pytest.raises(DataError, match=r"pip install 'rayline\[lake\]'"):
        config.build().schema()  # type: ignore[attr-defined]
