"""`rayline annotate export`: the rows that people are to label, as CSV or for Label Studio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import orjson
import polars as pl
import pyarrow as pa

from rayline.core import files
from rayline.core.category_text import category_texts
from rayline.core.columns import ROW
from rayline.core.errors import DataError, InputError, SpecError, listing, nearest
from rayline.core.seeds import derive, hash_keys
from rayline.pipeline.lake import as_config
from rayline.prepare import label_studio
from rayline.prepare.annotation import ANNOTATOR, LABEL
from rayline.sources._media import FilesFragment
from rayline.sources._source import Fragment, Source
from rayline.sources.scan import scan

Form = Literal["csv", "label-studio"]
POSITION = "row"
"""The key where none is named: a row's position in its source, unless the data has a column of that name."""


@dataclass(frozen=True)
class Exported:
    rows: int
    """Written."""
    found: int
    """That could have been: all, or those that lack the target."""
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    """Columns that no file for people holds: bytes, and private ones."""


def export(
    data: str,
    output: str,
    *,
    key: str = POSITION,
    only_missing: str | None = None,
    sample: int | None = None,
    seed: int = 0,
    form: Form = "csv",
    columns: Sequence[str] = (),
    private: Sequence[str] = (),
    label: str = LABEL,
    url_prefix: str = "",
) -> Exported:
    """Write the rows that are to be labelled.

    Args:
        data: any source.
        output: a file, written whole or not at all.
        key: the column that names each row; without, its position (`row`).
        only_missing: take rows alone that lack this column.
        sample: take this many rows, drawn by the hashes of their keys; all without.
        seed: of the draw.
        form: `csv`: with the empty columns `label` and `annotator`; `label-studio`: the JSON that it imports.
        columns: what annotators see; all without.
        private: columns that are written in no case.
        label: the empty column of a CSV file.
        url_prefix: what files of images or sounds are reached by, before their path below the folder; without, where
            they are.

    Raises:
        SpecError: a column is not there, or a private one is asked for.
        DataError: the data cannot be read, or two rows have one key.
        StorageError: the file cannot be written.
    """
    source = source_of(data)
    schema = source.schema()
    every = schema.names
    position = key == POSITION and key not in every
    asked = [("--key", [] if position else [key]), ("--columns", columns), ("--private", private)]
    for option, names in [*asked, ("--only-missing", [only_missing] if only_missing else [])]:
        require_columns(option, names, every)
    if key in private:
        raise SpecError(f"{key!r} is private and cannot be the key that goes out. Name another column with --key.")
    hidden = [name for name in columns if name in private]
    if hidden:
        raise SpecError(f"{hidden[0]!r} is private and is never exported. Leave it out of --columns.")
    files.prove_writable(output)
    chosen = [name for name in columns or schema.names if name not in (*private, only_missing, key)]
    bytes_ = [name for name in chosen if pa.types.is_binary(schema.field(name).type)]
    shown = [name for name in chosen if name not in bytes_]
    need_path = bool(bytes_) and "path" in schema.names and "path" not in private
    read = [*shown, *([] if position else [key]), *(["path"] if need_path else [])]
    read += [only_missing] if only_missing else []

    def rows_of(frame: pl.DataFrame, fragment: Fragment) -> tuple[pl.DataFrame, int]:
        frame = frame.with_columns(pl.col(ROW).alias(key)) if position else frame
        if need_path and isinstance(fragment, FilesFragment):
            frame = frame.with_columns(_places(frame, fragment, url_prefix).alias(bytes_[0]))
        if only_missing:
            frame = frame.filter(lacks(frame, only_missing))
        names = [name for name in [key, *shown, *bytes_[:1]] if name in frame.columns]
        kept = frame.select(list(dict.fromkeys([*names, ROW])))
        return (kept if sample is None else _lowest(kept, key, sample, seed)), frame.height

    parts = scan(source, rows_of, columns=list(dict.fromkeys(read)))
    rows, found = pl.concat([part for part, _ in parts]), sum(count for _, count in parts)
    if sample is not None:
        rows = _lowest(rows, key, sample, seed)
    if not rows.height:
        raise DataError(
            f"{data}: there is nothing to label"
            + (f", no row lacks {only_missing!r}." if found == 0 and only_missing else ".")
        )
    rows = rows.sort(ROW).drop(ROW)
    _refuse_keys(rows[key], key, data)
    files.write_bytes(output, _label_studio(rows, key) if form == "label-studio" else _csv(rows, label))
    out = [name for name in (*bytes_, *private) if name not in rows.columns]
    return Exported(rows.height, found, tuple(rows.columns), tuple(dict.fromkeys(out)))


