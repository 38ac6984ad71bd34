"""Folders and manifests of images."""

from __future__ import annotations

import io
import json
import logging
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.sources import _media
from rayline.sources._source import Source
from rayline.sources.scan import frame, scan
from rayline.spec.sections import as_source

KINDS = {"jpg": "JPEG", "png": "PNG", "bmp": "BMP", "gif": "GIF", "webp": "WEBP", "tiff": "TIFF"}


def encoded(kind: str = "JPEG", seed: int = 0) -> bytes:
    packed = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(packed, kind)
    return packed.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """`images/{cat,dog}/N.jpg`, three of each."""
    for label in ("dog", "cat"):
        (tmp_path / "images" / label).mkdir(parents=True)
        for n in range(3):
            (tmp_path / "images" / label / f"{n}.jpg").write_bytes(encoded(seed=n))
    return tmp_path / "images"


def source(path: object, **options: Any) -> Source:
    config: Any = catalog.resolve("source", {"name": "images", "path": str(path), **options})
    built: Source = config.build()
    return built


def whole(made: Source) -> pl.DataFrame:
    return pl.concat([frame(made, fragment) for fragment in made.fragments()])


def test_a_folder_a_class_gives_paths_labels_and_bytes(folder: Path) -> None:
    found = whole(source(folder))
    assert found.columns == ["path", "label", "image", ROW]
    assert found["path"].to_list() == [f"{label}/{n}.jpg" for label in ("cat", "dog") for n in range(3)]
    assert found["label"].to_list() == ["cat"] * 3 + ["dog"] * 3
    assert found["image"][4] == encoded(seed=1)
    assert found[ROW].to_list() == list(range(6))


def test_a_folders_path_alone_is_enough(folder: Path) -> None:
    config: Any = as_source(str(folder))
    assert type(config).plugin_name == "images"
    assert whole(config.build()).height == 6


def test_every_kind_of_image_is_found_and_whole(tmp_path: Path) -> None:
    for suffix, kind in KINDS.items():
        (tmp_path / f"a.{suffix.upper()}").write_bytes(encoded(kind))
    (tmp_path / "notes.txt").write_text("no image")
    found = whole(source(tmp_path))
    assert sorted(found["path"]) == sorted(f"a.{suffix.upper()}" for suffix in KINDS)
    assert "label" not in found.columns  # there are no folders


def test_the_first_or_the_nearest_folder_names_the_class(tmp_path: Path) -> None:
    (tmp_path / "cat" / "monday").mkdir(parents=True)
    (tmp_path / "cat" / "monday" / "1.jpg").write_bytes(encoded())
    assert whole(source(tmp_path))["label"].to_list() == ["monday"]
    assert whole(source(tmp_path, label="first"))["label"].to_list() == ["cat"]


def test_a_glob_takes_some(folder: Path) -> None:
    assert whole(source(folder / "*" / "1.jpg"))["path"].to_list() == ["cat/1.jpg", "dog/1.jpg"]


def test_a_csv_manifest_gives_its_columns_and_the_bytes(folder: Path) -> None:
    manifest = folder / "labels.csv"
    manifest.write_text('file,age,boxes\ndog/1.jpg,3,"[[1, 2], [3, 4]]"\ncat/0.jpg,,\n')
    found = whole(source(manifest))
    assert found.columns == ["path", "age", "boxes", "image", ROW]
    assert found.drop("image").rows() == [("dog/1.jpg", 3, "[[1, 2], [3, 4]]", 0), ("cat/0.jpg", None, None, 1)]
    assert found["image"].to_list() == [encoded(seed=1), encoded(seed=0)]


