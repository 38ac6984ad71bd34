"""Texts become counts in buckets, or ids."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import TfidfTransformer

from rayline.core import catalog
from rayline.core.errors import DataError, SpecError
from rayline.prepare.text._words import Splitter
from rayline.prepare.text.hashing import Hashing
from rayline.prepare.text.tokens import Tokens

COLUMN = cast(Any, SimpleNamespace(name="x", inner=None))
TEXTS = [" ".join(line.split()) for line in load_iris().DESCR.splitlines() if line.split()]


def learn(name: str, texts: list[str | None], **options: Any) -> Any:
    config: Any = catalog.resolve("text", {"name": name, **options})
    return config.learn(COLUMN, pl.Series("x", texts, pl.String))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Crème BRÛLÉE, s'il vous plaît!", ["creme", "brulee", "sil", "vous", "plait"]),
        ("ﬁne ＷＩＤＥ ½", ["fine", "wide", "1", "2"]),  # NFKC: ligature, full width, fraction
        ("co\u00adop\tzero\u200bwidth\x00end", ["coop", "zerowidth", "end"]),
        ("हिन्दी 한국어", ["हिन्दी", "한국어"]),  # marks that are vowels stay
        ("don't don’t", ["dont", "dont"]),
        ("", []),
        ("...", []),
    ],
)
def test_words_are_normalised(text: str, words: list[str]) -> None:
    assert Splitter()(text) == words


def test_normalisation_can_be_declined() -> None:
    split = Splitter(lower=False, accents=True, punctuation=True)
    assert split("Été, OK!") == ["Été,", "OK!"]
    assert Splitter(unit="character")("A  b") == ["a", " ", "b"]


def test_composed_and_decomposed_letters_are_the_same() -> None:
    for accents in (True, False):
        assert Splitter(accents=accents)("e\u0301") == Splitter(accents=accents)("\u00e9")


@pytest.mark.parametrize("sublinear", [True, False])
def test_hashing_weighs_as_scikit_learn_does(sublinear: bool) -> None:
    step: Hashing = learn("hashing", TEXTS, buckets=4096, sublinear=sublinear, ngrams=[1, 2])
    counts = np.zeros((len(TEXTS), 4096))
    for row, text in zip(counts, TEXTS, strict=True):
        buckets, found = step.count(text)
        row[buckets] = np.abs(found)  # its sublinear counts know no sign
    expected = TfidfTransformer(sublinear_tf=sublinear).fit_transform(counts).toarray()
    found = np.abs(step(TEXTS, "x"))
    kept = (counts > 0).sum(axis=1) == [len(step.count(text)[0]) for text in TEXTS]  # no two words cancelled
    assert kept.sum() > 0.9 * len(TEXTS)
    np.testing.assert_allclose(found[kept], expected[kept], atol=0.02)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9999


def test_hashed_texts_have_length_one_and_similar_ones_are_near() -> None:
    step = learn("hashing", TEXTS)
    made = step(["the flower has long petals", "long petals has the flower", "classes and samples", ""], "x")
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), [1, 1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(made[0], made[1], atol=1e-7)
    assert abs(made[0] @ made[2]) < 0.5


def test_the_buckets_of_words_never_change() -> None:
    # a stored state relies on it
    step = learn("hashing", ["a"], buckets=1000)
    assert [(int(b[0]), int(c[0])) for b, c in map(step.count, ("iris", "setosa", "café"))] == [
        (537, -1),
        (716, 1),
        (889, -1),
    ]


def test_frequent_words_weigh_less() -> None:
    step = learn("hashing", ["the cat", "the dog", "the cow", None], buckets=1 << 16)
    made = step(["the cat"], "x")[0]
    weights = {word: abs(made[step.count(word)[0][0]]) for word in ("the", "cat")}
    assert weights["cat"] > 1.5 * weights["the"]


def test_words_spread_over_the_buckets_with_both_signs() -> None:
    step = learn("hashing", ["a"], buckets=256)
    found = [step.count(f"word{n}") for n in range(4096)]
    filled = np.bincount([int(b[0]) for b, _ in found], minlength=256)
    assert filled.min() > 0
    assert filled.max() < 40
    assert 1900 < sum(c[0] > 0 for _, c in found) < 2200


def test_tokens_keep_the_most_frequent_words_in_a_fixed_order() -> None:
    step: Tokens = learn("tokens", ["b a", "b c a", "b d", None], size=2, min_count=1, length=4)
    assert step.ids == 4
    assert step(["b a c B!", "zzz", None, "a b a b a b"], "x").tolist() == [
        [2, 3, 1, 2],
        [1, 0, 0, 0],
        [0, 0, 0, 0],
        [3, 2, 3, 2],
    ]


def test_rare_words_are_unknown() -> None:
    assert learn("tokens", ["a a b"], min_count=2, length=3)(["a b c"], "x").tolist() == [[2, 1, 1]]


def test_the_length_holds_most_texts_whole() -> None:
    texts = ["w " * n for n in range(1, 101)]
    assert learn("tokens", texts).shape == (95,)
    assert learn("tokens", ["w " * 9999]).shape == (512,)
    assert learn("tokens", []).shape == (1,)


def test_a_private_vocabulary_holds_no_words() -> None:
    step: Tokens = learn("tokens", TEXTS)
    hidden = step.hidden("key")
    known = hidden.to_json()["known"]
    assert len(known) == len(step.to_json()["known"])
    assert all(len(word) == 24 and set(word) <= set("0123456789abcdef") for word in known)
    assert hidden(TEXTS, "x").tobytes() == step(TEXTS, "x").tobytes()


def test_a_value_that_is_no_text_is_refused_without_it() -> None:
    with pytest.raises(DataError, match=r"column 'x' \[1\]: holds int, and a text is needed\.") as error:
        learn("hashing", TEXTS)(["a", 4711], "x")
    assert "4711" not in str(error.value)


def test_ngrams_out_of_order_are_refused() -> None:
    with pytest.raises(SpecError, match="ngrams must be from 1 to 8 in order"):
        catalog.resolve("text", {"name": "hashing", "ngrams": [2, 1]})
