"""What sets each encoder apart: bins from quantiles and spikes, one table for all categories."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rayline.core import catalog
from rayline.core.columns import Target, Task
from rayline.core.errors import SpecError
from rayline.core.prepared import Layout, Prepared
from rayline.models.encoders.category import CategoryEncoder
from rayline.models.encoders.piecewise import Config, PiecewiseEncoder, bin_edges
from rayline.models.networks import mlp

NO_CATEGORIES = np.zeros((0, 0), np.int32)


def learnt(values: np.ndarray, bins: int = 4, width: int = 1) -> PiecewiseEncoder:
    encoder = PiecewiseEncoder(1, bins, width)
    encoder.learn(Prepared(values.astype(np.float32).reshape(-1, 1), NO_CATEGORIES))
    return encoder


def test_a_value_fills_the_bins_below_it() -> None:
    encoder = learnt(np.repeat(np.arange(5), 100))
    with torch.no_grad():
        encoder.map.fill_(1.0)
        found = encoder(torch.tensor([[-3.0], [0.0], [0.5], [2.25], [4.0], [99.0]]))
    # with equal weights the parts of all bins add up to how many bins a value has passed
    torch.testing.assert_close(found.flatten(), torch.tensor([0.0, 0.0, 0.5, 2.25, 4.0, 4.0]))


def test_a_spike_does_not_eat_the_bins() -> None:
    values = np.concatenate([np.zeros(9200), np.linspace(100, 99_999, 800)])
    edges = bin_edges(values.astype(np.float32), 48)
    assert len(edges) == 49
    assert edges[0] == 0
    assert (edges[1:] >= 100).all()


@given(
    values=arrays.arrays(np.float32, st.integers(1, 200), elements=st.floats(-(2.0**99), 2.0**99, width=32)),
    bins=st.integers(2, 64),
)
def test_edges_ascend_span_the_values_and_are_no_more_than_asked(values: np.ndarray, bins: int) -> None:
    edges = bin_edges(values, bins)
    assert (np.diff(edges) > 0).all()
    assert 1 <= len(edges) <= bins + 1
    assert edges[0] == values.min()
    assert edges[-1] == values.max()


@given(values=arrays.arrays(np.float32, 70, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_any_finite_numbers_encode_to_finite_vectors(values: np.ndarray) -> None:
    encoder = learnt(values, bins=2)
    assert torch.isfinite(encoder(torch.from_numpy(values).reshape(-1, 1))).all()


def test_a_constant_column_adds_nothing() -> None:
    encoder = learnt(np.full(500, 3.0))
    with torch.no_grad():
        assert torch.equal(encoder(torch.tensor([[3.0], [8.0]])), torch.zeros(2, 1))


def test_bins_travel_with_the_weights() -> None:
    encoder = learnt(np.arange(500))
    other = PiecewiseEncoder(1, 4, 1)
    other.load_state_dict(encoder.state_dict())
    values = torch.rand(20, 1) * 500
    assert torch.equal(other(values), encoder(values))


@pytest.mark.parametrize(("columns", "bins"), [(1, 48), (341, 48), (1000, 16), (100_000, 4)])
def test_auto_bins_fall_with_many_columns(columns: int, bins: int) -> None:
    encoder = Config(width=1).build(Layout(tuple(map(str, range(columns))), (), ()))
    assert encoder.start.shape == (columns, 1, bins)


def test_equal_ids_of_two_columns_have_vectors_of_their_own() -> None:
    encoder = CategoryEncoder((3, 5), 4)
    vectors = encoder(torch.tensor([[1, 1], [2, 4]], dtype=torch.int32)).reshape(2, 2, 4)
    assert torch.equal(vectors[0, 0], encoder.table.weight[1])
    assert torch.equal(vectors[0, 1], encoder.table.weight[3 + 1])
    assert torch.equal(vectors[1, 1], encoder.table.weight[3 + 4])


def test_an_encoder_of_the_wrong_columns_is_refused() -> None:
    with pytest.raises(SpecError, match="encoder 'category' reads categories, not numbers"):
        catalog.resolve("model", {"name": "mlp", "numbers": "category"})


def test_hidden_layers_are_as_configured() -> None:
    target = Target("y", Task.BINARY, ("a", "b"), "b")
    layout = Layout(("x",), (), ())
    network = mlp.Config(hidden=(7, 3), dropout=0.0, activation="tanh", numbers="number").build(layout, target)  # type: ignore[arg-type]
    assert [type(layer).__name__ for layer in network.body] == ["Linear", "Tanh", "Linear", "Tanh"]
    linear = mlp.Config(hidden=(), numbers="number").build(layout, target)  # type: ignore[arg-type]
    assert sum(p.numel() for p in linear.parameters()) == 2
