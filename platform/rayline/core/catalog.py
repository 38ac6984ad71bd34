"""Finds plug-ins: the folder is the registry.

A family is a package such as `rayline.prepare.impute`; each public module in it is one algorithm, named
as the spec names it, and holds a `Config` (a frozen `PluginConfig`) whose `build()` returns the working
object. In a spec a plug-in is written `median`, or `{name: median, indicator: true}` with its options.

This is the only place that imports by a name made at run time.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import core_schema

from rayline.core.declared import Declared
from rayline.core.errors import SpecError, UnknownNameError, listing, nearest
from rayline.core.refused import Fault, OptionError, faults_of
from rayline.core.shown import shown

# family -> package that holds its plug-ins; the keys are what specs, messages and contract tests use
FAMILIES: dict[str, str] = {
    "source": "rayline.sources",
    "split": "rayline.prepare.split",
    "impute": "rayline.prepare.impute",
    "outliers": "rayline.prepare.outliers",
    "scale": "rayline.prepare.scale",
    "encode": "rayline.prepare.encode",
    "duplicates": "rayline.prepare.duplicates",
    "clean": "rayline.prepare.clean",
    "text": "rayline.prepare.text",
    "image": "rayline.prepare.image",
    "audio": "rayline.prepare.audio",
    "sequence": "rayline.prepare.sequence",
    "smooth": "rayline.prepare.smooth",
    "select": "rayline.prepare.select",
    "reduce": "rayline.prepare.reduce",
    "augment": "rayline.prepare.augment",
    "balance": "rayline.prepare.balance",
    "model": "rayline.models.networks",
    "encoder": "rayline.models.encoders",
    "optimizer": "rayline.train.optimizers",
    "schedule": "rayline.train.schedules",
    "metric": "rayline.evaluate.metrics",
    "search": "rayline.tune.search",
    "drift": "rayline.monitor.drift",
}


class PluginConfig(Declared):
    """Base of every plug-in's options: unknown keys are refused, values are frozen."""

    plugin_name: ClassVar[str] = ""
    """The name the spec uses: that of the module."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.__name__ == "Config":
            cls.plugin_name = cls.__module__.rpartition(".")[2]


@cache
def names(family: str) -> tuple[str, ...]:
    """The plug-ins of `family`, sorted. Modules that start with `_`, or have no `Config`, are not plug-ins."""
    package = importlib.import_module(FAMILIES[family])
    found = [m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_") and not m.ispkg]
    return tuple(sorted(n for n in found if _defines_config(f"{FAMILIES[family]}.{n}")))


@cache
def _defines_config(module: str) -> bool:
    # read, not imported: listing a family must not import torch or an optional extra
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    with open(spec.origin, encoding="utf-8") as handle:
        return any(line.startswith("class Config(") for line in handle)


@cache
def config_class(family: str, name: str, where: str = "") -> type[PluginConfig]:
    """The `Config` of plug-in `name`.

    Raises:
        UnknownNameError: nothing in the family has this name; the message lists what there is, the nearest
            one, and the file that would add it.
    """
    if name not in names(family):
        folder = "platform/" + FAMILIES[family].replace(".", "/")
        # the file it would need, where it can be one
        more = f" To add one, write {folder}/{name}.py." if name.isidentifier() and len(name) < 40 else ""
        raise UnknownNameError(
            f"{_place(where)}no {family} is called {shown(name)}.{nearest(name, names(family))} "
            f"Known: {listing(names(family), 40)}.{more}"
        )
    config: type[PluginConfig] = importlib.import_module(f"{FAMILIES[family]}.{name}").Config
    return config


def resolve(family: str, value: Any, where: str = "", default: str | None = None) -> PluginConfig:
    """Turn what a spec says (`"median"` or `{"name": "median", …}`) into the plug-in's validated `Config`.

    Raises:
        SpecError: an unknown name, an unknown option, or a value of the wrong kind, with its place in the spec.
    """
    if isinstance(value, PluginConfig):
        return value
    options: dict[str, Any] = {}
    if isinstance(value, str):
        name = value
    elif isinstance(value, Mapping) and isinstance(value.get("name"), str):
        options = dict(value)
        name = options.pop("name")
    elif isinstance(value, Mapping) and "name" not in value and default is not None:
        options = dict(value)
        name = default
    else:
        called = [key for key in value if key in names(family)] if isinstance(value, Mapping) else []
        hint = f" Write {{name: {called[0]}, …}}." if called else ""
        raise SpecError(
            f"{_place(where)}give a name or {{name: …, options}}, not {shown(value)}.{hint} "
            f"Known: {listing(names(family), 40)}."
        )
    config = config_class(family, name, where)
    try:
        return config.model_validate(options)
    except ValidationError as error:
        faults = [_with_owners(fault, family, name) for fault in faults_of(error, config)]
        raise OptionError([fault.below(where) for fault in faults]) from None


def _with_owners(fault: Fault, family: str, name: str) -> Fault:
    """What is said of an option that a plug-in does not have, with those of its family that have it."""
    if not fault.words.startswith(": unknown key"):
        return fault
    owners = [one for one in names(family) if fault.path in config_class(family, one).model_fields]
    more = f" This is {family} {name!r}; {fault.path!r} is of: {listing(owners)}." if owners else ""
    return replace(fault, words=fault.words + more)


class Plugin:
    """Marks a spec field as one plug-in of a family: `optimizer: Annotated[PluginConfig, Plugin("optimizer")]`.

    Validation resolves the name through the catalog, so a typo is answered before any data is touched.
    """

    def __init__(self, family: str, default: str | None = None, *, free_text: bool = False) -> None:
        self.family = family
        self.default = default
        """The plug-in meant by options without a name: `optimizer: {lr: 0.01}`."""
        self.free_text = free_text
        """Whether a text may be more than a name, as a source's path is."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: resolve(self.family, value, default=self.default),
            serialization=core_schema.plain_serializer_function_ser_schema(describe),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        every = names(self.family)
        named: dict[str, Any] = {"type": "string"} if self.free_text else {"enum": list(every)}
        return {
            "anyOf": [named, *(_options_schema(self.family, name, optional=name == self.default) for name in every)]
        }


