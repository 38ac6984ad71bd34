"""Training on rows that are balanced and augmented: the same for any number of workers, resumed bit for bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from train_parts import BINARY, LAYOUT, MULTICLASS, KilledError, made, network, plain, two_workers

from rayline.core import catalog
from rayline.core.columns import Target
from rayline.core.prepared import Layout, Prepared, Rows, TensorInput
from rayline.models.heads import BinaryHead, MulticlassHead, head_for
from rayline.prepare.augment._augmenter import Examples
from rayline.prepare.augmentation import Augmentation
from rayline.prepare.training_rows import TrainingRows, balanced
from rayline.train.batches import batches, order
from rayline.train.group import Distributed
from rayline.train.loop import fit
from rayline.train.record import Fit

CPU = torch.device("cpu")
STEPS = ({"name": "number_noise", "columns": ("a", "b"), "p": 0.8}, {"name": "mixup", "alpha": 0.8})


def augmentation(target: Target = BINARY, *steps: dict[str, Any]) -> Augmentation:
    found = Augmentation.of([catalog.resolve("augment", dict(step)) for step in steps or STEPS], LAYOUT, target, seed=4)
    assert found is not None
    return found


def skewed(rows: int = 150, target: Target = BINARY) -> Rows:
    """Few of the second class, and of the third."""
    data = made(rows, target=target)
    keep = np.flatnonzero((data.target == 0) | (np.arange(rows) % 6 == 0))
    return Rows(Prepared(data.inputs.numbers[keep], data.inputs.categories[keep]), data.target[keep], data.row[keep])


def changed(name: str, target: Target = BINARY, **options: Any) -> TrainingRows:
    layout = LAYOUT if name != "smote" else Layout(LAYOUT.numbers, (), ())
    return balanced(
        skewed(target=target), catalog.resolve("balance", {"name": name, **options}), layout, target, seed=0
    )


@settings(deadline=None)  # the first draw is slow
@given(rows=st.integers(1, 90), batch_size=st.integers(1, 40), size=st.integers(1, 5))
def test_workers_augment_as_one_does(rows: int, batch_size: int, size: int) -> None:
    data, step = made(rows), augmentation()

    def all_of(workers: int) -> Tensor:
        steps: dict[int, list[Tensor]] = {}
        for rank in range(workers):
            for batch in batches(
                data, order(rows, 0, 0), batch_size, rank=rank, size=workers, device=CPU,
                augment=lambda examples: step(examples, 0), mixes=True,
            ):  # fmt: skip
                steps.setdefault(batch.step, []).append(torch.cat([batch.numbers, batch.target[:, None]], dim=1))
        return torch.cat([torch.cat(parts) for _, parts in sorted(steps.items())])

    torch.testing.assert_close(all_of(size), all_of(1), rtol=1e-6, atol=1e-6)


def test_an_augmented_epoch_can_be_entered_at_any_step() -> None:
    data, step = made(70), augmentation()

    def found(first: int) -> list[Any]:
        return list(
            batches(
                data, order(70, 0, 1), 16, first_step=first, device=CPU,
                augment=lambda examples: step(examples, 1), mixes=True,
            )
        )  # fmt: skip

    whole = found(0)
    for first in range(len(whole)):
        for batch, again in zip(whole[first:], found(first), strict=True):
            assert torch.equal(batch.numbers, again.numbers)
            assert torch.equal(batch.target, again.target)


def test_repetitions_of_a_row_are_augmented_apart() -> None:
    training = changed("oversample")
    seen: dict[tuple[float, ...], int] = {}
    step = augmentation(BINARY, {"name": "number_noise", "p": 1.0})
    places = np.arange(len(training))
    for batch in batches(
        training, training.ids(places, 0), 32, device=CPU, augment=lambda examples: step(examples, 0),
        copies=training.copies(places, 0),
    ):  # fmt: skip
        for row in batch.numbers.tolist():
            seen[tuple(row)] = seen.get(tuple(row), 0) + 1
    assert len(training) > len(training.rows)
    assert max(seen.values()) == 1


def test_made_up_rows_are_gathered_behind_the_others() -> None:
    rows = made(20)
    more = Rows(Prepared(rows.inputs.numbers[:3] + 100, rows.inputs.categories[:3]), rows.target[:3], -1 - np.arange(3))
    training = TrainingRows(rows, made=more)
    ids = np.array([22, 0, 20, 19, 21])
    (batch,) = batches(training, ids, 5, device=CPU)
    both = np.concatenate([rows.inputs.numbers, more.inputs.numbers])
    assert np.array_equal(batch.numbers.numpy(), both[ids])
    assert len(training) == 23


def balanced_fit(rank_group: bool, name: str) -> dict[str, Tensor]:
    group = Distributed() if rank_group else None
    target = MULTICLASS
    result = fit(
        network(target=target, dropout=0.0), changed(name, target), made(40, 1, target), plain(),
        augmentation=augmentation(target), group=group,
    )  # fmt: skip
    return result.state_dict


def weights_on_two() -> dict[str, Tensor]:
    return balanced_fit(True, "weights")


def oversampled_on_two() -> dict[str, Tensor]:
    return balanced_fit(True, "oversample")


@pytest.mark.parametrize(("name", "work"), [("weights", weights_on_two), ("oversample", oversampled_on_two)])
def test_two_workers_learn_what_one_does(tmp_path: Path, name: str, work: Any) -> None:
    alone = balanced_fit(False, name)
    for state in two_workers(tmp_path, work):
        for key, tensor in state.items():
            torch.testing.assert_close(tensor, alone[key], rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", ["weights", "oversample", "undersample", "smotenc"])
def test_a_killed_training_goes_on_bit_for_bit(tmp_path: Path, name: str) -> None:
    chosen = plain(epochs=3, checkpoint_every=2, batch_size=16)

    def run(folder: Path, stop_after: int | None = None) -> Fit:
        def stop(epoch: Any) -> None:
            if epoch.epoch == stop_after:
                raise KilledError

        return fit(
            network(), changed(name), made(40, 1), chosen, augmentation=augmentation(),
            checkpoint_folder=str(folder), on_epoch=stop,
        )  # fmt: skip

    whole = run(tmp_path / "whole")
    with pytest.raises(KilledError):
        run(tmp_path / "killed", stop_after=1)
    resumed = run(tmp_path / "killed")
    assert resumed.resumed_from is not None
    for key, tensor in whole.state_dict.items():
        assert torch.equal(tensor, resumed.state_dict[key])
    # another declaration is another training
    other = fit(
        network(), changed(name), made(40, 1), chosen, augmentation=augmentation(BINARY, {"name": "number_noise"}),
        checkpoint_folder=str(tmp_path / "killed"),
    )  # fmt: skip
    assert other.resumed_from is None


def test_a_scarce_class_is_found_more_often() -> None:
    """Thirty of 782 rows; repeating or making up so few helps little, as the docstrings say."""
    rows = made(1500)
    rare = np.flatnonzero((rows.target == 0) | (np.arange(1500) % 30 == 0))
    data = Rows(Prepared(rows.inputs.numbers[rare], rows.inputs.categories[rare]), rows.target[rare], rows.row[rare])
    test = made(800, 5)
    recalls = {}
    for name in (None, "weights", "undersample", "oversample", "smotenc"):
        config = None if name is None else catalog.resolve("balance", name)
        net = network()
        fit(
            net,
            balanced(data, config, LAYOUT, BINARY, seed=0),
            None,
            plain(epochs=8, optimizer={"name": "adamw", "lr": 0.01}),
        )
        recalls[name] = float((net.predict(test.inputs)[test.target == 1] > 0.5).mean())
    assert recalls[None] < 0.5
    assert min(recalls["weights"], recalls["undersample"]) > recalls[None] + 0.15
    assert min(recalls["oversample"], recalls["smotenc"]) > recalls[None]


def test_weighted_losses_are_those_of_repeated_rows() -> None:
    torch.manual_seed(0)
    features, weights = torch.randn(6, 4), torch.tensor([1.0, 3.0, 2.0])
    hard = torch.tensor([0, 1, 2, 1, 0, 2])
    head = MulticlassHead(4, 3)
    plain_loss = head.loss(head(features), hard)
    torch.testing.assert_close(head.loss(head(features), hard, weights), plain_loss * weights[hard])
    shares = nn.functional.one_hot(hard, 3).float()
    torch.testing.assert_close(head.loss(head(features), shares, weights), plain_loss * weights[hard])
    two = BinaryHead(4)
    yes = (hard > 0).float()
    loss = two.loss(two(features), yes)
    torch.testing.assert_close(two.loss(two(features), yes, weights[:2]), loss * weights[:2][yes.long()])
    half = two.loss(two(features), torch.full((6,), 0.25), weights[:2])
    wanted = 0.25 * 3 * two.loss(two(features), torch.ones(6)) + 0.75 * two.loss(two(features), torch.zeros(6))
    torch.testing.assert_close(half, wanted)


def test_weighted_base_rates_are_those_of_repeated_rows() -> None:
    target = torch.tensor([0, 0, 0, 1, 2, 2])
    repeated = torch.cat([target, target[3:4].repeat(2)])
    one, other = MulticlassHead(4, 3), MulticlassHead(4, 3)
    one.learn(target, torch.tensor([1.0, 3.0, 1.0]))
    other.learn(repeated)
    assert torch.equal(one.linear.bias, other.linear.bias)
    first, second = BinaryHead(4), BinaryHead(4)
    first.learn(torch.tensor([0.0, 0.0, 0.0, 1.0]), torch.tensor([1.0, 3.0]))
    second.learn(torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]))
    torch.testing.assert_close(first.linear.bias, second.linear.bias)


class Eyes(nn.Module):
    """The least network that reads images: pixels, straight to a head."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.head = head_for(target, 48)

    def forward(self, numbers: Tensor, categories: Tensor, images: Tensor) -> Tensor:
        return self.head(images.flatten(1))  # type: ignore[no-any-return]

    def learn(self, rows: Rows) -> None:
        self.head.learn(torch.from_numpy(np.array(rows.target)))


