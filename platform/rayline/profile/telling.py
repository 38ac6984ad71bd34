"""Which words tell the classes of a target apart: those that the texts of one class hold and others seldom do.

A word is met once a text. How much it belongs to a class is the logarithm of its odds there against its odds
elsewhere, in standard errors, a half added to each count (Haldane, 1956; as Monroe, Colaresi and Quinn, "Fightin'
Words", 2008, rank words). Of at most 8,192 texts of the sample, chosen by hash: the same in any order of rows.

    W words · C classes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from rayline.core.columns import ROW, FeatureType
from rayline.core.seeds import derive, splitmix64
from rayline.profile._groups import texts as category_texts
from rayline.profile.moments import FloatArray
from rayline.profile.profile import Profile
from rayline.profile.texts import WORD
from rayline.profile.types import Decision, infer, is_classes

MOST_TEXTS = 8_192
MOST_CHARACTERS = 4_000
"""Of one text."""
MOST_CLASSES = 12
SAYING = r"..*\p{L}|\p{L}."
"""Words of two characters or more, a letter among them."""
FEWEST_TEXTS = 5
"""That hold a word."""
SURE = 4.0
"""Standard errors from which a word is told of: among tens of thousands of words chance reaches three."""


@dataclass(frozen=True)
class TellingWord:
    """A word of a class."""

    word: str
    share: float
    """Of the class's texts that hold it."""
    elsewhere: float
    """Of the other texts."""


def telling_words(
    profile: Profile, target: str, *, decisions: Mapping[str, Decision] | None = None, most: int = 8
) -> dict[str, dict[str, list[TellingWord]]]:
    """Text column to class to the words that tell it, the most telling first.

    Nothing of private columns, of targets that are no classes or have more than 12, and of classes no word tells.
    """
    column = profile.columns.get(target)
    if column is None or target in profile.private or not is_classes(column) or column.distinct > MOST_CLASSES:
        return {}
    if column.kind not in ("text", "boolean", "number"):
        return {}
    decisions = decisions or infer(profile)
    names = [
        name for name, one in decisions.items()
        if one.type is FeatureType.TEXT and profile.columns[name].kind == "text"
        and name not in (target, *profile.private)
    ]  # fmt: skip
    found = {name: _telling(_chosen(profile, name, target), most) for name in names}
    return {name: words for name, words in found.items() if words}


def _chosen(profile: Profile, name: str, target: str) -> pl.DataFrame:
    """Texts and their classes, of those rows whose hashes are smallest."""
    frame = pl.DataFrame(
        {ROW: profile.sample[ROW], "text": profile.sample[name], "class": category_texts(profile.sample[target])}
    ).drop_nulls()
    if frame.height > MOST_TEXTS:
        hashes = splitmix64(frame[ROW].to_numpy().view(np.uint64), derive(profile.seed, "telling"))
        frame = frame[np.sort(np.argsort(hashes, kind="stable")[:MOST_TEXTS])]
    return frame.select(pl.col("text").cast(pl.String).str.head(MOST_CHARACTERS), "class")


def _telling(frame: pl.DataFrame, most: int) -> dict[str, list[TellingWord]]:
    classes = frame["class"].value_counts(name="texts").sort("class")
    words = frame.with_columns(pl.col("text").str.to_lowercase().str.extract_all(WORD).list.unique())
    met = words.explode("text").filter(pl.col("text").str.contains(SAYING)).group_by("text", "class").len()
    wide = met.pivot("class", index="text", values="len").fill_null(0).sort("text")
    if classes.height < 2 or not wide.height:
        return {}
    names = [name for name in classes["class"].to_list() if name in wide.columns]
    held_WC = wide.select(names).to_numpy().astype(np.float64)
    enough = held_WC.sum(axis=1) >= FEWEST_TEXTS
    held_WC, listed = held_WC[enough], wide["text"].filter(pl.Series(enough)).to_list()
    texts_C = classes.filter(pl.col("class").is_in(names))["texts"].to_numpy().astype(np.float64)
    other_WC, others_C = held_WC.sum(axis=1, keepdims=True) - held_WC, frame.height - texts_C
    sure_WC = _log_odds(held_WC, texts_C, other_WC, others_C)
    told: dict[str, list[TellingWord]] = {}
    for place, name in enumerate(names):
        order = [w for w in np.argsort(-sure_WC[:, place], kind="stable")[:most] if sure_WC[w, place] >= SURE]
        if order:
            shares, elsewhere = held_WC[:, place] / texts_C[place], other_WC[:, place] / max(others_C[place], 1.0)
            told[name] = [TellingWord(listed[w], float(shares[w]), float(elsewhere[w])) for w in order]
    return told


def _log_odds(held: FloatArray, of: FloatArray, other: FloatArray, others: FloatArray) -> FloatArray:
    """The logarithm of the odds of `held` in `of` against those of `other` in `others`, in standard errors."""
    a, b, c, d = held + 0.5, of - held + 0.5, other + 0.5, others - other + 0.5
    return np.asarray(np.log(a * d / (b * c)) / np.sqrt(1 / a + 1 / b + 1 / c + 1 / d))
