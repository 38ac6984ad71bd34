"""Data sets of the Hugging Face Hub by name (`hf:stanfordnlp/imdb`), and folders that `datasets` saved.

Choose it for sets that are published there, or that a project keeps with `Dataset.save_to_disk`. A set from the Hub is
downloaded when it is first used and then read from the cache on this machine (on each machine of a cluster: keep the
cache on shared storage, or save the set to a folder there). Splits are read one after the other, or as chosen; class
labels are their names, images and sounds their bytes, objects within rows flattened by dots.
Needs `rayline[huggingface]`. Reference: https://huggingface.co/docs/datasets
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import urllib3
from pydantic import Field

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError, UnknownNameError, listing, nearest
from rayline.sources import _files
from rayline.sources._columns import canonical_schema, union
from rayline.sources._http import pool
from rayline.sources._source import Fragment, Source

PREFIX = "hf:"
FRAGMENT_BYTES = 64 << 20
ANSWER_S = 3.0
"""How long the Hub may take to be connected to."""
NEEDS = "data.source: huggingface needs an extra: pip install 'rayline[huggingface]'"


class Config(PluginConfig):
    dataset: str = Field(min_length=1)
    """The set's name on the Hub (`owner/name`), a folder that `save_to_disk` wrote, or a folder laid out as a set."""
    config: str | None = None
    """Which configuration of a set that has several."""
    split: str | None = None
    """The splits to read, joined by a plus (`train+test`); `null` for all, in the set's order."""
    split_column: str | None = None
    """Name of a column to add that holds each row's split; `null` for none."""
    columns: tuple[str, ...] | None = None
    """Columns to read; `null` for all."""
    revision: str | None = None
    """Branch, tag or commit of a set on the Hub."""
    folder: str | None = None
    """Where downloaded sets lie; `null`: the library's own (`HF_HOME`, else ~/.cache/huggingface)."""

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims `hf:NAME`, and folders that `save_to_disk` wrote."""
        if text.startswith(PREFIX):
            return cls(dataset=text.removeprefix(PREFIX))
        return cls(dataset=text) if _files.table_kind(text) == "huggingface" else None

    def build(self) -> Source:
        return HuggingFaceSource(self)


class HuggingFaceSource(Source):
    """Fragments are runs of rows of one split."""

    def __init__(self, config: Config) -> None:
        local = _files.is_folder(config.dataset)
        self.config = config.model_copy(update={"dataset": _files.absolute(config.dataset)}) if local else config
        self._name = config.dataset if local else PREFIX + config.dataset

    @property
    def name(self) -> str:
        return self._name

    def _chosen(self) -> list[str]:
        splits = list(load(self.config))
        if self.config.split is None:
            return splits
        chosen = [split.strip() for split in self.config.split.split("+")]
        for split in chosen:
            if split not in splits:
                raise UnknownNameError(
                    f"{self.name} has no split {split!r}.{nearest(split, splits)} Splits: {listing(splits)}."
                )
        return chosen

    def _find(self) -> list[Fragment]:
        fragments: list[Fragment] = []
        for place, split in enumerate(self._chosen()):
            rows = load(self.config)[split]
            size = max(rows.data.nbytes, 1)
            step = max(1, min(rows.num_rows, rows.num_rows * FRAGMENT_BYTES // size))
            for start in range(0, rows.num_rows, step):
                stop = min(start + step, rows.num_rows)
                label = (
                    f"{self.name} {split} rows {start + 1} to {stop}"
                    if step < rows.num_rows
                    else f"{self.name} {split}"
                )
                fragments.append(
                    Fragment(
                        len(fragments),
                        label,
                        file=place,
                        parts=(start, stop),
                        first_row=start,
                        size_bytes=size * (stop - start) // rows.num_rows,
                    )
                )
        if not fragments:
            raise DataError(f"{self.name} has no rows. Give a set, or splits of it, with rows.")
        return fragments

    def _decide(self) -> pa.Schema:
        schemas = []
        for split in self._chosen():
            where = f"{self.name} {split}"
            table = self._table(split, 0, 0)
            schemas.append((where, canonical_schema(table.schema, where, self.config.columns, nulls=True)))
        return union(schemas)

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        start, stop = fragment.parts
        wanted = names or [self.schema().names[0]]  # one column at least: it counts the rows
        return self._table(self._chosen()[fragment.file], start, stop, wanted).select(wanted)

    def _table(self, split: str, start: int, stop: int, names: list[str] | None = None) -> pa.Table:
        rows = load(self.config)[split]
        if names is not None:  # others are not opened, nor images copied
            rows = rows.select_columns(
                [c for c in rows.column_names if any((n + ".").startswith(c + ".") for n in names)]
            )
        table = rows.with_format("arrow")[start:stop] if rows.column_names else None
        columns: dict[str, Any] = {}
        if table is not None:
            for name, feature in rows.features.items():
                _plain(name, feature, table.column(name), columns)
        if self.config.split_column is not None:
            if self.config.split_column in columns:
                taken = self.config.split_column
                raise DataError(f"{self.name} has a column {taken!r}. Give data.source.split_column another name.")
            columns[self.config.split_column] = pa.repeat(pa.scalar(split), stop - start)
        return pa.table(columns)


def _plain(name: str, feature: Any, column: pa.ChunkedArray, found: dict[str, Any]) -> None:
    """Add a column of the set as one of ours, or several of an object's, to `found`."""
    import datasets

    if isinstance(feature, datasets.ClassLabel):
        found[name] = pc.take(pa.array(feature.names), pc.if_else(pc.less(column, 0), None, column))
    elif isinstance(feature, datasets.Image | datasets.Audio):
        found[name] = _encoded(column)
    elif isinstance(feature, Mapping):
        for key, inner in feature.items():
            _plain(f"{name}.{key}", inner, pc.struct_field(column, key), found)
    else:
        found[name] = column


