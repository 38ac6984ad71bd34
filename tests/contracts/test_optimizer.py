"""Every optimizer: it descends, its rate can be set each step, and a copy of its state goes on bit for bit."""

from typing import Any

import pytest
import torch

from rayline.core import catalog
from rayline.core.errors import SpecError

pytestmark = pytest.mark.parametrize("name", catalog.names("optimizer"))
AIM = torch.linspace(-1, 1, 50)


def begin(name: str) -> tuple[torch.Tensor, torch.optim.Optimizer]:
    weights = torch.zeros(50)
    weights.grad = torch.zeros(50)
    config: Any = catalog.resolve("optimizer", {"name": name, "lr": 0.05})
    return weights, config.build([weights])


def step(weights: torch.Tensor, optimizer: torch.optim.Optimizer, rate: float = 0.05) -> None:
    assert weights.grad is not None
    weights.grad.copy_(weights - AIM)
    optimizer.param_groups[0]["lr"] = rate
    optimizer.step()


def test_it_descends(name: str) -> None:
    weights, optimizer = begin(name)
    for _ in range(100):
        step(weights, optimizer)
    assert (weights - AIM).square().mean() < 0.05 * AIM.square().mean()


def test_a_rate_of_zero_stands_still(name: str) -> None:
    weights, optimizer = begin(name)
    step(weights, optimizer)
    before = weights.clone()
    step(weights, optimizer, rate=0.0)
    assert torch.equal(weights, before)


def test_its_state_is_tensors_that_another_can_take_over(name: str) -> None:
    weights, optimizer = begin(name)
    for _ in range(5):
        step(weights, optimizer)
    state = optimizer.state_dict()["state"].get(0, {})
    assert all(value is None or isinstance(value, torch.Tensor) for value in state.values())
    other, taking_over = begin(name)
    other.copy_(weights)
    kept = {key: value.clone() for key, value in state.items() if value is not None}
    taking_over.load_state_dict(
        {"state": {0: kept} if kept else {}, "param_groups": taking_over.state_dict()["param_groups"]}
    )
    for _ in range(5):
        step(weights, optimizer)
        step(other, taking_over)
    assert torch.equal(weights, other)


@pytest.mark.parametrize("options", [{"lr": 0.0}, {"lr": -1.0}, {"learning_rate": 0.1}, {"weight_decay": -1.0}])
def test_options_out_of_range_are_refused(name: str, options: dict[str, float]) -> None:
    with pytest.raises(SpecError):
        catalog.resolve("optimizer", {"name": name, **options})
