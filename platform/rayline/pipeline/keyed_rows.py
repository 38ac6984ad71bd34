"""Rows by their keys, for annotation: what reads them, what a key's text is, which rows a seed draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import polars as pl

from rayline.core.category_text import category_texts
from rayline.core.errors import DataError, SpecError, listing, nearest
from rayline.core.seeds import derive, hash_keys
from rayline.pipeline.given import as_config
from rayline.prepare.annotation import key_order
from rayline.sources._source import Source


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


def lowest(rows: pl.DataFrame, key: str, most: int, seed: int) -> pl.DataFrame:
    """At most `most` rows: those whose keys hash lowest, so that more are a superset, however the data is cut."""
    if rows.height <= most:
        return rows
    hashes = hash_keys(key_texts(rows[key]), derive(seed, "annotate"))
    return rows[np.sort(np.argsort(hashes, kind="stable")[:most])]


def key_texts(values: pl.Series) -> pl.Series:
    """Keys as texts: 7, 7.0 and "7" are one."""
    texts, codes = category_texts(values)
    return pl.Series(values.name, texts, dtype=pl.String)[codes.astype(np.int64)]


def refuse_keys(keys: pl.Series, name: str, where: str) -> None:
    """Raises:
    DataError: a row to be labelled has no key, or that of another.
    """
    texts = key_texts(keys)
    if texts.null_count():
        raise DataError(f"{where}: the key {name!r} is missing in {texts.null_count():,} rows to be labelled.")
    twice = sorted(texts.filter(texts.is_duplicated()).unique().to_list(), key=key_order)
    if twice:
        raise DataError(
            f"{where}: {name!r} names several rows to be labelled: {listing(twice, 5)}. Give a column that is another "
            "one in each row with --key, or none for the row's position."
        )
