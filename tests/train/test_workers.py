"""Two real worker processes compute what one computes, agree after every epoch, and find out where they do not."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from train_parts import KilledError, made, network, plain, two_workers

from rayline.core.errors import RunError
from rayline.spec.sections import Train
from rayline.train import loop
from rayline.train.group import Distributed
from rayline.train.loop import fit
from rayline.train.record import Fit, Progress

ROWS = made(201)  # batches of 20 and a last one of a single row, which leaves one of two workers without any
VALIDATION = made(31, 1)
SGD = plain(batch_size=20, checkpoint_every=3)
DROPOUT = Train(epochs=2, batch_size=20, checkpoint_every=3)


def _die(progress: Progress) -> None:
    if progress.step == 16:  # in the middle of the second epoch
        raise KilledError


def _work(folder: str) -> dict[str, Any]:
    """All trainings of this module in one pair of processes, for starting a pair takes seconds."""
    loop.PROGRESS_S = 0.0
    group = Distributed()
    mine = f"{folder}/of-{group.rank}"
    sgd = partial(fit, validation_rows=VALIDATION, settings=SGD, group=group)
    dropout = partial(fit, train_rows=ROWS, validation_rows=VALIDATION, settings=DROPOUT, group=group)
    found: dict[str, Any] = {
        "sgd": sgd(network(dropout=0), ROWS),
        "clipped": fit(network(dropout=0), ROWS, None, plain(batch_size=20, clip_norm=0.1), group=group),
        "two after one": sgd(network(dropout=0), ROWS, checkpoint_folder=f"{folder}/one"),
        "dropout": dropout(network()),
    }
    for call in (
        partial(sgd, network(dropout=0), ROWS, checkpoint_folder=f"{folder}/two"),
        partial(dropout, network(), checkpoint_folder=f"{folder}/dropout"),
    ):
        with pytest.raises(KilledError):
            call(on_progress=_die)
    found["dropout resumed"] = dropout(network(), checkpoint_folder=f"{folder}/dropout")
    sgd(network(dropout=0), ROWS, checkpoint_folder=mine)
    refused = {
        "other weights": partial(sgd, network(seed=group.rank, dropout=0), ROWS),
        "own storage": partial(sgd, network(dropout=0), ROWS, checkpoint_folder=f"{folder}/of-{group.rank}"),
    }
    for name, call in refused.items():
        with pytest.raises(RunError) as error:
            call()
        found[name] = str(error.value)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="module")
def both(folder: Path) -> list[dict[str, Any]]:
    """What each of two workers found; before them, one worker began a training and died."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "PROGRESS_S", 0.0)
        with pytest.raises(KilledError):
            fit(network(dropout=0), ROWS, VALIDATION, SGD, checkpoint_folder=f"{folder}/one", on_progress=_die)
    return two_workers(folder, partial(_work, str(folder)))


@pytest.fixture(scope="module")
def alone() -> Fit:
    return fit(network(dropout=0), ROWS, VALIDATION, SGD)


def assert_close(found: Fit, wanted: Fit) -> None:
    for name, tensor in wanted.state_dict.items():
        torch.testing.assert_close(
            found.state_dict[name], tensor, rtol=1e-5, atol=1e-7, msg=lambda m, n=name: f"{n}: {m}"
        )
    for epoch, other in zip(found.history, wanted.history, strict=True):
        assert epoch.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert (epoch.validation_loss or 0) == pytest.approx(other.validation_loss or 0, rel=1e-5)


def test_two_workers_are_one(both: list[dict[str, Any]], alone: Fit) -> None:
    assert_close(both[0]["sgd"], alone)


def test_the_whole_gradient_is_clipped_not_each_workers_own(both: list[dict[str, Any]]) -> None:
    assert_close(both[0]["clipped"], fit(network(dropout=0), ROWS, None, plain(batch_size=20, clip_norm=0.1)))


@pytest.mark.parametrize("name", ["sgd", "clipped", "dropout", "two after one", "dropout resumed"])
def test_both_workers_hold_the_same_bits_after_every_epoch(name: str, both: list[dict[str, Any]]) -> None:
    first, second = (worker[name] for worker in both)
    assert [epoch.digest for epoch in first.history] == [epoch.digest for epoch in second.history]
    assert all(torch.equal(second.state_dict[key], tensor) for key, tensor in first.state_dict.items())


def test_two_workers_go_on_where_one_died(both: list[dict[str, Any]], alone: Fit) -> None:
    assert both[0]["two after one"].resumed_from == both[1]["two after one"].resumed_from == 15
    assert_close(both[0]["two after one"], alone)


def test_one_worker_goes_on_where_two_died(both: list[dict[str, Any]], alone: Fit, folder: Path) -> None:
    assert both
    resumed = fit(network(dropout=0), ROWS, VALIDATION, SGD, checkpoint_folder=f"{folder}/two")
    assert resumed.resumed_from == 15
    assert_close(resumed, alone)


def test_two_workers_resume_bit_for_bit(both: list[dict[str, Any]]) -> None:
    assert both[0]["dropout resumed"].resumed_from == 15
    assert both[0]["dropout resumed"].digest == both[0]["dropout"].digest


def test_weights_that_came_apart_are_an_error_on_both(both: list[dict[str, Any]]) -> None:
    for worker in both:
        assert worker["other weights"].startswith("the workers' weights differ after epoch 1.")


def test_storage_that_one_worker_does_not_see_is_an_error_on_both(both: list[dict[str, Any]]) -> None:
    for worker in both:
        assert "workers [1] do not see" in worker["own storage"]
        assert "Set storage: to a URI" in worker["own storage"]
