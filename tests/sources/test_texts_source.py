"""Folders and manifests of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.datasets import load_files

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.sources._source import Source
from rayline.sources.scan import frame
from rayline.spec.sections import as_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label in ("ham", "spam"):
        (tmp_path / "mails" / label).mkdir(parents=True)
        for n in range(3):
            (tmp_path / "mails" / label / f"{n}.txt").write_text(f"{label} {n}: Grüße,\r\n\n“ok”", encoding="utf8")
    return tmp_path / "mails"


def source(path: object, **options: Any) -> Source:
    config: Any = catalog.resolve("source", {"name": "texts", "path": str(path), **options})
    built: Source = config.build()
    return built


def whole(made: Source) -> pl.DataFrame:
    return pl.concat([frame(made, fragment) for fragment in made.fragments()])


def test_a_folder_a_class_is_read_as_scikit_learn_reads_it(folder: Path) -> None:
    config: Any = as_source(str(folder))
    assert type(config).plugin_name == "texts"
    found = whole(config.build())
    assert found.columns == ["path", "label", "text", ROW]
    assert found.schema["text"] == pl.String
    bunch = load_files(str(folder), encoding="utf8", shuffle=False)
    expected = sorted((bunch.target_names[t], text) for t, text in zip(bunch.target, bunch.data, strict=True))
    assert sorted(found.select("label", "text").rows()) == expected


def test_a_manifest_gives_its_labels(folder: Path) -> None:
    (folder / "m.jsonl").write_text('{"path": "spam/2.txt", "stars": 4}')
    assert whole(source(folder / "m.jsonl")).rows() == [("spam/2.txt", 4, "spam 2: Grüße,\r\n\n“ok”", 0)]


def test_encodings_are_declared_and_a_byte_order_mark_vanishes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Grüße".encode("cp1252"))
    assert whole(source(tmp_path, encoding="cp1252"))["text"].to_list() == ["Grüße"]
    (tmp_path / "a.txt").write_bytes("Grüße".encode("utf-8-sig"))
    assert whole(source(tmp_path))["text"].to_list() == ["Grüße"]


def test_text_in_another_encoding_is_refused_with_file_and_line(folder: Path) -> None:
    (folder / "ham" / "1.txt").write_bytes("fine\nfine\nGrüße".encode("latin-1"))
    with pytest.raises(DataError, match=r"ham/1\.txt .* is not utf8 text in line 3 .*encoding: latin-1") as error:
        whole(source(folder))
    assert "Gr" not in str(error.value)
    skipped = source(folder, on_broken="skip")
    assert whole(skipped).height == 5
    assert "ham/1.txt" in skipped.notes[0]


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(SpecError, match="not a character encoding Python knows"):
        source("x", encoding="utf9")


def test_an_empty_file_is_an_empty_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    assert whole(source(tmp_path))["text"].to_list() == [""]
