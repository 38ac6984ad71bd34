"""Rayline: from one declarative spec to a monitored, versioned model endpoint, on a laptop or a Ray cluster.

    result = rayline.run("spec.yaml")
    rayline.load("name@champion").predict(frame)

The names below are loaded when they are first used, so that `import rayline` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rayline.pipeline.run import run
    from rayline.pipeline.search import search
    from rayline.pipeline.understand import profile_data
    from rayline.registry.predictor import load_model as load

__version__ = "0.1.0"

_PUBLIC = {
    "run": ("rayline.pipeline.run", "run"),
    "search": ("rayline.pipeline.search", "search"),
    "load": ("rayline.registry.predictor", "load_model"),
    "profile_data": ("rayline.pipeline.understand", "profile_data"),
}

__all__ = ["__version__", "load", "profile_data", "run", "search"]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'rayline' has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    return getattr(import_module(module), attribute)
