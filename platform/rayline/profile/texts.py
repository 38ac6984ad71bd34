"""What a text column holds: characters, words, blank and non-ASCII texts, its vocabulary.

Words are counted from space to space; in the vocabulary they are runs of letters, digits, accents and underscores of
any script, in lower case. Chinese or Thai, written without spaces, are one word from mark to mark. The vocabulary is
that of texts with a space within, so that a column of ids costs nothing, and is counted as values are: exact up to
16,384 words, beyond it within the bounds of `bounds.py`. All of it is whole numbers: the order of rows and of merging
changes nothing.

    {"empty", "non_ascii", "non_ascii_characters", "characters": Tally, "words": Tally, "vocabulary": Values | None}

`vocabulary` is kept where not all texts are counted; else it follows from the counted texts (`vocabulary`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from rayline.profile.tally import merge_tallies, tally
from rayline.profile.values import Rows, Values, count_values, count_weighted, merge_values

WORD = r"[\w\p{M}]+"
SPACE, PARTS = r"\s", r"\S+"
SEVERAL = r"\S\s+\S"
NON_ASCII = r"[^\x00-\x7F]"
SMALL = 64
PIECE_ROWS = 1 << 15
"""Texts taken apart at once, so that a column of long ones is not held twice."""


def measure(texts: pl.Series, rows: Rows | None = None, *, words: bool) -> dict[str, Any]:
    """Statistics of texts, each met once or in `rows` [n]; `words`: with the vocabulary."""
    if rows is not None and len(texts) <= SMALL and not words:
        listed = texts.to_list()
        if all(text.isascii() and text.isprintable() for text in listed):
            return _measure_plain(listed, rows)
    parts, met = [], []
    for start in range(0, max(len(texts), 1), PIECE_ROWS):
        piece, times = texts.slice(start, PIECE_ROWS), None if rows is None else rows[start : start + PIECE_ROWS]
        spaced = piece.cast(pl.String).str.contains(SPACE)  # cast: a column without any value has no type
        parts.append(_measure(piece, times, spaced))
        if words:
            met.append(_vocabulary(piece.filter(spaced), None if times is None else times[spaced.to_numpy()]))
    return merge(parts) | {"vocabulary": merge_values(met) if words else None}


def merge(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of all texts together, but for `vocabulary`."""
    counts = {key: sum(part[key] for part in parts) for key in ("empty", "non_ascii", "non_ascii_characters")}
    tallies = {key: merge_tallies([part[key] for part in parts]) for key in ("characters", "words")}
    return counts | tallies | {"vocabulary": None}


def vocabulary(inner: dict[str, Any], values: Values) -> Values:
    """The words of a text column's texts with a space within, with how often each occurs."""
    kept: Values | None = inner["vocabulary"]
    if kept is not None:
        return kept
    return _vocabulary(values.values, values.rows)


def top_words(inner: dict[str, Any], values: Values, seen: pl.Series, most: int = 20) -> list[tuple[str, int]]:
    """The most frequent words and how often they occur; `seen` are texts of a sample of the rows."""
    words = vocabulary(inner, values)
    return words.top(most, _words(seen.drop_nulls())["word"] if words.truncated else seen.head(0))


def _measure(texts: pl.Series, rows: Rows | None, spaced: pl.Series) -> dict[str, Any]:
    texts = texts.cast(pl.String)
    times = np.ones(len(texts), np.int64) if rows is None else rows
    size = texts.str.len_bytes().cast(pl.Int64).to_numpy()
    characters = texts.str.len_chars().cast(pl.Int64).to_numpy()
    beyond = characters != size
    far = texts.filter(pl.Series(beyond)) if beyond.any() else texts.head(0)
    foreign = far.str.count_matches(NON_ASCII).cast(pl.Int64).to_numpy()
    words = (size > 0).astype(np.int64)
    words[spaced.to_numpy()] = texts.filter(spaced).str.count_matches(PARTS).to_numpy()
    return {
        "empty": int(times[words == 0].sum()),
        "non_ascii": int(times[beyond].sum()),
        "non_ascii_characters": int((foreign * times[beyond]).sum()),
        "characters": tally(characters, rows),
        "words": tally(words, rows),
        "vocabulary": None,
    }


def _measure_plain(texts: Sequence[str], rows: Rows) -> dict[str, Any]:
    """The same of a few plain texts, without what a frame costs: a space is their only separator."""
    words = np.array([len(text.split()) for text in texts], np.int64)
    return {
        "empty": int(rows[words == 0].sum()),
        "non_ascii": 0,
        "non_ascii_characters": 0,
        "characters": tally(np.array([len(text) for text in texts], np.int64), rows),
        "words": tally(words, rows),
        "vocabulary": None,
    }


def _vocabulary(texts: pl.Series, rows: Rows | None) -> Values:
    words = _words(texts, rows)
    if rows is None:
        return count_values(words["word"])
    words = words.group_by("word").agg(pl.col("rows").sum())
    return count_weighted(words["word"], words["rows"].to_numpy())


def _words(texts: pl.Series, rows: Rows | None = None) -> pl.DataFrame:
    """The words of the texts with a space within, each with the rows of its text."""
    frame = pl.DataFrame(
        {"word": texts.cast(pl.String), "rows": np.ones(len(texts), np.int64) if rows is None else rows}
    )
    several = frame.filter(pl.col("word").str.contains(SEVERAL))
    lists = several.with_columns(pl.col("word").str.to_lowercase().str.extract_all(WORD))
    return lists.filter(pl.col("word").list.len() > 0).explode("word")
