"""Every network: the shapes it promises for every task, repeatable weights, and a training that learns."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from rayline.core import catalog
from rayline.core.columns import Target, Task
from rayline.core.errors import DataError
from rayline.core.prepared import Layout, Prepared, Rows
from rayline.models.network import Network
from rayline.models.size import measure
from rayline.spec.sections import Train
from rayline.train.loop import fit
from rayline.train.weights import digest

LAYOUT = Layout(("a", "b"), ("c", "d"), (4, 7))
TARGETS = {
    Task.BINARY: Target("y", Task.BINARY, ("no", "yes"), "yes"),
    Task.MULTICLASS: Target("y", Task.MULTICLASS, ("p", "q", "r")),
    Task.REGRESSION: Target("y", Task.REGRESSION),
}
LAYOUTS = [LAYOUT, Layout(("a", "b"), (), ()), Layout((), ("c", "d"), (4, 7))]


def build(name: str, target: Target, layout: Layout = LAYOUT, seed: int = 0) -> Network:
    config: Any = catalog.resolve("model", name)
    return config.build(layout, target, seed=seed)


def inputs(rows: int, layout: Layout = LAYOUT) -> Prepared:
    rng = np.random.default_rng(0)
    categories = [rng.integers(0, size, rows) for size in layout.sizes]
    return Prepared(
        rng.normal(size=(rows, len(layout.numbers))).astype(np.float32),
        np.array(categories, np.int32).reshape(len(layout.sizes), rows).T.copy(),
    )


def rows_of(target: Target, n: int = 400) -> Rows:
    given = inputs(n)
    score = given.numbers[:, 0] + given.categories[:, 1] - 3
    values: Any = score.astype(np.float32)
    if target.task is Task.BINARY:
        values = (score > 0).astype(np.float32)
    elif target.task is Task.MULTICLASS:
        values = np.digitize(score, [-1, 1])
    return Rows(given, values, np.arange(n))


pytestmark = pytest.mark.parametrize("name", catalog.names("model"))


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("layout", LAYOUTS, ids=["mixed", "numbers", "categories"])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_outputs_and_answers_have_the_promised_shapes(name: str, task: Task, layout: Layout, rows: int) -> None:
    network, given = build(name, TARGETS[task], layout).eval(), inputs(rows, layout)
    outputs = network(torch.from_numpy(given.numbers), torch.from_numpy(given.categories))
    shape = (rows, 3) if task is Task.MULTICLASS else (rows,)
    assert outputs.shape == shape
    answers = network.predict(given)
    assert answers.shape == shape
    assert answers.dtype == np.float32
    if task is Task.BINARY:
        assert ((answers >= 0) & (answers <= 1)).all()
    if task is Task.MULTICLASS:
        np.testing.assert_allclose(answers.sum(axis=1), np.ones(rows), rtol=1e-5)
    target = torch.zeros(rows, dtype=torch.int64 if task is Task.MULTICLASS else torch.float32)
    assert network.head.loss(outputs, target).shape == (rows,)


def test_a_row_is_answered_the_same_alone_and_among_others(name: str) -> None:
    network, given = build(name, TARGETS[Task.BINARY]), inputs(50)
    together = network.predict(given)
    alone = np.concatenate(
        [network.predict(Prepared(given.numbers[i : i + 1], given.categories[i : i + 1])) for i in range(50)]
    )
    np.testing.assert_allclose(alone, together, rtol=1e-5)


def test_weights_depend_on_the_seed_alone(name: str) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = digest(build(name, TARGETS[Task.BINARY]).state_dict())
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert digest(build(name, TARGETS[Task.BINARY]).state_dict()) == first
    assert digest(build(name, TARGETS[Task.BINARY], seed=1).state_dict()) != first


@pytest.mark.parametrize("task", list(Task))
def test_it_learns(name: str, task: Task) -> None:
    network, rows = build(name, TARGETS[task]), rows_of(TARGETS[task])
    history = fit(network, rows, None, Train(epochs=8, batch_size=32, optimizer={"lr": 5e-3})).history
    assert history[-1].train_loss < 0.7 * history[0].train_loss


def test_weights_travel_as_safetensors(name: str) -> None:
    network = build(name, TARGETS[Task.REGRESSION])
    fit(network, rows_of(TARGETS[Task.REGRESSION]), None, Train(epochs=1))
    other = build(name, TARGETS[Task.REGRESSION], seed=9)
    other.load_state_dict(load(save(network.state_dict())))
    given = inputs(20)
    np.testing.assert_array_equal(other.predict(given), network.predict(given))


def test_predicting_leaves_training_mode_as_it_was(name: str) -> None:
    network = build(name, TARGETS[Task.BINARY]).train()
    assert np.array_equal(network.predict(inputs(10)), network.predict(inputs(10)))
    assert network.training


def test_its_size_is_counted(name: str) -> None:
    network = build(name, TARGETS[Task.BINARY])
    size = measure(network, 256)
    assert size.parameters == sum(p.numel() for p in network.parameters())
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    assert size.weights_bytes == pytest.approx(buffer.tell(), rel=0.5)
    assert measure(network, 512).training_bytes > size.training_bytes > size.weights_bytes


def test_no_columns_is_an_error(name: str) -> None:
    with pytest.raises(DataError, match="no feature is left"):
        build(name, TARGETS[Task.BINARY], Layout((), (), ()))
