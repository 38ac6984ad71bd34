"""A key that is pasted as hints name it is answered by how a file nests it."""

from __future__ import annotations

from typing import Any

import pytest

from rayline.core.errors import SpecError
from rayline.spec import load
from rayline.spec.yaml_text import read_yaml

BASE = {"name": "s", "data": {"source": "sklearn:iris", "target": "species"}}
DOTTED: list[tuple[str, Any, str]] = [
    ("prepare.columns.customer.encode", "target", "prepare: {columns: {customer: {encode: 'target'}}}"),
    ('data.features."zip code"', "category", "data: {features: {\"zip code\": 'category'}}"),
    ('data.features."a.b"', "drop", "data: {features: {\"a.b\": 'drop'}}"),
    ("train.epochs", 3, "train: {epochs: 3}"),
]


@pytest.mark.parametrize(("key", "value", "nested"), DOTTED)
def test_the_message_nests_it_as_a_file_does(key: str, value: Any, nested: str) -> None:
    with pytest.raises(SpecError, match="unknown key") as refused:
        load({**BASE, key: value})
    said = str(refused.value)
    assert said.endswith(f"In a file its parts stand one below the other: {nested}.")
    assert "Allowed" not in said
    pasted = read_yaml(nested, "hint")  # what is told is a spec's own spelling
    loaded = load({**BASE, **pasted, "data": {**BASE["data"], **pasted.get("data", {})}})
    assert loaded.name == "s"


def test_below_a_section_too() -> None:
    with pytest.raises(SpecError, match=r"prepare\.numbers\.scale: unknown key .* below the other: numbers: \{scale: "):
        load({**BASE, "prepare": {"numbers.scale": "power"}})


@pytest.mark.parametrize("key", ["colour.x", "a.", ".data", "data..x", "nowhere"])
def test_any_other_unknown_key_is_answered_by_those_allowed(key: str) -> None:
    with pytest.raises(SpecError, match="unknown key .*Allowed: data, evaluate"):
        load({**BASE, key: 1})
