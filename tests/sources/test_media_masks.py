"""Masks and boxes beside images: files and values that a manifest names."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rayline.core import catalog
from rayline.core.errors import DataError
from rayline.sources._source import Source
from rayline.sources.scan import frame, scan


def encoded(pixels: Any, mode: str | None = None) -> bytes:
    packed = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    (image.convert(mode) if mode else image).save(packed, "PNG")
    return packed.getvalue()


BOXES = [{"x": 1, "y": 2, "width": 3, "height": 4, "label": "dog"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, of which two have a mask: `m.jsonl` names them."""
    (tmp_path / "masks").mkdir()
    rows: list[dict[str, Any]] = []
    for n in range(3):
        (tmp_path / f"{n}.png").write_bytes(encoded(np.full((8, 8, 3), n)))
        rows.append({"file_name": f"{n}.png", "boxes": BOXES[: n % 2], "mask": None})
        if n != 1:
            (tmp_path / "masks" / f"{n}.png").write_bytes(encoded(np.full((8, 8), 10 + n)))
            rows[-1]["mask"] = f"masks/{n}.png"
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def source(path: object, **options: Any) -> Source:
    config: Any = catalog.resolve("source", {"name": "images", "path": str(path), **options})
    built: Source = config.build()
    return built


def whole(made: Source) -> pl.DataFrame:
    return pl.concat(scan(made, lambda rows, _: rows))


def test_masks_come_as_bytes_in_their_column(folder: Path) -> None:
    made = source(folder / "m.jsonl", masks=["mask"])
    assert [(field.name, field.type) for field in made.schema()] == [
        ("path", pa.string()),
        ("boxes", pa.string()),
        ("mask", pa.binary()),
        ("image", pa.binary()),
    ]
    found = whole(made)
    assert found["mask"].to_list() == [encoded(np.full((8, 8), 10)), None, encoded(np.full((8, 8), 12))]
    assert found["image"][1] == encoded(np.full((8, 8, 3), 1))
    assert [json.loads(text) for text in found["boxes"]] == [[], BOXES, []]
    assert made.notes == {}


def test_only_asked_for_masks_are_opened(folder: Path) -> None:
    made = source(folder / "m.jsonl", masks=["mask"])
    made.schema()
    (folder / "masks" / "0.png").unlink()
    [fragment] = made.fragments()
    assert frame(made, fragment, ["image", "boxes"]).height == 3
    assert frame(made, fragment, ["path"]).height == 3
    (folder / "masks" / "0.png").write_bytes(encoded(np.full((8, 8), 10)))
    (folder / "1.png").unlink()
    assert frame(made, fragment, ["mask"])["mask"].is_null().to_list() == [False, True, False]


def test_without_the_option_a_mask_is_its_path(folder: Path) -> None:
    made = source(folder / "m.jsonl")
    assert whole(made)["mask"].to_list() == ["masks/0.png", None, "masks/2.png"]
    assert made.notes[-1].endswith(
        "'mask' names files too, and is read as their paths. For what they hold: data.source.masks: [mask]."
    )


@pytest.mark.parametrize("data", [b"no image", None], ids=["broken", "gone"])
def test_a_broken_mask_is_refused_or_its_row_left_out(folder: Path, data: bytes | None) -> None:
    (folder / "masks" / "0.png").unlink()
    if data is not None:
        (folder / "masks" / "0.png").write_bytes(data)
    with pytest.raises(DataError, match=r"masks/0\.png \(of .*m\.jsonl\) is (not there|no known kind of image)"):
        whole(source(folder / "m.jsonl", masks=["mask"]))
    made = source(folder / "m.jsonl", masks=["mask"], on_broken="skip")
    assert whole(made)["path"].to_list() == ["1.png", "2.png"]
    assert frame(made, made.fragments()[0], ["path"]).height == 2
    assert made.notes[0].endswith("1 broken file was left out: masks/0.png.")


@pytest.mark.parametrize(
    ("path", "masks", "words"),
    [
        ("m.jsonl", ["mas"], r"no column 'mas'. Did you mean 'mask'\?"),
        ("numbers.csv", ["n"], "column 'n' of .*numbers.csv holds no paths of files"),
        ("", ["mask"], "is no manifest. Masks are files that a column of a manifest names"),
    ],
    ids=["typo", "numbers", "folder"],
)
def test_masks_that_cannot_be(folder: Path, path: str, masks: list[str], words: str) -> None:
    (folder / "numbers.csv").write_text("path,n\n0.png,1\n")
    with pytest.raises(DataError, match=words):
        source(folder / path, masks=masks).schema()


def test_nested_columns_of_a_parquet_manifest_are_json_text(folder: Path) -> None:
    rows = {"n": [5, 6], "boxes": [BOXES, []], "file_name": ["0.png", "1.png"], "size": [[8.0, 8.0], [8.0, 9.0]]}
    pq.write_table(pa.table(rows), folder / "m.parquet")
    made = source(folder / "m.parquet")
    assert made.schema().names == ["path", "n", "boxes", "size", "image"]
    found = whole(made)
    assert [json.loads(text) for text in found["boxes"]] == [BOXES, []]
    assert (found["n"].to_list(), found["size"].to_list()) == ([5, 6], [[8.0, 8.0], [8.0, 9.0]])
