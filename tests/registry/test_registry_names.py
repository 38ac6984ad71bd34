"""Names of models, versions and aliases."""

from __future__ import annotations

import pytest

from rayline.core.errors import InputError
from rayline.core.names import check_alias
from rayline.registry.names import Name, parse


def test_three_forms() -> None:
    assert parse("adult") == Name("adult")
    assert parse("adult/3") == Name("adult", version=3)
    assert parse("adult@champion") == Name("adult", alias="champion")
    assert [str(parse(text)) for text in ("adult", "adult/3", "adult@champion")] == [
        "adult",
        "adult/3",
        "adult@champion",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "-a",
        "a/",
        "a/0",
        "a/-1",
        "a/x",
        "a/1/2",
        "a@",
        "a@b c",
        "@champion",
        "a' OR name = 'b",
        "é",
        "a/٣",
        "x" * 201,
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse(text)


@pytest.mark.parametrize("alias", ["latest", "Latest", "v3", "V12", "3", "", "a.b"])
def test_aliases_that_mlflow_keeps_for_itself_are_refused(alias: str) -> None:
    with pytest.raises(InputError, match="cannot be an alias"):
        check_alias(alias)
