"""Values that a spec may not hold, in the words of specs: the key, what it was given, what is allowed, what to do.

pydantic says of a wrong value why each branch of its type did not take it, in the words of Python. Here the key's type
is put into words instead, once: `train.workers: give auto or a whole number of at least 1, not 0.`
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from rayline.core.allowed import allowed_words, literals_of
from rayline.core.declared import bare, members
from rayline.core.errors import InputError, SpecError, listing, nearest
from rayline.core.shown import shown

PARTS = re.compile(r'"(?:[^"\\]|\\.)*"|[^."]+')
"""Parts of a dotted key, those with a dot or a space in quotes."""
LONGEST = 400
"""Characters of what a validator says that are passed on."""


class OptionError(SpecError):
    """A plug-in's options that its `Config` refuses."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        super().__init__("\n".join(dict.fromkeys(map(str, faults))))
        self.faults = tuple(faults)

    def __reduce__(self) -> tuple[type[OptionError], tuple[tuple[Fault, ...]]]:
        return OptionError, (self.faults,)


@dataclass(frozen=True)
class Fault:
    """One thing that was refused."""

    path: str
    """Of the key; empty for the whole."""
    words: str
    """What is said of it, from the colon on, or ` is required`."""

    def __str__(self) -> str:
        return self.path + self.words if self.path else self.words.removeprefix(": ")

    def below(self, path: str) -> Fault:
        """The same fault, seen from further up."""
        return Fault(".".join(part for part in (path, self.path) if part), self.words)


class Kind(NamedTuple):
    """A type, and what is declared of it beside: limits, lengths, patterns."""

    annotation: Any
    metadata: tuple[Any, ...] = ()
    field: FieldInfo | None = None
    """The key of a model that it is the type of."""


@dataclass(frozen=True)
class Place:
    """Where a value stands."""

    path: tuple[str, ...]
    kind: Kind | None
    """`None`: nothing is known of the type, such as that of an unknown key."""
    owner: Kind | None
    """Of the mapping or list that it stands in."""
    union: int | None = None
    """How much of `path` leads to the first key that may be of several types."""


def explain_validation(error: ValidationError, where: str, model: type[BaseModel]) -> str:
    """One line for each thing pydantic refused of a `model` that stands at `where`."""
    return "\n".join(dict.fromkeys(str(fault.below(where)) for fault in faults_of(error, model)))


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """The things pydantic refused of a `model`."""
    found = [(item, _place(model, item["loc"])) for item in error.errors(include_url=False)]
    deepest: dict[tuple[str, ...], int] = {}
    for _, place in found:
        if place.union is not None:
            union = place.path[: place.union]
            deepest[union] = max(deepest.get(union, 0), len(place.path))
    faults: list[Fault] = []
    for item, place in found:
        # of several types the one that took most of the value is the one that was meant
        if place.union is None or len(place.path) == deepest[place.path[: place.union]]:
            faults.extend(_faults(item, place))
    return faults


def _faults(item: Any, place: Place) -> list[Fault]:
    cause, path, given = item.get("ctx", {}).get("error"), ".".join(place.path), item["input"]
    if isinstance(cause, OptionError):
        return [fault.below(path) for fault in cause.faults]
    if isinstance(cause, InputError):
        lines = str(cause).splitlines()
        # one that stops short of a sentence is a rule alone
        return [
            Fault(path, f": {line}" + f". Got {shown(given)}." * (not line.endswith((".", "?", "…", "}"))))
            for line in lines
        ]
    if item["type"] in ("extra_forbidden", "invalid_key"):
        key, allowed = str(item["loc"][-1]), _keys(place.owner)
        nested = _nested(key, allowed, given)
        if nested is not None:
            return [Fault(path, f": unknown key {shown(key)}. {nested}")]
        near = nearest(key, allowed)
        return [Fault(path, f": unknown key {shown(key)}.{near} Allowed: {listing(sorted(allowed), 40)}.")]
    if item["type"] == "missing" and isinstance(item["loc"][-1], int):  # of a list that is too short
        path = path.rpartition(".")[0]
        place = replace(place, kind=place.owner)
    elif item["type"] == "missing":
        return [Fault(path, f" is required: {_meaning(place.kind)}")]
    if item["type"] in ("value_error", "assertion_error"):
        return [Fault(path, f": {_said(str(cause), given)}")]
    if place.kind is None:
        return [Fault(path, f": {shown(given)} does not fit here. See the key's description: rayline schema.")]
    words = allowed_words(*place.kind[:2])
    return [Fault(path, f": give {words}, not {shown(given)}.{_hint(given, place.kind)}")]


