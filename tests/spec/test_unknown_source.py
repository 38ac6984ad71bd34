"""A source of no known kind: what is said of the place that was named."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayline.core.errors import SpecError
from rayline.spec.sections import as_source


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "signs" / "a").mkdir(parents=True)
    (tmp_path / "signs" / "a" / "one.xyz").write_text("1")
    (tmp_path / "signs" / ".hidden.csv").write_text("a\n1\n")
    (tmp_path / "bare").mkdir()
    (tmp_path / "notes.xyz").write_text("1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sign", ["no such file or folder in the current folder, ", "Did you mean 'signs'?"]),
        ("qqq", ["no such file or folder", "It holds bare, notes.xyz, signs."]),
        ("signs/b1", ["no such file or folder in 'signs' of the current folder", "It holds a."]),
        ("nowhere/b", ["there is no folder 'nowhere' in the current folder"]),
        ("/nowhere/b", ["there is no folder '/nowhere'."]),
        ("bare", ["the folder is empty"]),
        ("signs", ["the folder holds .xyz, and no files of a known kind"]),
        ("notes.xyz", ["the end of its name does not say it"]),
        ("*.xyz", ["the pattern does not end like"]),
        ("sklern:iris", ["no sets of 'sklern'", "Did you mean 'sklearn'?"]),
        ("s3://bucket/folder", ["If it is a folder, end it with a slash: 's3://bucket/folder/'"]),
        ("s3://K:SECRET@bucket/folder?region=eu", ["with a slash: 's3://***@bucket/folder/?region=eu'"]),
        ("", ["nothing is given"]),
        (" ", ["nothing is given"]),
    ],
)
def test_what_is_there_instead_is_said(folder: Path, text: str, words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        as_source(text)
    said = str(caught.value)
    assert len(said) < 600 + len(str(folder))
    assert "SECRET" not in said
    for word in [*words, "{name: KIND, …}", ".parquet", "sklearn:iris"]:
        assert word in said, said


def test_a_folder_of_one_kind_needs_no_more_than_its_name(folder: Path) -> None:
    (folder / "bare" / "a.jsonl").write_text('{"a": 1}\n')
    assert type(as_source("bare")).plugin_name == "jsonl"
    (folder / "signs" / "a" / "one.png").write_bytes(b"")
    assert type(as_source("signs")).plugin_name == "images"


def test_a_spec_is_no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.yaml").write_text("name: demo\ndata: {source: adult.csv, target: y}\n")
    with pytest.raises(SpecError) as caught:
        as_source("my.yaml")
    assert str(caught.value) == (
        "'my.yaml' is a spec, and holds no rows. Give the data that it names, 'adult.csv'; what becomes of it by the "
        "spec is told by: rayline prepare my.yaml --explain"
    )
    for text in ("a: 1", "[1", "data: 3"):
        Path("other.yaml").write_text(text)
        with pytest.raises(SpecError, match="cannot tell what kind of source 'other.yaml' is"):
            as_source("other.yaml")
