"""How loud sounds are: as NumPy has it, whatever they are encoded as, the same in any order of merging."""

from __future__ import annotations

import builtins
import io
import itertools
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile
from rich.console import Console

from rayline.core.columns import ROW
from rayline.profile import levels, media, sounds, wav
from rayline.profile.profile import Profile, merge, profile_frame
from rayline.report import profile_page, profile_text
from rayline.report.alerts import alerts

RATE = 8000


def encoded(samples: Any, kind: str = "WAV", subtype: str | None = None, rate: int = RATE) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.asarray(samples), rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def sine(amplitude: float, seconds: float = 1.0, rate: int = RATE) -> Any:
    return amplitude * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


def profiled(values: list[bytes | None], first: int = 0) -> Profile:
    rows = np.arange(len(values), dtype=np.int64) + first
    return profile_frame(pl.DataFrame({"noise": pl.Series(values, dtype=pl.Binary), ROW: rows}), seed=0)


def inner_of(profile: Profile) -> dict[str, Any]:
    inner = profile.columns["noise"].inner
    assert inner is not None
    return inner


@pytest.mark.parametrize(
    ("kind", "subtype", "within"),
    [
        ("WAV", "PCM_U8", 0.1), ("WAV", "PCM_16", 1e-3), ("WAV", "PCM_24", 1e-5), ("WAV", "PCM_32", 1e-6),
        ("WAV", "FLOAT", 1e-5), ("WAV", "DOUBLE", 1e-9), ("WAV", "ULAW", 0.06), ("WAVEX", "PCM_16", 1e-3),
        ("FLAC", "PCM_16", 1e-3), ("OGG", None, 0.1), ("MP3", None, 0.5), ("AIFF", "PCM_16", 1e-3),
    ],
)  # fmt: skip
def test_a_sine_has_its_level_in_every_encoding(kind: str, subtype: str | None, within: float) -> None:
    inner = inner_of(profiled([encoded(sine(0.5), kind, subtype)]))
    assert inner["heard"] == 1
    assert inner["level"]["median"] == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=within)
    assert inner["peak"] == pytest.approx(20 * math.log10(0.5), abs=max(4 * within, 0.01))
    assert (inner["clipped"], inner["clipping"]) == (0.0, 0)
    assert inner["silent"] == pytest.approx(0.0, abs=0.1)


def test_levels_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    both = np.clip(rng.normal(0, 0.1, (3000, 2)), -1, 1)
    heard = levels.hear(encoded(both, "WAV", "DOUBLE"))
    assert heard.samples == 6000
    assert heard.power == pytest.approx(np.square(both).mean(), rel=1e-12)
    assert heard.peak == np.abs(both).max()
    assert (heard.silent, heard.stretches) == (0, 18)


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_runs_at_full_scale_are_clipped_and_single_peaks_are_not(subtype: str) -> None:
    loud = np.clip(sine(3.0), -1, 1)
    full = 1 - 2.0**-15 if subtype == "PCM_16" else 1.0
    at_full = np.abs(loud) >= full
    heard = levels.hear(encoded(loud, "WAV", subtype))
    runs = [len(list(group)) for key, group in itertools.groupby(at_full) if key]
    assert heard.clipped == pytest.approx(sum(length for length in runs if length >= 3), abs=4)
    peaks = sine(0.3)
    peaks[100::50] = 1.0
    assert levels.hear(encoded(peaks, "WAV", subtype)).clipped == 0
    one_side = np.stack([loud, sine(0.1)], axis=1)
    assert levels.hear(encoded(one_side, "WAV", subtype)).clipped == pytest.approx(heard.clipped, abs=4)


def test_silence_is_told_by_stretches() -> None:
    half = np.concatenate([np.zeros(RATE), sine(0.5)])
    inner = inner_of(profiled([encoded(half), encoded(np.zeros(RATE)), encoded(np.zeros(40))]))
    assert inner["silent"] == pytest.approx((50 + 50 + 1) / 151)
    assert (inner["silences"], inner["silences_rows"]) == (2, [1, 2])
    assert inner["level"]["minimum"] == -120.0


