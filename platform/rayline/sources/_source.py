"""What every source is: an ordered list of fragments, one schema, and a reader of one fragment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rayline.core.catalog import PluginConfig
from rayline.core.columns import ROW, FeatureType
from rayline.core.errors import DataError
from rayline.sources._columns import check_names, common, fit, unknown_column

FILE_SHIFT = 40
"""A row's key is its file's place shifted by this many bits, plus its place in the file."""


@dataclass(frozen=True)
class Fragment:
    """A piece of a source that one task reads. Pieces depend on the data alone, never on the cluster."""

    index: int
    label: str
    """For people: `adult.csv`, `part-1.parquet row groups 0-3`."""
    uri: str = ""
    """Tells the filesystem of `path`; empty where there is no file."""
    path: str = ""
    file: int = 0
    """The file's place among the source's files, by path."""
    parts: tuple[int, ...] = ()
    """Which part of the file: row groups, record batches, or a place in its bytes; empty for all of it."""
    first_row: int = 0
    """Rows of the file before this fragment."""
    size_bytes: int = 0
    """About how many bytes it takes to read."""
    file_bytes: int = 0
    """The file's size when it was listed; one that has changed since is refused. 0: not known."""


@dataclass(frozen=True)
class Shared:
    """That rows of a source may hold some of the same content: windows that overlap, frames of one video."""

    what: str
    """How they come to, in words that can follow a colon."""
    ways: tuple[str, ...]
    """Lines of a spec, any of which keeps such rows on one side of the split, or has none."""


class RefusedError(DataError):
    """A value that does not fit its column's type, where a wider type would hold it and every fragment so far."""

    def __init__(self, message: str, column: str, wider: pa.DataType) -> None:
        super().__init__(message)
        self.column = column
        self.wider = wider

    def __reduce__(self) -> tuple[type[RefusedError], tuple[str, str, pa.DataType]]:
        return RefusedError, (str(self), self.column, self.wider)


class Source(ABC):
    """Rows in fragments. Picklable: a task on another machine reads any fragment by itself."""

    settled = True
    """Whether the schema was decided on all rows. If not, a scan may meet a value that widens it."""

    @cached_property
    def notes(self) -> dict[int, str]:
        """What reading left out, in words for people, by fragment; whole once a scan has read all of them."""
        return {}

    @cached_property
    def _fragments(self) -> list[Fragment]:
        return self._find()

    @cached_property
    def _schema(self) -> pa.Schema:
        schema = self._decide()
        check_names(schema.names, self.name)
        return schema

    @property
    def kept(self) -> PluginConfig | None:
        """What reads these very rows again, where the source's own description would read whatever is there by then."""
        return None

    @property
    def made_of(self) -> Mapping[str, tuple[str, ...]]:
        """Columns that the source itself makes, each after those that it is made of: history, for one."""
        return {}

    @property
    def roles(self) -> Mapping[str, FeatureType]:
        """What columns are by the source's own word, however few or alike their values: ids, free text."""
        return {}

    @property
    def shared(self) -> Shared | None:
        """That rows may share content, which a split must not divide; `None` where no two rows do by the way in which
        they are read."""
        return None

    def spans(self, fragment: Fragment, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """From where to where in the source's content rows of a fragment reach [n, 2]; rows that meet share some.

        Args:
            fragment: one of `fragments()`.
            places: of the rows in it, from 0 [n].
        """
        begins = (fragment.file << FILE_SHIFT) + fragment.first_row + places
        return np.stack([begins, begins + 1], axis=1)

    @property
    @abstractmethod
    def name(self) -> str:
        """What the source is called in messages: the path, or the set's name."""

    @abstractmethod
    def _find(self) -> list[Fragment]:
        """The fragments, in order."""

    @abstractmethod
    def _decide(self) -> pa.Schema:
        """The columns, in the eight types; null where no value was met and some may come."""

    @abstractmethod
    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        """Columns `names` of a fragment, in any types and order."""

    @final
    def fragments(self) -> list[Fragment]:
        """The fragments, in order: files by path, then by place in the file.

        Raises:
            DataError: nothing is there, or it cannot be read.
        """
        return self._fragments

    @final
    def schema(self) -> pa.Schema:
        """The columns (without ROW), the same for every fragment; decided once.

        Raises:
            DataError: the files cannot be read, are empty, or disagree on their columns.
        """
        return pa.schema([f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in self._schema])

    @final
    def read(self, fragment: Fragment, columns: Sequence[str] | None = None, *, encoded: bool = False) -> pa.Table:
        """`columns` (default: all) of one fragment in the order asked for, then ROW.

        With `encoded`, texts that the file keeps once each come so too (dictionaries of strings), which is faster to
        read and to count.

        Raises:
            DataError: a column that is not there, or a file (named, with the line) that cannot be read.
        """
        schema = self.schema()
        every = schema.names
        names = list(dict.fromkeys(n for n in (every if columns is None else columns) if n != ROW))
        known = set(every)
        for column in names:
            if column not in known:
                raise unknown_column(self.name, column, every)
        table = self._read(fragment, names)
        arrays = [fit(table.column(n), schema.field(n).type, n, fragment.label, encoded=encoded) for n in names]
        start = (fragment.file << FILE_SHIFT) + fragment.first_row
        rows = pa.array(np.arange(start, start + table.num_rows, dtype=np.int64))
        fields = [pa.field(n, array.type) for n, array in zip(names, arrays, strict=True)]
        return pa.table([*arrays, rows], schema=pa.schema([*fields, pa.field(ROW, pa.int64())]))

    def label_of(self, fragment: Fragment, row: int) -> str:  # noqa: ARG002
        """For people, where a row of a fragment, by its ROW, comes from: a file, if it has one to itself."""
        return fragment.label

    def widen(self, column: str, wider: pa.DataType) -> None:
        """Have a column hold `wider` values too, once a fragment refused one; scans then begin again."""
        place = self._schema.get_field_index(column)
        field = self._schema.field(place)
        self.__dict__["_schema"] = self._schema.set(place, field.with_type(common(field.type, wider)))

    def settle(self) -> None:
        """A scan has read every value of every column: the types hold."""
        self.settled = True
