"""A pandas, Polars or Arrow frame, kept once as an Arrow file; and Arrow files themselves.

Choose it in a notebook, where the rows are at hand: `rayline.run({..., "data": {"source": frame, …}})`.
Reference: https://arrow.apache.org/docs/format/Columnar.html#ipc-file-format
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import polars as pl
import pyarrow as pa

from rayline.core import files
from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError
from rayline.sources import _files
from rayline.sources._columns import canonical_schema, check_names, fit, union
from rayline.sources._source import Fragment, Source

SUFFIXES = (".arrow", ".feather")
BATCH_ROWS = 1 << 19
"""Rows of one record batch, and of one fragment, of a frame that is kept."""


class Config(PluginConfig):
    path: str
    """An Arrow IPC file, folder, glob or URL."""

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims names of Arrow files, and folders that hold some."""
        claimed = _files.has_suffix(text, SUFFIXES) or _files.folder_holds(text, SUFFIXES)
        return cls(path=text) if claimed else None

    def build(self) -> Source:
        return FrameSource(self)


class FrameSource(Source):
    """One fragment a record batch."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._found: pa.Schema | None = None

    @property
    def name(self) -> str:
        return self.config.path

    def _find(self) -> list[Fragment]:
        fragments: list[Fragment] = []
        schemas: list[tuple[str, pa.Schema]] = []
        for place, file in enumerate(_files.find(self.config.path, SUFFIXES)):
            with _open(file.uri, file.path, file.label) as reader:
                schemas.append((file.label, canonical_schema(reader.schema, file.label)))
                first_row = 0
                for part in range(reader.num_record_batches):
                    batch = reader.get_batch(part)
                    label = file.label if reader.num_record_batches == 1 else f"{file.label} batch {part}"
                    if batch.num_rows:
                        fragments.append(
                            Fragment(
                                len(fragments),
                                label,
                                uri=file.uri,
                                path=file.path,
                                file=place,
                                parts=(part,),
                                first_row=first_row,
                                size_bytes=batch.nbytes,
                            )
                        )
                    first_row += batch.num_rows
        if not fragments:
            raise DataError(f"{self.name} has no rows. Give a frame with rows.")
        self._found = union(schemas)
        return fragments

    def _decide(self) -> pa.Schema:
        self.fragments()
        assert self._found is not None
        return self._found

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        with _open(fragment.uri, fragment.path, fragment.label) as reader:
            batches = [reader.get_batch(part) for part in fragment.parts]
        return pa.Table.from_batches(batches).select(names)


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


def _open(uri: str, path: str, label: str) -> pa.ipc.RecordBatchFileReader:
    try:
        return pa.ipc.open_file(_files.open_file(uri, path))
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise _files.unreadable(label, error) from None
        raise DataError(f"{label} cannot be read as an Arrow file: {error}. Is it complete?") from None