def test_a_manifest_of_json_lines_keeps_boxes_as_text(folder: Path) -> None:
    rows = [
        {"file_name": "cat/2.jpg", "label": "cat", "boxes": [[1, 2, 3, 4]], "sure": 0.5, "n": 1, "ok": True},
        {"file_name": str(folder / "dog" / "0.jpg"), "label": "dog", "boxes": [], "sure": 1, "n": 2, "ok": False},
    ]
    # signs that part lines for Python, and not for JSON lines
    said = {"said": "one\u2028two\x85three"}
    (folder / "m.jsonl").write_text("\n\n".join(json.dumps(row | said, ensure_ascii=False) for row in rows))
    found = whole(source(folder / "m.jsonl"))
    assert found["said"].to_list() == ["one\u2028two\x85three"] * 2
    kinds = {"label": pl.String, "boxes": pl.String, "sure": pl.Float64, "n": pl.Int64, "ok": pl.Boolean}
    assert {name: found.schema[name] for name in kinds} == kinds
    assert found["boxes"].to_list() == ["[[1, 2, 3, 4]]", "[]"]
    assert found["image"].to_list() == [encoded(seed=2), encoded(seed=0)]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("a,b\n1,2\n", {}, "Name the one that holds the paths of the files: data.source.file. Columns: a, b"),
        ("path\nx.jpg\n", {"file": "pth"}, r"no column 'pth'. Did you mean 'path'\?"),
        ("path,image\ncat/0.jpg,x\n", {}, "column 'image' would be there twice"),
        ("path,n\ncat/0.jpg,1\n,2\n", {}, "row 2 has no path"),
        ("path\ns3://bucket/x.jpg\n", {}, "row 1 names a URL of another kind of place"),
    ],
    ids=["no paths", "typo", "taken name", "empty", "elsewhere"],
)
def test_a_wrong_manifest_is_refused(folder: Path, text: str, options: dict[str, Any], words: str) -> None:
    (folder / "m.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        source(folder / "m.csv", **options).schema()


def test_a_broken_line_of_a_manifest_is_named(folder: Path) -> None:
    (folder / "m.jsonl").write_text('{"path": "cat/0.jpg"}\n{"path": secret}\n')
    with pytest.raises(DataError, match=r"m\.jsonl line 2 is not JSON") as error:
        source(folder / "m.jsonl").schema()
    (folder / "m.jsonl").write_text(r'{"path": "cat/0.jpg", "said": "\ud83d"}')
    with pytest.raises(DataError, match=r"m\.jsonl line 1 holds half of a character"):
        source(folder / "m.jsonl").schema()
    assert "secret" not in str(error.value)


def broken() -> dict[str, tuple[bytes, str]]:
    cases = {f"cut {kind}": (encoded(kind)[:-80], "is a broken image") for kind in KINDS.values()}
    cases["cut in the header"] = (encoded()[:200], "is a broken image|no known kind of image")
    cases["text"] = (b"this is no image", "is no known kind of image")
    cases["empty"] = (b"", "is no known kind of image")
    return cases


@pytest.mark.parametrize("case", broken())
def test_a_broken_file_is_refused_by_its_name(folder: Path, case: str) -> None:
    data, words = broken()[case]
    (folder / "cat" / "1.jpg").write_bytes(data)
    made = source(folder)
    with pytest.raises(DataError, match=rf"cat/1\.jpg \(of .*\) ({words}).*data\.source\.on_broken: skip"):
        scan(made, lambda rows, _: rows.height)


@pytest.mark.parametrize("case", broken())
def test_broken_files_can_be_left_out_and_are_counted(
    folder: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "cat" / "1.jpg").write_bytes(broken()[case][0])
    made = source(folder, on_broken="skip")
    with caplog.at_level(logging.WARNING):
        paths = scan(made, lambda rows, _: rows["path"].to_list())
    assert paths == [["cat/0.jpg", "cat/2.jpg", "dog/0.jpg", "dog/1.jpg", "dog/2.jpg"]]
    assert "1 broken file was left out: cat/1.jpg" in caplog.text
    # whichever columns are read, the rows are the same
    assert [made.read(f, ["label"]).num_rows for f in made.fragments()] == [5]


def test_a_jpeg_with_a_preview_inside_is_whole_until_it_is_cut(tmp_path: Path) -> None:
    preview, photo = encoded(seed=1), io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    # a comment segment that holds a whole JPEG, as cameras' previews do
    Image.fromarray(pixels).save(photo, "JPEG", comment=preview)
    data = photo.getvalue()
    (tmp_path / "a.jpg").write_bytes(data)
    assert whole(source(tmp_path))["image"].to_list() == [data]
    (tmp_path / "a.jpg").write_bytes(data[:-500])
    with pytest.raises(DataError, match="is a broken image"):
        whole(source(tmp_path))


def test_without_a_check_bytes_are_taken_as_they_are(folder: Path) -> None:
    (folder / "cat" / "1.jpg").write_bytes(b"anything")
    assert whole(source(folder, check=False))["image"][1] == b"anything"


def test_a_file_that_the_manifest_alone_knows(folder: Path) -> None:
    (folder / "m.csv").write_text("path\ncat/0.jpg\ncat/9.jpg\n")
    with pytest.raises(DataError, match=r"cat/9\.jpg \(of .*m\.csv\) is not there"):
        whole(source(folder / "m.csv"))
    assert whole(source(folder / "m.csv", on_broken="skip"))["path"].to_list() == ["cat/0.jpg"]


def test_an_empty_folder_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it is empty"):
        source(tmp_path).fragments()
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match=r"has no \.jpg or .* file: it holds \.csv"):
        source(tmp_path).fragments()


