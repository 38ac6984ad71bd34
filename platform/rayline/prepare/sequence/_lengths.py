"""What steps for sequences share: cleaning, smoothing and filling, then one length, then one scale.

T steps · L values of an array
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BeforeValidator, Field

from rayline.core import catalog
from rayline.core.catalog import Plugin, PluginConfig, Spelt
from rayline.prepare.sequence._together import Together, of_column, of_values
from rayline.prepare.smooth._bridge import bridged, carried
from rayline.prepare.smooth._smoother import FloatArray, Smoother
from rayline.prepare.tensors import FLOAT_LIMIT, TensorConfig, TensorStep, UnusableError, inner_of

if TYPE_CHECKING:
    from rayline.profile.column import ColumnProfile

Fill = Literal["previous", "linear", "zero"]
MOST_LENGTH = 1024


def _as_steps(value: Any) -> Any:
    if value in ("none", None):
        return ()
    return value if isinstance(value, list | tuple) else (value,)


class Treatment:
    """A column's way from values to arrays: smoothed, filled, later scaled by `(x + offset) * factor`."""

    def __init__(
        self, smooth: Sequence[PluginConfig], fill: Fill, *, length: int, offset: float, factor: float
    ) -> None:
        self.smooth = tuple(smooth)
        self.fill = fill
        self.length = length
        self.offset = offset
        self.factor = factor
        self._smoothers: list[Smoother] = [config.build() for config in self.smooth]  # type: ignore[attr-defined]

    def cleaned(self, values: FloatArray) -> FloatArray:
        """Values [..., T] smoothed, then filled; NaN where nothing is there to fill from, or zero is to stand there."""
        for smoother in self._smoothers:
            values = smoother(values)
        if self.fill == "previous":
            return carried(values)
        return bridged(values) if self.fill == "linear" else values

    def cleaned_all(self, rows: Together) -> FloatArray:
        """Every step of `rows` cleaned, in their order."""
        made = np.empty_like(rows.values)
        for block in rows.blocks():
            made[block.at] = self.cleaned(rows.values[block.at])
        return made

    def scaled(self, values: FloatArray) -> FloatArray:
        """Scaled values; NaN becomes 0, which is the training mean where `scale` is `standard`."""
        made = (values + self.offset) * self.factor
        return np.clip(np.where(np.isnan(made), 0.0, made), -FLOAT_LIMIT, FLOAT_LIMIT)

    def to_json(self) -> dict[str, Any]:
        return {
            "smooth": [catalog.describe(config) for config in self.smooth],
            "fill": self.fill,
            "length": self.length,
            "offset": self.offset,
            "factor": self.factor,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Treatment:
        smooth = [catalog.resolve("smooth", step) for step in value["smooth"]]
        return cls(smooth, value["fill"], length=value["length"], offset=value["offset"], factor=value["factor"])


class SequenceConfig(TensorConfig):
    """Options of every step that reads sequences."""

    length: int | None = Field(default=None, ge=1, le=1 << 20)
    """Values an array holds; `null`: as many as the longest training sequence, up to 1024."""
    smooth: Annotated[
        tuple[Annotated[PluginConfig, Plugin("smooth")], ...], BeforeValidator(_as_steps), Spelt(one=True)
    ] = ()
    """Smoothers, one after the other, before anything else."""
    fill: Fill = "previous"
    """What stands for a missing value within a sequence: the one before it, a point of the straight line between its
    neighbours, or zero after scaling."""
    scale: Literal["standard", "minmax", "none"] = "standard"
    """standard: mean 0 and variance 1 over all training values; minmax: 0 to 1."""

    def learnt_treatment(self, column: ColumnProfile, sample: pl.Series) -> Treatment:
        """Length and scale, from the profile's statistics of elements, or from its sample.

        Where sequences are smoothed, the scale is learnt from the sample's smoothed ones.
        """
        inner = inner_of(column)
        known = inner is not None and bool(inner.get("count")) and not self.smooth
        values = sample.drop_nulls()
        length = self.length or min(max(_longest(inner, values), 1), MOST_LENGTH)
        treatment = Treatment(self.smooth, self.fill, length=length, offset=0.0, factor=1.0)
        if self.scale == "none":
            return treatment
        if not known or inner is None:
            inner = _measured(treatment.cleaned_all(of_column(values)))
        offset, factor = _affine(self.scale, inner)
        return Treatment(self.smooth, self.fill, length=length, offset=offset, factor=factor)


class SequenceStep(TensorStep):
    """Float32 [length]. Rows of one length are worked on together, each value apart from all other rows."""

    def __init__(self, treatment: Treatment) -> None:
        self._treatment = treatment

    @property
    def shape(self) -> tuple[int, ...]:
        return (self._treatment.length,)

    def __call__(self, values: Sequence[Any], column: str) -> npt.NDArray[Any]:
        return self._made(of_values(values, column))

    def of_column(self, column: pl.Series) -> npt.NDArray[Any]:
        return self._made(of_column(column))

    def _made(self, rows: Together) -> npt.NDArray[Any]:
        if len(rows.lengths) == 1 and len(rows.values):  # an endpoint's row: a fifth of its time would be book-keeping
            return self._arrays_of(self._treatment.cleaned(rows.values[None])).astype(np.float32, order="C")
        made = np.zeros((len(rows.lengths), self._treatment.length), np.float32)
        for block in rows.blocks():
            made[block.places] = self._arrays_of(self._treatment.cleaned(rows.values[block.at]))
        return made

    @abstractmethod
    def _arrays_of(self, values: FloatArray) -> FloatArray:
        """Cleaned sequences [n, T] as [n, L], scaled."""

    def account(self) -> dict[str, Any]:
        treatment = self._treatment
        return {"length": treatment.length, "offset": treatment.offset, "factor": treatment.factor}


def _longest(inner: Mapping[str, Any] | None, sample: pl.Series) -> int:
    """Steps of the longest sequence: of all training rows where the profile counted them, else of its sample."""
    found = inner["lengths"]["maximum"] if inner is not None and "lengths" in inner else None
    if found is None and len(sample) and sample.dtype == pl.List:
        found = sample.list.len().max()
    return int(found or 1)


def _measured(every: FloatArray) -> dict[str, float]:
    every = every[~np.isnan(every)]
    if not len(every):
        return {"count": 0, "mean": 0.0, "variance": 0.0, "minimum": 0.0, "maximum": 0.0}
    return {
        "count": len(every),
        "mean": float(every.mean()),
        "variance": float(every.var()),
        "minimum": float(every.min()),
        "maximum": float(every.max()),
    }


def _affine(scale: Literal["standard", "minmax"], inner: Mapping[str, Any]) -> tuple[float, float]:
    """Offset and factor; values that do not vary are scaled by 1.

    Raises:
        UnusableError: numbers whose squares are no numbers.
    """
    if scale == "standard":
        centre, spread = float(inner["mean"]), math.sqrt(float(inner["variance"]))
        noise = 1e-12 * max(abs(centre), 1e-300)  # what rounding leaves of a constant
    else:
        centre, spread = float(inner["minimum"]), float(inner["maximum"]) - float(inner["minimum"])
        noise = 0.0
    if not (math.isfinite(centre) and math.isfinite(spread)):
        raise UnusableError("holds numbers too large to compute with: correct them in the source, or scale: none.")
    factor = 1 / spread if spread > noise and math.isfinite(1 / spread) else 1.0
    return 0.0 - centre, factor
