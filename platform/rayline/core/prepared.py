"""Prepared data: what preparation hands to a model, in memory and as Arrow shards.

n rows · F number columns · C category columns
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from rayline.core import files
from rayline.core.columns import ROW
from rayline.core.errors import StorageError

MISSING_ID = 0
UNKNOWN_ID = 1
FIRST_ID = 2
"""Category ids: 0 is missing, 1 is a value not seen in training, known values start at 2."""
FIRST_ROWS = 4096
"""By which it is decided how Parquet keeps a column."""


class Prepared(NamedTuple):
    """Model inputs: `numbers` float32 [n, F], `categories` int32 [n, C], `tensors` each [n, …]."""

    numbers: npt.NDArray[np.float32]
    categories: npt.NDArray[np.int32]
    tensors: tuple[npt.NDArray[Any], ...] = ()
    """Texts, images, sounds and sequences, one array an input."""


@dataclass(frozen=True)
class TensorInput:
    """One input that is an array a row."""

    name: str
    kind: str
    """text, image, audio or sequence."""
    shape: tuple[int, ...]
    dtype: str = "float32"
    """float32, or int32 for ids of tokens."""
    ids: int = 0
    """How many ids of tokens there are, 0 for arrays of floats."""


@dataclass(frozen=True)
class Layout:
    """The columns of `Prepared`: names of the numbers, names and sizes (ids 0..size-1) of the categories, tensors."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    sizes: tuple[int, ...]
    tensors: tuple[TensorInput, ...] = ()
    flags: tuple[str, ...] | None = None
    """Of each number the column whose yes or no it is (one-hot, missing), "" for one that is a number; `None`, as in
    files of before, where names tell it: `COLUMN=VALUE`."""

    @property
    def flag_of(self) -> tuple[str, ...]:
        """`flags`, told by the names where they are not given."""
        if self.flags is not None:
            return self.flags
        return tuple(name.partition("=")[0] if "=" in name else "" for name in self.numbers)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Layout:
        tensors = tuple(
            TensorInput(t["name"], t["kind"], tuple(t["shape"]), t["dtype"], t["ids"]) for t in value.get("tensors", ())
        )
        flags = value.get("flags")
        return cls(
            tuple(value["numbers"]),
            tuple(value["categories"]),
            tuple(value["sizes"]),
            tensors,
            None if flags is None else tuple(flags),
        )


@dataclass(frozen=True)
class Rows:
    """Prepared rows with their targets: what training and judging read.

    `target` is float32 [n] (regression: the value; binary: 0.0 or 1.0) or int64 [n] (multi-class: the class's
    place in `Target.classes`); `row` int64 [n] is each row's position in its source.
    """

    inputs: Prepared
    target: npt.NDArray[np.float32] | npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)


def concat(parts: list[Rows]) -> Rows:
    """Rows one after the other; `parts` must not be empty."""
    return Rows(
        Prepared(
            np.concatenate([p.inputs.numbers for p in parts]),
            np.concatenate([p.inputs.categories for p in parts]),
            tuple(np.concatenate(arrays) for arrays in zip(*(p.inputs.tensors for p in parts), strict=True)),
        ),
        np.concatenate([p.target for p in parts]),
        np.concatenate([p.row for p in parts]),
    )


def to_table(rows: Rows) -> pa.Table:
    """Rows as an Arrow table: `numbers` and `categories` as fixed-size lists, `target`, `row`; then each tensor's
    values as a fixed-size list `tensor N`, its shape in the field's metadata.
    """
    table = pa.table(
        {
            "numbers": _lists(rows.inputs.numbers),
            "categories": _lists(rows.inputs.categories),
            "target": pa.array(rows.target),
            "row": pa.array(rows.row),
        }
    )
    for place, tensor in enumerate(rows.inputs.tensors):
        table = table.append_column(*_tensor_column(f"tensor {place}", tensor))
    return table