def _encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The bytes of images or sounds, read from their files where only a path is kept."""
    kept, paths = pc.struct_field(column, "bytes"), pc.struct_field(column, "path")
    if pc.all(pc.or_(pc.is_valid(kept), pc.is_null(paths))).as_py():
        return kept
    values = []
    for data, path in zip(kept.to_pylist(), paths.to_pylist(), strict=True):
        if data is None and path is not None:
            with _files.open_stream(_files.absolute(path), path) as stream:
                data = stream.read()  # noqa: PLW2901
        values.append(data)
    return pa.chunked_array([pa.array(values, pa.binary())])


@lru_cache(maxsize=4)
def load(config: Config) -> Mapping[str, Any]:
    """The splits of a set by name, their rows mapped from disk.

    Raises:
        DataError: the extra is not installed, or the set is not here and cannot be downloaded.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import datasets
        from huggingface_hub import constants
        from huggingface_hub.utils import logging
    except ImportError:
        raise DataError(NEEDS) from None
    datasets.disable_progress_bars()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # each try is a warning
    saved = _files.table_kind(config.dataset) == "huggingface"
    # asked for by name where nobody answers, the library would try again for half a minute
    alone = not (saved or _files.is_folder(config.dataset) or constants.HF_HUB_OFFLINE or _answers(constants.ENDPOINT))
    try:
        if saved:
            found = datasets.load_from_disk(config.dataset)
        else:
            with _offline() if alone else nullcontext():
                found = datasets.load_dataset(
                    config.dataset, config.config, revision=config.revision, cache_dir=config.folder
                )
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:  # its own errors derive from these
        text = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        if alone:
            text = f"it is in no cache here, and {constants.ENDPOINT} cannot be reached"
        raise DataError(
            f"{config.dataset} cannot be read as a data set of Hugging Face: {text}. Check the name; without a "
            "network, give a folder that Dataset.save_to_disk wrote, or in data.source.folder the cache it is in."
        ) from None
    return found if isinstance(found, Mapping) else {str(found.split or "train"): found}


@contextmanager
def _offline() -> Iterator[None]:
    """Have the library look at its cache alone."""
    import datasets
    from huggingface_hub import constants

    kept = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = kept


def _answers(url: str) -> bool:
    """Whether a server is there; what it says is for the library to judge."""
    try:
        with pool(url) as connections:
            connections.request("HEAD", url, retries=False, redirect=False, timeout=ANSWER_S)
    except (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.ProxyError,
    ):
        return False
    except urllib3.exceptions.HTTPError:  # a certificate, or a slow answer
        return True
    return True
