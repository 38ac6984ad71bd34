"""A folder of images, sound, texts or video that holds tables too: what its bare path means."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rayline.core.errors import RaylineError, SpecError
from rayline.sources._source import Source
from rayline.sources.scan import frame
from rayline.spec.sections import as_source


def image(level: int) -> bytes:
    packed = io.BytesIO()
    Image.new("RGB", (8, 8), (level, level, level)).save(packed, "PNG")
    return packed.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`set/{cat,dog}/N.png`, two of each."""
    for place, label in enumerate(("cat", "dog")):
        (tmp_path / "set" / label).mkdir(parents=True)
        for n in range(2):
            (tmp_path / "set" / label / f"{n}.png").write_bytes(image(2 * place + n))
    return tmp_path / "set"


def built(text: object) -> Source:
    config: Any = as_source(str(text))
    made: Source = config.build()
    return made


def whole(made: Source) -> pl.DataFrame:
    return pl.concat([frame(made, fragment) for fragment in made.fragments()])


def _csv(path: Path) -> None:
    path.write_text("file_name,age\ncat/0.png,3\ndog/1.png,4\n")


def _lines(path: Path) -> None:
    rows = [{"file_name": "cat/0.png", "age": 3, "boxes": [{"x": 1}]}, {"file_name": "dog/1.png", "age": 4}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _parquet(path: Path) -> None:
    pq.write_table(pa.table({"file_name": ["cat/0.png", "dog/1.png"], "age": [3, 4]}), path)


MANIFESTS = {"metadata.csv": _csv, "metadata.jsonl": _lines, "metadata.parquet": _parquet, "manifest.csv": _csv}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_folder_with_one_manifest_is_its_images_with_that_manifest(folder: Path, name: str) -> None:
    MANIFESTS[name](folder / name)
    config: Any = as_source(str(folder))
    assert (type(config).plugin_name, config.path) == ("images", str(folder / name))
    found = whole(config.build())
    assert found["path"].to_list() == ["cat/0.png", "dog/1.png"]
    assert found["age"].to_list() == [3, 4]
    assert found["image"].to_list() == [image(0), image(3)]


def test_files_that_the_manifest_does_not_name_are_told(folder: Path) -> None:
    (folder / "metadata.csv").write_text("file_name,mask\ncat/0.png,dog/0.png\n")
    made = built(folder)
    assert whole(made).height == 1
    assert made.notes[-1].endswith("2 of the 4 files below its folder are not named there and are left out.")
    (folder / "metadata.csv").write_text("file_name,mask\ncat/0.png,dog/0.png\ncat/1.png,dog/1.png\n")
    made = built(folder)
    assert whole(made).height == 2
    assert "left out" not in made.notes[-1]


def test_a_manifest_below_the_folder_names_files_beside_itself(folder: Path) -> None:
    (folder / "cat" / "metadata.csv").write_text("file_name,age\n0.png,3\n")
    found = whole(built(folder))
    assert found.select("path", "age").rows() == [("0.png", 3)]


def test_texts_and_their_manifest(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("good")
    (tmp_path / "b.txt").write_text("bad")
    (tmp_path / "labels.csv").write_text("file,stars\na.txt,5\nb.txt,1\n")
    assert whole(built(tmp_path)).select("text", "stars").rows() == [("good", 5), ("bad", 1)]


def test_a_table_with_notes_beside_stays_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,n\nlong,1\nshort,2\n")
    (tmp_path / "README.md").write_text("about")
    config: Any = as_source(str(tmp_path))
    assert type(config).plugin_name == "csv"


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"classes.csv": "id,name\n1,cat\n"}, "holds 4 .png files and 1 table (classes.csv) that names none of them"),
        (
            {"train.csv": "path\ncat/0.png\n", "test.csv": "path\ndog/0.png\n"},
            "holds 4 .png files and 2 tables (test.csv, train.csv)",
        ),
        ({"m.csv": "path\ncat/0.png\n", "classes.csv": "id\n1\n"}, "2 tables (classes.csv, m.csv)"),
    ],
    ids=["no manifest", "two manifests", "one of two"],
)
def test_where_it_cannot_be_told_every_reading_is_named(folder: Path, tables: dict[str, str], words: str) -> None:
    for name, text in tables.items():
        (folder / name).write_text(text)
    with pytest.raises(SpecError) as error:
        as_source(str(folder))
    said, first = str(error.value), sorted(tables)[-1]
    assert words in said
    for reading in (
        f"{{name: images, path: {folder}}}",
        f"{{name: images, path: {folder}/{first}, file: COLUMN}}",
        f"{{name: csv, path: {folder}}}",
    ):
        assert reading in said
    by_folder: Any = as_source({"name": "images", "path": str(folder)})
    assert whole(by_folder.build())["label"].to_list() == ["cat", "cat", "dog", "dog"]
    rows: Any = as_source({"name": "csv", "path": str(folder / first)})
    assert "image" not in rows.build().schema().names


def test_a_broken_manifest_is_named(folder: Path) -> None:
    (folder / "metadata.jsonl").write_text("{broken\n")
    with pytest.raises(RaylineError, match=r"metadata\.jsonl line 1 is not JSON"):
        built(folder).schema()


def test_a_folder_at_a_url() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/labelled/cat/0.png", image(7))
    memory.pipe("/labelled/metadata.csv", b"file_name,age\ncat/0.png,3\n")
    found = whole(built("memory://labelled/"))
    assert found.select("path", "age", "image").rows() == [("cat/0.png", 3, image(7))]
    memory.rm("/labelled", recursive=True)
