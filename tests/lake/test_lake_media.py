"""Files tables: content by digest, labels from folders or manifests, whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from lake_parts import Children

from rayline.core.errors import DataError, InputError
from rayline.lake import media
from rayline.lake.columns import parse
from rayline.lake.compact import compact
from rayline.lake.expire import expire
from rayline.lake.lake import Lake
from rayline.lake.log import GUARD_S
from rayline.lake.place import Place
from rayline.lake.table import Table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two labels, one file under both, and notes of other programs."""
    made = tmp_path / "pictures"
    for name, data in {
        "cat/1.png": b"one",
        "cat/2.PNG": b"two",
        "dog/1.png": b"three",
        "dog/same.png": b"one",
        "dog/.DS_Store": b"x",
        "README.rst": b"about",
        "alone.jpg": b"four",
    }.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(data)
    return made


def rows(table: Table, names: list[str]) -> list[tuple[object, ...]]:
    state = table.latest()
    found = [media.read(table, state, piece, names) for piece in table.pieces(state)]
    return [tuple(row.values()) for part in found for row in part.to_pylist()]


def filled(uri: str, folder: Path, **more: object) -> Table:
    table = Lake(uri).create("pictures", kind="files", **more)  # type: ignore[arg-type]
    media.append_files(table, media.found_below(str(folder), "label"), batch="1")
    return table


def test_files_come_back_with_their_labels(uri: str, folder: Path) -> None:
    table = filled(uri, folder)
    assert rows(table, ["path", "label", "image", "size"]) == [
        ("alone.jpg", None, b"four", 4),
        ("cat/1.png", "cat", b"one", 3),
        ("cat/2.PNG", "cat", b"two", 3),
        ("dog/1.png", "dog", b"three", 5),
        ("dog/same.png", "dog", b"one", 3),
    ]
    assert len(Place(uri).tree("raw/pictures/objects")) == 4
    assert media.content_bytes(table, table.latest()) == 15


def test_content_that_is_there_is_not_copied_again(uri: str, folder: Path) -> None:
    table = filled(uri, folder)
    assert media.append_files(table, media.found_below(str(folder), "label"), batch="1").repeated
    (folder / "cat" / "3.png").write_bytes(b"five")
    media.append_files(Lake(uri).open("pictures"), media.found_below(str(folder), "label"), batch="2")
    assert len(rows(table, ["path"])) == 11
    assert len(Place(uri).tree("raw/pictures/objects")) == 5
    before = rows(table, ["path", "image"])
    compact(table)
    assert rows(table, ["path", "image"]) == before


def test_a_manifest_names_files_and_gives_labels(tmp_path: Path, folder: Path) -> None:
    table = Lake(str(tmp_path / "lake")).create("pictures", kind="files", columns=parse("age:int64, sure:bool"))
    given = pa.table({"path": ["cat/1.png", "alone.jpg"], "age": [3, None], "sure": [True, False]})
    media.append_files(table, media.Incoming(str(folder), given))
    assert rows(table, ["path", "age", "sure", "image"]) == [
        ("cat/1.png", 3, True, b"one"),
        ("alone.jpg", None, False, b"four"),
    ]


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["cat/9.png"], "there is no file 'cat/9.png'"),
        (["../secret.png"], "row 1: path '../secret.png' does not lie below"),
        (["/etc/passwd.png"], "does not lie below"),
        (["cat/1.png", None], "row 2: path None"),
        (["cat/1.png", "README.rst"], "row 2: 'README.rst' is of no known kind"),
        (["cat/1.png", "a.wav"], "row 2: 'a.wav' is audio, and 'cat/1.png' image"),
        ([], "names no file"),
    ],
)
def test_manifests_that_cannot_be(tmp_path: Path, folder: Path, paths: list[str], words: str) -> None:
    table = Lake(str(tmp_path / "lake")).create("pictures", kind="files")
    with pytest.raises(DataError, match=words):
        media.append_files(table, media.Incoming(str(folder), pa.table({"path": pa.array(paths, pa.string())})))
    assert table.latest().number == 0


