"""Heads: their losses are torch's, their start is what the targets say, their answers are in the target's units."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from rayline.models.heads import BinaryHead, MulticlassHead, RegressionHead

FEATURES = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def test_binary_begins_at_the_base_rate() -> None:
    head = BinaryHead(4)
    head.learn(torch.tensor([1.0, 0.0, 0.0, 0.0]))
    assert head.predict(head(torch.zeros(1, 4))).item() == pytest.approx(0.25)
    target = torch.tensor([0.0, 1, 0, 1, 1, 0])
    wanted = functional.binary_cross_entropy(head.predict(head(FEATURES)), target, reduction="none")
    torch.testing.assert_close(head.loss(head(FEATURES), target), wanted)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_binary_of_one_class_begins_finite(value: float) -> None:
    head = BinaryHead(4)
    head.learn(torch.full((10,), value))
    assert math.isfinite(head.linear.bias.item())


def test_multiclass_begins_at_the_class_shares() -> None:
    head = MulticlassHead(4, 3)
    head.learn(torch.tensor([0] * 69 + [1] * 29 + [2] * 0))
    wanted = torch.tensor([[70, 30, 1]]) / 101
    torch.testing.assert_close(head.predict(head(torch.zeros(1, 4))), wanted)
    target = torch.tensor([0, 1, 2, 0, 1, 2])
    outputs = head(FEATURES)
    torch.testing.assert_close(head.loss(outputs, target), -head.predict(outputs).log()[range(6), target])


def test_regression_answers_in_the_targets_units() -> None:
    head = RegressionHead(4)
    values = torch.tensor([1e6, 1e6 + 2, 1e6 + 4])
    head.learn(values)
    assert head.mean.item() == 1e6 + 2
    assert head.std.item() == pytest.approx(np.std([0, 2, 4]))
    perfect = (values - head.mean) / head.std
    torch.testing.assert_close(head.predict(perfect), values)
    torch.testing.assert_close(head.loss(perfect, values), torch.zeros(3))
    assert {"mean", "std"} <= set(head.state_dict())


def test_regression_of_one_value_does_not_divide_by_zero() -> None:
    head = RegressionHead(4)
    head.learn(torch.full((5,), 7.0))
    assert torch.isfinite(head.loss(head(FEATURES[:5]), torch.full((5,), 7.0))).all()
