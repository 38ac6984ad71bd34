"""Files of labels: what annotators filled in, Label Studio's exports, and what `annotate import` wrote."""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl
import pyarrow as pa

from rayline.core import files
from rayline.core.category_text import category_text
from rayline.core.errors import DataError, SpecError, listing
from rayline.pipeline.given import as_config
from rayline.pipeline.keyed_rows import key_texts, require_columns, source_of
from rayline.prepare import label_studio
from rayline.prepare.annotation import ANNOTATOR, KEY, LABEL, key_order
from rayline.sources import csv
from rayline.sources._source import Source
from rayline.sources.scan import scan

NO_NUMBER = r"^\s*0\d|[eE]"
"""What a key is written like that another text could mean as a number: 007, 1e3."""


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
    names = source_of(place).schema().names
    column = label or LABEL
    studio = set(names) >= label_studio.TABLE
    key = label_studio.key_column(names, key) if studio else key
    require_columns("--key", [key], names)
    require_columns("--label", [column], names)
    who = annotator if annotator in names else None
    if who is None and annotator != ANNOTATOR:
        require_columns("--annotator", [annotator], names)
    wanted = [key, column, *([who] if who else [])]
    frame = pl.concat(scan(_with_keys(place, key), lambda frame, fragment: frame, columns=wanted))  # noqa: ARG005
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


def label_table(labels: str, key: str, *, numbers: bool) -> pl.DataFrame:
    """Labels by key, both as texts; keys as numbers are spelt (`007` is 7) where the data's are `numbers`.

    Raises:
        DataError: a key is there twice, or missing, or there is no label.
        SpecError: a column is not there.
    """
    names = source_of(labels).schema().names
    require_columns("--key", [key], names)
    if LABEL not in names:
        raise SpecError(f"{labels} has no column 'label'. Give what `rayline annotate import` wrote.")
    frame = pl.concat(scan(_with_keys(labels, key), lambda frame, fragment: frame, columns=[key, LABEL]))  # noqa: ARG005
    keys = key_texts(frame[key])
    keys = keys.map_elements(_spelt, return_dtype=pl.String) if numbers else keys
    found = pl.DataFrame({KEY: keys, LABEL: key_texts(frame[LABEL])}).filter(pl.col(LABEL).is_not_null())
    if found[KEY].null_count():
        raise DataError(f"{labels}: the key {key!r} is missing in {found[KEY].null_count():,} rows.")
    twice = sorted(found[KEY].filter(found[KEY].is_duplicated()).unique().to_list(), key=key_order)
    if twice:
        raise DataError(
            f"{labels}: {len(twice):,} keys are there twice: {listing(twice, 5)}. One label a row is needed: "
            "resolve several annotators' labels with `rayline annotate import`."
        )
    if not found.height:
        raise DataError(f"{labels} holds no label.")
    return found


def _with_keys(place: str, key: str) -> Source:
    """What reads a file of labels; in CSV, keys such as 007 are texts, as the data may hold them."""
    source, config = source_of(place), as_config(place)
    if not isinstance(config, csv.Config) or key in config.types or pa.types.is_string(source.schema().field(key).type):
        return source
    written = config.model_copy(update={"types": {**config.types, key: "text"}}).build()
    keys = pl.concat(scan(written, lambda frame, fragment: frame[key], columns=[key]))  # noqa: ARG005
    return written if keys.str.contains(NO_NUMBER).any() else source


def _spelt(text: str) -> str | None:
    """A number's text as `category_text` writes it; another text as it is."""
    if "_" in text:
        return text  # Python would leave it out
    try:
        return category_text(int(text))
    except ValueError:
        pass
    try:
        return category_text(float(text))
    except ValueError:
        return text
