"""What augmenters of sequences share: smooth random curves, and values read between steps.

B rows · L steps of a sequence · K knots
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor


def curves(knots_BK: Tensor, length: int) -> Tensor:
    """Natural cubic splines through evenly spaced knots, the first and last at the ends [B, length]."""
    basis = _basis(knots_BK.shape[1], length)
    curve = torch.zeros((len(knots_BK), length), device=knots_BK.device)
    # one knot after the other: a matrix product's order of adding is the library's choice
    for knot in range(knots_BK.shape[1]):
        curve = curve + knots_BK[:, knot : knot + 1] * basis[knot].to(knots_BK.device)
    return curve


@lru_cache(maxsize=16)
def _basis(knots: int, length: int) -> Tensor:
    """How each knot moves each step [K, L]."""
    spline = CubicSpline(np.linspace(0, 1, knots), np.eye(knots), bc_type="natural")
    return torch.from_numpy(spline(np.linspace(0, 1, length)).T.astype(np.float32))


def read_at(array_BL: Tensor, steps_BL: Tensor) -> Tensor:
    """Values at fractional steps, by straight lines between their neighbours."""
    last = array_BL.shape[1] - 1
    steps_BL = steps_BL.clamp(0, last)
    below = steps_BL.long()
    share = steps_BL - below
    low = array_BL.gather(1, below)
    return low + (array_BL.gather(1, (below + 1).clamp(max=last)) - low) * share
