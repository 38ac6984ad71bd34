"""Every row once an epoch, in an order that depends on the seed alone, shared out without gaps."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from train_parts import made

from rayline.train.batches import GATHER_ROWS, batches, order, share, steps_per_epoch

CPU = torch.device("cpu")


@given(rows=st.integers(1, 300), batch_size=st.integers(1, 64), size=st.integers(1, 5))
def test_workers_take_every_row_exactly_once(rows: int, batch_size: int, size: int) -> None:
    data = made(rows)
    permutation = order(rows, 0, 0)
    taken: dict[int, list[torch.Tensor]] = {}
    for rank in range(size):
        found = list(batches(data, permutation, batch_size, rank=rank, size=size, device=CPU))
        assert [batch.step for batch in found] == list(range(steps_per_epoch(rows, batch_size)))
        for batch in found:
            taken.setdefault(batch.step, []).append(batch.numbers)
    whole = torch.cat([torch.cat(parts) for _, parts in sorted(taken.items())])
    assert torch.equal(whole, torch.from_numpy(data.inputs.numbers[permutation]))


@given(rows=st.integers(0, 1000), size=st.integers(1, 9))
def test_shares_differ_by_one_row_at_most(rows: int, size: int) -> None:
    lengths = [share(rows, rank, size).stop - share(rows, rank, size).start for rank in range(size)]
    assert sum(lengths) == rows
    assert max(lengths) - min(lengths) <= 1


def test_an_epoch_can_be_entered_at_any_step() -> None:
    data = made(100)
    whole = list(batches(data, order(100, 3, 1), 8, device=CPU))
    for first in range(len(whole)):
        for batch, again in zip(
            whole[first:], batches(data, order(100, 3, 1), 8, first_step=first, device=CPU), strict=True
        ):
            assert batch.step == again.step
            assert torch.equal(batch.numbers, again.numbers)
            assert torch.equal(batch.categories, again.categories)
            assert torch.equal(batch.target, again.target)


def test_blocks_of_gathered_rows_join_without_seams() -> None:
    rows = GATHER_ROWS + 1234
    data = made(rows)
    permutation = order(rows, 0, 0)
    numbers = torch.cat([batch.numbers for batch in batches(data, permutation, 1000, device=CPU)])
    assert torch.equal(numbers, torch.from_numpy(data.inputs.numbers[permutation]))


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    assert np.array_equal(order(50, 0, 0), order(50, 0, 0))
    assert not np.array_equal(order(50, 0, 0), order(50, 0, 1))
    assert not np.array_equal(order(50, 0, 0), order(50, 1, 0))