def test_only_the_first_seconds_are_heard() -> None:
    long = np.concatenate([sine(0.1, levels.SECONDS), sine(0.9)])
    for kind in ("WAV", "FLAC"):
        heard = levels.hear(encoded(long, kind, "PCM_16"))
        assert heard.samples == levels.SECONDS * RATE
        assert heard.peak == pytest.approx(0.1, abs=1e-3)
    assert inner_of(profiled([encoded(long)]))["seconds"]["maximum"] == levels.SECONDS + 1


def test_any_tree_of_merges_hears_the_same_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(levels, "HEARD", 6)
    values = [encoded(sine(0.02 * (n + 1), 0.1)) for n in range(20)]
    whole = inner_of(profiled(values))
    assert whole["heard"] == 6
    for cuts in ([7], [3, 11], [1, 2, 19]):
        ends = [0, *cuts, 20]
        parts = [profiled(values[a:b], a) for a, b in itertools.pairwise(ends)]
        assert inner_of(merge(parts)) == whole
        assert inner_of(merge([merge(parts[1:]), parts[0]])) == whole
    profiled(values).save(tmp_path)
    loaded = Profile.load(tmp_path)
    assert inner_of(loaded) == whole
    told = next(column for column in loaded.to_json()["columns"] if column["name"] == "noise")["inner"]
    assert told["level"] == whole["level"]
    assert "audio" not in told


def test_a_sound_whose_header_is_whole_and_whose_samples_are_not_is_named() -> None:
    broken = bytearray(encoded(sine(0.5), "FLAC"))
    broken[200:] = b"\x00" * (len(broken) - 200)
    profile = profiled([encoded(sine(0.5)), bytes(broken)])
    inner = inner_of(profile)
    assert (inner["broken"], inner["heard"], inner["undecodable"], inner["undecodable_rows"]) == (0, 1, 1, [1])
    (alert,) = [one for one in alerts(profile) if one.tag == "broken"]
    assert "1 broken sounds (rows 2)" in alert.text


def test_what_nothing_is_installed_for_is_not_called_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [encoded(sine(0.5), "FLAC"), encoded(sine(0.5))]
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "soundfile":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    inner = inner_of(profiled(values))
    assert (inner["heard"], inner["unheard"], inner["undecodable"]) == (1, 1, 0)
    alone = inner_of(profiled(values[:1]))
    assert (alone["heard"], alone["level"], alone["peak"], alone["clipped"], alone["silent"]) == (0, *[None] * 4)


def test_profiles_saved_before_sounds_were_heard_merge() -> None:
    new = inner_of(profiled([encoded(sine(0.5))]))
    old = new | {"audio": {key: value for key, value in new["audio"].items() if key != "heard"}}
    assert media.merge([old, new])["heard"] == 1
    assert media.merge([old, old])["level"] is None


def test_compressed_wav_tells_its_length() -> None:
    data = encoded(sine(0.5, 2.0), "WAV", "IMA_ADPCM")
    found = sounds.header(data, "wav")
    assert found is not None
    assert found[2] / 1e6 == pytest.approx(2.0, abs=0.1)
    layout = wav.layout(data)
    assert layout is not None
    assert layout.kind not in (wav.PCM, wav.FLOAT)


def test_headers_that_promise_more_than_there_is_are_broken() -> None:
    assert sounds.header(encoded(sine(0.5), "AIFF")[:-100], "aiff") is None
    tagged = b"ID3\x03\x00\x00\x00\x00\x00\x00" + struct.pack(">BBBB", 0xFF, 0xFB, 0x00, 0x00) + bytes(400)
    assert sounds.header(tagged, "mp3") is None  # a bit rate that no table tells


def test_pages_and_terminal_tell_how_loud_sounds_are() -> None:
    values = [encoded(np.clip(sine(2.0), -1, 1)), *(encoded(sine(0.01 * n)) for n in range(6))]
    profile = profiled(values)
    drawn = profile_page.render(profile)
    assert "level of sounds, dB" in drawn
    assert "first 10 s of 7 sounds" in drawn
    told = {alert.tag: alert.text for alert in alerts(profile)}
    assert told["clipping"] == "noise clips: 1 of the 7 sounds heard is cut off at full scale (rows 1)."
    assert told["silent"] == "noise is silent: in 1 of the 7 sounds heard nothing is louder than −60 dB (rows 2)."
    console = Console(file=io.StringIO(), width=200)
    profile_text.show(profile, console)
    assert "peak, dB 0" in console.file.getvalue()  # type: ignore[attr-defined]
