"""Small steps run on one thread, large ones on as many as they may; the caller's own number comes back."""

import pytest
import torch
from torch import nn

from rayline.train.threads import OPERATIONS_PER_THREAD, threads_for

WEIGHTS = nn.Linear(1000, 1000, bias=False)
ROWS_PER_THREAD = int(OPERATIONS_PER_THREAD / 6e6) + 1


@pytest.mark.parametrize(
    ("rows", "most", "threads"), [(10, 8, 1), (4 * ROWS_PER_THREAD, 8, 4), (99 * ROWS_PER_THREAD, 2, 2)]
)
def test_threads_grow_with_the_step(rows: int, most: int, threads: int) -> None:
    before = torch.get_num_threads()
    with threads_for(WEIGHTS, rows, most) as chosen:
        assert chosen == torch.get_num_threads() == threads
    assert torch.get_num_threads() == before


def test_the_process_own_number_is_the_most() -> None:
    torch.set_num_threads(1)
    with threads_for(WEIGHTS, 99 * ROWS_PER_THREAD, None) as chosen:
        assert chosen == 1
