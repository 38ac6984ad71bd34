"""A type in words: `a whole number of at least 1`, `a list of texts`, `one of mean, median or null`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types as at
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rayline.core.declared import bare, members
from rayline.core.errors import listing
from rayline.core.shown import shown

# bool before int, and datetime before date: each is a kind of the other
_SINGLE: dict[type, tuple[str, str]] = {
    bool: ("true or false", "values of true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    dt.datetime: ("a date with its time", "dates with their times"),
    dt.date: ("a date", "dates"),
    Path: ("a path", "paths"),
}


def allowed_words(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """What a value of this type is; `metadata` are its limits and lengths, as `Field(ge=1)` keeps them.

    >>> allowed_words(int, [at.Ge(1)]), allowed_words(tuple[str, ...] | Literal["auto"] | None)
    ('a whole number of at least 1', 'a list of texts, auto or null')
    """
    parts = list(dict.fromkeys(_options(annotation, tuple(metadata))))
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def literals_of(annotation: Any) -> list[Any]:
    """The values that a type names one by one.

    >>> literals_of(Literal["a", "b"] | None)
    ['a', 'b']
    """
    found: list[Any] = []
    for option in members(annotation):
        if get_origin(option) is Literal:
            found.extend(get_args(option))
        elif isinstance(option, type) and issubclass(option, Enum):
            found.extend(member.value for member in option)
    return found


def _options(annotation: Any, metadata: tuple[Any, ...]) -> list[str]:
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _options(inner, (*metadata, *_flat(more)))
    if len(members(annotation)) > 1:
        options = sorted(get_args(annotation), key=lambda option: option is type(None))
        models = [option for option in map(bare, options) if isinstance(option, type) and issubclass(option, BaseModel)]
        kinds = _told_apart(models) if len(models) > 1 else ""
        others = [option for option in options if not kinds or bare(option) not in models]
        return [*([kinds] if kinds else []), *(words for option in others for words in _options(option, metadata))]
    return [_one(annotation, metadata)]


def _told_apart(models: list[type[BaseModel]]) -> str:
    """Several models, by the key that tells which one is meant."""
    for name in models[0].model_fields:
        if all(name in model.model_fields and literals_of(model.model_fields[name].annotation) for model in models):
            words = [word for model in models for word in literals_of(model.model_fields[name].annotation)]
            return f"a mapping with {name}: one of {listing(map(str, words), 40)}"
    return ""


def _flat(metadata: Iterable[Any]) -> list[Any]:
    """`Field(ge=1)` within `Annotated` is one object that holds the limits."""
    return [inner for item in metadata for inner in (item.metadata if isinstance(item, FieldInfo) else [item])]


def _one(annotation: Any, metadata: tuple[Any, ...]) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    words = literals_of(annotation)
    if annotation is type(None):
        return "null"
    if words:
        spelt = [word if isinstance(word, str) and word.isidentifier() else shown(word) for word in words]
        return spelt[0] if len(spelt) == 1 else f"one of {listing(spelt, 40)}"
    if origin in (tuple, list, set, frozenset):
        return _list(arguments, metadata)
    if origin is dict or annotation is dict:
        return f"a mapping of names to {_several(arguments[1])}" if arguments else "a mapping"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        keys = [field.alias or name for name, field in annotation.model_fields.items()]
        return f"a mapping with keys among {listing(keys, 24)}" if keys else "a mapping"
    for kind, (singular, _) in _SINGLE.items():
        if isinstance(annotation, type) and issubclass(annotation, kind):
            return singular + _limits(metadata)
    return "a value"


def _list(arguments: tuple[Any, ...], metadata: tuple[Any, ...]) -> str:
    if len(arguments) > 1 and arguments[-1] is not ...:
        of_one_kind = len(set(arguments)) == 1
        each = _several(arguments[0]) if of_one_kind else f"values: {', '.join(map(allowed_words, arguments))}"
        return f"a list of {len(arguments)} {each}"
    least = next((item.min_length for item in metadata if isinstance(item, at.MinLen)), 0)
    most = next((item.max_length for item in metadata if isinstance(item, at.MaxLen)), None)
    size = f"{least or 'at most'} {'to ' * bool(least)}{most} " if most else ""
    size = size or ("" if not least else "one or more " if least == 1 else f"at least {least} ")
    return f"a list of {size}{_several(arguments[0]) if arguments else 'values'}"


def _several(annotation: Any) -> str:
    """Values of a type, in the plural."""
    limits = _flat(annotation.__metadata__) if get_origin(annotation) is Annotated else []
    options = members(annotation)
    kind = bare(annotation)
    if len(options) == 1 and isinstance(kind, type):
        for single, (_, plural) in _SINGLE.items():
            if issubclass(kind, single) and not issubclass(kind, Enum):
                return plural + _limits(tuple(limits))
    if kind is Any:
        return "values"
    return f"values, each {allowed_words(annotation)}"


def _limits(metadata: tuple[Any, ...]) -> str:
    least = next((item.ge for item in metadata if isinstance(item, at.Ge)), None)
    most = next((item.le for item in metadata if isinstance(item, at.Le)), None)
    said = [f"from {_number(least)} to {_number(most)}"] if least is not None and most is not None else []
    said += [f"of at least {_number(least)}"] if least is not None and most is None else []
    said += [f"of at most {_number(most)}"] if most is not None and least is None else []
    for item in metadata:
        if isinstance(item, at.Gt):
            said.append(f"greater than {_number(item.gt)}")
        elif isinstance(item, at.Lt):
            said.append(f"below {_number(item.lt)}")
        elif isinstance(item, at.MultipleOf):
            said.append(f"divisible by {_number(item.multiple_of)}")
        elif isinstance(item, at.MinLen):
            said.append("that is not empty" if item.min_length == 1 else f"of {item.min_length} characters or more")
        elif isinstance(item, at.MaxLen):
            said.append(f"of {item.max_length} character{'s' * (item.max_length != 1)} at most")
        elif getattr(item, "pattern", None):
            said.append(f"of the form {item.pattern}")
        elif getattr(item, "allow_inf_nan", None) is False:
            said.append("that is finite")
    if said == ["that is not empty", "of 1 character at most"]:
        return " of one character"
    return " " + " and ".join(said) if said else ""


def _number(limit: Any) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)
