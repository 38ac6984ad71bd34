"""What is within texts, images, sounds and lists: right, mergeable in any order, and small in the sample."""

from __future__ import annotations

import io
import itertools
import math
import wave
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.profile import images, media, sequences, texts
from rayline.profile.profile import Profile, merge, profile_frame
from rayline.profile.targets import infer_target
from rayline.profile.types import infer


def profiled(**columns: Any) -> Profile:
    frame = pl.DataFrame(columns)
    return profile_frame(frame.with_columns(pl.Series(ROW, np.arange(frame.height))), seed=0)


def column(values: list[Any], kind: Any) -> pl.Series:
    return pl.Series("c", values, dtype=kind)


def picture(levels: Any, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(levels, np.uint8)).save(buffer, kind, **options)
    return buffer.getvalue()


def sound(samples: int, rate: int = 8000, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * samples * channels))
    return buffer.getvalue()


def pictures(n: int) -> list[bytes | None]:
    rng = np.random.default_rng(0)
    made: list[bytes | None] = [
        picture(rng.integers(0, 256, (8 + i % 5, 6, 3)), "PNG" if i % 3 else "JPEG") for i in range(n)
    ]
    made[0], made[1] = None, picture(rng.integers(0, 256, (9, 9)))
    return made


# images


def test_images_are_measured_as_numpy_measures_them() -> None:
    rng = np.random.default_rng(0)
    levels = [rng.integers(0, 256, (5 + i, 7, 3)) for i in range(20)]
    inner = profiled(c=column([picture(one) for one in levels], pl.Binary)).columns["c"].inner
    assert inner is not None
    every = np.concatenate([one.reshape(-1, 3) for one in levels]) / 255
    np.testing.assert_allclose(inner["mean"], every.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(inner["variance"], every.var(axis=0), rtol=1e-12)
    assert (inner["what"], inner["formats"], inner["broken"]) == ("image", {"png": 20}, 0)
    assert (inner["height"]["minimum"], inner["height"]["mean"], inner["height"]["maximum"]) == (5, 14.5, 24)
    assert (inner["width"]["minimum"], inner["channels"], inner["decoded"]) == (7, {"3": 20}, 20)


def test_grey_images_have_one_channel_and_count_in_each_among_coloured_ones() -> None:
    dark, bright = picture(np.full((4, 4), 51)), picture(np.full((4, 4, 3), (255, 102, 0)))
    grey = profiled(c=column([dark, dark], pl.Binary)).columns["c"].inner
    both = profiled(c=column([dark, bright], pl.Binary)).columns["c"].inner
    assert grey is not None
    assert both is not None
    assert grey["mean"] == pytest.approx([0.2])
    assert both["mean"] == pytest.approx([0.6, 0.3, 0.1])
    assert both["channels"] == {"1": 1, "3": 1}


def test_transparent_and_deep_images_are_read_as_preparation_reads_them() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (3, 3), (0, 0, 0, 0)).save(buffer, "PNG")
    clear = buffer.getvalue()
    deep = io.BytesIO()
    Image.fromarray(np.full((3, 3), 65535, np.uint16)).save(deep, "PNG")
    for data in (clear, deep.getvalue()):
        inner = profiled(c=column([data], pl.Binary)).columns["c"].inner
        assert inner is not None
        assert inner["mean"] == pytest.approx([1.0] * len(inner["mean"]))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_truncated_image_is_broken_and_its_row_is_named(kind: str) -> None:
    whole = picture(np.random.default_rng(0).integers(0, 256, (40, 40, 3)), kind)
    values = [whole] * 4 + [whole[: len(whole) * 2 // 3], b"", b"\x89PNG\r\n\x1a\n garbage", b"nonsense", None]
    inner = profiled(c=column(values, pl.Binary)).columns["c"].inner
    assert inner is not None
    assert (inner["broken"], inner["broken_rows"]) == (4, [4, 5, 6, 7])
    assert inner["formats"]["unknown"] == 2
    assert inner["width"]["count"] == 4


def test_what_a_program_appends_behind_a_jpeg_does_not_break_it() -> None:
    whole = picture(np.zeros((9, 9, 3)), "JPEG")
    assert images.header(whole + b"notes" * 1000, "jpeg") == (9, 9, 3)
    thumbnail = b"\xff\xe1" + (len(whole) + 2).to_bytes(2, "big") + whole
    within = whole[:2] + thumbnail + whole[2:]
    assert images.header(within, "jpeg") == (9, 9, 3)
    assert images.header(within[:-40], "jpeg") is None  # the thumbnail's end is not the picture's


def test_pixels_are_decoded_of_a_bounded_share_chosen_by_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MEASURED", 10)
    frame = pl.DataFrame({ROW: np.arange(60), "c": column(pictures(60), pl.Binary)})
    whole = profile_frame(frame, seed=3).columns["c"].inner
    assert whole is not None
    assert whole["decoded"] == 10
    assert whole["width"]["count"] == 59
    parts = [profile_frame(frame.slice(at, 13), seed=3) for at in range(0, 60, 13)]
    assert merge([merge(parts[2:]), merge(parts[:2][::-1])]).columns["c"].inner == whole
    assert profile_frame(frame, seed=4).columns["c"].inner["mean"] != whole["mean"]  # type: ignore[index]


# sounds


def test_sounds_tell_rate_channels_and_seconds() -> None:
    values = [sound(8000), sound(4000), sound(16000, 16000, 2), sound(100)[:60], None]
    inner = profiled(c=column(values, pl.Binary)).columns["c"].inner
    assert inner is not None
    assert (inner["what"], inner["formats"]) == ("audio", {"wav": 4})
    assert (inner["rates"], inner["channels"]) == ({"16000": 1, "8000": 2}, {"1": 2, "2": 1})
    assert (inner["seconds"]["minimum"], inner["seconds"]["maximum"], inner["seconds"]["total"]) == (0.5, 1.0, 2.5)
    assert (inner["broken"], inner["broken_rows"]) == (1, [3])


def test_compressed_sounds_tell_the_same() -> None:
    tone = np.sin(np.arange(22_050) / 9)[:, None].repeat(2, axis=1)
    for kind, name, within in (
        ("FLAC", "flac", 0),
        ("OGG", "ogg", 0),
        ("AIFF", "aiff", 0),
        ("AU", "au", 0),
        ("MP3", "mp3", 0.1),
    ):
        buffer = io.BytesIO()
        soundfile.write(buffer, tone, 22_050, format=kind)
        inner = profiled(c=column([buffer.getvalue()], pl.Binary)).columns["c"].inner
        assert inner is not None
        assert (inner["formats"], inner["rates"], inner["channels"]) == ({name: 1}, {"22050": 1}, {"2": 1})
        assert inner["seconds"]["total"] == pytest.approx(1.0, abs=within)


# lists


def test_lists_are_measured_as_numpy_measures_their_elements() -> None:
    rng = np.random.default_rng(0)
    rows: list[Any] = [(rng.normal(1e6, 1, rng.integers(0, 40))).tolist() for _ in range(400)]
    rows[3], rows[5] = None, [1.0, None, math.nan, math.inf]
    inner = profiled(c=column(rows, pl.List(pl.Float64))).columns["c"].inner
    assert inner is not None
    elements = np.array([e for row in rows if row for e in row if e is not None and math.isfinite(e)])
    assert (inner["count"], inner["missing"]) == (len(elements), 3)
    assert inner["mean"] == pytest.approx(elements.mean(), rel=1e-12)
    assert inner["variance"] == pytest.approx(elements.var(), rel=1e-12)
    assert (inner["minimum"], inner["maximum"]) == (elements.min(), elements.max())
    lengths = [len(row) for row in rows if row is not None]
    assert (inner["lengths"]["minimum"], inner["lengths"]["maximum"]) == (min(lengths), max(lengths))
    assert (inner["lengths"]["total"], inner["empty"]) == (sum(lengths), lengths.count(0))


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.one_of(st.none(), st.lists(st.floats(-1e6, 1e6), max_size=9)), min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=4).map(sorted),
    room=st.integers(0, 60),
    random=st.randoms(use_true_random=False),
)
def test_any_tree_of_merges_keeps_the_same_lists(rows: list[Any], cuts: list[int], room: int, random: Any) -> None:
    kept = sequences.SAMPLE_ELEMENTS
    sequences.SAMPLE_ELEMENTS = room
    try:
        frame = pl.DataFrame({ROW: np.arange(len(rows)), "c": column(rows, pl.List(pl.Float64))})
        whole = profile_frame(frame, seed=1)
        ends = [0, *(min(cut, len(rows)) for cut in cuts), len(rows)]
        heap = [profile_frame(frame.slice(a, b - a), seed=1) for a, b in itertools.pairwise(ends)]
        while len(heap) > 1:
            random.shuffle(heap)
            heap.append(merge([heap.pop(), heap.pop()]))
        (merged,) = heap
        assert merged.sample.equals(whole.sample)
        assert sum(len(row or []) for row in merged.sample["c"].to_list()) <= room
        one, other = merged.columns["c"].inner, whole.columns["c"].inner
        assert one is not None
        assert other is not None
        exact = ("count", "missing", "minimum", "maximum", "lengths", "empty", "cut")
        assert [one[key] for key in exact] == [other[key] for key in exact]
        scale = max((abs(e) for row in rows for e in row or []), default=1.0) or 1.0
        for key, unit in (("mean", scale), ("variance", scale**2)):
            assert one[key] == other[key] or one[key] == pytest.approx(other[key], rel=1e-12, abs=1e-12 * unit)
        assert merged.columns["c"].distinct == whole.columns["c"].distinct
    finally:
        sequences.SAMPLE_ELEMENTS = kept


