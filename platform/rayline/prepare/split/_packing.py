"""Put things of different sizes into bins of given capacities, as nearly full as can be.

G groups · P bins · C classes. The largest go first, those of like size in a seeded order, each to a bin in which it
fits, drawn by what is still free; then single moves and swaps as long as they bring the bins nearer to their
capacities. With classes, each group goes where the bins' shares of all classes come nearest. Nothing is divided.
Reference: Graham, "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 1969 (largest first).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.seeds import UInt64Array, splitmix64, uniform

Counts = npt.NDArray[np.int64]
Loads = npt.NDArray[np.float64]
MOST_STEPS = 200
TRIED = 3
"""Bins that are looked at for a step: so many of the fullest and of the emptiest."""
NO_STEP = (0.0, -1, -1, -1, -1)
FEW, FEW_STARTS = 64, 16
"""Up to so many groups, so many orders are tried and the best is kept."""
MOST_PLACED = 4096
"""Groups, the largest, that are placed one by one."""


@dataclass(frozen=True)
class Places:
    """The bin of any group, from its hash."""

    placed: dict[int, int] = field(repr=False)
    """Hash to bin."""
    cuts: tuple[int, ...]
    """Of groups not in `placed`: the bin is the number of cut-offs that the hash reaches."""

    def bins(self, hashes: UInt64Array) -> Counts:
        """The bin of each row's group [n]."""
        found = np.searchsorted(np.array(self.cuts, dtype=np.uint64), hashes, side="right").astype(np.int64)
        if self.placed and len(hashes):
            known = np.array(sorted(self.placed), dtype=np.uint64)
            bins = np.array([self.placed[int(group)] for group in known.tolist()])
            at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
            found = np.where(known[at] == hashes, bins[at], found)
        return found

    def to_json(self) -> dict[str, Any]:
        return {"placed": {f"{group:016x}": b for group, b in sorted(self.placed.items())}, "cuts": list(self.cuts)}

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Places:
        """What `to_json` wrote."""
        return cls({int(group, 16): b for group, b in value["placed"].items()}, tuple(value["cuts"]))


def place(hashes: UInt64Array, codes: Counts, shares: Loads) -> Places:
    """Bins of the groups that rows are of, so that each bin has its share of the rows.

    Args:
        hashes: of each row's group [n].
        codes: each row's class [n], all 0 where classes do not matter.
        shares: of the bins, 1 together [P].
    """
    counted = pl.Series("group", hashes).value_counts().sort("group")
    groups, sizes = counted["group"].to_numpy(), counted["count"].to_numpy().astype(np.int64)
    by_share = tuple(min(int(share * 2.0**64), 2**64 - 1) for share in np.cumsum(shares)[:-1].tolist())
    if not len(groups):
        return Places({}, by_share)
    large = np.sort(np.lexsort((groups, -sizes))[:MOST_PLACED])
    classes = int(codes.max()) + 1
    rows_GC = sizes[large][:, None]
    if classes > 1:
        at = np.minimum(np.searchsorted(groups[large], hashes), len(large) - 1)
        theirs = groups[large][at] == hashes
        cells = at[theirs] * classes + codes[theirs]
        rows_GC = np.bincount(cells, minlength=len(large) * classes).reshape(-1, classes)
    bins = pack(rows_GC, shares * rows_GC.sum(), groups[large])
    placed = dict(zip(groups[large].tolist(), bins.tolist(), strict=True))
    if len(large) == len(groups):
        return Places(placed, by_share)
    small = np.ones(len(groups), np.bool_)
    small[large] = False
    free = np.maximum(shares * len(hashes) - np.bincount(bins, weights=sizes[large], minlength=len(shares)), 0.0)
    ends = np.cumsum(sizes[small]) - sizes[small] / 2
    edges = np.cumsum(free)[:-1] * (sizes[small].sum() / free.sum())
    first = np.searchsorted(ends, edges)
    ordered = groups[small]  # ascending
    return Places(placed, tuple(int(ordered[k]) if k < len(ordered) else 2**64 - 1 for k in first.tolist()))


def pack(rows_GC: Counts, capacities: Loads, hashes: UInt64Array) -> Counts:
    """The bin of each group [G].

    Args:
        rows_GC: rows of each group by class; one class where classes do not matter.
        capacities: rows each bin should have [P]; bins of 0 stay empty, and of the others none does if there are
            groups enough.
        hashes: seeded, one a group [G]; they decide between groups of like size.
    """
    sizes = rows_GC.sum(axis=1)
    if rows_GC.shape[1] > 1:
        bins = _by_class(rows_GC, capacities, _order(sizes, hashes))
        _fill_empty(bins, sizes, capacities)
        return bins
    best, least = np.zeros(len(sizes), np.int64), np.inf
    for start in range(FEW_STARTS if len(sizes) <= FEW else 1):
        ordered_by, draw_by = splitmix64(hashes, 2 * start), splitmix64(hashes, 2 * start + 1)
        bins = _by_size(sizes, capacities, _order(sizes, ordered_by), draw_by)
        _fill_empty(bins, sizes, capacities)
        _improve(bins, sizes, capacities)
        distance = float(np.sum((np.bincount(bins, weights=sizes, minlength=len(capacities)) - capacities) ** 2))
        if distance < least - 1e-9:
            best, least = bins, distance
    return best


