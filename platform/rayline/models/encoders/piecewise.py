"""Numbers as piecewise-linear vectors over quantile bins, then one linear map a column. Choose it where effects bend.

Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", 2022: with it an
MLP comes close to boosted trees. Bins are quantiles of the training rows, so heavy tails and spikes need no clipping.

    B rows · F number columns · Q bins a column · W numbers in a column's vector
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn

from rayline.core.prepared import Layout, Prepared
from rayline.models.encoders._encoder import Encoder, EncoderConfig

SAMPLE_ROWS = 65_536
"""Training rows that bins are taken from at most, evenly spaced."""
ROWS_PER_BIN = 32
"""Training rows a bin at least: finer bins only help to over-fit small data."""
MOST_BINS = 16_384
"""Bins of all columns together with `bins: auto`; bounds the time of a step."""


class Config(EncoderConfig):
    reads: ClassVar[Literal["numbers", "categories"]] = "numbers"

    bins: Literal["auto"] | Annotated[int, Field(ge=2)] = "auto"
    """Bins a column at most. `auto`: 48, fewer for more than 340 columns. Small data get fewer still."""
    width: int = Field(default=8, ge=1)
    """Numbers in a column's vector."""

    def build(self, layout: Layout) -> Encoder:
        columns = len(layout.numbers)
        bins = max(min(48, MOST_BINS // columns), 4) if self.bins == "auto" else self.bins
        return PiecewiseEncoder(columns, bins, self.width)


class PiecewiseEncoder(Encoder):
    """Encodes each column's value x as clip((x - start_q) / length_q, 0, 1) over its bins q, then maps it to W numbers.

    The bins are buffers: they travel with the weights.
    """

    start: Tensor  # [F, 1, Q]
    scale: Tensor  # [F, 1, Q]

    def __init__(self, columns: int, bins: int, width: int) -> None:
        super().__init__()
        self.width = columns * width
        self.map = nn.Parameter(torch.empty(columns, bins, width).uniform_(-(bins**-0.5), bins**-0.5))
        self.bias = nn.Parameter(torch.zeros(columns, 1, width))
        self.register_buffer("start", torch.zeros(columns, 1, bins))
        self.register_buffer("scale", torch.zeros(columns, 1, bins))

    def learn(self, inputs: Prepared) -> None:
        rows, columns = inputs.numbers.shape
        sample_NF = inputs.numbers[:: -(-rows // SAMPLE_ROWS)]
        bins = self.start.shape[2]
        self.start.zero_()
        self.scale.zero_()
        for column in range(columns):
            edges = bin_edges(sample_NF[:, column], max(min(bins, len(sample_NF) // ROWS_PER_BIN), 2))
            found = len(edges) - 1
            self.start[column, 0, :found] = torch.from_numpy(edges[:-1])
            self.scale[column, 0, :found] = torch.from_numpy(1 / np.maximum(np.diff(edges), 1e-30))

    def forward(self, numbers_BF: Tensor) -> Tensor:
        # a bin that is not used has scale 0 and adds nothing
        parts_FBQ = (numbers_BF.t().unsqueeze(2) - self.start).mul_(self.scale).clamp_(0, 1)
        return torch.baddbmm(self.bias, parts_FBQ, self.map).transpose(0, 1).flatten(1)


def bin_edges(values_N: npt.NDArray[np.float32], bins: int) -> npt.NDArray[np.float64]:
    """Ascending edges of at most `bins` bins.

    A value that more than 1/`bins` of the rows share is an edge by itself; quantiles of the other rows are the
    rest. Plain quantiles would spend all bins on a spike, such as the zeros of a capital gain.

    >>> bin_edges(np.array([0, 0, 0, 0, 0, 0, 1, 2, 3, 4], np.float32), 4).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    distinct, counts = np.unique(values_N.astype(np.float64), return_counts=True)
    common = counts > len(values_N) / bins
    others = np.repeat(distinct[~common], counts[~common])
    cuts = bins - int(common.sum())
    quantiles = np.quantile(others, np.linspace(0, 1, cuts + 1), method="lower") if len(others) else others
    return np.unique(np.concatenate([distinct[common], quantiles]))
