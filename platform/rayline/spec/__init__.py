"""The declarative spec: load, defaults, overrides, rendering, JSON Schema."""

from rayline.spec.document import load, render, schema
from rayline.spec.sections import Spec

__all__ = ["Spec", "load", "render", "schema"]
