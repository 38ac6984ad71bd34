"""The drift reference: training rows counted in a few bins a feature, carried by the package.

Live windows count in these same bins (`profile.windows`), so that two counts of the same rows are equal, merge by
addition and need no row kept. Everything comes from the training profile's sample of rows: exact up to 65,536 rows.
Private columns are left out.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core import files
from rayline.core.columns import Feature, FeatureType, Target
from rayline.core.errors import PackageError
from rayline.profile.bins import (
    Bins,
    Columns,
    NumberBins,
    Values,
    bins_from_json,
    category_bins,
    class_bins,
    number_bins,
)

if TYPE_CHECKING:
    from rayline.profile.profile import Profile

FILE = "reference.json"
FORMAT = 1


@dataclass(frozen=True)
class Reference:
    """What live windows are counted by and compared with.

    `predictions` has the classes in the model's order (classification) or deciles of the predicted values
    (regression); its `expected` is empty where the predictions of training were not given.
    """

    features: dict[str, Bins]
    predictions: Bins

    @classmethod
    def build(
        cls,
        profile: Profile,
        features: Sequence[Feature],
        *,
        predictions: Values | None,
        target: Target,
    ) -> Reference:
        """A reference from the training rows' profile.

        Args:
            profile: profile of the training rows; its sample is counted, its private columns are left out.
            features: what the model reads; only numbers and categories are watched.
            predictions: what the model answers for rows like training's: class labels or places in `target.classes`
                (classification), values (regression); `None` to watch inputs alone.
            target: what is predicted.
        """
        sample = profile.sample
        watched = [
            f
            for f in features
            if f.name not in profile.private and f.type in (FeatureType.NUMBER, FeatureType.CATEGORY)
        ]
        bins: dict[str, Bins] = {}
        for feature in watched:
            if feature.type is FeatureType.NUMBER:
                bins[feature.name] = number_bins(_numbers(sample[feature.name]))
            else:
                bins[feature.name] = category_bins(sample[feature.name].to_list())
        answers: Bins
        if target.task.is_classification:
            answers = class_bins(target.classes, predictions)
        else:
            answers = NumberBins(()) if predictions is None else number_bins(np.asarray(predictions))
        return cls(bins, answers)

    def count(self, rows: pl.DataFrame | Columns) -> dict[str, list[int]]:
        """Rows of a frame, or of a mapping of columns, in each feature's bins; an absent column counts as missing."""
        if isinstance(rows, pl.DataFrame):
            rows = {
                name: _numbers(rows[name]) if isinstance(bins, NumberBins) else rows[name].to_list()
                for name, bins in self.features.items()
                if name in rows.columns
            } or {"": [None] * rows.height}
        height = max((len(values) for values in rows.values()), default=0)
        absent = [None] * height
        return {name: bins.count(rows.get(name, absent)) for name, bins in self.features.items()}

    def expected(self) -> dict[str, list[int]]:
        """Training rows in each feature's bins."""
        return {name: list(bins.expected) for name, bins in self.features.items()}

    def to_json(self) -> dict[str, Any]:
        features = {name: bins.to_json() for name, bins in self.features.items()}
        return {"format": FORMAT, "features": features, "predictions": self.predictions.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Reference:
        """The inverse of `to_json`.

        Raises:
            PackageError: another format, or not a reference.
        """
        try:
            if value["format"] != FORMAT:
                raise PackageError(f"reference profile of format {value['format']!r}; this Rayline reads {FORMAT}.")
            features = {name: bins_from_json(item) for name, item in value["features"].items()}
            return cls(features, bins_from_json(value["predictions"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise PackageError(f"not a reference profile: {error!r}. Train and register the model again.") from None

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `reference.json` into `folder` (path or URI; a package's `profile/`)."""
        files.write_json(files.join(os.fspath(folder), FILE), self.to_json())

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Reference:
        """Read `reference.json` from `folder` (path or URI; a package's `profile/`).

        Raises:
            FileNotFoundError: there is none.
            PackageError: it is not a reference.
        """
        uri = files.join(os.fspath(folder), FILE)
        try:
            return cls.from_json(files.read_json(uri))
        except ValueError as error:
            raise PackageError(f"{uri}: {error}") from None


def _numbers(series: pl.Series) -> npt.NDArray[np.float64]:
    """Values as float64 [n] with NaN for null."""
    return series.cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()
