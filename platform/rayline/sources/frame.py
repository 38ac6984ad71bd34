"""A pandas, Polars or Arrow frame, kept once as an Arrow file; and Arrow files themselves (.arrow, .feather, .arrows).

Choose it in a notebook, where the rows are at hand: `rayline.run({..., "data": {"source": frame, …}})`.
Reference: https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
import pyarrow as pa

from rayline.core import files
from rayline.core.errors import DataError
from rayline.sources import _files
from rayline.sources._columns import canonical_schema, check_names, fit
from rayline.sources._path_config import PathConfig
from rayline.sources._source import Fragment, Source
from rayline.sources._stored import Piece, StoredSource, broken

SUFFIXES = (".arrow", ".feather", ".arrows", ".ipc")
MAGIC = b"ARROW1"
BATCH_ROWS = 1 << 19
"""Rows of one record batch, and of one fragment, of a frame that is kept."""


class Config(PathConfig):
    suffixes = SUFFIXES

    columns: tuple[str, ...] | None = None
    """Columns to read; `null` for all. Needed where others hold structs, or lists of anything but numbers."""

    def build(self) -> Source:
        return FrameSource(self.path, SUFFIXES, self.columns)


class FrameSource(StoredSource):
    """One fragment a record batch."""

    def _look(self, file: _files.File) -> tuple[pa.Schema, list[Piece]]:
        with _batches(file.uri, file.path, file.label) as (schema, batches):
            return schema, [
                Piece(
                    file.label if len(batches) == 1 else f"{file.label} batch {part + 1} of {len(batches)}",
                    (part,),
                    batch.num_rows,
                    batch.nbytes,
                )
                for part, batch in enumerate(batches)
            ]

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        with _batches(fragment.uri, fragment.path, fragment.label, fragment.file_bytes) as (_, batches):
            return pa.Table.from_batches([batches[part] for part in fragment.parts]).select(names)


def keep(frame: Any, folder: str | os.PathLike[str]) -> Config:
    """Write a pandas, Polars or Arrow frame to `folder`, named by its content, and return it as a source.

    The same frame is written once. A pandas index is left out.

    Raises:
        DataError: not a frame, no rows, or a column that mixes types or holds lists, structs or bytes.
        StorageError: the folder cannot be written.
    """
    table = _table(frame)
    check_names(table.column_names, "the frame")
    if not table.num_rows:
        raise DataError("the frame has no rows. Give a frame with rows.")
    schema = canonical_schema(table.schema, "the frame")
    table = pa.table([fit(table.column(f.name), f.type, f.name, "the frame") for f in schema], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=BATCH_ROWS)
    data = sink.getvalue()
    uri = files.join(os.fspath(folder), f"frame-{hashlib.blake2b(data, digest_size=12).hexdigest()}.arrow")
    if not files.exists(uri):
        files.write_bytes(uri, data)
    return Config(path=uri)


def _table(frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame.to_arrow()
    if not (hasattr(frame, "columns") and hasattr(frame, "dtypes")):
        raise DataError(f"a frame is a pandas, Polars or Arrow table, not {type(frame).__name__}.")
    check_names([str(name) for name in frame.columns], "the frame")
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"the frame has a column of mixed types: {error.args[-1]}. Cast it to one.") from None


@contextmanager
def _batches(uri: str, path: str, label: str, size_bytes: int = 0) -> Iterator[tuple[pa.Schema, Sequence[Any]]]:
    """The schema and record batches of a file in either of Arrow's two formats, each read when it is asked for.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with _files.open_file(uri, path, size_bytes) as handle:
            streamed = handle.read(len(MAGIC)) != MAGIC
            handle.seek(0)
            if streamed:  # what `datasets` and pipes write: without a footer that tells where batches are
                stream = pa.ipc.open_stream(handle)
                yield stream.schema, list(stream)
            else:
                file = pa.ipc.open_file(handle)
                yield file.schema, _Lazy(file)
    except (pa.ArrowException, OSError) as error:
        raise broken(label, "an Arrow file", error) from None


class _Lazy(Sequence[Any]):
    """The batches of a file."""

    def __init__(self, file: pa.ipc.RecordBatchFileReader) -> None:
        self._file = file

    def __len__(self) -> int:
        return int(self._file.num_record_batches)

    def __getitem__(self, place: Any) -> Any:
        if place >= len(self):
            raise IndexError(place)
        return self._file.get_batch(place)
