"""`rayline annotate import` and `join`: the labels people gave, how far they agree, and onto the rows."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import polars as pl
import pyarrow as pa

from rayline.core.columns import ROW
from rayline.core.errors import DataError, InputError, SpecError, listing
from rayline.pipeline.annotate import POSITION
from rayline.pipeline.keyed_rows import key_texts, lacks, require_columns, source_of
from rayline.pipeline.label_files import label_table, labels_of
from rayline.pipeline.suspected import Seen
from rayline.prepare import annotation, label_studio
from rayline.prepare.annotation import ANNOTATOR, KEY, LABEL, Agreement, Resolved, key_order
from rayline.registry.outputs import FileOutput
from rayline.sources._source import Fragment, Source
from rayline.sources.scan import scan

NEW, TEXT = "__new__", "__key__"
"""Columns of a join that no data has: the label, and the key's text."""


@dataclass(frozen=True)
class Imported:
    agreement: Agreement
    resolved: Resolved
    empty: int
    """Annotations without a label: skipped, or left blank."""


@dataclass(frozen=True)
class Joined:
    rows: int
    labelled: int
    """Rows that have a label now."""
    unmatched: list[str]
    """Keys of labels that no row has."""
    new: list[str]
    """Labels that the column did not hold before, if it held some, and not too many to tell: slips of the pen?"""


def import_labels(
    labels: Sequence[str],
    output: str,
    *,
    key: str,
    label: str | None = None,
    annotator: str = ANNOTATOR,
    adjudicator: str | None = None,
) -> Imported:
    """Read labels, measure how far annotators agree, and write one label a row.

    Args:
        labels: files: CSV or another table (columns: the key, `label`, and `annotator`; without one, the file's name is
            the annotator), or Label Studio's JSON.
        output: .csv or .parquet, with columns `key`, label, agreement and annotators; written whole or not at all.
        key: the column, or field of data, that names a row.
        label: the column, or control, that holds the label.
        annotator: the column that names who gave it.
        adjudicator: whose label stands wherever there is one.

    Raises:
        DataError: a file cannot be read, or an annotator gave a row two labels.
        SpecError: a column or the adjudicator is not there.
        StorageError: the file cannot be written.
    """
    if key in (LABEL, "agreement", "annotators"):
        raise InputError(f"--key {key!r} is a column of the output. Rename the key's column.")
    out = _file(output)
    given: list[label_studio.Given] = []
    empty = 0
    for place in labels:
        more, without = labels_of(place, key, label, annotator)
        given += more
        empty += without
    if not given:
        raise DataError(
            f"{listing(labels, 5)}: there is no label ({empty:,} are empty or skipped; predictions and drafts are "
            "none)."
        )
    keys, people, names = (list(part) for part in zip(*given, strict=True))
    votes = annotation.votes(keys, people, names, where=f"{listing(labels, 3)}: ")
    resolved = annotation.resolve(votes, adjudicator)
    judged = votes if adjudicator is None else votes.filter(pl.col(ANNOTATOR) != adjudicator)
    table = _keyed(resolved.labels).rename({KEY: key}).to_arrow()
    table = table.cast(
        pa.schema([f.with_type(pa.string()) if pa.types.is_large_string(f.type) else f for f in table.schema])
    )
    out.write([table], table.schema)
    return Imported(annotation.agreement(judged), resolved, empty)


def join(
    data: str, labels: str, output: str, *, key: str, target: str, only_labelled: bool = False, replace: bool = False
) -> Joined:
    """Write the rows of `data` with their labels in column `target`, which may be there with values missing.

    Args:
        data: any source.
        labels: what `import_labels` wrote, or any table of `key` and `label`.
        output: .csv or .parquet, written whole or not at all.
        key: the column of both that names a row; the row's position, if it was exported without a key.
        target: the column for the labels.
        only_labelled: leave rows without a label out.
        replace: let labels take the place of other values that are there.

    Raises:
        DataError: a key twice, no key that fits, a label that differs from what is there, or of another type.
        SpecError: a column is not there.
        StorageError: the file cannot be written.
    """
    out = _file(output)
    source = source_of(data)
    column = _key_column(source.schema(), key, target, out)
    found = label_table(labels, key, numbers=column == ROW or is_number(source.schema().field(column).type))
    unmatched = _unmatched(source, data, column, found, key)
    schema = source.schema()
    there = target in schema.names
    kind = schema.field(target).type if there else pa.string()
    labelled = found.select(KEY, pl.Series(NEW, _as_type(found[LABEL], kind, target)))
    schema = schema if there else schema.append(pa.field(target, kind))
    counts = [0, 0]
    seen: list[Seen] = []

    def tables() -> Iterator[pa.Table]:
        for fragment in source.fragments():
            frame = cast(pl.DataFrame, pl.from_arrow(source.read(fragment)))
            frame = frame.with_columns(key_texts(frame[column]).alias(TEXT)).join(
                labelled, left_on=TEXT, right_on=KEY, how="left", maintain_order="left"
            )
            seen.append(Seen.of(frame[target]) if there else Seen())
            frame = _with_labels(frame, target, replace=replace) if there else frame.rename({NEW: target})
            if only_labelled:
                frame = frame.filter(~lacks(frame, target))
            counts[0] += frame.height
            counts[1] += int((~lacks(frame, target)).sum())
            yield frame.select(schema.names).to_arrow().cast(schema)

    out.write(tables(), schema)
    return Joined(counts[0], counts[1], unmatched, Seen.all(seen).lacks(found[LABEL].to_list()))


