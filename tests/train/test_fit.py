"""What a training does in one process: it learns, repeats itself, stops when asked, and says when it cannot go on."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score, roc_auc_score
from train_parts import BINARY, MULTICLASS, REGRESSION, made, network, plain

from rayline.core.columns import Target
from rayline.core.errors import DataError, RunError
from rayline.core.prepared import Prepared, Rows
from rayline.spec.sections import Train
from rayline.train.loop import fit
from rayline.train.record import Epoch, Progress
from rayline.train.weights import digest


def test_it_learns_each_task() -> None:
    def trained(target: Target) -> tuple[Rows, np.ndarray]:
        net = network(target=target)
        fit(net, made(3000, 0, target), None, Train(epochs=6, batch_size=64))
        fresh = made(1000, 1, target)
        return fresh, net.predict(fresh.inputs)

    rows, probability = trained(BINARY)
    assert roc_auc_score(rows.target, probability) > 0.9
    rows, probabilities = trained(MULTICLASS)
    assert (probabilities.argmax(axis=1) == rows.target).mean() > 0.7
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    rows, values = trained(REGRESSION)
    assert r2_score(rows.target, values) > 0.8


def test_the_same_seed_gives_the_same_bytes_whatever_the_caller_drew_before() -> None:
    digests = []
    for drawn in (1, 2):
        torch.manual_seed(drawn)
        before = torch.get_rng_state()
        net = network()
        result = fit(net, made(300), made(50, 1), Train(epochs=2, batch_size=32))
        assert torch.equal(torch.get_rng_state(), before)
        assert result.digest == digest(net.state_dict()) == digest(result.state_dict)
        digests.append(result.digest)
    assert digests[0] == digests[1]
    assert fit(network(), made(300), made(50, 1), Train(epochs=2, batch_size=32, seed=1)).digest != digests[0]


def test_a_step_is_torchs_own_step() -> None:
    """One epoch of one batch against the same written out with torch's parameters, clipping and optimizer."""
    rows, settings = made(40), Train(epochs=1, batch_size=64, schedule="constant", clip_norm=0.05)
    ours, bare = network(dropout=0), network(dropout=0)
    result = fit(ours, rows, None, settings)
    bare.learn(rows)
    optimizer = torch.optim.AdamW(bare.parameters(), lr=settings.optimizer.lr, weight_decay=0.01)  # type: ignore[attr-defined]
    outputs = bare(torch.tensor(rows.inputs.numbers), torch.tensor(rows.inputs.categories))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(outputs, torch.tensor(rows.target))
    loss.backward()
    torch.nn.utils.clip_grad_norm_(bare.parameters(), 0.05)
    optimizer.step()
    assert result.history[0].train_loss == pytest.approx(loss.item(), rel=1e-6)
    for name, tensor in bare.state_dict().items():
        torch.testing.assert_close(result.state_dict[name], tensor, rtol=1e-4, atol=1e-6)


def test_the_network_owns_its_weights_again_afterwards() -> None:
    net = network()
    fit(net, made(100), None, plain())
    storages = [p.untyped_storage().data_ptr() for p in net.parameters()]
    assert len(set(storages)) == len(storages)
    assert all(p.grad is None for p in net.parameters())


def test_early_stopping_keeps_the_best_epoch() -> None:
    rows, other = made(60), made(400, 1)
    settings = Train(epochs=60, batch_size=8, early_stopping=3, optimizer={"lr": 0.02}, schedule="constant")
    net = network(dropout=0)
    result = fit(net, rows, other, settings)
    losses = [epoch.validation_loss for epoch in result.history]
    assert len(losses) < 60
    assert result.best_epoch == int(np.argmin(np.array(losses, float))) == len(losses) - 1 - 3
    assert result.digest == digest(result.state_dict) == digest(net.state_dict())
    assert result.digest != result.history[-1].digest


def test_without_early_stopping_the_last_epoch_stays() -> None:
    result = fit(network(), made(60), made(50, 1), plain(epochs=3))
    assert result.best_epoch == 2
    assert result.digest == result.history[2].digest


def test_history_tells_each_epoch_once() -> None:
    told: list[Epoch] = []
    settings = Train(epochs=3, batch_size=50, schedule={"name": "cosine", "warmup": 0.0})
    result = fit(network(), made(101), made(20, 1), settings, on_epoch=told.append)
    assert told == result.history
    assert [epoch.epoch for epoch in told] == [0, 1, 2]
    rates = [epoch.learning_rate for epoch in told]
    assert rates == sorted(rates, reverse=True)
    assert all(epoch.validation_loss is not None and epoch.seconds > 0 for epoch in told)
    assert fit(network(), made(101), None, settings).history[0].validation_loss is None


def test_progress_says_where_training_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.train.loop.PROGRESS_S", 0.0)
    told: list[Progress] = []
    fit(network(), made(100), None, plain(batch_size=32), on_progress=told.append)
    assert [p.step for p in told] == list(range(1, 9))
    assert {p.steps for p in told} == {8}
    assert [p.epoch for p in told] == [0] * 4 + [1] * 4
    assert all(0 < p.loss < 2 and p.rows_per_s > 0 for p in told)
    assert told[-1].seconds_left == 0


def test_diverging_is_an_error_that_says_what_to_change() -> None:
    rows = made(100)
    far = dataclasses.replace(rows, inputs=Prepared(rows.inputs.numbers * 1e30, rows.inputs.categories))
    with pytest.raises(RunError, match=r"diverged. Lower train.optimizer.lr \(now 10000"):
        fit(network(numbers="number"), far, None, plain(optimizer={"name": "sgd", "lr": 10000.0}))


def test_no_rows_is_an_error() -> None:
    with pytest.raises(DataError, match="no training rows"):
        fit(network(), made(0), None, plain())


def test_numbers_only_and_categories_only() -> None:
    from rayline.core.prepared import Layout
    from rayline.models.networks.mlp import Config

    rows = made(50)
    for layout, inputs in (
        (Layout(("a", "b", "c"), (), ()), Prepared(rows.inputs.numbers, np.zeros((50, 0), np.int32))),
        (Layout((), ("d", "e"), (5, 9)), Prepared(np.zeros((50, 0), np.float32), rows.inputs.categories)),
    ):
        net = Config(hidden=(4,)).build(layout, BINARY)
        fit(net, dataclasses.replace(rows, inputs=inputs), None, plain())
        assert net.predict(inputs).shape == (50,)


def test_bfloat16_trains_float32_weights() -> None:
    net = network()
    result = fit(net, made(500), None, Train(epochs=3, batch_size=64, precision="bfloat16"))
    assert {tensor.dtype for tensor in result.state_dict.values()} == {torch.float32}
    assert result.history[-1].train_loss < result.history[0].train_loss
    exact = fit(network(), made(500), None, Train(epochs=3, batch_size=64))
    assert result.digest != exact.digest
    assert result.history[-1].train_loss == pytest.approx(exact.history[-1].train_loss, rel=0.02)