def test_fragments_are_bounded_in_files_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded("PNG")
    for n in range(25):
        (tmp_path / f"{n:02d}.png").write_bytes(data)
    monkeypatch.setattr(_media, "FRAGMENT_FILES", 10)
    assert [f.first_row for f in source(tmp_path).fragments()] == [0, 10, 20]
    monkeypatch.setattr(_media, "FRAGMENT_BYTES", 4 * len(data))
    made = source(tmp_path)
    assert [f.first_row for f in made.fragments()] == [0, 4, 8, 12, 16, 20, 24]
    assert whole(made)[ROW].to_list() == list(range(25))


def test_only_asked_for_files_are_opened(folder: Path) -> None:
    made = source(folder)
    made.schema()
    (folder / "dog" / "2.jpg").unlink()
    [fragment] = made.fragments()
    assert made.read(fragment, ["label"]).num_rows == 6
    with pytest.raises(DataError, match=r"dog/2\.jpg .* is not there"):
        made.read(fragment, ["image"])


def test_a_task_gets_a_source_without_its_list_of_files(folder: Path, tmp_path: Path) -> None:
    made = source(folder)
    made.schema()
    packed = pickle.dumps(made)
    assert b"1.jpg" not in packed
    (tmp_path / "task").write_bytes(pickle.dumps((made, made.fragments()[0])))
    code = (
        f"import pickle; source, fragment = pickle.load(open({str(tmp_path / 'task')!r}, 'rb'));"
        "print(source.read(fragment).num_rows, source.fragments() == [fragment])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["6", "True"]


def test_images_at_a_url_are_read_side_by_side() -> None:

    memory = fsspec.filesystem("memory")
    for n in range(40):
        memory.pipe(f"/pictures/{'cat' if n % 2 else 'dog'}/{n:02d}.png", encoded("PNG", n))
    memory.pipe("/pictures/m.csv", b"path,n\ncat/01.png,1\n")
    found = whole(source("memory://pictures"))
    assert found.height == 40
    assert found["image"].to_list() == [encoded("PNG", int(path[4:6])) for path in found["path"]]
    assert whole(source("memory://pictures/m.csv"))["image"].to_list() == [encoded("PNG", 1)]
    memory.rm("/pictures", recursive=True)


def test_the_schema_is_of_the_eight_types(folder: Path) -> None:
    assert source(folder).schema().types == [pa.string(), pa.string(), pa.binary()]


def test_unknown_options_are_refused() -> None:
    with pytest.raises(SpecError, match="on_broken"):
        source("x", on_broken="ignore")