def test_folders_and_tables_that_cannot_be(tmp_path: Path, folder: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    with pytest.raises(DataError, match="has no image, audio, text or video file: it is empty"):
        media.found_below(str(tmp_path / "nothing"), None)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.xyz").write_text("")
    with pytest.raises(DataError, match="it holds .xyz"):
        media.found_below(str(tmp_path / "other"), None)
    plain = lake.create("rows", columns=parse("a:int64"))
    with pytest.raises(InputError, match="is a table of rows"):
        media.append_files(plain, media.found_below(str(folder), "label"))
    table = filled(str(tmp_path / "lake"), folder)
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    (sounds / "a.wav").write_bytes(b"x")
    with pytest.raises(DataError, match="'a.wav' is audio, and the table pictures image"):
        media.append_files(table, media.found_below(str(sounds), "label"))
    with pytest.raises(DataError, match="a label column 'image'"):
        media.append_files(table, media.found_below(str(folder), "image"))


def test_kinds_that_two_bring_at_once(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(str(tmp_path / "lake"))
    table = lake.create("pictures", kind="files")
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    (sounds / "a.wav").write_bytes(b"x")
    keep = media._Store.keep

    def later(store: media._Store, paths: list[str]) -> pa.Table:
        monkeypatch.setattr(media._Store, "keep", keep)
        media.append_files(lake.open("pictures"), media.found_below(str(sounds), None))
        return keep(store, paths)

    monkeypatch.setattr(media._Store, "keep", later)
    with pytest.raises(DataError, match="are image, and another batch has brought audio"):
        media.append_files(table, media.found_below(str(folder), "label"))
    assert rows(table, ["path", "audio"]) == [("a.wav", b"x")]


def test_content_that_was_altered_or_lost_is_told(tmp_path: Path, folder: Path) -> None:
    table = filled(str(tmp_path / "lake"), folder)
    first = next(iter((tmp_path / "lake").rglob("*.jpg")))
    first.write_bytes(b"4our")
    with pytest.raises(DataError, match="'alone.jpg' was altered"):
        rows(table, ["image"])
    first.unlink()
    with pytest.raises(DataError, match="'alone.jpg' is gone"):
        rows(table, ["image"])


def test_text_is_read_as_text(tmp_path: Path) -> None:
    made = tmp_path / "texts"
    made.mkdir()
    (made / "a.txt").write_bytes("\ufeffGrüße".encode())
    table = Lake(str(tmp_path / "lake")).create("texts", kind="files")
    media.append_files(table, media.found_below(str(made), None))
    assert rows(table, ["text"]) == [("Grüße",)]
    (made / "b.txt").write_bytes(b"ab\xff")
    media.append_files(table, media.found_below(str(made), None))
    with pytest.raises(DataError, match="'b.txt' is not UTF-8 text: byte 2"):
        rows(table, ["text"])


def test_files_are_put_back_under_their_paths(tmp_path: Path, folder: Path) -> None:
    table = filled(str(tmp_path / "lake"), folder)
    assert media.put_back(table, table.latest(), str(tmp_path / "out")) == 5
    assert (tmp_path / "out" / "dog" / "same.png").read_bytes() == b"one"
    (folder / "alone.jpg").write_bytes(b"changed")
    media.append_files(table, media.found_below(str(folder), "label"))
    with pytest.raises(DataError, match=r"'alone.jpg' was appended twice with other content"):
        media.put_back(table, table.latest(), str(tmp_path / "out"))
    assert media.put_back(table, table.at(1), str(tmp_path / "again")) == 5


def test_row_groups_hold_content_of_their_size(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.lake.parquet.GROUP_BYTES", 7)
    table = filled(str(tmp_path / "lake"), folder)
    state = table.latest()
    assert [piece.rows for piece in table.pieces(state)] == [1, 2, 1, 1]
    assert len(rows(table, ["image"])) == 5


def killed(children: Children, uri: str) -> Iterator[Table]:
    """The table after appends of files that were killed ever later, until one was not."""
    for line in range(1, 20_000, 89):
        if not children.killed_at_line(line, "append files", uri):
            return
        yield Lake(uri).open("pictures")


def test_an_append_of_files_killed_at_each_line(tmp_path: Path, folder: Path, children: Children) -> None:
    uri = str(tmp_path / "lake")
    os.rename(folder, uri + ".files")
    Lake(uri).create("pictures", kind="files")
    counts = [len(rows(table, ["image"])) for table in killed(children, uri)]
    assert set(counts) <= {0, 5}
    assert len(counts) > 3
    table = Lake(uri).open("pictures")
    assert len(rows(table, ["image"])) == 5
    kept = {row[0] for row in rows(table, ["object"])}
    for path in (tmp_path / "lake" / "raw" / "pictures").rglob("*"):
        os.utime(path, (time.time() - GUARD_S - 60,) * 2)
    expire(table, 9)
    assert set(Place(uri).tree("raw/pictures/objects")) == {f"raw/pictures/{name}" for name in kept}
    assert len(rows(table, ["image"])) == 5


def held(folder: Path) -> list[str]:
    """Files of data and content, whoever names them."""
    return [path.name for kind in ("data", "objects") for path in (folder / "raw/pictures" / kind).rglob("*.*")]


def test_an_append_that_fails_keeps_no_content(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a disk that had filled, what was copied stayed for a day and an expiry."""
    monkeypatch.setattr(media, "CHUNK_ROWS", 1)
    table = Lake(str(tmp_path / "lake")).create("pictures", kind="files")
    rows = pa.table({"path": ["cat/1.png", "dog/1.png", "cat/gone.png"]})
    with pytest.raises(DataError, match="there is no file 'cat/gone.png'"):
        media.append_files(table, media.Incoming(str(folder), rows))
    assert held(tmp_path / "lake") == []


def test_of_two_appends_of_one_batch_the_second_keeps_no_content(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = str(tmp_path / "lake")
    table = Lake(uri).create("pictures", kind="files")
    incoming = media.found_below(str(folder), "label")
    commit = table.log.commit

    def second(plan: object) -> object:
        monkeypatch.setattr(table.log, "commit", commit)
        media.append_files(Lake(uri).open("pictures"), incoming, batch="1")
        return commit(plan)  # type: ignore[arg-type]

    monkeypatch.setattr(table.log, "commit", second)
    assert media.append_files(table, incoming, batch="1").repeated
    assert len(held(tmp_path / "lake")) == 1 + 4  # rows, and each content once
    assert len(rows(table, ["path", "image"])) == 5
