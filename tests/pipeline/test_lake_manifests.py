"""Manifests and folders of media appended to tables of files: what the sources of media read, the lake takes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rayline.core.errors import DataError, InputError, SpecError
from rayline.lake import media
from rayline.lake.lake import Lake
from rayline.pipeline import lake as room

BOXES = [{"x": 1, "label": "dog"}]


def image(level: int) -> bytes:
    packed = io.BytesIO()
    Image.new("L", (8, 8), level).save(packed, "PNG")
    return packed.getvalue()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`set/{cat,dog}/0.png`, a table of files `t`, and a lake of its own."""
    monkeypatch.setenv("RAYLINE_LAKE", str(tmp_path / "lake"))
    monkeypatch.chdir(tmp_path)
    for level, label in enumerate(("cat", "dog")):
        (tmp_path / "set" / label).mkdir(parents=True)
        (tmp_path / "set" / label / "0.png").write_bytes(image(level))
    room.create("t", kind="files")
    return tmp_path / "set"


def rows(names: list[str], table: str = "t") -> list[tuple[Any, ...]]:
    made = Lake().open(table)
    state = made.latest()
    return [tuple(row.values()) for p in made.pieces(state) for row in media.read(made, state, p, names).to_pylist()]


def manifest(folder: Path, name: str, column: str = "file_name", **more: list[Any]) -> Path:
    table = {column: ["dog/0.png", "cat/0.png"], "age": [4, 3], **more}
    path = folder / name
    if name.endswith(".parquet"):
        pq.write_table(pa.table(table), path)
    elif name.endswith(".jsonl"):
        every = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
        path.write_text("".join(json.dumps(row) + "\n" for row in every))
    else:
        path.write_text(f"{column},age\ndog/0.png,4\ncat/0.png,3\n")
    return path


KEPT = [("dog/0.png", 4, image(1)), ("cat/0.png", 3, image(0))]


@pytest.mark.parametrize("column", ["path", "file", "file_name", "filename", "image"])
def test_the_usual_names_of_the_column_of_paths(folder: Path, column: str) -> None:
    room.append("t", str(manifest(folder, "m.csv", column)))
    assert rows(["path", "age", "image"]) == KEPT


def test_another_name_of_it_is_declared(folder: Path) -> None:
    place = manifest(folder, "m.csv", "img")
    with pytest.raises(DataError, match=r"m\.csv has no column 'path'.*\{name: images, path: .*m\.csv, file: COLUMN\}"):
        room.append("t", str(place))
    room.append("t", f"{{name: images, path: {place}, file: img}}")
    assert rows(["path", "age", "image"]) == KEPT


@pytest.mark.parametrize("name", ["m.jsonl", "m.parquet"])
def test_boxes_are_kept_as_json_text(folder: Path, name: str) -> None:
    room.append("t", str(manifest(folder, name, boxes=[BOXES, []])))
    assert rows(["path", "age", "image"]) == KEPT
    assert [json.loads(text) for (text,) in rows(["boxes"])] == [BOXES, []]


def test_options_of_a_table_are_those_of_its_source(folder: Path) -> None:
    (folder / "m.csv").write_text("path;age\ndog/0.png;4\ncat/0.png;3\n")
    room.append("t", f'{{name: csv, path: {folder}/m.csv, delimiter: ";"}}')
    assert rows(["path", "age", "image"]) == KEPT


def test_absolute_paths_below_the_manifest(folder: Path) -> None:
    (folder / "m.csv").write_text(f"path,age\n{folder}/dog/0.png,4\ncat/../cat/0.png,3\n")
    room.append("t", "set/m.csv")
    assert rows(["path", "age", "image"]) == KEPT
    (folder / "m.csv").write_text("path\n../secret.png\n")
    with pytest.raises(DataError, match=r"row 1: path '\.\./secret\.png' does not lie below"):
        room.append("t", "set/m.csv")


def test_masks_are_kept_as_bytes(folder: Path) -> None:
    (folder / "masks").mkdir()
    (folder / "masks" / "0.png").write_bytes(image(9))
    place = manifest(folder, "m.jsonl", mask=["masks/0.png", None])
    room.append("t", f"{{name: images, path: {place}, masks: [mask]}}")
    assert rows(["path", "mask"]) == [("dog/0.png", image(9)), ("cat/0.png", None)]


def test_a_folder_with_a_manifest_is_appended_by_it(folder: Path) -> None:
    manifest(folder, "metadata.jsonl", boxes=[BOXES, []])
    room.append("t", "set")
    assert rows(["path", "age", "image"]) == KEPT
    (folder / "other.csv").write_text("path\ncat/0.png\n")
    with pytest.raises(SpecError, match=r"2 tables .*\{name: images, path: set\} for the files"):
        room.append("t", "set")


@pytest.mark.parametrize("path", ["set", "set/*/0.png", "set/*/*"])
def test_files_by_their_folders(folder: Path, path: str) -> None:
    room.append("t", f'{{name: images, path: "{path}"}}')
    assert rows(["path", "label", "image"]) == [("cat/0.png", "cat", image(0)), ("dog/0.png", "dog", image(1))]


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ("{name: sklearn, dataset: iris}", DataError, "is no place where files lie. Give a folder"),
        ("lake:t", DataError, "is no place where files lie"),
        ("{name: images, path: set, on_broken: skip}", InputError, "the lake keeps files as they are"),
        ("set/none.csv", DataError, "there is no file"),
    ],
)
def test_what_cannot_be_appended(folder: Path, data: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        room.append("t", data)
    assert Lake().open("t").latest().number == 0


def test_videos_are_appended_whole(folder: Path) -> None:
    with av.open(str(folder / "a.mp4"), "w") as file:
        stream: Any = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
        file.mux(stream.encode())
    (folder / "m.csv").write_text("file,act\na.mp4,run\n")
    room.append("t", f"{{name: video, path: {folder}/m.csv}}")
    assert rows(["path", "act", "video"]) == [("a.mp4", "run", (folder / "a.mp4").read_bytes())]
