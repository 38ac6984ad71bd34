"""Apache Iceberg tables, of a catalog or by their folder, at their current snapshot or an earlier one.

Choose it where a lakehouse keeps its tables in this format. The metadata file and snapshot are fixed when the table is
first looked at, so that every task reads the same rows while others write. A data file is one fragment; deletes,
partitions and changes of the schema are applied by pyiceberg. A catalog is known by its name from `.pyiceberg.yaml` or
the environment (`PYICEBERG_CATALOG__NAME__URI`), where credentials belong. Needs `rayline[lake]`.
Reference: https://iceberg.apache.org/spec
"""

from __future__ import annotations

import importlib
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
from pydantic import Field, field_validator, model_validator

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError
from rayline.sources import _files, _secrets
from rayline.sources._columns import canonical_schema
from rayline.sources._source import Fragment, Source
from rayline.sources._stored import broken

NEEDS = "data.source: iceberg needs an extra: pip install 'rayline[lake]'"
NUMBERED = re.compile(r"v?(\d+)[-.].*metadata\.json$")


class Config(PluginConfig):
    path: str | None = None
    """The table's folder or URL, or one of its `metadata.json` files; for tables without a catalog."""
    table: str | None = None
    """The table's name in its catalog: `sales.orders`."""
    catalog: str = "default"
    """The catalog's name."""
    properties: dict[str, str] = Field(default={})
    """The catalog's options where no file or environment has them: `{uri: sqlite:///…, warehouse: …}`; secrets by
    name: `{token: "${CATALOG_TOKEN}"}`."""
    snapshot: int | str | None = None
    """A snapshot's number, or the name of a branch or tag; `null`: the current one."""
    as_of: datetime | None = None
    """The snapshot at this time, such as `2024-06-01T00:00:00Z` (UTC where no zone is named); `null`: the current."""
    columns: tuple[str, ...] | None = None
    """Columns to read; `null` for all."""

    @model_validator(mode="after")
    def _one_place(self) -> Config:
        if (self.path is None) == (self.table is None):
            raise ValueError("give path, or table with its catalog")
        if self.snapshot is not None and self.as_of is not None:
            raise ValueError("give snapshot or as_of, not both")
        return self

    @field_validator("properties")
    @classmethod
    def _no_secret(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            _secrets.check(name, text, hint=f"{{{name}: '${{CATALOG_TOKEN}}'}}")
            _secrets.check_url(text)
        return value

    @property
    def filled(self) -> dict[str, str]:
        """`properties` with the environment's values for what is named there.

        Raises:
            DataError: the environment has no such name.
        """
        return _secrets.fill_all(self.properties, f"data.source.properties of {self.path or self.table}")

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims folders that hold `metadata/*.metadata.json`."""
        return cls(path=text) if _files.table_kind(text) == "iceberg" else None

    def build(self) -> Source:
        return IcebergSource(self)


class IcebergSource(Source):
    """One fragment a data file."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._metadata = ""
        """The metadata file that was current when the table was first looked at."""
        self._snapshot: int | None = None
        self._tasks: list[Any] = []
        self._found: pa.Schema | None = None

    @property
    def name(self) -> str:
        return self.config.path or f"{self.config.catalog}.{self.config.table}"

    def _find(self) -> list[Fragment]:
        try:
            errors = _errors()
            from pyiceberg.io.pyarrow import schema_to_pyarrow
        except ImportError:
            raise DataError(NEEDS) from None
        try:
            table = _open(self.config)
            self._metadata = table.metadata_location
            self._snapshot = _snapshot(table, self.config, self.name)
            scan = table.scan(snapshot_id=self._snapshot)
            tasks = sorted(scan.plan_files(), key=lambda task: task.file.file_path)
            schema = schema_to_pyarrow(scan.projection())
        except DataError:
            raise
        except errors as error:
            text = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            text = _secrets.scrub(text, _secrets.hidden(self.config.properties.values()))
            raise DataError(
                f"{self.name} cannot be read as an Iceberg table: {text}. Check the table's name, and the catalog's "
                "address and credentials."
            ) from None
        self._found = canonical_schema(schema, self.name, self.config.columns)
        self._tasks = [task for task in tasks if task.file.record_count]
        if not self._tasks:
            raise DataError(f"{self.name} has no rows in this snapshot. Give a table with rows.")
        return [
            Fragment(place, task.file.file_path.rpartition("/")[2], file=place, size_bytes=task.file.file_size_in_bytes)
            for place, task in enumerate(self._tasks)
        ]

    def _decide(self) -> pa.Schema:
        self.fragments()
        assert self._found is not None
        return self._found

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import ArrowScan
        from pyiceberg.table import StaticTable

        self.fragments()
        try:
            table = StaticTable.from_metadata(self._metadata, self.config.filled)
            schema = table.scan(snapshot_id=self._snapshot).projection()
            wanted = names or [schema.fields[0].name]  # one column at least: it counts the rows
            scan = ArrowScan(table.metadata, table.io, schema.select(*wanted), AlwaysTrue())
            return scan.to_table([self._tasks[fragment.index]])
        except (pa.ArrowException, OSError, ValueError) as error:
            raise broken(fragment.label, f"a file of {self.name}", error) from None


def _errors() -> tuple[type[Exception], ...]:
    """What the library raises, whose errors have no base of their own, and the databases that catalogs are kept in."""
    named = vars(importlib.import_module("pyiceberg.exceptions"))
    found: list[type[Exception]] = [OSError, ValueError]
    found += [each for each in named.values() if isinstance(each, type) and issubclass(each, Exception)]
    with suppress(ImportError):
        from sqlalchemy.exc import SQLAlchemyError

        found.append(SQLAlchemyError)
    return tuple(found)


def _open(config: Config) -> Any:
    from pyiceberg.catalog import load_catalog
    from pyiceberg.table import StaticTable

    if config.table is not None:
        return load_catalog(config.catalog, **config.filled).load_table(config.table)
    assert config.path is not None
    uri = _files.absolute(config.path)
    return StaticTable.from_metadata(uri if uri.endswith(".json") else _latest(uri), config.filled)


def _latest(uri: str) -> str:
    """The metadata file of the highest number below a table's folder."""
    filesystem, path = _files.locate(uri)
    selector = pafs.FileSelector(f"{path.rstrip('/')}/metadata", allow_not_found=True)
    found = [(NUMBERED.match(entry.base_name), entry) for entry in filesystem.get_file_info(selector)]
    numbered = [(int(match[1]), entry.base_name) for match, entry in found if match]
    if not numbered:
        raise DataError(f"{uri!r} is no Iceberg table: there is no metadata/*.metadata.json. Give the table's folder.")
    return f"{uri.rstrip('/')}/metadata/{max(numbered)[1]}"


def _snapshot(table: Any, config: Config, name: str) -> int | None:
    """The number of the snapshot that is meant; `None` where the table has none yet."""
    wanted = config.snapshot
    if config.as_of is not None:
        asked = config.as_of.astimezone() if config.as_of.tzinfo else config.as_of.replace(tzinfo=UTC)
        found = table.snapshot_as_of_timestamp(int(asked.timestamp() * 1000))
        if found is None:
            oldest = min((snapshot.timestamp_ms for snapshot in table.snapshots()), default=None)
            first = "there is none" if oldest is None else f"the oldest is of {_moment(oldest)}"
            raise DataError(f"{name} has no snapshot as old as {asked.isoformat()}: {first}.")
    elif wanted is None:
        current = table.current_snapshot()
        return current.snapshot_id if current else None
    else:
        found = table.snapshot_by_name(wanted) if isinstance(wanted, str) else table.snapshot_by_id(wanted)
        if found is None:
            known = [*table.metadata.refs, *(str(snapshot.snapshot_id) for snapshot in table.snapshots())]
            raise DataError(f"{name} has no snapshot {wanted!r}. Known: {', '.join(known[-20:])}.")
    return int(found.snapshot_id)


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
