"""Replace the number columns by their principal components: few uncorrelated columns that keep most of the variance.

Choose it for many columns that go together, such as sensors and pixels; what the columns meant is lost. Scale the
columns first (`standard`), or those of large numbers rule. Agrees with scikit-learn's `PCA` up to sign; here the
largest weight of each component is positive. Reference: Jolliffe, "Principal Component Analysis", 2002.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from rayline.core.errors import DataError
from rayline.core.seeds import derive
from rayline.core.shown import counted
from rayline.prepare.reduce._reducer import Projection, ReduceConfig, Reducer

FloatArray = npt.NDArray[np.float64]


class Config(ReduceConfig):
    components: int | float = Field(default=0.95, gt=0)
    """How many there are; below 1, the share of the variance that they keep together."""
    whiten: bool = False
    """Scale each component to variance 1 over the training sample."""

    @field_validator("components")
    @classmethod
    def _whole(cls, value: int | float) -> int | float:
        if value >= 1 and value != int(value):
            raise ValueError("give a whole number of components, or a share below 1")
        return int(value) if value >= 1 else value

    def build(self) -> Pca:
        return Pca(self)


class Pca(Reducer):
    def __init__(self, options: Config) -> None:
        self._options = options

    def learn(self, numbers_MW: FloatArray, names: tuple[str, ...], seed: int) -> Projection:  # noqa: ARG002
        from sklearn.decomposition import PCA  # a second to import

        m, width = numbers_MW.shape
        if m < 2 or not np.ptp(numbers_MW, axis=0).any():
            raise DataError(
                f"reduce pca: no number column varies over the {counted(m)} of the training sample. "
                "Leave prepare.reduce out."
            )
        wanted = self._options.components
        most = min(m, width)
        with threadpool_limits(limits=1):  # the same sums on every machine
            fitted = PCA(
                n_components=min(wanted, most) if wanted >= 1 else wanted,
                svd_solver="full" if m * width * most < 1e9 or (wanted < 1 and width > m) else "covariance_eigh",
                random_state=derive(seed, "pca") % 2**32,
            ).fit(numbers_MW)
        carries = fitted.explained_variance_ > 1e-12 * fitted.explained_variance_[0]  # beyond the rank: rounding
        components_KW = _signed(fitted.components_[carries])
        if self._options.whiten:
            components_KW = components_KW / np.sqrt(fitted.explained_variance_[carries])[:, None]
        return Projection(
            names=tuple(f"pca={k}" for k in range(1, len(components_KW) + 1)),
            mean_W=np.ascontiguousarray(fitted.mean_, dtype=np.float64),
            components_KW=np.ascontiguousarray(components_KW, dtype=np.float64),
            explained=tuple(fitted.explained_variance_ratio_[carries].tolist()),
        )


def _signed(components_KW: FloatArray) -> FloatArray:
    # weights equal but for rounding count as equal, and the first of them decides
    sizes_KW = np.abs(components_KW)
    first_K = np.argmax(sizes_KW >= sizes_KW.max(axis=1, keepdims=True) * (1.0 - 1e-6), axis=1)
    signs_K = np.sign(components_KW[np.arange(len(components_KW)), first_K])
    found: FloatArray = components_KW * signs_K[:, None]
    return found