def _order(sizes: Counts, hashes: UInt64Array) -> Counts:
    """Largest first, sizes within a factor of two in the order of hashes."""
    return np.lexsort((hashes, -np.floor(np.log2(np.maximum(sizes, 1)))))


def _by_size(sizes: Counts, capacities: Loads, order: Counts, draw_by: UInt64Array) -> Counts:
    # drawn by other hashes than those that order: else the first bin would get the largest
    bins = np.zeros(len(sizes), np.int64)
    free = capacities.astype(np.float64).copy()
    draws = uniform(draw_by)
    for group in order.tolist():
        fits = np.where((free >= sizes[group]) & (capacities > 0), free, 0.0)
        if fits.sum() > 0:
            ends = np.cumsum(fits)
            place = int(np.searchsorted(ends, draws[group] * ends[-1], side="right"))
        else:
            place = int(np.argmax(np.where(capacities > 0, free, -np.inf)))
        bins[group] = place
        free[place] -= sizes[group]
    return bins


def _by_class(rows_GC: Counts, capacities: Loads, order: Counts) -> Counts:
    bins = np.zeros(len(rows_GC), np.int64)
    totals_C = np.maximum(rows_GC.sum(axis=0), 1)
    free_PC = np.outer(capacities / max(capacities.sum(), 1.0), totals_C)
    allowed = capacities > 0
    for group in order.tolist():
        rows = rows_GC[group]
        # by how much the squared distance from the wanted counts changes, each class by its own size
        change = ((free_PC - rows) ** 2 - free_PC**2) / totals_C / np.maximum(capacities, 1.0)[:, None]
        place = int(np.argmin(np.where(allowed, change.sum(axis=1), np.inf)))
        bins[group] = place
        free_PC[place] -= rows
    return bins


def _fill_empty(bins: Counts, sizes: Counts, capacities: Loads) -> None:
    """Give each bin that should have rows, and has none, the smallest group of the bin with most groups."""
    for place in np.flatnonzero(capacities > 0):
        if not (bins == place).any():
            groups = np.bincount(bins, minlength=len(capacities))
            giver = int(np.argmax(groups))
            if groups[giver] > 1:
                own = np.flatnonzero(bins == giver)
                bins[own[np.argmin(sizes[own])]] = place


def _improve(bins: Counts, sizes: Counts, capacities: Loads) -> None:
    """Move or swap groups between two bins while the squared distance from the capacities falls."""
    for _ in range(MOST_STEPS):
        over = np.bincount(bins, weights=sizes, minlength=len(capacities)) - capacities
        used = sorted(np.flatnonzero(capacities > 0).tolist(), key=lambda place: over[place])
        pairs = [(a, b) for a in used[-TRIED:] for b in used[:TRIED] if a != b]
        step = max((_best(bins, sizes, over, a, b) for a, b in pairs), key=lambda found: found[0], default=NO_STEP)
        gain, giver, taker, given, taken = step
        if gain <= 1e-9:
            return
        bins[given] = taker
        if taken >= 0:
            bins[taken] = giver


def _best(bins: Counts, sizes: Counts, over: Loads, giver: int, taker: int) -> tuple[float, int, int, int, int]:
    """The best group to move from `giver` to `taker`, in exchange for one or none: gain, bins, and the two groups."""
    nothing = (0.0, giver, taker, -1, -1)
    apart = over[giver] - over[taker]
    own = np.flatnonzero(bins == giver)
    if apart <= 0 or len(own) < 2:
        return nothing
    other = np.flatnonzero(bins == taker)
    other = other[np.argsort(sizes[other], kind="stable")]
    back = np.concatenate([[0], sizes[other]])  # 0: nothing in exchange
    # moving d more rows than come back changes the squared distance by 2 d (d - apart): best at apart / 2
    wanted = sizes[own] - apart / 2
    right = np.minimum(np.searchsorted(back, wanted), len(back) - 1)
    best = nothing
    for places in (right, np.maximum(right - 1, 0)):
        moved = sizes[own] - back[places]
        gains = 2.0 * moved * (apart - moved)
        at = int(np.argmax(gains))
        if gains[at] > best[0]:
            place = int(places[at])
            best = (float(gains[at]), giver, taker, int(own[at]), int(other[place - 1]) if place else -1)
    return best
