"""Encoded sound becomes samples, or loudness by pitch."""

from __future__ import annotations

import io
import struct
import sys
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
import soundfile
from scipy.io import wavfile
from scipy.signal import stft

from rayline.core import catalog
from rayline.core.errors import DataError, SpecError
from rayline.prepare.audio.spectrogram import mel_filters

RATE = 16_000
TIME = np.arange(RATE) / RATE


def learn(name: str = "waveform", inner: Any = None, **options: Any) -> Any:
    config: Any = catalog.resolve("audio", {"name": name, **options})
    return config.learn(cast(Any, SimpleNamespace(name="x", inner=inner)), pl.Series("x", [None], pl.Binary))


def tone(hz: float, rate: int = RATE, seconds: float = 1.0) -> np.ndarray:
    made: np.ndarray = 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)
    return made


def packed(samples: np.ndarray, kind: str, subtype: str, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


STEPS = {"PCM_U8": 1 / 128, "PCM_16": 2**-15, "PCM_24": 2**-23, "PCM_32": 2**-31, "FLOAT": 1e-7, "DOUBLE": 1e-15}


@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
@pytest.mark.parametrize("subtype", STEPS)
def test_every_wav_is_read_to_its_own_precision(kind: str, subtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed(tone(440), kind, subtype)
    monkeypatch.setitem(sys.modules, "soundfile", None)  # read without the extra
    found = learn()([data], "x")[0]
    np.testing.assert_allclose(found, tone(440), atol=max(STEPS[subtype], 6e-8))


def test_wav_is_read_as_scipy_reads_it() -> None:
    samples = np.random.default_rng(0).integers(-32768, 32767, (RATE, 2)).astype(np.int16)
    file = io.BytesIO()
    wavfile.write(file, RATE, samples)
    np.testing.assert_allclose(learn()([file.getvalue()], "x")[0], samples.mean(axis=1) / 32768, atol=1e-7)


@pytest.mark.parametrize(("kind", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")])
def test_other_kinds_are_read_with_the_extra(kind: str, subtype: str) -> None:
    found = learn()([packed(tone(440), kind, subtype)], "x")[0]
    power = np.abs(np.fft.rfft(found)) ** 2
    assert np.argmax(power) == pytest.approx(440, abs=2)
    assert power[430:450].sum() > 0.95 * power.sum()


def test_without_the_extra_the_answer_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed(tone(440), "FLAC", "PCM_16")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(DataError, match=r"needs an extra: pip install 'rayline\[audio\]'"):
        learn()([data], "x")


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_another_rate_is_resampled(rate: int) -> None:
    found = learn(seconds=0.8)([packed(tone(440, rate, 2.0), "WAV", "PCM_16", rate)], "x")[0]
    np.testing.assert_allclose(found[200:-200], tone(440)[200:12600], atol=0.01)


def test_what_a_lower_rate_cannot_hold_is_filtered_out() -> None:
    found = learn(rate=8000)([packed(tone(6000), "WAV", "PCM_16")], "x")[0]
    assert np.abs(found[100:-100]).max() < 0.02


def test_cutting_before_resampling_changes_nothing() -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 3 * 44_100)
    longest = learn(seconds=2.5)([packed(sound, "WAV", "FLOAT", 44_100)], "x")[0]
    short = learn(seconds=0.5)([packed(sound, "WAV", "FLOAT", 44_100)], "x")[0]
    np.testing.assert_allclose(short, longest[: len(short)], atol=1e-7)


def test_length_is_cut_or_padded_with_silence() -> None:
    ramp = np.linspace(0.1, 0.9, RATE)
    data = packed(ramp, "WAV", "FLOAT")
    np.testing.assert_allclose(learn(seconds=0.25)([data], "x")[0], ramp[:4000], atol=1e-6)
    np.testing.assert_allclose(learn(seconds=0.25, crop="start")([data], "x")[0], ramp[-4000:], atol=1e-6)
    padded = learn(seconds=2)([data], "x")[0]
    np.testing.assert_allclose(padded[:RATE], ramp, atol=1e-6)
    assert not padded[RATE:].any()


def test_the_length_is_that_of_the_longest_training_sound() -> None:
    assert learn(inner={"seconds": {"maximum": 1.5}}).shape == (24_000,)
    assert learn(inner={"seconds": {"maximum": 90.0}}).shape == (160_000,)
    assert learn().shape == (16_000,)


def test_a_stream_of_unknown_length_is_read_to_its_end() -> None:
    data = bytearray(packed(tone(440), "WAV", "PCM_16"))
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff" * 4
    np.testing.assert_allclose(learn()([bytes(data)], "x")[0], tone(440), atol=1e-4)


def broken_headers() -> dict[str, tuple[bytes, str]]:
    whole = packed(tone(440), "WAV", "PCM_16")

    def changed(place: int, code: str, value: int) -> bytes:
        data = bytearray(whole)
        struct.pack_into(code, data, place, value)
        return bytes(data)

    flac = packed(tone(440), "FLAC", "PCM_16")
    return {
        "cut in the header": (whole[:30], "broken WAV header: its format chunk is cut off"),
        "cut in the sound": (whole[: len(whole) // 2], r"cut off: a WAV file that announces 32000 bytes of sound"),
        "no sound": (whole[:36], "it announces no sound"),
        "no channels": (changed(22, "<H", 0), "broken WAV header: 0 channels of 16 bits at 16000 Hz"),
        "no rate": (changed(24, "<I", 0), "broken WAV header: 1 channels of 16 bits at 0 Hz"),
        "odd width": (changed(34, "<H", 12), "broken WAV header"),
        "no width": (
            struct.pack_into("<HH", wide := bytearray(whole), 32, 0, 4) or bytes(wide),
            "1 channels of 4 bits",
        ),
        "sound before format": (whole[:12] + whole[36:], "no format before the sound"),
        "unknown coding": (changed(20, "<H", 0x9999), "cannot be decoded as sound"),
        "flac cut": (flac[: len(flac) // 2], "cut off|cannot be decoded"),
        "empty": (b"", "is empty"),
        "text": (b"this is no sound at all", "cannot be decoded as sound"),
    }


@pytest.mark.parametrize("case", broken_headers())
def test_a_broken_file_is_refused_with_its_place(case: str) -> None:
    data, words = broken_headers()[case]
    good = packed(tone(440), "WAV", "PCM_16")
    for name in catalog.names("audio"):
        with pytest.raises(DataError, match=rf"column 'sound' \[1\]: .*({words})"):
            learn(name)([good, data], "sound")


def test_a_tone_is_in_the_band_of_its_pitch() -> None:
    step = learn("spectrogram", bands=40)
    centres = [100.0, 440.0, 1000.0, 3000.0, 7000.0]
    made = step([packed(tone(hz), "WAV", "PCM_16") for hz in centres], "x")
    assert made.shape == (5, 40, step.shape[1])
    edges = 700 * (10 ** (np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 8000 / 700), 42) / 2595) - 1)
    for hz, picture in zip(centres, made, strict=True):
        loudest = int(np.argmax(picture[:, 5]))
        assert edges[loudest] < hz < edges[loudest + 2]


def test_bands_hold_the_power_of_scipys_short_time_transform() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, RATE).clip(-1, 1)
    step = learn("spectrogram", bands=32, window_ms=32, hop_ms=16)
    found = 10 ** ((step([packed(sound, "WAV", "DOUBLE")], "x")[0] - 1) * 6)
    _, _, transform = stft(sound, window="hann", nperseg=512, noverlap=256, boundary=None, padded=False)
    power = np.abs(2 * transform) ** 2  # 2: a sine's power lies at its negative frequency too
    weights = np.zeros((32, 257))
    for band, (first, taps) in enumerate(mel_filters(32, 512, RATE, 20.0)):
        weights[band, first : first + len(taps)] = taps
    np.testing.assert_allclose(found[:, : power.shape[1]], weights @ power, rtol=1e-4)


def test_ten_times_louder_adds_a_third() -> None:
    step = learn("spectrogram")
    quiet, loud = step([packed(tone(1000) * gain, "WAV", "DOUBLE") for gain in (0.1, 1.0)], "x").max(axis=(1, 2))
    assert loud - quiet == pytest.approx(20 / 60, abs=1e-3)  # 20 dB of 60
    assert loud == pytest.approx(1, abs=0.2)
    assert step([packed(np.zeros(RATE), "WAV", "PCM_16")], "x").max() == 0


def test_bands_overlap_by_half_and_narrow_ones_read_something() -> None:
    filters = mel_filters(40, 2048, RATE, 20.0)
    total = np.zeros(1025)
    for first, taps in filters:
        total[first : first + len(taps)] += taps
    np.testing.assert_allclose(total[20:900], 1, atol=1e-9)
    assert all(len(taps) and taps.sum() > 0 for _, taps in mel_filters(128, 256, RATE, 20.0))


def test_impossible_options_are_refused() -> None:
    with pytest.raises(SpecError, match="low_hz must be below half the rate, 4000; not 5000"):
        catalog.resolve("audio", {"name": "spectrogram", "rate": 8000, "low_hz": 5000})
    with pytest.raises(SpecError, match="must span 4 samples"):
        catalog.resolve("audio", {"name": "spectrogram", "window_ms": 0.1})