def _options_schema(family: str, name: str, *, optional: bool) -> dict[str, Any]:
    config = config_class(family, name)
    schema = _inlined(config.model_json_schema())
    schema["properties"] = {"name": {"const": name}, **schema.get("properties", {})}
    schema["required"] = [*([] if optional else ["name"]), *schema.get("required", [])]
    schema["title"] = f"{family} {name}"
    return schema


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a plug-in's options with its definitions where they are used: it stands within another's."""
    definitions = schema.pop("$defs", {})

    def whole(value: Any) -> Any:
        if isinstance(value, list):
            return [whole(item) for item in value]
        if not isinstance(value, dict):
            return value
        referred = str(value.get("$ref", "")).removeprefix("#/$defs/")
        if referred in definitions:
            return whole(definitions[referred]) | {key: inner for key, inner in value.items() if key != "$ref"}
        return {key: whole(inner) for key, inner in value.items()}

    return cast("dict[str, Any]", whole(schema))


def describe(config: PluginConfig) -> dict[str, Any]:
    """The spec form of a resolved plug-in: its name and every option, JSON-able."""
    return {"name": type(config).plugin_name, **config.model_dump(mode="json")}


class Spelt:
    """Tells the JSON Schema of the shorter spellings that a validator unfolds, as `{…}` for a list of one."""

    def __init__(self, *more: Any, one: bool = False) -> None:
        self._more = more
        """Schemas of what may stand in the place of the whole."""
        self._one = one
        """Whether an element of a list may, by itself."""

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        found = handler(core)
        return {"anyOf": [found, *([found["items"]] if self._one else []), *self._more]}


def _place(where: str) -> str:
    return f"{where}: " if where else ""
