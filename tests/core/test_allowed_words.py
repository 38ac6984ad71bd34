"""Types in words, places of wrong values in unions, and values as messages repeat them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from rayline.core.allowed import allowed_words
from rayline.core.declared import Declared
from rayline.core.refused import explain_validation
from rayline.core.shown import shown


class Inner(Declared):
    size: int = Field(default=1, ge=1)
    names: tuple[str, ...] = ()


class Left(BaseModel):
    kind: Literal["left"]
    far: int = 0


class Right(BaseModel):
    kind: Literal["right"]


class Outer(Declared):
    count: int = Field(default=0, ge=0)
    share: float = Field(default=0.5, gt=0, le=1)
    pair: tuple[float, float] = (0, 1)
    either: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    several: tuple[str, ...] | Literal["auto"] = "auto"
    side: Annotated[Left | Right, Field(discriminator="kind")] | None = None
    inner: Inner = Inner()
    many: dict[str, Inner] = Field(default={})
    word: Literal["mean", "median"] = "mean"
    text: str | None = None
    edges: Annotated[tuple[int, ...], Field(min_length=2)] = (0, 1)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (Annotated[int, Field(ge=1, le=9)], "a whole number from 1 to 9"),
        (Annotated[float, Field(gt=0)], "a number greater than 0"),
        (Annotated[float, Field(allow_inf_nan=False)], "a number that is finite"),
        (tuple[str, ...] | None, "a list of texts or null"),
        (tuple[int, int], "a list of 2 whole numbers"),
        (Annotated[tuple[int, ...], Field(min_length=1)], "a list of one or more whole numbers"),
        (Annotated[tuple[int, ...], Field(min_length=2, max_length=5)], "a list of 2 to 5 whole numbers"),
        (Annotated[tuple[int, ...], Field(max_length=5)], "a list of at most 5 whole numbers"),
        (dict[str, float], "a mapping of names to numbers"),
        (Literal["a", "b"] | None, "one of a, b or null"),
        (Literal[".", ","], "one of '.', ','"),
        (bool | Literal["strictly"], "true or false or strictly"),
        (Left | Right, "a mapping with kind: one of left, right"),
        (Inner, "a mapping with keys among size, names"),
        (Annotated[str, Field(min_length=1, max_length=1)], "text of one character"),
        (Any, "a value"),
    ],
)
def test_a_type_in_words(annotation: Any, words: str) -> None:
    assert allowed_words(annotation) == words


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"count": -1}, "x.count: give a whole number of at least 0, not -1."),
        ({"share": 0}, "x.share: give a number of at most 1 and greater than 0, not 0."),
        ({"pair": [1]}, "x.pair: give a list of 2 numbers, not [1]."),
        ({"pair": [1, 2, 3]}, "x.pair: give a list of 2 numbers, not [1, 2, 3]."),
        ({"either": 0}, "x.either: give auto or a whole number of at least 1, not 0."),
        ({"several": ["a", None]}, "x.several.1: give text, not null."),
        ({"several": {"a": 1}}, "x.several: give a list of texts or auto, not {a: …}."),
        ({"side": {"kind": "lft"}}, "x.side: give a mapping with kind: one of left, right or null, not {kind: …}."),
        ({"side": {"kind": "left", "far": "no"}}, "x.side.far: give a whole number, not 'no'."),
        ({"inner": {"size": 0}}, "x.inner.size: give a whole number of at least 1, not 0."),
        ({"inner": {"sise": 0}}, "x.inner.sise: unknown key 'sise'. Did you mean 'size'? Allowed: names, size."),
        ({"inner": 3}, "x.inner: give a mapping with keys among size, names, not 3."),
        ({"many": {"b": {"size": "x"}}}, "x.many.b.size: give a whole number of at least 1, not 'x'."),
        ({"word": "meen"}, "x.word: give one of mean, median, not 'meen'. Did you mean 'mean'?"),
        ({"text": 7}, "x.text: give text or null, not 7. To be text it is written in quotes: '7'."),
        ({"edges": 3}, "x.edges: give a list of at least 2 whole numbers, not [3]."),
        (
            {"edges": "1, 2"},
            "x.edges: give a list of at least 2 whole numbers, not '1, 2'. Put each on its own, in brackets: [a, b].",
        ),
        ({3: 1}, None),
    ],
)
def test_what_is_refused_is_said_in_the_words_of_a_spec(given: dict[Any, Any], line: str | None) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(given)
    said = explain_validation(caught.value, "x", Outer)
    assert said == line if line is not None else said.startswith("x.3: unknown key '3'")


def test_one_value_stands_for_a_list_of_it_and_null_for_what_is_empty() -> None:
    made = Outer.model_validate({"several": "a", "inner": None, "many": {"b": None}, "side": None})
    assert made.several == ("a",)
    assert made.inner == Inner()
    assert made.many == {"b": Inner()}
    assert Outer.model_validate({"several": "auto", "inner": {"names": "n"}}).several == "auto"
    assert Outer.model_validate({"many": None}) == Outer()
    with pytest.raises(ValidationError):
        Outer.model_validate({"count": None})


def test_a_schema_tells_of_the_shorter_spellings() -> None:
    schema = Outer.model_json_schema()["properties"]
    assert {"type": "null"} in schema["many"]["anyOf"]
    assert {"type": "string"} in schema["several"]["anyOf"]
    assert schema["count"] == {"default": 0, "minimum": 0, "title": "Count", "type": "integer"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        ([1, None], "[1, null]"),
        ({"password": "x"}, "{password: …}"),
        ("s3://KEY:" + "S" * 90 + "@bucket", "'s3://***@bucket'"),
        (["s3://KEY:SECRET@bucket"], "['s3://***@bucket']"),
    ],
)
def test_values_in_messages_are_spelt_as_specs_spell_them(value: Any, text: str) -> None:
    assert shown(value) == text


def test_values_in_messages_are_short() -> None:
    for value in ("x" * 500, list(range(500)), dict.fromkeys(map(str, range(500))), 10**500):
        assert len(shown(value)) <= 62
