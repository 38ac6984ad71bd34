"""Grid search: every combination of the listed values once, the last key changing fastest.

Choose it for a handful of values of one or two keys that must all be seen. Ranges are refused unless
`points` says how many evenly (or log-evenly) spaced values to take from each.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from pydantic import Field

from rayline.core.catalog import PluginConfig
from rayline.core.errors import SpecError
from rayline.spec.sections import Dimension
from rayline.tune.search._search import Params, Search, Space


class Config(PluginConfig):
    points: int | None = Field(default=None, ge=2)
    """Values taken from each range."""

    def build(self, space: Space, *, seed: int, maximise: bool) -> Search:  # noqa: ARG002 - a grid has no chance in it
        return Grid({key: self._values(key, dimension) for key, dimension in space.items()})

    def _values(self, key: str, dimension: Dimension) -> list[Any]:
        if dimension.values is not None:
            return list(dimension.values)
        if self.points is None:
            raise SpecError(
                f"tune.space.{key} is a range, and a grid needs values. List them, or take N from each range "
                "with search: {name: grid, points: N}."
            )
        assert dimension.low is not None
        assert dimension.high is not None
        spaced = np.geomspace if dimension.log else np.linspace
        values = [float(v) for v in spaced(dimension.low, dimension.high, self.points)]
        return sorted({round(v) for v in values}) if dimension.integer else values


class Grid(Search):
    def __init__(self, values: dict[str, list[Any]]) -> None:
        self._keys = list(values)
        self._left = itertools.product(*values.values())

    def ask(self) -> Params | None:
        combination = next(self._left, None)
        return None if combination is None else dict(zip(self._keys, combination, strict=True))
