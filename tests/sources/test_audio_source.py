"""Folders and manifests of sounds."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.sources._source import Source
from rayline.sources.scan import frame
from rayline.spec.sections import as_source

KINDS = {"wav": "PCM_16", "flac": "PCM_16", "ogg": "VORBIS", "mp3": "MPEG_LAYER_III"}


def encoded(suffix: str = "wav", hz: float = 440) -> bytes:
    packed = io.BytesIO()
    samples = 0.5 * np.sin(2 * np.pi * hz * np.arange(8000) / 16_000)
    soundfile.write(packed, samples, 16_000, format=suffix.upper(), subtype=KINDS[suffix])
    return packed.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`sounds/{high,low}/a.SUFFIX`, one of each kind of file."""
    for label, hz in (("high", 2000.0), ("low", 200.0)):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for suffix in KINDS:
            (tmp_path / "sounds" / label / f"a.{suffix}").write_bytes(encoded(suffix, hz))
    return tmp_path / "sounds"


def source(path: object, **options: Any) -> Source:
    config: Any = catalog.resolve("source", {"name": "audio", "path": str(path), **options})
    built: Source = config.build()
    return built


def whole(made: Source) -> pl.DataFrame:
    return pl.concat([frame(made, fragment) for fragment in made.fragments()])


def test_a_folder_a_class_gives_paths_labels_and_bytes(folder: Path) -> None:
    config: Any = as_source(str(folder))
    assert type(config).plugin_name == "audio"
    found = whole(config.build())
    assert found.columns == ["path", "label", "audio", ROW]
    assert found["path"].to_list() == [f"{label}/a.{s}" for label in ("high", "low") for s in sorted(KINDS)]
    assert found["label"].to_list() == ["high"] * 4 + ["low"] * 4
    assert found["audio"][3] == encoded("wav", 2000.0)


def test_a_manifest_gives_its_labels(folder: Path) -> None:
    (folder / "m.csv").write_text("filename,speaker,age\nlow/a.wav,ann,3\nhigh/a.flac,ben,\n")
    found = whole(source(folder / "m.csv"))
    assert found.drop("audio", ROW).rows() == [("low/a.wav", "ann", 3), ("high/a.flac", "ben", None)]


def broken() -> dict[str, tuple[bytes, str]]:
    wav = encoded()

    def changed(place: int, code: str, value: int) -> bytes:
        data = bytearray(wav)
        struct.pack_into(code, data, place, value)
        return bytes(data)

    return {
        "cut sound": (wav[:-100], "is cut off: it announces 16,000 bytes of sound and holds 15,900"),
        "cut header": (wav[:30], "has a broken WAV header"),
        "no channels": (changed(22, "<H", 0), "has a broken WAV header"),
        "no rate": (changed(24, "<I", 0), "has a broken WAV header"),
        "no sound": (wav[:36], "has a broken WAV header: it announces no sound"),
        "empty": (b"", "is empty"),
        "text": (b"this is no sound", "is no known kind of sound"),
        "broken flac": (b"fLaC" + encoded("flac")[20:60], "is a broken sound"),
        "broken ogg": (encoded("ogg")[:50], "is a broken sound"),
    }


@pytest.mark.parametrize("case", broken())
def test_a_broken_header_is_refused_by_its_files_name(folder: Path, case: str) -> None:
    data, words = broken()[case]
    (folder / "low" / "b.wav").write_bytes(data)
    with pytest.raises(DataError, match=rf"low/b\.wav \(of .*\) {words}"):
        whole(source(folder))
    skipped = source(folder, on_broken="skip")
    assert whole(skipped).height == 8
    assert list(skipped.notes.values()) == [f"{folder}: 1 broken file was left out: low/b.wav."]
    assert whole(source(folder, check=False)).height == 9


def test_a_stream_of_unknown_length_is_whole(tmp_path: Path) -> None:
    data = bytearray(encoded())
    at = data.index(b"data") + 4
    data[at : at + 4] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(bytes(data))
    assert whole(source(tmp_path)).height == 1