# texts


def test_texts_are_counted_as_python_counts_them() -> None:
    rows: list[Any] = ["Über uns: die Größe", "  ", "", "one two two", "日本語 テスト", "id-7", None] * 3
    profile = profiled(c=column(rows, pl.String))
    inner = profile.columns["c"].inner
    assert inner is not None
    known = [row for row in rows if row is not None]
    assert (inner["empty"], inner["non_ascii"]) == (6, 6)
    assert inner["non_ascii_characters"] == sum(ord(char) > 127 for row in known for char in row)
    assert inner["characters"]["total"] == sum(map(len, known))
    assert (inner["words"]["total"], inner["words"]["maximum"]) == (3 * (4 + 3 + 2 + 1), 4)
    assert texts.top_words(inner, profile.columns["c"].values, profile.sample["c"], 2) == [("two", 6), ("die", 3)]
    assert texts.vocabulary(inner, profile.columns["c"].values).distinct == 4 + 2 + 2  # a text of one word has none


def test_texts_beyond_the_cap_are_counted_the_same_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.profile.values.CAP", 50)
    rng = np.random.default_rng(0)
    rows = [f"row {n} says w{rng.zipf(1.5) % 400} and Ä" for n in range(3000)]
    frame = pl.DataFrame({ROW: np.arange(3000), "c": rows})
    whole = profile_frame(frame, seed=0)
    parts = [profile_frame(frame.slice(at, 431), seed=0) for at in range(0, 3000, 431)]
    parts.append(profile_frame(frame.head(0), seed=0))
    merged = merge([merge(parts[4:]), merge(parts[:4][::-1])])
    one, other = (dict(p.columns["c"].inner or {}) for p in (whole, merged))
    words, again = one.pop("vocabulary"), other.pop("vocabulary")
    assert one == other
    assert words.truncated
    assert words.as_dict() == again.as_dict()
    np.testing.assert_array_equal(words.sketch, again.sketch)
    assert one["words"] == {"count": 3000, "total": 18_000, "minimum": 6, "maximum": 6, "mean": 6.0}
    inner = whole.columns["c"].inner
    assert inner is not None
    top = dict(texts.top_words(inner, whole.columns["c"].values, whole.sample["c"], 4))
    assert {"row", "says", "and", "ä"} == set(top)
    assert all(abs(times - 3000) <= 0.002 * 18_000 for times in top.values())