def source_of(data: str) -> Source:
    """What reads `data`: a path, URL or name, or a mapping in YAML."""
    return cast(Source, cast(Any, as_config(data)).build())


def require_columns(option: str, names: Sequence[str], every: Sequence[str]) -> None:
    """Raises:
    SpecError: one of `names`, which `option` gives, is not a column.
    """
    for name in names:
        if name not in every:
            raise SpecError(f"{option} {name!r} is not a column.{nearest(name, every)} Columns: {listing(every, 40)}.")


def lacks(frame: pl.DataFrame, column: str) -> pl.Series:
    """Where there is no value: null, NaN, or a blank text."""
    values = frame[column]
    if values.dtype == pl.String:
        return values.is_null() | (values.str.strip_chars() == "").fill_null(value=True)
    if values.dtype.is_float():
        return values.is_null() | values.is_nan().fill_null(value=True)
    return values.is_null()


def _lowest(rows: pl.DataFrame, key: str, most: int, seed: int) -> pl.DataFrame:
    """At most `most` rows: those whose keys hash lowest, so that more are a superset, however the data is cut."""
    if rows.height <= most:
        return rows
    hashes = hash_keys(key_texts(rows[key]), derive(seed, "annotate"))
    return rows[np.sort(np.argsort(hashes, kind="stable")[:most])]


def _places(frame: pl.DataFrame, fragment: FilesFragment, prefix: str) -> pl.Series:
    """Where each row's file is."""
    if prefix:
        return prefix + frame["path"]
    scheme = fragment.uri.partition("://")[0] + "://" if "://" in fragment.uri else ""
    where = dict(zip(fragment.table().column("path").to_pylist(), fragment.files, strict=True))
    return pl.Series([scheme + where[path] for path in frame["path"].to_list()], dtype=pl.String)


def key_texts(values: pl.Series) -> pl.Series:
    """Keys as texts: 7, 7.0 and "7" are one."""
    texts, codes = category_texts(values)
    return pl.Series(values.name, texts, dtype=pl.String)[codes.astype(np.int64)]


def _refuse_keys(keys: pl.Series, name: str, where: str) -> None:
    texts = key_texts(keys)
    if texts.null_count():
        raise DataError(f"{where}: the key {name!r} is missing in {texts.null_count()} rows to be labelled.")
    twice = texts.filter(texts.is_duplicated()).unique().sort().to_list()
    if twice:
        raise DataError(
            f"{where}: {name!r} names several rows to be labelled: {listing(twice, 5)}. Give a column that is another "
            "one in each row with --key, or none for the row's position."
        )


def _label_studio(rows: pl.DataFrame, key: str) -> bytes:
    return orjson.dumps(label_studio.tasks(rows.iter_rows(named=True), key), option=orjson.OPT_INDENT_2) + b"\n"


def _csv(rows: pl.DataFrame, label: str) -> bytes:
    for name in (label, ANNOTATOR):
        if name in rows.columns:
            raise SpecError(
                f"the data has a column {name!r}, which annotators are to fill. Leave it out with --columns or "
                "--private" + (", or name another with --label." if name == label else ".")
            )
    nested = [name for name, kind in rows.schema.items() if kind.is_nested()]
    if nested:
        raise InputError(
            f"CSV does not hold the columns {listing(nested, 5)}. Use --format label-studio, or --columns."
        )
    blank = pl.lit(None, pl.String)
    return rows.with_columns(blank.alias(label), blank.alias(ANNOTATOR)).write_csv().encode()
