"""Plug-ins loaded anew: the same options, and nothing that a module or an object remembers from its use so far."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel

from rayline.core.catalog import PluginConfig

T = TypeVar("T", bound=BaseModel)


def anew(section: T) -> T:
    """A section of a spec whose plug-ins are of modules that are executed once more, beside those in use.

    What plug-ins share by a module whose name begins with `_` stays as it is; so does a plug-in without a file.
    """
    renewed: T = _anew(section, {})
    return renewed


def _anew(value: Any, loaded: dict[str, ModuleType]) -> Any:
    if isinstance(value, PluginConfig):
        module = _module(type(value).__module__, loaded)
        return value if module is None else module.Config.model_validate(value.model_dump(exclude_unset=True))
    if isinstance(value, BaseModel):
        given = {name: getattr(value, name) for name in type(value).model_fields}
        renewed = {name: _anew(inner, loaded) for name, inner in given.items()}
        # a key that was not given must not become one that was
        return value.model_copy(update={name: new for name, new in renewed.items() if new is not given[name]})
    if isinstance(value, tuple) and value:
        return tuple(_anew(inner, loaded) for inner in value)
    if isinstance(value, dict) and value:
        return {key: _anew(inner, loaded) for key, inner in value.items()}
    return value


def _module(name: str, loaded: dict[str, ModuleType]) -> ModuleType | None:
    """The module executed anew, once for all of a section: configs that were equal stay so."""
    if name not in loaded:
        try:
            spec = importlib.util.find_spec(name)
        except ValueError:  # such as a notebook's
            return None
        if spec is None or spec.loader is None:
            return None
        loaded[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded[name])
    return loaded[name]
