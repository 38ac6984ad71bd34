"""Where batch predictions go: one CSV or Parquet file, or a folder of Parquet files, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from rayline.cluster.storage import prove
from rayline.core import files
from rayline.core.errors import ClusterError, InputError, StorageError

SUCCESS = "_SUCCESS"
"""Written last into a folder on an object store, where nothing can be renamed: without it the folder is unfinished."""


class FileOutput:
    """One file, its rows streamed through the driver in order."""

    def __init__(self, uri: str, suffix: str) -> None:
        self.uri = uri
        self._suffix = suffix
        self._remote = files.locate(uri)[0].type_name != "local"
        path = Path(files.locate(uri)[1])
        if path.is_dir() and not self._remote:
            raise InputError(f"{uri} is a folder. Name a file in it, or a folder without suffix.")
        folder = Path(tempfile.gettempdir()) if self._remote else path.parent
        self._temporary = folder / f".{path.name}.{uuid.uuid4().hex[:8]}.tmp"
        _prove(folder, uri)

    def write(self, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
        """Write tables of `schema` one after the other and return the number of rows."""
        rows = 0
        try:
            with self._writer(schema) as writer:
                for table in tables:
                    writer.write_table(table.cast(schema))
                    rows += table.num_rows
            if self._remote:
                with self._temporary.open("rb") as handle:
                    files.write_bytes(self.uri, handle.read())
            else:
                self._temporary.replace(files.locate(self.uri)[1])
        except OSError as error:
            raise StorageError(f"cannot write {self.uri}: {error.strerror or error}.") from error
        finally:
            self._temporary.unlink(missing_ok=True)
        return rows

    def _writer(self, schema: pa.Schema) -> Any:
        return (pacsv.CSVWriter if self._suffix == ".csv" else pq.ParquetWriter)(self._temporary, schema)


class FolderOutput:
    """A folder of Parquet files, written by the tasks that answered their rows; name order is row order."""

    def __init__(self, uri: str, *, instead: str = ", or OUT.csv or OUT.parquet") -> None:
        self.uri = uri.rstrip("/")
        self._instead = instead
        filesystem, path = files.locate(self.uri)
        self._local = filesystem.type_name == "local"
        found = (
            filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
            if not Path(path).is_file()
            else None
        )
        if found is None or found:
            raise InputError(f"{uri} exists and is not an empty folder. Name a new one{instead}.")
        self._final = Path(path)
        if self._local:
            _prove(self._final.parent, uri)
        self.parts = (
            str(self._final.with_name(f".{self._final.name}.{uuid.uuid4().hex[:8]}.tmp")) if self._local else self.uri
        )
        """The URI that tasks write their parts below."""

    def prove(self) -> None:
        """Prove, on the cluster that is joined, that what a task writes on any machine lies in one folder.

        Raises:
            ClusterError: machines would write to folders of their own, or cannot write at all.
        """
        try:
            prove(str(self._final.parent) if self._local else self.uri)
        except StorageError as error:
            told = str(error).partition("\n")[2].partition("\nSet storage:")[0]
            raise ClusterError(
                f"{self.uri} is not one folder for all machines of the cluster:\n{told}\n"
                f"Give a storage URI (s3://…){self._instead}."
            ) from None

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Tasks write within; afterwards the folder is there, or, if they failed, nothing is."""
        try:
            if self._local:
                Path(self.parts).mkdir()
            yield
            if self._local:
                for torn in Path(self.parts).rglob(".*.tmp"):  # of a worker that was killed while it wrote
                    torn.unlink()
                if self._final.exists():
                    self._final.rmdir()
                os.rename(self.parts, self._final)
            else:
                files.write_bytes(files.join(self.uri, SUCCESS), b"")
        except BaseException:
            self._discard()
            raise

    def expect(self, names: set[str]) -> None:
        """Raise unless these parts, told by the tasks that wrote them, can be seen from here.

        Raises:
            ClusterError: nodes wrote to folders of their own.
        """
        unseen = names - set(files.list_names(self.parts))
        if unseen:
            raise ClusterError(
                f"{self.uri} is not one folder for all nodes: {len(unseen)} of {len(names)} parts lie elsewhere. "
                f"Give a storage URI (s3://…){self._instead}."
            )

    def _discard(self) -> None:
        if self._local:
            shutil.rmtree(self.parts, ignore_errors=True)
            return
        filesystem, path = files.locate(self.uri)
        filesystem.delete_dir_contents(path, missing_dir_ok=True)  # not the folder: it may be a whole bucket


def open_output(uri: str) -> FileOutput | FolderOutput:
    """The output that `uri` names by its suffix: `.csv`, `.parquet`, or none for a folder.

    Raises:
        InputError: another suffix, or a folder that is not empty.
        StorageError: the place cannot be written.
    """
    suffix = os.path.splitext(uri.partition("?")[0].rstrip("/"))[1].lower()
    if uri.endswith("/") or suffix == "":
        return FolderOutput(uri)
    if suffix in (".csv", ".parquet"):
        return FileOutput(uri, suffix)
    raise InputError(
        f"cannot write predictions as {uri!r}. Give OUT.csv, OUT.parquet, or a folder (OUT/) of Parquet files."
    )


def _prove(folder: Path, uri: str) -> None:
    if not folder.is_dir():
        raise StorageError(f"cannot write {uri}: there is no folder {folder}. Make it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(f"cannot write {uri}: {folder} is not writable. Choose a folder you may write to.")
