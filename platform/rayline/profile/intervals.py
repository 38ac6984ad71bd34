"""How far a share or a mean of some rows may be from that of all they stand for."""

from __future__ import annotations

import math


def wilson(hits: int, of: int, z: float) -> tuple[float, float]:
    """Wilson's interval of a share."""
    if not of:
        return 0.0, 1.0
    p, n = hits / of, of
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def rate_interval(
    rate: float | None, std: float | None, known: int, z: float, *, shares: bool
) -> tuple[float | None, float | None, float | None]:
    """A share of `known` rows, or a mean of this deviation, and the ends of its interval; of no rows `None`."""
    if rate is None or not known:
        return None, None, None
    if shares:
        return rate, *wilson(round(rate * known), known, z)
    if std is None:
        return rate, None, None
    return rate, rate - z * std / math.sqrt(known), rate + z * std / math.sqrt(known)
