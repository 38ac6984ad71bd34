"""Every encoder: the width it promises, from the columns it reads, row by row, with gradients."""

from typing import Any

import numpy as np
import pytest
import torch

from rayline.core import catalog
from rayline.core.prepared import Layout, Prepared
from rayline.models.encoders._encoder import Encoder

LAYOUT = Layout(("a", "b", "c"), ("d", "e"), (4, 7))
RNG = np.random.default_rng(0)
TRAINING = Prepared(
    RNG.normal(size=(500, 3)).astype(np.float32),
    np.stack([RNG.integers(0, size, 500) for size in LAYOUT.sizes], axis=1).astype(np.int32),
)


def build(name: str) -> tuple[Encoder, torch.Tensor]:
    config: Any = catalog.resolve("encoder", name)
    encoder = config.build(LAYOUT)
    encoder.learn(TRAINING)
    return encoder, torch.from_numpy(getattr(TRAINING, config.reads))


pytestmark = pytest.mark.parametrize("name", catalog.names("encoder"))


def test_it_has_the_width_it_says(name: str) -> None:
    encoder, columns = build(name)
    for rows in (0, 1, 500):
        assert encoder(columns[:rows]).shape == (rows, encoder.width)
    assert encoder(columns).dtype == torch.float32
    assert torch.isfinite(encoder(columns)).all()


def test_rows_are_encoded_apart(name: str) -> None:
    encoder, columns = build(name)
    order = torch.randperm(500)
    torch.testing.assert_close(encoder(columns[order]), encoder(columns)[order])


def test_every_weight_gets_a_gradient(name: str) -> None:
    encoder, columns = build(name)
    if list(encoder.parameters()):
        encoder(columns).square().sum().backward()
    for parameter in encoder.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


def test_learning_takes_nothing_but_the_rows(name: str) -> None:
    encoder, columns = build(name)
    before = encoder(columns).detach()
    encoder.learn(TRAINING)
    assert torch.equal(encoder(columns), before)
