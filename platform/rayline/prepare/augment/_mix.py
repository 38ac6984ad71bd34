"""What augmenters that mix rows share: shares drawn from a Beta distribution, and targets that become soft.

Each row keeps half of itself or more: what cannot be mixed (categories, words) stays the row's own, and the share of
its partner is drawn for both rows of a pair apart. So a target is never mostly another row's.

B rows · K classes
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from scipy.special import betaincinv
from torch import Tensor

from rayline.prepare.augment._augmenter import Examples
from rayline.prepare.augment._draw import Draw

POINTS = 4097


class Shares:
    """The own share of each row, from 0.5 to 1: the larger of λ and 1 - λ, where λ follows Beta(alpha, alpha)."""

    def __init__(self, alpha: float) -> None:
        upper = betaincinv(alpha, alpha, np.linspace(0.5, 1.0, POINTS))
        self._quantiles = torch.from_numpy(np.asarray(upper, np.float32))

    def draw(self, draw: Draw, p: float) -> Tensor:
        """Float32 [B]; 1 for rows that are not changed."""
        if self._quantiles.device != draw.keys.device:
            self._quantiles = self._quantiles.to(draw.keys.device)
        at_B = draw.uniforms("share", 1)[:, 0] * (POINTS - 1)
        below_B = at_B.long()
        low, high = self._quantiles[below_B], self._quantiles[below_B + 1]
        return torch.where(draw.chosen(p), low + (high - low) * (at_B - below_B), 1.0)


def mixed_target(examples: Examples, own_B: Tensor, classes: int) -> Tensor:
    """Targets mixed in the rows' shares: classes as float32 [B, K], all else by value [B]."""
    target = examples.target
    if target.dtype == torch.int64:
        target = F.one_hot(target, classes).float()
    own = own_B.reshape(-1, *[1] * (target.ndim - 1))
    return target * own + target[examples.partner] * (1 - own)
