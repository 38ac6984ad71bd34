"""Moves pixels: an affine map of each image, and what stands where there was no image.

B rows · C channels · H height · W width
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor

Fill = Literal["black", "edge"]
Levels = tuple[tuple[float, float], ...]


def moved(images_BCHW: Tensor, maps_B23: Tensor, fill: Fill, levels: Levels) -> Tensor:
    """Images read at `maps` of their own coordinates (-1 to 1 from edge to edge), bilinear.

    `black` stands in for what lies outside, or the nearest pixel of the `edge`.
    """
    grid_BHW2 = F.affine_grid(maps_B23, list(images_BCHW.shape), align_corners=False)
    if fill == "edge":
        return F.grid_sample(images_BCHW, grid_BHW2, padding_mode="border", align_corners=False)
    black = ends(images_BCHW, levels)[0]
    return F.grid_sample(images_BCHW - black, grid_BHW2, padding_mode="zeros", align_corners=False) + black


def ends(images_BCHW: Tensor, levels: Levels) -> tuple[Tensor, Tensor]:
    """What black and white are in these images [1, C, 1, 1]; 0 and 1 where nothing says otherwise."""
    channels = images_BCHW.shape[1]
    both_2C = images_BCHW.new_tensor(levels or [(0.0, 1.0)] * channels).T.reshape(2, 1, channels, 1, 1)
    return both_2C[0], both_2C[1]


def maps(a: Tensor, b: Tensor, x: Tensor, c: Tensor, d: Tensor, y: Tensor) -> Tensor:
    """Affine maps [B, 2, 3] of numbers [B]: `(a b x; c d y)`."""
    return torch.stack([torch.stack([a, b, x], dim=1), torch.stack([c, d, y], dim=1)], dim=1)


def inside(shape: torch.Size, centre_B2: Tensor, sides_B2: Tensor) -> Tensor:
    """Bool [B, 1, H, W]: pixels within boxes of `sides` about `centre`, as shares of height and width."""
    height, width = shape[2:]
    device = centre_B2.device
    rows_H = (torch.arange(height, device=device) + 0.5) / height
    columns_W = (torch.arange(width, device=device) + 0.5) / width
    near_BH = (rows_H - centre_B2[:, :1]).abs() <= sides_B2[:, :1] / 2
    near_BW = (columns_W - centre_B2[:, 1:]).abs() <= sides_B2[:, 1:] / 2
    return (near_BH[:, :, None] & near_BW[:, None, :])[:, None]
