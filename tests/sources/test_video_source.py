"""Videos as frames."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl
import pytest
from PIL import Image

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.sources._source import FILE_SHIFT, Source
from rayline.sources.scan import frame
from rayline.spec.sections import as_source

FRAMES, RATE = 30, 10
CODECS = {"avi": "mjpeg", "mp4": "mpeg4", "mkv": "mpeg4"}


def write(path: Path, frames: int = FRAMES) -> None:
    """A film that becomes brighter by 8 levels a frame."""
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream(CODECS[path.suffix[1:]], rate=RATE)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = "yuvj420p" if path.suffix == ".avi" else "yuv420p"
        for n in range(frames):
            picture = np.full((48, 64, 3), 8 * n, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())


@pytest.fixture(params=sorted(CODECS))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    for label in ("run", "walk"):
        (tmp_path / "films" / label).mkdir(parents=True)
        write(tmp_path / "films" / label / f"a.{request.param}")
    return tmp_path / "films"


def source(path: object, **options: Any) -> Source:
    config: Any = catalog.resolve("source", {"name": "video", "path": str(path), **options})
    built: Source = config.build()
    return built


def whole(made: Source) -> pl.DataFrame:
    return pl.concat([frame(made, fragment) for fragment in made.fragments()])


def level(data: bytes) -> float:
    return float(np.asarray(Image.open(io.BytesIO(data)).convert("L")).mean())


def test_every_so_many_frames_is_a_row(folder: Path) -> None:
    found = whole(source(folder, every=10))
    assert found.columns == ["path", "label", "frame", "second", "image", ROW]
    assert found["label"].to_list() == ["run"] * 3 + ["walk"] * 3
    assert found["frame"].to_list() == [0, 10, 20] * 2
    np.testing.assert_allclose(found["second"], [0, 1, 2] * 2, atol=1e-6)
    np.testing.assert_allclose([level(d) for d in found["image"]], [0, 80, 160] * 2, atol=6)
    assert found[ROW].to_list() == [0, 1, 2, *(n + (1 << FILE_SHIFT) for n in range(3))]


def test_some_evenly_spaced_frames_of_each(folder: Path) -> None:
    assert whole(source(folder, count=3))["frame"].to_list() == [5, 15, 25] * 2
    assert whole(source(folder, count=100)).height == 2 * FRAMES


def test_frames_are_small_or_exact(folder: Path) -> None:
    shrunk = whole(source(folder, count=1, side=32, format="png"))["image"][0]
    image = Image.open(io.BytesIO(shrunk))
    assert (image.format, image.size) == ("PNG", (32, 24))


def test_the_rows_do_not_depend_on_the_columns_asked_for(folder: Path) -> None:
    made = source(folder, every=7)
    for fragment in made.fragments():
        assert made.read(fragment, []).equals(made.read(fragment).select([ROW]))


def test_a_folders_path_alone_is_enough(folder: Path) -> None:
    config: Any = as_source(str(folder))
    assert type(config).plugin_name == "video"
    assert whole(config.build()).height == 4  # of every 25


@pytest.mark.parametrize("data", [b"", b"this is no film", None], ids=["empty", "text", "cut"])
def test_a_broken_film_is_refused_by_its_name(folder: Path, data: bytes | None) -> None:
    [film] = (folder / "walk").iterdir()
    if data is None and film.suffix != ".mp4":
        data = film.read_bytes()[:60]
    film.write_bytes(film.read_bytes()[:400] if data is None else data)
    with pytest.raises(DataError, match=rf"walk/{film.name} \(of .*\) is no video, or a broken one"):
        whole(source(folder))
    skipped = source(folder, on_broken="skip")
    assert set(whole(skipped)["label"]) == {"run"}
    assert f"walk/{film.name}" in skipped.notes[1]


def test_every_and_count_are_not_both_given() -> None:
    with pytest.raises(SpecError, match="give every or count, not both"):
        source("x", every=2, count=3)


def test_a_rendered_spec_means_the_same() -> None:
    for options in ({}, {"every": 3}, {"count": 3}):
        config = catalog.resolve("source", {"name": "video", "path": "x", **options})
        assert catalog.resolve("source", catalog.describe(config)) == config


def test_without_the_extra_the_answer_says_how_to_get_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SpecError, match=r"needs an extra: pip install 'rayline\[video\]'"):
        whole(source(folder))