def _nested(key: str, allowed: Collection[str], given: Any) -> str | None:
    """How a key that is dotted, as hints and messages name it, stands in a file; `None`: it is no such key.

    >>> _nested("train.epochs", ["data", "train"], 3)
    'In a file its parts stand one below the other: train: {epochs: 3}.'
    """
    parts = PARTS.findall(key)
    if len(parts) < 2 or parts[0] not in allowed or ".".join(parts) != key:
        return None
    head = "".join(f"{part}: {{" for part in parts[:-1])
    return f"In a file its parts stand one below the other: {head}{parts[-1]}: {shown(given)}{'}' * (len(parts) - 1)}."


def _said(problem: str, given: Any) -> str:
    """What a validator of ours says, with what it was given where that is not in it."""
    text = " ".join(problem.splitlines()).rstrip(".")
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    told = shown(given)
    told_already = told in text or (isinstance(given, Mapping | BaseModel) and ", not " in text)
    return f"{text}." if told_already else f"{text}. Got {told}."


def _hint(given: Any, kind: Kind) -> str:
    if isinstance(given, str):
        near = nearest(given, [word for word in literals_of(kind.annotation) if isinstance(word, str)])
        return near or (" Put each on its own, in brackets: [a, b]." if _is_list(kind) and "," in given else "")
    is_text = any(option is str for option in members(kind.annotation))
    if is_text and not isinstance(given, bool | Mapping | Sequence) and given is not None:
        return f" To be text it is written in quotes: '{shown(given)}'."
    return ""


def _is_list(kind: Kind) -> bool:
    return any(get_origin(option) is tuple for option in members(kind.annotation))


def _meaning(kind: Kind | None) -> str:
    """What a key that is required stands for."""
    about = kind.field.description if kind is not None and kind.field is not None else None
    if about:
        first = about.split("\n\n", 1)[0].replace("\n", " ").rstrip(".")
        return f"{first[0].lower()}{first[1:]}." if not first[1:2].isupper() else f"{first}."
    return f"{allowed_words(*kind[:2])}." if kind is not None else "give it a value."


def _place(model: type[BaseModel], loc: tuple[int | str, ...]) -> Place:
    here: Kind | None = Kind(model)
    owner: Kind | None = None
    path: list[str] = []
    union: int | None = None
    whole: dict[int, Kind] = {}
    for part in loc:
        options = [] if here is None else _options(here)
        if part == "[key]":  # of the mapping, not of the value that `here` is
            outer = [] if owner is None else _options(owner)
            here = Kind(get_args(outer[0].annotation)[0]) if outer and get_args(outer[0].annotation) else None
        elif here is not None and len(options) > 1:  # pydantic names the branch
            union = len(path) if union is None else union
            whole.setdefault(len(path), here)
            here = _branch(options, str(part))
        else:
            owner, here = here, _inner(options[0], part) if options else None
            path.append(_short(str(part)))
    return Place(tuple(path), whole.get(len(path), here), owner, union)


def _short(part: str) -> str:
    return part if len(part) <= 60 else part[:59] + "…"


def _options(kind: Kind) -> list[Kind]:
    """The types that one may be, but for none; limits of the whole stay with a single one."""
    options = [option for option in _annotated_members(kind.annotation) if option.annotation is not type(None)]
    return [Kind(options[0].annotation, options[0].metadata + kind.metadata)] if len(options) == 1 else options


def _annotated_members(annotation: Any) -> list[Kind]:
    metadata = tuple(getattr(annotation, "__metadata__", ()))
    plain = bare(annotation)
    if len(members(plain)) == 1:
        return [Kind(plain, metadata)]
    return [inner for option in get_args(plain) for inner in _annotated_members(option)]


def _branch(options: list[Kind], tag: str) -> Kind | None:
    """The option that pydantic means by a branch's name, such as `tuple[str, ...]`, or a discriminator's value."""
    for option in options:
        annotation = option.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            words = {w for field in annotation.model_fields.values() for w in literals_of(field.annotation)}
            if annotation.__name__ in tag or tag in words:
                return option
        elif str(getattr(get_origin(annotation) or annotation, "__name__", "?")).lower() in tag:
            return option
    return None


def _inner(kind: Kind, part: int | str) -> Kind | None:
    """The type of a key, or element, of a value."""
    annotation = kind.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if part in (name, field.alias):
                return Kind(field.annotation, tuple(field.metadata), field)
        return None
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return Kind(arguments[1])
    if get_origin(annotation) in (tuple, list, set, frozenset) and arguments:
        repeated = arguments[-1] is ... or get_origin(annotation) is not tuple
        inside = isinstance(part, int) and part < len(arguments)
        return Kind(arguments[0] if repeated else arguments[part]) if repeated or inside else None  # type: ignore[index]
    return None


def _keys(kind: Kind | None) -> list[str]:
    for option in _options(kind) if kind is not None else ():
        if isinstance(option.annotation, type) and issubclass(option.annotation, BaseModel):
            return [field.alias or name for name, field in option.annotation.model_fields.items()]
    return []
