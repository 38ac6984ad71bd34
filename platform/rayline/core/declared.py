"""What every part of a spec is: keys that are known, values that do not change, and shorter spellings of both.

As people write them: a key without a value is as one left out where its default is empty or a section (`clean:`,
`expect: {age: }`), and one element stands for a list of one (`columns: city`). The JSON Schema says so, and what is
rendered is the long form.
"""

from __future__ import annotations

import datetime as dt
import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

_SINGLE = (str, int, float, bool, dt.date, dt.datetime)


class Declared(BaseModel):
    """Base of the sections of a spec and of plug-ins' options."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _unfold(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        spellings = spellings_of(cls)
        return {
            key: spellings[key].unfolded(inner) if key in spellings else inner
            for key, inner in value.items()
            if not (inner is None and key in spellings and spellings[key].empty)
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for key, spelling in spellings_of(cls).items():
            if key in properties:
                properties[key] = spelling.widened(properties[key])
        return schema


@dataclass(frozen=True)
class Spelling:
    """How a key may be written shorter than by its type."""

    empty: bool
    """Whether null is as if the key were not there."""
    required: bool = False
    """Whether the key must be there, and not be null."""
    blank: bool = False
    """Whether null as a value of the mapping under it is an empty section."""
    one: tuple[type, ...] = ()
    """Types of which a single value stands for a list of it …"""
    words: tuple[Any, ...] = ()
    """… but for these, which mean something by themselves."""

    def unfolded(self, value: Any) -> Any:
        """The value in its long form."""
        if isinstance(value, self.one) and value not in self.words:
            return (value,)
        if self.blank and isinstance(value, Mapping):
            return {key: {} if inner is None else inner for key, inner in value.items()}
        return value

    def widened(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The JSON Schema of the long form, with the shorter ones beside it."""
        about = {key: schema[key] for key in ("title", "description", "default") if key in schema}
        bare = {key: value for key, value in schema.items() if key not in about}
        options = list(bare["anyOf"]) if set(bare) == {"anyOf"} else [bare]
        lists = [option["items"] for option in options if option.get("type") == "array" and "items" in option]
        more = lists if self.one else []
        if self.blank:
            for option in options:
                if isinstance(option.get("additionalProperties"), dict):
                    option["additionalProperties"] = {"anyOf": [option["additionalProperties"], {"type": "null"}]}
        more = [*more, *([{"type": "null"}] if self.empty and not self.required else [])]
        options += [option for option in more if option not in options]
        return {**(options[0] if len(options) == 1 else {"anyOf": options}), **about}


@cache
def spellings_of(model: type[BaseModel]) -> dict[str, Spelling]:
    """The keys of a model, aliases too, that may be written shorter."""
    found: dict[str, Spelling] = {}
    for name, field in model.model_fields.items():
        spelling = _spelling(field)
        if spelling != Spelling(empty=False):
            found |= dict.fromkeys([name, *([field.alias] if field.alias else [])], spelling)
    return found


def _spelling(field: FieldInfo) -> Spelling:
    options = members(field.annotation)
    empty = type(None) not in options and Any not in options and (field.is_required() or _is_empty(field))
    mappings = [get_args(option) for option in options if get_origin(option) is dict]
    blank = any(_may_be_empty(bare(types_[1])) for types_ in mappings)
    lists = [option for option in options if get_origin(option) is tuple and get_args(option)[1:] == (...,)]
    literals = [option for option in options if get_origin(option) is Literal]
    others = [option for option in options if option is not type(None) and option not in [*lists, *literals]]
    elements = members(get_args(lists[0])[0]) if len(lists) == 1 and not others else ()
    one = tuple(kind for element in elements for kind in _single(element)) if all(map(_single, elements)) else ()
    words = tuple(word for option in literals for word in get_args(option))
    return Spelling(empty, empty and field.is_required(), blank, one, words if one else ())


def _is_empty(field: FieldInfo) -> bool:
    default = field.get_default(call_default_factory=True, validated_data={})
    return isinstance(default, BaseModel) or (isinstance(default, Collection) and not default)


def _may_be_empty(annotation: Any) -> bool:
    is_model = isinstance(annotation, type) and issubclass(annotation, Declared)
    return is_model and not any(field.is_required() for field in annotation.model_fields.values())


def _single(annotation: Any) -> tuple[type, ...]:
    """What values of a list's elements are as they come; empty where they are no single values."""
    if get_origin(annotation) is Literal or annotation is Any:
        return _SINGLE
    kinds = (kind for kind in (str, bool, int, float, Enum, dt.date) if isinstance(annotation, type))
    found = next((kind for kind in kinds if issubclass(annotation, kind)), None)
    # a number is no text, and is told so in the place of one: an element
    return () if found is None else (int, float) if found in (bool, int, float) else _SINGLE


def bare(annotation: Any) -> Any:
    """A type without what `Annotated` says of it."""
    return bare(get_args(annotation)[0]) if get_origin(annotation) is Annotated else annotation


def members(annotation: Any) -> tuple[Any, ...]:
    """The types that one may be, without what `Annotated` says of them; of a single type itself."""
    annotation = bare(annotation)
    if get_origin(annotation) not in (Union, types.UnionType):
        return (annotation,)
    return tuple(inner for option in get_args(annotation) for inner in members(option))