def test_a_network_that_reads_arrays_gets_them_augmented() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, 90)
    photos = rng.random((90, 3, 4, 4), np.float32) + target[:, None, None, None]
    inputs = Prepared(np.zeros((90, 0), np.float32), np.zeros((90, 0), np.int32), (photos.astype(np.float32),))
    layout = Layout((), (), (), (TensorInput("photo", "image", (3, 4, 4)),))
    steps = [catalog.resolve("augment", step) for step in ("flip", "cutmix")]
    step = Augmentation.of(steps, layout, MULTICLASS, seed=0, levels={"photo": ((0.0, 4.0),) * 3})
    assert step is not None
    given: list[Examples] = []

    class Watching(Augmentation):
        def __call__(self, examples: Examples, epoch: int) -> Examples:
            given.append(super().__call__(examples, epoch))
            return given[-1]

    watching = Watching(step.steps, step.inputs, step.seed)
    rows = Rows(inputs, target, np.arange(90))
    found = fit(Eyes(MULTICLASS), rows, rows, plain(), augmentation=watching)  # type: ignore[arg-type]
    assert len(found.history) == 2
    assert all(examples.tensors[0].shape[1:] == (3, 4, 4) for examples in given)
    assert all(examples.target.shape[1:] == (3,) for examples in given)
    assert sum(len(examples.target) for examples in given) == 180
