"""Pieces of the tests of augmenters: one input, one step."""

from typing import Any

import numpy as np
import torch

from rayline.core import catalog
from rayline.core.columns import Target, Task
from rayline.core.prepared import Layout, TensorInput
from rayline.prepare.augment._augmenter import Examples
from rayline.prepare.augmentation import Augmentation

KINDS = {"sound": "audio", "picture": "image", "text": "text", "signal": "sequence"}


def images(rows: int, size: int = 12) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((rows, 3, size, size), np.float32))


def apply(
    name: str,
    *arrays: torch.Tensor,
    what: str = "picture",
    levels: Any = None,
    target: torch.Tensor | None = None,
    of: Target | None = None,
    whole: bool = False,
    **options: Any,
) -> Any:
    """`arrays` after one step: the array, or all of them, or the whole examples."""
    rows = len(arrays[0])
    names = [what, *(f"{what} {n}" for n in range(1, len(arrays)))]
    tensors = tuple(
        TensorInput(key, KINDS[what], tuple(array.shape[1:]), "float32", 0 if array.is_floating_point() else 99)
        for key, array in zip(names, arrays, strict=True)
    )
    step = Augmentation.of(
        [catalog.resolve("augment", {"name": name, **options})],
        Layout((), (), (), tensors),
        of or Target("y", Task.REGRESSION),
        seed=0,
        levels=levels,
    )
    assert step is not None
    examples = Examples(
        torch.zeros((rows, 0)),
        torch.zeros((rows, 0), dtype=torch.int32),
        arrays,
        torch.zeros(rows) if target is None else target,
        torch.arange(rows),
        torch.arange(rows - 1, -1, -1),
    )
    after = step(examples, 0)
    if whole:
        return after
    return after.tensors[0] if len(arrays) == 1 else after.tensors
