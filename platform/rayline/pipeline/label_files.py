"""Files of labels: what annotators filled in, Label Studio's exports, and what `annotate import` wrote."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl

from rayline.core import files
from rayline.core.errors import DataError, SpecError, listing
from rayline.pipeline.keyed_rows import key_texts, require_columns, source_of
from rayline.prepare import label_studio
from rayline.prepare.annotation import ANNOTATOR, KEY, LABEL
from rayline.sources.scan import scan


def labels_of(place: str, key: str, label: str | None, annotator: str) -> tuple[list[label_studio.Given], int]:
    """The labels of one file, and how many of its annotations hold none.

    Args:
        place: CSV or another table, or Label Studio's JSON, JSON-MIN or CSV.
        key: the column, or field of data, that names a row.
        label: the column, or control, that holds the label.
        annotator: the column that names who gave it; where there is none, the file's name does.

    Raises:
        DataError: it cannot be read, or a labelled row has no key.
        SpecError: a column is not there.
    """
    stem = Path(place.partition("?")[0]).name.split(".")[0]
    if place.partition("?")[0].lower().endswith(".json"):
        return label_studio.read(_json(place), key, label, stem, place)
    source = source_of(place)
    names = source.schema().names
    column = label or LABEL
    studio = set(names) >= label_studio.TABLE
    key = label_studio.key_column(names, key) if studio else key
    require_columns("--key", [key], names)
    require_columns("--label", [column], names)
    who = annotator if annotator in names else None
    if who is None and annotator != ANNOTATOR:
        require_columns("--annotator", [annotator], names)
    frame = pl.concat(scan(source, lambda frame, fragment: frame, columns=[key, column, *([who] if who else [])]))  # noqa: ARG005
    keys, labels = key_texts(frame[key]), key_texts(frame[column])
    if studio:
        labels = _cells(labels, place)
    people = pl.Series([stem] * frame.height, dtype=pl.String) if who is None else key_texts(frame[who]).fill_null(stem)
    given = labels.is_not_null()
    if keys.filter(given).null_count():
        first = int((given & keys.is_null()).arg_true()[0])
        raise DataError(f"{place}: the key {key!r} is missing in labelled row {first + 1}.")
    rows = zip(keys.filter(given), people.filter(given), labels.filter(given), strict=True)
    return [label_studio.Given(*row) for row in rows], int((~given).sum())


def _json(place: str) -> object:
    try:
        return orjson.loads(files.read_bytes(place))
    except FileNotFoundError:
        raise DataError(f"{place} is not there.") from None
    except orjson.JSONDecodeError as error:
        raise DataError(f"{place} is no JSON: {error}.") from None


def _cells(labels: pl.Series, place: str) -> pl.Series:
    """The labels in cells of Label Studio's CSV."""
    told = [
        None if text is None else label_studio.cell(text, f"{place}, row {at + 1}")
        for at, text in enumerate(labels.to_list())
    ]
    return pl.Series(labels.name, told, dtype=pl.String)


def label_table(labels: str, key: str) -> pl.DataFrame:
    """Labels by key, both as texts.

    Raises:
        DataError: a key is there twice, or missing.
    """
    source = source_of(labels)
    require_columns("--key", [key], source.schema().names)
    if LABEL not in source.schema().names:
        raise SpecError(f"{labels} has no column 'label'. Give what `rayline annotate import` wrote.")
    frame = pl.concat(scan(source, lambda frame, fragment: frame, columns=[key, LABEL]))  # noqa: ARG005
    found = pl.DataFrame({KEY: key_texts(frame[key]), LABEL: key_texts(frame[LABEL])}).filter(
        pl.col(LABEL).is_not_null()
    )
    if found[KEY].null_count():
        raise DataError(f"{labels}: the key {key!r} is missing in {found[KEY].null_count()} rows.")
    twice = found[KEY].filter(found[KEY].is_duplicated()).unique().sort().to_list()
    if twice:
        raise DataError(
            f"{labels}: {len(twice)} keys are there twice: {listing(twice, 5)}. One label a row is needed: "
            "resolve several annotators' labels with `rayline annotate import`."
        )
    if not found.height:
        raise DataError(f"{labels} holds no label.")
    return found
