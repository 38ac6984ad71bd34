"""What sections are made of, and how single values may be spelt: names, categories, plug-ins, steps or `none`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, WithJsonSchema

from rayline.core.catalog import Plugin, PluginConfig, Spelt
from rayline.core.category_text import category_text
from rayline.core.declared import Declared
from rayline.core.names import ALIAS_PATTERN, MODEL_PATTERN, check_alias, check_model


class Section(Declared):
    model_config = ConfigDict(populate_by_name=True)


ModelName = Annotated[
    str, AfterValidator(check_model), WithJsonSchema({"type": "string", "pattern": f"^{MODEL_PATTERN}$"})
]
AliasName = Annotated[
    str, AfterValidator(check_alias), WithJsonSchema({"type": "string", "pattern": f"^{ALIAS_PATTERN}$"})
]


def _as_category(value: Any) -> Any:
    # YAML reads `1` and `yes` as number and boolean; a category is known by its text
    text = value if value is None or isinstance(value, str) else category_text(value)
    if text is None:
        raise ValueError("give a value, as text, a number, true or false")
    return text


CategoryText = Annotated[str, BeforeValidator(_as_category), WithJsonSchema({"type": ["string", "number", "boolean"]})]


NONE: Any = {"enum": ["none", None]}
"""In the JSON Schema: what stands for no steps."""


_Optional = BeforeValidator(lambda value: None if value in ("none", None) else value)


def optional(family: str) -> Any:
    """A plug-in of a family, or `none`."""
    return Annotated[Annotated[PluginConfig, Plugin(family)] | None, _Optional, Spelt({"const": "none"})]


def as_steps(value: Any) -> Any:
    """One alone needs no brackets, and `none` is none at all."""
    if value in ("none", None):
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def several(family: str) -> Any:
    """A list of plug-ins; one alone needs no brackets, and `none` is an empty list."""
    steps = tuple[Annotated[PluginConfig, Plugin(family)], ...]
    return Annotated[steps, BeforeValidator(as_steps), Spelt(NONE, one=True)]
