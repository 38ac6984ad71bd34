"""Near-duplicates: what is near is found, what is not stays, and estimates are as good as they say."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from pydantic import ValidationError
from sklearn.datasets import load_sample_images

from rayline.core.columns import ROW
from rayline.core.errors import SpecError
from rayline.prepare.duplicates import minhash, phash
from rayline.prepare.duplicates._near import NEIGHBOURS, repeats

WORDS = np.array([f"{a}{b}" for a in "bcdfghklmnprst" for b in ("at", "er", "ing", "ow", "un", "ill", "ock", "ane")])


def text_rows(texts: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame({ROW: np.arange(len(texts)), "text": pl.Series(texts, dtype=pl.String)})


def near_texts(texts: list[str | None], **options: object) -> list[int]:
    rule = minhash.Config(column="text", **options).build()  # type: ignore[arg-type]
    return rule.find([rule.index(text_rows(texts))]).tolist()


def words(count: int, seed: int) -> list[str]:
    return np.random.default_rng(seed).choice(WORDS, count).tolist()


def jaccard(a: str, b: str, length: int = 5) -> float:
    first, second = ({t[at : at + length] for at in range(max(len(t) - length + 1, 1))} for t in (a, b))
    return len(first & second) / len(first | second)


def test_estimates_have_the_error_they_say() -> None:
    base = words(200, 0)
    rng = np.random.default_rng(1)
    others = []
    for changed in range(0, 100, 2):
        edited = list(base)
        for place in rng.choice(200, changed, replace=False):
            edited[place] = str(rng.choice(WORDS))
        others.append(minhash.fold(" ".join(edited)))
    rule = minhash.Config(column="text").build()
    found = rule.index(text_rows([" ".join(base), *others])).column("signature").to_pylist()
    signatures = np.array([np.frombuffer(signature, np.uint8) for signature in found])
    agree = (signatures[1:] == signatures[0]).mean(axis=1)
    estimated = (agree - 1 / 256) / (1 - 1 / 256)
    real = np.array([jaccard(minhash.fold(" ".join(base)), other) for other in others])
    errors = (estimated - real) / np.maximum(np.sqrt(real * (1 - real) / 128), 0.01)
    assert np.abs(errors).max() < 4
    assert np.sqrt(np.mean(errors**2)) < 1.5
    assert real.min() < 0.45


def test_copies_with_small_changes_are_found_and_others_stay() -> None:
    texts: list[str | None] = [" ".join(words(60, seed)) for seed in range(300)]
    for n in range(50):
        edited = str(texts[n]).split()
        edited[7] = "something"
        texts.append("  " + " ".join(edited).upper().replace(" ", ",  ") + "!")
    assert near_texts(texts) == list(range(300, 350))
    assert near_texts(texts, unit="words", shingle=2, threshold=0.7) == list(range(300, 350))
    assert near_texts(texts, threshold=1.0) == []


def test_folded_texts_that_are_equal() -> None:
    assert near_texts(["Hello, world", "hello world!", "HELLO  WORLD", "goodbye"], threshold=1.0) == [1, 2]
    assert near_texts(["ab", "AB", "abc", "日本語", "日本語。", "é", "e\u0301"]) == [1, 4, 6]


def test_texts_without_anything_are_no_repetitions() -> None:
    assert near_texts([None, None, "", "", " ", "...", "!!!"]) == []


def test_a_chain_of_changes_leaves_its_first() -> None:
    text = words(80, 0)
    chain: list[str | None] = []
    for step in range(12):
        text[step * 6] = f"new{step}"
        chain.append(" ".join(text))
    assert near_texts(chain) == list(range(1, 12))


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.95])
def test_pairs_at_the_threshold_are_looked_at(threshold: float) -> None:
    rows = minhash.band_rows(128, threshold)
    assert 1 - (1 - threshold**rows) ** (128 // rows) >= minhash.DETECTED


def test_a_column_that_holds_no_text_is_refused() -> None:
    rule = minhash.Config(column="text").build()
    with pytest.raises(SpecError, match="minhash compares texts, and 'text' holds Int64"):
        rule.index(pl.DataFrame({ROW: [0], "text": [1]}))
    with pytest.raises(ValidationError, match="permutations"):
        minhash.Config(column="text", permutations=16)


@settings(max_examples=50, deadline=None)
@given(keys=st.lists(st.integers(0, 12), min_size=1, max_size=200), far=st.integers(0, 3))
def test_every_row_of_a_cluster_but_its_first_is_found(keys: list[int], far: int) -> None:
    rows = np.arange(len(keys)) * 3
    values = np.array(keys, np.uint64)
    near = values >= far  # the keys below `far` agree by chance

    found = repeats(rows, [values], lambda first, _: near[first])
    seen: set[int] = set()
    expected = [
        row for row, key in zip(rows.tolist(), keys, strict=True) if (key in seen or seen.add(key)) and key >= far
    ]  # type: ignore[func-returns-value]
    assert found.tolist() == expected


def test_more_rows_of_one_key_than_are_compared_with_each_other() -> None:
    rows = np.arange(5 * NEIGHBOURS)
    everything = repeats(rows, [np.zeros(len(rows), np.uint64)], lambda first, _: np.ones(len(first), np.bool_))
    assert everything.tolist() == rows[1:].tolist()


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    handle = io.BytesIO()
    image.save(handle, kind, **options)
    return handle.getvalue()


def near_images(images: list[bytes | None], **options: object) -> list[int]:
    rule = phash.Config(column="image", **options).build()  # type: ignore[arg-type]
    frame = pl.DataFrame({ROW: np.arange(len(images)), "image": pl.Series(images, dtype=pl.Binary)})
    return rule.find([rule.index(frame[at : at + 50]) for at in range(0, len(images), 50)]).tolist()


def smooth(seed: int) -> Image.Image:
    cells = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((120, 90), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("kind", ["dct", "difference"])
def test_changed_images_are_found_and_others_stay(kind: str) -> None:
    china, flower = (Image.fromarray(image) for image in load_sample_images().images)
    changed = [
        encoded(china.resize((200, 133))),
        encoded(china, "JPEG", quality=20),
        encoded(ImageEnhance.Brightness(china).enhance(0.85)),
        encoded(china.convert("L")),
    ]
    others = [encoded(smooth(seed)) for seed in range(200)]
    images = [encoded(china), encoded(flower), *others, *changed, encoded(flower.resize((100, 67)), "JPEG")]
    assert near_images(images, hash=kind) == list(range(202, 207))
    assert near_images(images[:202], hash=kind, distance=8) == []


def test_flat_broken_and_missing_images_are_no_repetitions() -> None:
    black, white = (encoded(Image.new("RGB", (40, 40), colour)) for colour in ("black", "white"))
    broken = encoded(smooth(1))[:60]
    assert near_images([black, black, white, white, broken, broken, None, None, b"", b""]) == []


@pytest.mark.parametrize("distance", range(9))
def test_all_pairs_within_the_distance_are_found(distance: int) -> None:
    rng = np.random.default_rng(distance)
    base = rng.integers(0, 2**63, 400, dtype=np.uint64)
    flipped = base.copy()
    for bits in (rng.choice(64, distance, replace=False) for _ in range(1)):
        for bit in bits:
            flipped ^= np.uint64(1) << np.uint64(bit)
    hashes = np.concatenate([base, flipped])
    rule = phash.Config(column="image", distance=distance).build()
    table = {ROW: np.arange(800), "hash": hashes}
    assert rule.find([pl.DataFrame(table).to_arrow()]).tolist() == list(range(400, 800))


def test_a_column_that_holds_no_images_is_refused() -> None:
    rule = phash.Config(column="image").build()
    with pytest.raises(SpecError, match="phash compares images, and 'image' holds String"):
        rule.index(pl.DataFrame({ROW: [0], "image": ["a.png"]}))
