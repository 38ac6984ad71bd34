"""A network for tables: one encoder for each type of input, a combiner, a body, a head.

B rows · F number columns · C category columns · H features from the body
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from rayline.core.errors import DataError
from rayline.core.prepared import Layout, Prepared, Rows
from rayline.models.combiner import Combiner
from rayline.models.encoders._encoder import Encoder
from rayline.models.heads import Head

PREDICT_ROWS = 8192
"""Rows of one pass when a whole part is predicted; bounds the memory."""


class Network(nn.Module):
    """Maps prepared inputs to outputs; `head` turns outputs into losses and answers.

    `forward(numbers_BF, categories_BC)` gives [B] for binary and regression targets, [B, K] for K classes.
    """

    def __init__(
        self,
        *,
        layout: Layout,
        numbers: Encoder | None,
        categories: Encoder | None,
        combiner: Combiner,
        body: nn.Module,
        head: Head,
    ) -> None:
        super().__init__()
        self.layout = layout
        self.numbers = numbers
        self.categories = categories
        self.combiner = combiner
        self.body = body
        self.head = head

    def forward(self, numbers_BF: Tensor, categories_BC: Tensor) -> Tensor:
        encoded = []
        if self.numbers is not None:
            encoded.append(self.numbers(numbers_BF))
        if self.categories is not None:
            encoded.append(self.categories(categories_BC))
        outputs: Tensor = self.head(self.body(self.combiner(encoded)))
        return outputs

    def learn(self, rows: Rows) -> None:
        """What training rows say before the first step: the target's base rate or scale, the encoders' bins."""
        self.head.learn(torch.from_numpy(np.array(rows.target)))
        for encoder in (self.numbers, self.categories):
            if encoder is not None:
                encoder.learn(rows.inputs)

    @torch.inference_mode()
    def predict(self, inputs: Prepared) -> npt.NDArray[np.float32]:
        """Answers in evaluation mode: [n] (binary: probability of the positive class; regression) or [n, K]."""
        device = next(self.parameters()).device
        answers = []
        with evaluating(self):
            for start in range(0, max(len(inputs.numbers), 1), PREDICT_ROWS):
                part = slice(start, start + PREDICT_ROWS)
                numbers = torch.from_numpy(np.array(inputs.numbers[part])).to(device)
                categories = torch.from_numpy(np.array(inputs.categories[part])).to(device)
                answers.append(self.head.predict(self(numbers, categories)).cpu().numpy())
        return np.concatenate(answers)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """`module` in evaluation mode (no dropout), and back to how it was."""
    was = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw initial weights from `seed`, whatever the caller's random state is, and leave that as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def refuse_empty(layout: Layout) -> None:
    """Raise `DataError` for a layout without columns: there is nothing to learn from."""
    if not layout.numbers and not layout.categories:
        raise DataError(
            "no feature is left to learn from. Give at least one number or category column, "
            "or set types under data.features."
        )
