"""The JSON Schema of a record takes what the validator takes, and refuses the forms, ranges and types it refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import jsonschema
import pytest

from rayline.core.columns import Condition, FeatureType, InputColumn, Signature, Task
from rayline.core.errors import SignatureError
from rayline.registry.validate import Validator
from rayline.serve.openapi import record_schema
from rayline.serve.table import Served

NUMBER, CATEGORY = FeatureType.NUMBER, FeatureType.CATEGORY
SIGNATURE = Signature(
    inputs=(
        InputColumn(name="age", type=NUMBER, minimum=0, maximum=120, value_type="integer"),
        InputColumn(name="code", type=CATEGORY, pattern=r"[A-Z]\d+", value_type="text", nullable=False),
        InputColumn(name="flag", type=CATEGORY, value_type="boolean"),
        InputColumn(name="day", type=CATEGORY, value_type="date"),
        InputColumn(name="steps", type=FeatureType.SEQUENCE),
        InputColumn(name="photo", type=FeatureType.IMAGE),
    ),
    target="y",
    task=Task.REGRESSION,
    conditions=(Condition(text="age > 17 or code != 'A1'", kinds={"age": "number", "code": "text"}),),
)
GOOD: dict[str, Any] = {"age": 30, "code": "A1", "flag": True, "day": "2024-01-31", "steps": [1, None], "photo": "aGk="}
SCHEMA = record_schema(cast(Served, SimpleNamespace(signature=SIGNATURE, example={n: [v] for n, v in GOOD.items()})))


def test_the_schema_says_what_is_declared() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["description"] == "Of every record holds: age > 17 or code != 'A1'"
    assert SCHEMA["properties"]["age"] == {"type": ["integer", "null"], "minimum": 0, "maximum": 120}
    assert SCHEMA["properties"]["code"] == {"type": ["string"], "pattern": r"^(?:[A-Z]\d+)$"}
    assert SCHEMA["properties"]["photo"] == {"type": ["string", "null"], "contentEncoding": "base64"}


@pytest.mark.parametrize(
    ("column", "value", "right"),
    [
        ("age", None, True), ("age", 3.0, True), ("age", 2.5, False), ("age", 121, False), ("age", "3", False),
        ("code", "B2", True), ("code", "b2", False), ("code", None, False), ("code", 5, False),
        ("flag", "true", True), ("flag", 1, False), ("day", None, True), ("day", 20240131, False),
        ("steps", [], True), ("steps", ["1"], False), ("steps", "1", False), ("photo", None, True), ("photo", 1, False),
    ],
)  # fmt: skip
def test_schema_and_validator_agree(column: str, value: Any, right: bool) -> None:
    record = {**GOOD, column: value} | ({"age": 40} if column == "code" else {})
    if column == "age" and value == 3.0:
        record["code"] = "B1"
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(record) is right
    validator = Validator(SIGNATURE)
    if right:
        assert validator.check({name: [given] for name, given in record.items()}) == 1
    else:
        with pytest.raises(SignatureError, match=f"'{column}', row 1"):
            validator.check({name: [given] for name, given in record.items()})