# types, the sample, files


def test_types_are_told_by_the_first_bytes() -> None:
    seen = {
        "image": column(pictures(30)[2:], pl.Binary),
        "audio": column([sound(100 + i) for i in range(28)], pl.Binary),
        "sequence": column([[float(i)] * (i + 1) for i in range(28)], pl.List(pl.Float64)),
        "drop": column([b"nothing known %d" % i for i in range(28)], pl.Binary),
    }
    found = infer(profiled(**seen))
    assert {name: str(decision.type) for name, decision in found.items()} == {name: name for name in seen}
    assert found["image"].reason.startswith("encoded images by their first bytes (jpeg ")
    assert found["sequence"].reason == "lists of 1 to 28 numbers"
    profile = profiled(**seen)
    for name in ("image", "sequence"):
        with pytest.raises(DataError, match="cannot be predicted"):
            infer_target(profile, name)


def test_the_sample_holds_no_bytes_of_media() -> None:
    profile = profiled(image=column(pictures(30), pl.Binary), word=["a"] * 30)
    assert profile.sample["image"].null_count() == 30
    assert profile.sample["image"].dtype == pl.Binary
    assert profile.sample["word"].null_count() == 0
    assert profile.columns["image"].missing == 1
    assert profile.columns["image"].distinct == 29


def test_files_and_json_hold_what_is_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.profile.values.CAP", 20)
    frame = pl.DataFrame(
        {
            ROW: np.arange(60),
            "image": column(pictures(60), pl.Binary),
            "list": column([[1.0, float(i)] for i in range(60)], pl.List(pl.Float64)),
            "text": [f"word {i} here" for i in range(60)],
            "secret": [f"hidden {i} text" for i in range(60)],
        }
    )
    profile = profile_frame(frame, seed=0, private=["secret"])
    profile.save(tmp_path)
    loaded = Profile.load(tmp_path)
    assert loaded.to_json() == profile.to_json()
    for name in ("image", "list"):
        assert loaded.columns[name].inner == profile.columns[name].inner
    text, again = (p.columns["text"].inner for p in (profile, loaded))
    assert text is not None
    assert again is not None
    assert again["vocabulary"].as_dict() == text["vocabulary"].as_dict()
    assert loaded.columns["text"].values.sketch.tolist() == profile.columns["text"].values.sketch.tolist()  # type: ignore[union-attr]
    assert loaded.columns["secret"].inner is None
    described = {c["name"]: c for c in profile.to_json()["columns"]}
    assert described["text"]["inner"]["vocabulary"]["top"][0]["times"] >= 60
    assert "image" not in described["image"]["inner"]
    every = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"hidden" not in every
    assert merge([loaded, loaded]).columns["text"].inner["words"]["count"] == 120  # type: ignore[index]


def test_formats_are_known_by_their_magic() -> None:
    starts = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff\xe0", "webp": b"RIFF....WEBP", "wav": b"RIFF....WAVE"}
    starts |= {"gif": b"GIF89a", "flac": b"fLaC", "ogg": b"OggS", "mp3": b"\xff\xfb\x90\x00", "unknown": b""}
    assert {name: media.sniff(data) for name, data in starts.items()} == {name: name for name in starts}
