"""The size of a network against counts made by hand."""

from rayline.core.columns import Target, Task
from rayline.core.prepared import Layout
from rayline.models.networks.mlp import Config
from rayline.models.size import measure


def test_counts_by_hand() -> None:
    layout = Layout(("a", "b", "c"), (), ())
    network = Config(hidden=(10,), dropout=0.0, activation="relu", numbers="number").build(
        layout, Target("y", Task.REGRESSION)
    )  # type: ignore[arg-type]
    parameters = 3 * 10 + 10 + 10 + 1
    size = measure(network, 1000)
    assert size.parameters == parameters
    assert size.weights_bytes == 4 * (parameters + 2)  # mean and spread of the target
    # kept for backward: the inputs, and the hidden layer (its ReLU's output is also the head's input)
    assert size.training_bytes == size.weights_bytes + 3 * 4 * parameters + 4 * 1000 * (3 + 10)


def test_it_leaves_the_network_and_random_state_alone() -> None:
    import torch

    network = Config().build(Layout(("a",), ("b",), (5,)), Target("y", Task.REGRESSION)).eval()
    before = torch.get_rng_state()
    measure(network, 10)
    assert torch.equal(torch.get_rng_state(), before)
    assert not network.training