def is_number(kind: pa.DataType) -> bool:
    """Whether a column's values are numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _key_column(schema: pa.Schema, key: str, target: str, out: _Out) -> str:
    """The column of the data that holds the keys: `key`, or ROW where that is the row's position.

    Raises:
        SpecError: it is not there, or is the target.
        InputError: the file written cannot hold the data.
    """
    if key == POSITION and key not in schema.names:
        column = ROW
    else:
        require_columns("--key", [key], schema.names)
        column = key
    if target == column:
        raise SpecError(f"--target {target!r} is the key. Name the column that the labels are for.")
    nested = [f.name for f in schema if pa.types.is_binary(f.type) or pa.types.is_list(f.type)]
    if nested and out.suffix == ".csv":
        raise InputError(f"CSV does not hold the columns {listing(nested, 5)}. Give OUT.parquet.")
    return column


def _unmatched(source: Source, data: str, column: str, found: pl.DataFrame, key: str) -> list[str]:
    """The keys of labels that no row has.

    Raises:
        DataError: a labelled key names several rows, or none of them names one.
    """

    def meet(frame: pl.DataFrame, fragment: Fragment) -> pl.Series:  # noqa: ARG001
        keys = key_texts(frame[column])
        return keys.filter(keys.is_in(found[KEY].implode()))

    if not source.settled:
        scan(source, lambda frame, fragment: None)  # noqa: ARG005 - types that will not change on the way
    met = Counter(text for keys in scan(source, meet, columns=[column]) for text in keys.to_list())
    twice = sorted((text for text, rows in met.items() if rows > 1), key=key_order)
    if twice:
        raise DataError(f"{data}: {len(twice):,} keys that were labelled name several rows: {listing(twice, 5)}.")
    if not met:
        raise DataError(
            f"no row of {data} has one of the {found.height:,} labelled keys in {key!r}. Labelled are "
            f"{listing(found[KEY].to_list(), 3)}. Name the column of the keys with --key."
        )
    return sorted(set(found[KEY].to_list()) - set(met), key=key_order)


def _with_labels(frame: pl.DataFrame, target: str, *, replace: bool) -> pl.DataFrame:
    """The frame with the labels in a column that was there."""
    _refuse_other(frame, target, replace=replace)
    frame = frame.with_columns(pl.when(~lacks(frame, target)).then(pl.col(target)).alias(target))
    return frame.with_columns(pl.coalesce([NEW, target] if replace else [target, NEW]).alias(target))


class _Out(FileOutput):
    """One file of a table, and what its name ends in."""

    def __init__(self, uri: str, suffix: str) -> None:
        super().__init__(uri, suffix)
        self.suffix = suffix


def _file(output: str) -> _Out:
    suffix = os.path.splitext(output.partition("?")[0])[1].lower()
    if suffix not in (".csv", ".parquet"):
        raise InputError(f"cannot write {output!r}: give OUT.csv or OUT.parquet.")
    return _Out(output, suffix)


def _keyed(labels: pl.DataFrame) -> pl.DataFrame:
    """Keys as whole numbers where all of them are; in the order of `key_order`, in which they are sorted already."""
    keys = labels[KEY]
    whole = keys.cast(pl.Int64, strict=False)
    if whole.null_count() == 0 and (whole.cast(pl.String) == keys).all():
        return labels.with_columns(whole)
    return labels


def _as_type(labels: pl.Series, kind: pa.DataType, target: str) -> pl.Series:
    """Labels as values of the column they go to."""
    if pa.types.is_string(kind):
        return labels
    dtype = cast(pl.Series, pl.from_arrow(pa.array([], kind))).dtype
    if dtype == pl.Boolean:
        made = labels.replace_strict({"true": True, "false": False}, default=None, return_dtype=pl.Boolean)
    elif dtype.is_numeric():
        made = labels.cast(dtype, strict=False)
    else:
        raise DataError(f"{target!r} holds {kind}, and labels are texts or numbers. Name another column with --target.")
    wrong = labels.filter(made.is_null()).unique().sort().to_list()
    if wrong:
        raise DataError(
            f"{target!r} holds {kind}, and {len(wrong):,} labels are none: {listing(wrong, 5)}. "
            "Name another column with --target."
        )
    return made


def _refuse_other(frame: pl.DataFrame, target: str, *, replace: bool) -> None:
    there = ~lacks(frame, target) & frame[NEW].is_not_null()
    other = frame.filter(there & (frame[target] != frame[NEW]).fill_null(value=False))
    if other.height and not replace:
        raise DataError(
            f"{target!r} has another value already in labelled rows, such as that of key "
            f"{other[TEXT][0]!r}. --replace puts the labels in their place."
        )
