"""The order of rows: one seeded permutation an epoch, the same for any number of workers.

A step takes the next `batch_size` rows of the permutation; worker r of W takes its share of them. The last
batch is whatever is left: no row is dropped. Rows are gathered many batches at a time, so that a step slices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rayline.core import seeds
from rayline.core.prepared import Rows

GATHER_ROWS = 65_536
"""Rows gathered at once; bounds the copy of memory-mapped data."""


class Batch(NamedTuple):
    """A worker's share of one step, on its device."""

    step: int
    """Of the epoch, from 0."""
    rows: int
    """Of the whole batch, over all workers."""
    numbers: Tensor
    categories: Tensor
    target: Tensor


def steps_per_epoch(rows: int, batch_size: int) -> int:
    return -(-rows // batch_size)


def order(rows: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The permutation of `rows` row numbers for `epoch`."""
    return np.random.Generator(np.random.PCG64(seeds.derive(seed, "order", epoch))).permutation(rows)


def share(rows: int, rank: int, size: int) -> slice:
    """The part of a batch of `rows` rows that worker `rank` of `size` takes; shares differ by one row at most."""
    return slice(rows * rank // size, rows * (rank + 1) // size)


def batches(
    rows: Rows,
    order: npt.NDArray[np.int64],
    batch_size: int,
    *,
    first_step: int = 0,
    rank: int = 0,
    size: int = 1,
    device: torch.device,
) -> Iterator[Batch]:
    """A worker's batches of one epoch from `first_step` on."""
    block = max(GATHER_ROWS // batch_size, 1)
    steps = steps_per_epoch(len(order), batch_size)
    # a block begins at the same step wherever training resumes: equal addresses, hence equal bits from vector code
    for first in range(first_step // block * block, steps, block):
        parts = [order[step * batch_size : (step + 1) * batch_size] for step in range(first, min(first + block, steps))]
        own = [part[share(len(part), rank, size)] for part in parts]
        numbers, categories, target = take(rows, np.concatenate(own), device)
        start = 0
        for step, (part, mine) in enumerate(zip(parts, own, strict=True), first):
            here = slice(start, start + len(mine))
            start = here.stop
            if step >= first_step:
                yield Batch(step, len(part), numbers[here], categories[here], target[here])


def take(rows: Rows, ids: npt.NDArray[np.int64], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers, categories and target of the rows `ids`, copied to `device`."""
    numbers, categories, _ = rows.inputs
    return _take(numbers, ids, device), _take(categories, ids, device), _take(rows.target, ids, device)


def _take(array: npt.NDArray[np.generic], ids: npt.NDArray[np.int64], device: torch.device) -> Tensor:
    shape = (len(ids), *array.shape[1:])
    taken = torch.empty(shape, dtype=torch.from_numpy(np.empty(0, array.dtype)).dtype)
    np.take(array, ids, axis=0, out=taken.numpy(), mode="clip")  # any other mode copies once more
    return taken.to(device)
