"""The order of rows: one seeded permutation an epoch, the same for any number of workers.

A step takes the next `batch_size` rows of the permutation; worker r of W takes its share of them. The last
batch is whatever is left: no row is dropped. Rows are gathered many batches at a time, so that a step slices.

Where rows are mixed with partners, the row at place i of a batch of n has that at place n - 1 - i: a worker gathers the
partners of its rows too, and lets them go once they are mixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rayline.core import seeds
from rayline.core.prepared import Rows
from rayline.prepare.augment._augmenter import Examples
from rayline.prepare.augmentation import keys
from rayline.prepare.training_rows import TrainingRows

IntArray = npt.NDArray[np.int64]
Augment = Callable[[Examples], Examples]

GATHER_ROWS = 65_536
"""Rows gathered at once, at most."""
GATHER_BYTES = 256 << 20
"""Bytes gathered at once, about: bounds the copy of memory-mapped data."""


class Batch(NamedTuple):
    """A worker's share of one step, on its device."""

    step: int
    """Of the epoch, from 0."""
    rows: int
    """Of the whole batch, over all workers."""
    numbers: Tensor
    categories: Tensor
    target: Tensor
    tensors: tuple[Tensor, ...] = ()


def steps_per_epoch(rows: int, batch_size: int) -> int:
    return -(-rows // batch_size)


def order(rows: int, seed: int, epoch: int) -> IntArray:
    """The permutation of `rows` row numbers for `epoch`."""
    return np.random.Generator(np.random.PCG64(seeds.derive(seed, "order", epoch))).permutation(rows)


def share(rows: int, rank: int, size: int) -> slice:
    """The part of a batch of `rows` rows that worker `rank` of `size` takes; shares differ by one row at most."""
    return slice(rows * rank // size, rows * (rank + 1) // size)


def batches(
    rows: Rows | TrainingRows,
    ids: IntArray,
    batch_size: int,
    *,
    first_step: int = 0,
    rank: int = 0,
    size: int = 1,
    device: torch.device,
    augment: Augment | None = None,
    mixes: bool = False,
    copies: IntArray | None = None,
) -> Iterator[Batch]:
    """A worker's batches of one epoch from `first_step` on.

    Args:
        rows: what is learnt from.
        ids: of its rows, in the order of the epoch.
        batch_size: rows of a step, over all workers.
        first_step: of the epoch, where it is gone on with.
        rank, size: of this worker, and how many there are.
        device: where batches are to be.
        augment: what is done to each batch there.
        mixes: whether `augment` needs rows' partners.
        copies: which repetition of its row each is, in the order of the epoch.
    """
    parts = rows.parts if isinstance(rows, TrainingRows) else (rows,)
    block = max(min(GATHER_ROWS, GATHER_BYTES // _row_bytes(parts[0])) // batch_size, 1)
    steps = steps_per_epoch(len(ids), batch_size)
    # a block begins at the same step wherever training resumes: equal addresses, hence equal bits from vector code
    for first in range(first_step // block * block, steps, block):
        wholes = [
            range(n * batch_size, min((n + 1) * batch_size, len(ids))) for n in range(first, min(first + block, steps))
        ]
        own = [share(len(whole), rank, size) for whole in wholes]
        places = [_places(len(whole), part, mixes) for whole, part in zip(wholes, own, strict=True)]
        taken = np.concatenate([whole.start + here for whole, here in zip(wholes, places, strict=True)])
        gathered = take(parts, ids[taken], device)
        found_keys = None
        if augment is not None:
            found_keys = _keys(parts, ids[taken], None if copies is None else copies[taken], device)
        start = 0
        for step, (whole, part, here) in enumerate(zip(wholes, own, places, strict=True), first):
            among = slice(start, start + len(here))
            start = among.stop
            if step < first_step:
                continue
            numbers, categories, target, tensors = _sliced(gathered, among)
            if augment is not None and found_keys is not None and len(here):
                partner = torch.from_numpy(_partners(len(whole), here)).to(device) if mixes else found_keys[:0]
                made = augment(Examples(numbers, categories, tensors, target, found_keys[among], partner))
                mine = slice(0, part.stop - part.start)
                numbers, categories, target, tensors = _sliced(
                    Taken(made.numbers, made.categories, made.target, made.tensors), mine
                )
            yield Batch(step, len(whole), numbers, categories, target, tensors)


class Taken(NamedTuple):
    """Rows on a device."""

    numbers: Tensor
    categories: Tensor
    target: Tensor
    tensors: tuple[Tensor, ...]


def take(rows: Rows | tuple[Rows, ...], ids: IntArray, device: torch.device) -> Taken:
    """The rows `ids`, copied to `device`; where `rows` are several, ids count on from one to the next."""
    parts = rows if isinstance(rows, tuple) else (rows,)
    inputs = [part.inputs for part in parts]
    return Taken(
        _take([part.numbers for part in inputs], ids, device),
        _take([part.categories for part in inputs], ids, device),
        _take([part.target for part in parts], ids, device),
        tuple(_take(list(arrays), ids, device) for arrays in zip(*(part.tensors for part in inputs), strict=True)),
    )


def _take(arrays: Sequence[npt.NDArray[Any]], ids: IntArray, device: torch.device) -> Tensor:
    first = arrays[0]
    shape = (len(ids), *first.shape[1:])
    taken = torch.empty(shape, dtype=torch.from_numpy(np.empty(0, first.dtype)).dtype)
    np.take(first, ids, axis=0, out=taken.numpy(), mode="clip")  # any other mode copies once more
    start = len(first)
    for array in arrays[1:]:
        later = (ids >= start) & (ids < start + len(array))
        taken.numpy()[later] = array[ids[later] - start]
        start += len(array)
    return taken.to(device)


def _sliced(taken: Taken, part: slice) -> Taken:
    return Taken(taken.numbers[part], taken.categories[part], taken.target[part], tuple(t[part] for t in taken.tensors))


def _row_bytes(rows: Rows) -> int:
    arrays = (rows.inputs.numbers, rows.inputs.categories, rows.target, *rows.inputs.tensors)
    return sum(array.dtype.itemsize * math.prod(array.shape[1:]) for array in arrays)


def _keys(parts: tuple[Rows, ...], ids: IntArray, copies: IntArray | None, device: torch.device) -> Tensor:
    rows = _take([part.row for part in parts], ids, torch.device("cpu"))
    return keys(rows, None if copies is None else torch.from_numpy(copies)).to(device)


def _places(rows: int, own: slice, mixes: bool) -> IntArray:
    """Places within a batch of `rows` rows that a worker needs: its own, then those of partners that are not."""
    mine = np.arange(own.start, own.stop)
    if not mixes:
        return mine
    theirs = rows - 1 - mine
    return np.concatenate([mine, theirs[(theirs < own.start) | (theirs >= own.stop)]])


def _partners(rows: int, places: IntArray) -> IntArray:
    """Where the partner of each of `places` stands among them."""
    where = np.empty(rows, np.int64)
    where[places] = np.arange(len(places))
    return where[rows - 1 - places]
