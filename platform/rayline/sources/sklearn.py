"""The data sets that come with scikit-learn, by name: `sklearn:breast_cancer`.

Choose it to try something out without a file or a network. The target column is `target`; for classification it
holds the class names as text. Reference: https://scikit-learn.org/stable/datasets/toy_dataset.html
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from rayline.core.catalog import PluginConfig
from rayline.core.errors import UnknownNameError, listing, nearest
from rayline.sources._columns import canonical_schema
from rayline.sources._source import Fragment, Source

SETS = ("breast_cancer", "diabetes", "digits", "iris", "wine")
PREFIX = "sklearn:"


class Config(PluginConfig):
    dataset: Literal["breast_cancer", "diabetes", "digits", "iris", "wine"]
    """Which set: breast_cancer, iris, wine, digits (classification) or diabetes (regression)."""

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims `sklearn:NAME`.

        Raises:
            UnknownNameError: scikit-learn bundles no set of that name.
        """
        if not text.startswith(PREFIX):
            return None
        name = text.removeprefix(PREFIX)
        if name not in SETS:
            raise UnknownNameError(
                f"scikit-learn bundles no set {name!r}.{nearest(name, SETS)} Known: {listing(SETS)}."
            )
        return cls(dataset=name)  # type: ignore[arg-type]

    def build(self) -> Source:
        return BundledSource(self)


class BundledSource(Source):
    """One fragment: the whole set."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._table: pa.Table | None = None

    @property
    def name(self) -> str:
        return PREFIX + self.config.dataset

    def _find(self) -> list[Fragment]:
        return [Fragment(0, self.name)]

    def _decide(self) -> pa.Schema:
        return canonical_schema(self._load().schema, self.name)

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:  # noqa: ARG002
        return self._load().select(names)

    def _load(self) -> pa.Table:
        if self._table is None:
            self._table = load(self.config.dataset)
        return self._table


def load(dataset: str) -> pa.Table:
    """The set as a table, target last; whole numbers as integers."""
    import sklearn.datasets  # a second to import, and only this source needs it

    bunch = getattr(sklearn.datasets, f"load_{dataset}")()
    columns = {str(name): _column(bunch.data[:, place]) for place, name in enumerate(bunch.feature_names)}
    labels = bunch.get("target_names")
    if labels is None:
        target = _column(bunch.target)
    else:
        target = pa.array([str(label) for label in np.asarray(labels)[bunch.target]])
    return pa.table({**columns, "target": target})


def _column(values: np.ndarray) -> pa.Array:
    whole = bool(np.all(values == np.round(values)))
    return pa.array(values.astype(np.int64) if whole else values.astype(np.float64))
