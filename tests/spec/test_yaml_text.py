"""YAML as specs are written in it: read as version 1.2, each fault told with its line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from rayline.core.errors import SpecError
from rayline.spec import load
from rayline.spec.document import assign
from rayline.spec.yaml_text import read_yaml, write_yaml

HEAD = "name: demo\ndata:\n  source: sklearn:iris\n  target: target\n"


def refused(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "spec.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SpecError) as caught:
        load(path)
    said = str(caught.value).replace(str(path), "spec.yaml")
    assert "\n" not in said
    assert said.count("spec.yaml") == 1
    assert len(said) < 400
    return said


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("07", "07"),
        ("{path: s3://x/y, at: 12:30, none: }", {"path": "s3://x/y", "at": "12:30", "none": None}),
        ("{'a:b', c:d: 1}", {"a:b": None, "c:d": 1}),
        ("010", "010"),
        ("0o17", 15),
        ("12:30", "12:30"),
        ("yes", "yes"),
        ("Off", "Off"),
        ("TRUE", True),
        ("1e-4", 1e-4),
        ("-2E3", -2000.0),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-1.", -1.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("2024-01-31", dt.date(2024, 1, 31)),
        ("2024-02-31", "2024-02-31"),
        ("=", "="),
        ("~", None),
        ("", None),
    ],
)
def test_a_value_is_what_yaml_1_2_makes_of_it(text: str, value: Any) -> None:
    assert read_yaml(f"a: {text}", "x") == {"a": value}


def test_a_byte_order_mark_and_windows_line_ends_are_read_over() -> None:
    assert read_yaml("\ufeffa: 1\r\nb: é\r\n".encode(), "x") == {"a": 1, "b": "é"}


def test_what_is_written_is_read_alike_by_both_versions() -> None:
    texts = ["1e5", "yes", "07", "0o17", "12:30", "+.5", "2024-01-31", "1_000", "~", "=", "true", "1.", ".inf", "a: b"]
    value = {"texts": texts, **dict.fromkeys(texts, 1), "numbers": [1e-5, 1e20, 3.0, float("inf"), 7, None, True]}
    assert read_yaml(write_yaml(value), "x") == value
    assert yaml.safe_load(write_yaml(value)) == value


def test_classes_are_known_by_the_text_that_is_written(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD + "  positive: yes\n  expect: {zip: {allowed: [07, 010, yes, 12:30]}, on: {unique: yes}}\n")
    data = load(path).data
    assert data.positive == "yes"
    assert data.expect["zip"].allowed == ("07", "010", "yes", "12:30")
    assert data.expect["on"].unique is True


def test_a_mapping_may_be_merged_and_changed(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        HEAD + "  expect:\n    a: &a {min: 0, max: 1}\n    b: &b {<<: *a, max: 2}\n    c: {<<: *b, min: 1}\n    d: *b\n"
    )
    found = {name: (said.min, said.max) for name, said in load(path).data.expect.items()}
    assert found == {"a": (0, 1), "b": (0, 2), "c": (1, 2), "d": (0, 2)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "train: {epochs: 1}\ntrain: {epochs: 2}\n", ["line 6", "'train' is there already, in line 5"]),
        (HEAD + "  target: other\n", ["line 5", "'target' is there already, in line 4"]),
        (HEAD + "train: {epochs: 1, epochs: 2}\n", ["line 5, column 20", "'epochs' is there already"]),
        (HEAD + "train:\n\tepochs: 1\n", ["line 6, column 1", "a tab; indent with spaces"]),
        (HEAD + "train: {epochs: 1\n", ["line 6", "bracket or brace"]),
        (HEAD + "train: epochs: 1\n", ["line 5", "text with a colon"]),
        (HEAD + "train:\n    epochs: 1\n  seed: 2\n", ["line 7", "begin in the column"]),
        (HEAD + "prepare: {derive: {a: 'x}}\n", ["line 6", "quote not closed"]),
        (HEAD + "train: {epochs:1, seed: 2}\n", ["line 5, column 9", "'epochs:1' is one word here; put a space after"]),
        (HEAD + "storage: @here\n", ["line 5", "in quotes"]),
        (HEAD + "storage: !there x\n", ["line 5", "'!there' means nothing here"]),
        (HEAD + "storage: !!python/object:os.system x\n", ["line 5", "means nothing here"]),
        (HEAD + "train: &a {optimizer: *a}\n", ["line 5", "'a' stands for would hold itself"]),
        (HEAD + "train: *nothing\n", ["line 5", "undefined alias 'nothing'"]),
        (HEAD + "? [a, b]\n: 3\n", ["line 5", "a key is a text"]),
        (HEAD + "---\nname: two\n", ["line 5", "second document"]),
        (HEAD + "storage: " + "[" * 2000, ["nested too deeply"]),
        (HEAD + "storage: \x01\n", ["none that YAML may hold"]),
        (HEAD.encode() + b"storage: caf\xe9\n", ["not UTF-8", "line 5"]),
        (HEAD.encode("utf-16"), ["not UTF-8", "line 1"]),
        ("", ["is empty", "rayline init"]),
        ("# nothing\n", ["is empty"]),
        ("- name: demo\n", ["holds a list", "mapping"]),
        ("demo\n", ["no more than 'demo'", "mapping"]),
    ],
)
def test_what_is_no_spec_is_refused_with_its_line(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    said = refused(tmp_path, text)
    assert said.startswith("spec.yaml")
    for word in words:
        assert word in said, said


def test_a_file_that_is_not_there_is_looked_for_nearby(tmp_path: Path) -> None:
    (tmp_path / "adult.yaml").write_text(HEAD)
    with pytest.raises(SpecError, match=r"no spec file .*adlt.yaml'. Did you mean 'adult.yaml'\? Write one with"):
        load(tmp_path / "adlt.yaml")
    with pytest.raises(SpecError, match="is a folder, and a spec is a file: it holds adult.yaml"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("train.epochs", "write KEY.KEY=VALUE"),
        ("=1", "write KEY.KEY=VALUE"),
        ("train..epochs=1", "'train..epochs' is no key"),
        (".train=1", "'.train' is no key"),
        ("train.=1", "'train.' is no key"),
        ("train.epochs.x=1", "train.epochs: give a whole number of at least 1, not {x: …}"),
        ("train.optimizer.lr.x=1", "train.optimizer.lr: give a number greater than 0, not {x: …}"),
        ("train.epochs=[1", "--set train.epochs, line 1, column 3"),
        ("train.epochs={1", "Given: '{1'."),
        ("train=", ""),
        ("trian.epochs=1", "Did you mean 'train'?"),
        ("train.epochs=3 # more", ""),
        ("train.epochs=3: 4", "train.epochs: give a whole number of at least 1, not {3: …}"),
    ],
)
def test_an_override_that_is_wrong(item: str, words: str) -> None:
    document = {"name": "demo", "data": {"source": "sklearn:iris", "target": "target"}}
    if not words:
        load(document, [item])
        return
    with pytest.raises(SpecError) as caught:
        load(document, [item])
    assert words in str(caught.value)


def test_an_override_leads_through_names_with_dots() -> None:
    document: dict[str, Any] = {}
    assign(document, 'data.features."net.income"', "number")
    assign(document, 'data.features."a \\"b\\""', "drop")
    assert document == {"data": {"features": {"net.income": "number", 'a "b"': "drop"}}}
    with pytest.raises(SpecError, match=r"'a' holds \[1\], which has no keys. Set 'a' as a whole."):
        assign({"a": [1]}, "a.b", 1)


def test_a_text_that_looks_like_yaml_gone_wrong_is_a_text() -> None:
    document = {"name": "demo", "data": {"source": "sklearn:iris", "target": "target"}}
    spec = load(document, ["data.source=*.csv", "evaluate.gates.accuracy=>= 0.9", "data.positive=yes"])
    assert spec.data.source.path == "*.csv"  # type: ignore[attr-defined]
    assert spec.evaluate.gates == {"accuracy": ">= 0.9"}
    assert spec.data.positive == "yes"
