"""Tables of files of the lake, read by the sources of images, sound, texts and video."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl
import pytest

from rayline.core import catalog
from rayline.core.errors import DataError
from rayline.lake import media
from rayline.lake.columns import parse
from rayline.lake.lake import Lake
from rayline.sources._source import Source
from rayline.sources.scan import scan


@pytest.fixture(autouse=True)
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYLINE_LAKE", str(tmp_path / "lake"))
    return tmp_path / "lake"


def film(path: Path, level: int) -> None:
    """Six frames of one grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(6):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), level, np.uint8), format="rgb24")))
        file.mux(stream.encode())


@pytest.fixture
def films(tmp_path: Path) -> Path:
    for place, label in enumerate(("run", "walk")):
        film(tmp_path / "films" / label / "a.mp4", 90 * place)
    media.append_files(Lake().create("films", kind="files"), media.found_below(str(tmp_path / "films"), "label"))
    return tmp_path / "films"


def source(name: str, path: str, **options: Any) -> Source:
    config: Any = catalog.resolve("source", {"name": name, "path": path, **options})
    built: Source = config.build()
    return built


def whole(made: Source) -> pl.DataFrame:
    return pl.concat(scan(made, lambda rows, _: rows))


def test_videos_of_the_lake_are_frames_as_those_of_a_folder(films: Path) -> None:
    made = source("video", "lake:films", every=3)
    assert made.name == "lake:films@1"
    assert whole(made).equals(whole(source("video", str(films), every=3)))
    assert whole(made)["label"].to_list() == ["run", "run", "walk", "walk"]
    task: Source = pickle.loads(pickle.dumps(made))
    assert task.read(made.fragments()[1], ["frame"]).column("frame").to_pylist() == [0, 3]


def test_whole_videos_of_the_lake_say_how_to_read_their_frames(films: Path) -> None:
    config: Any = catalog.resolve("source", {"name": "lake", "table": "films"})
    made = config.build()
    assert made.schema().names == ["path", "label", "video"]
    assert "For its frames: data.source: {name: video, path: lake:films}" in made.notes[-1]
    labels = catalog.resolve("source", {"name": "lake", "table": "films", "columns": ["label"]}).build()  # type: ignore[attr-defined]
    assert labels.schema().names == ["label"]
    assert labels.notes == {}


def test_a_run_reads_the_snapshot_that_it_began_with(films: Path) -> None:
    made = source("video", "lake:films", count=1)
    film(films / "walk" / "b.mp4", 50)
    media.append_files(Lake().open("films"), media.found_below(str(films), "label"))
    assert whole(made).height == 2
    assert whole(source("video", "lake:films", count=1)).height == 5
    assert whole(source("video", "lake:films@1", count=1)).height == 2
    kept: Any = made.kept
    assert (kept.plugin_name, kept.path, kept.count) == ("video", "lake:films@1", 1)
    assert whole(kept.build()).height == 2


def test_a_video_that_was_altered_is_refused(films: Path, lake: Path) -> None:
    made = source("video", "lake:films")
    [first, _] = made.fragments()
    [kept] = [path for path in lake.rglob("*.mp4") if str(path) == first.files[0]]  # type: ignore[attr-defined]
    kept.write_bytes((films / "walk" / "a.mp4").read_bytes())
    with pytest.raises(DataError, match=r"'run/a\.mp4' \(of lake:films@1\) was altered"):
        whole(made)


def test_texts_of_the_lake_in_their_encoding(tmp_path: Path, lake: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_bytes("Grüße".encode("latin-1"))
    (tmp_path / "texts" / "b.txt").write_bytes(b"plain")
    table = Lake().create("letters", kind="files", columns=parse("stars:int64"))
    media.append_files(table, media.found_below(str(tmp_path / "texts"), None))
    made = source("texts", "lake:letters", encoding="latin-1")
    assert whole(made)["text"].to_list() == ["Grüße", "plain"]
    assert made.schema().names == ["path", "stars", "text"]
    next(lake.rglob("*.txt")).write_bytes(b"other")
    with pytest.raises(DataError, match=r"\.txt' \(of lake:letters@1\) was altered"):
        whole(made)


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("images", "lake:films", r"lake:films holds video, not image. Read it by \{name: video, path: lake:films\}"),
        ("video", "lake:rows", r"is a table of rows, not of files.*\{name: lake, table: rows\}"),
        ("video", "lake:empty", "has no rows. Append some: rayline lake append empty FOLDER"),
        ("video", "lake:flims", "has no table 'flims'. Did you mean 'films'"),
        ("video", "lake:films@9", "has no snapshot 9"),
    ],
)
def test_tables_that_are_not_of_these_files(films: Path, name: str, path: str, words: str) -> None:
    Lake().create("rows", columns=parse("a:int64"))
    Lake().create("empty", kind="files")
    with pytest.raises(DataError, match=words):
        source(name, path)