def _lists(matrix: npt.NDArray[Any]) -> pa.Array:
    """A matrix [n, width] as n lists."""
    n, width = matrix.shape
    if width == 0:  # Arrow cannot hold lists of length 0 in a file; a null column of n rows stands for them
        return pa.nulls(n)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(matrix).reshape(-1)), width)


def _tensor_column(name: str, tensor: npt.NDArray[Any]) -> tuple[pa.Field, pa.Array]:
    values = _lists(tensor.reshape(len(tensor), int(np.prod(tensor.shape[1:]))))
    shape = ",".join(map(str, tensor.shape[1:]))
    return pa.field(name, values.type, metadata={"shape": shape}), values


def from_table(table: pa.Table) -> Rows:
    """The inverse of `to_table`; zero copy where the table is one chunk."""
    table = table.combine_chunks()

    def matrix(name: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
        column = table.column(name)
        if pa.types.is_null(column.type) or table.num_rows == 0:
            width = 0 if pa.types.is_null(column.type) else column.type.list_size
            return np.zeros((table.num_rows, width), dtype)
        chunk = column.chunk(0)
        flat: npt.NDArray[Any] = chunk.flatten().to_numpy(zero_copy_only=True)
        return flat.reshape(table.num_rows, chunk.type.list_size)

    tensors = []
    for field in table.schema:
        if field.name.startswith("tensor "):
            shape = [int(size) for size in field.metadata[b"shape"].split(b",")]
            kind = field.type.value_type.to_pandas_dtype()
            tensors.append(matrix(field.name, kind).reshape(table.num_rows, *shape))
    return Rows(
        Prepared(matrix("numbers", np.float32), matrix("categories", np.int32), tuple(tensors)),
        table.column("target").to_numpy(),
        table.column("row").to_numpy(),
    )


def write_shard(uri: str, rows: Rows) -> None:
    """Write rows as one Arrow IPC file, whole or not at all."""
    table = to_table(rows)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    files.write_bytes(uri, sink.getvalue().to_pybytes())


def write_parquet(uri: str, rows: Rows, layout: Layout, target: str) -> None:
    """Write rows as one Parquet file of a column an input (arrays as fixed-size lists), `target`, and ROW."""
    numbers, categories = rows.inputs.numbers, rows.inputs.categories
    columns: dict[str, Any] = {name: np.ascontiguousarray(numbers[:, n]) for n, name in enumerate(layout.numbers)}
    columns |= {name: np.ascontiguousarray(categories[:, n]) for n, name in enumerate(layout.categories)}
    table = pa.table({**columns, target: rows.target, ROW: rows.row})
    for place, (about, tensor) in enumerate(zip(layout.tensors, rows.inputs.tensors, strict=True)):
        table = table.add_column(len(columns) + place, *_tensor_column(about.name, tensor))
    columns[target] = rows.target
    repeating = [name for name, values in columns.items() if _repeats(values)]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="lz4",
        use_dictionary=repeating,
        column_encoding={ROW: "DELTA_BINARY_PACKED"},
    )
    files.write_bytes(uri, sink.getvalue())


def _repeats(values: npt.NDArray[Any]) -> bool:
    """Whether values repeat among the first: a dictionary of others would be given up half-way, for nothing."""
    first = values[:FIRST_ROWS]
    return len(np.unique(first)) * 2 <= len(first)


def read_shards(folder: str) -> Rows:
    """Every shard of `folder` in name order; local files are memory-mapped.

    Raises:
        StorageError: the folder holds no shard.
    """
    names = [n for n in files.list_names(folder) if n.endswith(".arrow")]
    if not names:
        raise StorageError(f"no prepared shards in {folder}. Prepare the data first: `rayline run SPEC`.")
    filesystem, _ = files.locate(folder)
    parts = []
    for name in names:
        uri = files.join(folder, name)
        if filesystem.type_name == "local":
            source: Any = pa.memory_map(files.locate(uri)[1])
        else:
            source = pa.BufferReader(files.read_bytes(uri))
        parts.append(from_table(pa.ipc.open_file(source).read_all()))
    return parts[0] if len(parts) == 1 else concat(parts)
