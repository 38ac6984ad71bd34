"""Every optimizer: it descends as torch's own of its name does, and a copy of its state goes on bit for bit."""

from typing import Any

import pytest
import torch

from rayline.core import catalog
from rayline.core.errors import SpecError
from rayline.train.optimizers._optimizer import Optimizer

AIM = torch.linspace(-1, 1, 50)
TORCHS: dict[str, Any] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}

pytestmark = pytest.mark.parametrize("name", catalog.names("optimizer"))


def begin(name: str, **options: Any) -> tuple[torch.Tensor, Optimizer]:
    weights = torch.zeros(50)
    config: Any = catalog.resolve("optimizer", {"name": name, "lr": 0.05, **options})
    return weights, config.build(weights)


def test_it_descends(name: str) -> None:
    weights, optimizer = begin(name)
    for _ in range(100):
        optimizer.step(weights - AIM, 0.05)
    assert (weights - AIM).square().mean() < 0.05 * AIM.square().mean()


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_it_is_torchs_own(name: str, weight_decay: float) -> None:
    config: Any = catalog.resolve("optimizer", {"name": name, "weight_decay": weight_decay})
    options = config.model_dump(exclude={"lr"})
    weights, optimizer = begin(name, weight_decay=weight_decay)
    wanted = torch.zeros(50, requires_grad=True)
    torchs = TORCHS[name]([wanted], lr=0.05, **options)
    for step in range(20):
        rate = 0.05 / (step + 1)
        optimizer.step(weights - AIM, rate)
        wanted.grad = (wanted - AIM).detach()
        torchs.param_groups[0]["lr"] = rate
        torchs.step()
    torch.testing.assert_close(weights, wanted.detach(), rtol=1e-5, atol=1e-6)


def test_a_rate_of_zero_stands_still(name: str) -> None:
    weights, optimizer = begin(name)
    optimizer.step(weights - AIM, 0.05)
    before = weights.clone()
    optimizer.step(weights - AIM, 0.0)
    assert torch.equal(weights, before)


def test_a_copy_of_its_state_goes_on_bit_for_bit(name: str) -> None:
    weights, optimizer = begin(name)
    for _ in range(5):
        optimizer.step(weights - AIM, 0.05)
    other, taking_over = begin(name)
    other.copy_(weights)
    assert taking_over.state.keys() == optimizer.state.keys()
    for key, tensor in optimizer.state.items():
        taking_over.state[key].copy_(tensor)
    for _ in range(5):
        optimizer.step(weights - AIM, 0.05)
        taking_over.step(other - AIM, 0.05)
    assert torch.equal(weights, other)


@pytest.mark.parametrize("options", [{"lr": 0.0}, {"lr": -1.0}, {"learning_rate": 0.1}, {"weight_decay": -1.0}])
def test_options_out_of_range_are_refused(name: str, options: dict[str, float]) -> None:
    with pytest.raises(SpecError):
        catalog.resolve("optimizer", {"name": name, **options})
