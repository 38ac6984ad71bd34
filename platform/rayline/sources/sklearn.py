"""The data sets that scikit-learn has, by name: `sklearn:breast_cancer`.

Choose it to try something out. Five sets come with the package; the others are downloaded when they are first used, and
then lie in scikit-learn's data folder, where they may also be put by hand. The target column is `target`; for
classification it holds the class names as text. Reference: https://scikit-learn.org/stable/datasets.html
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError, UnknownNameError, listing, nearest
from rayline.sources._loaded import LoadedSource, from_pandas, numbers
from rayline.sources._source import Source

BUNDLED = ("breast_cancer", "diabetes", "digits", "iris", "wine")
FETCHED: Mapping[str, Mapping[str, Any]] = {
    "20newsgroups": {"subset": "all"},
    "california_housing": {"as_frame": True},
    "covtype": {"as_frame": True},
    "kddcup99": {"as_frame": True},
    "olivetti_faces": {},
}
SETS = (*BUNDLED, *FETCHED)
PREFIX = "sklearn:"


class Config(PluginConfig):
    dataset: Literal[
        "breast_cancer", "diabetes", "digits", "iris", "wine",
        "20newsgroups", "california_housing", "covtype", "kddcup99", "olivetti_faces",
    ]  # fmt: skip
    """Which set: breast_cancer, iris, wine, digits, covtype, kddcup99, 20newsgroups, olivetti_faces (classification),
    diabetes or california_housing (regression).
    """
    folder: str | None = None
    """Where downloaded sets lie; `null`: scikit-learn's own (`SCIKIT_LEARN_DATA`, else ~/scikit_learn_data)."""

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims `sklearn:NAME`.

        Raises:
            UnknownNameError: scikit-learn has no set of that name.
        """
        if not text.startswith(PREFIX):
            return None
        name = text.removeprefix(PREFIX)
        if name not in SETS:
            raise UnknownNameError(f"scikit-learn has no set {name!r}.{nearest(name, SETS)} Known: {listing(SETS)}.")
        return cls(dataset=name)  # type: ignore[arg-type]

    def build(self) -> Source:
        return LoadedSource(PREFIX + self.dataset, load, self, None)


@lru_cache(maxsize=2)
def load(config: Config) -> pa.Table:
    """The set as a table, target last; whole numbers as integers.

    Raises:
        DataError: it is not here and cannot be downloaded.
    """
    import sklearn.datasets  # a second to import, and only this source needs it

    if config.dataset in BUNDLED:
        return _bundled(getattr(sklearn.datasets, f"load_{config.dataset}")())
    fetch = getattr(sklearn.datasets, f"fetch_{config.dataset}")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Retry downloading")  # what fails twice is told below
            found = fetch(data_home=config.folder, n_retries=1, delay=0.5, **FETCHED[config.dataset])
    except OSError as error:
        folder = sklearn.datasets.get_data_home(config.folder)
        raise DataError(
            f"{PREFIX}{config.dataset} is not in {folder!r} and cannot be downloaded: {error}. Connect to the network, "
            "or copy that folder from a machine that has the set and name it in data.source.folder."
        ) from None
    return _fetched(found, PREFIX + config.dataset)


def _bundled(bunch: Any) -> pa.Table:
    columns = {str(name): numbers(bunch.data[:, place]) for place, name in enumerate(bunch.feature_names)}
    labels = bunch.get("target_names")
    if labels is None:
        target = numbers(bunch.target)
    else:
        target = pa.array([str(label) for label in np.asarray(labels)[bunch.target]])
    return pa.table({**columns, "target": target})


def _fetched(bunch: Any, where: str) -> pa.Table:
    if isinstance(bunch.data, list):  # texts
        names = np.asarray(bunch.target_names)
        return pa.table({"text": pa.array(bunch.data), "target": pa.array([str(name) for name in names[bunch.target]])})
    if isinstance(bunch.data, np.ndarray):
        columns = {f"pixel_{place}": numbers(bunch.data[:, place]) for place in range(bunch.data.shape[1])}
        return pa.table({**columns, "target": numbers(bunch.target)})
    table = from_pandas(bunch.data, where)
    target = from_pandas(bunch.target.to_frame("target"), where)
    return table.append_column("target", target.column("target"))
