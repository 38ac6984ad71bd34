"""Ray Train places the workers: here for one, in processes of their own for two, started again when one is killed."""

import os
import signal
from pathlib import Path

import pytest
import torch
from train_parts import BINARY, LAYOUT, KilledError, made, network

from rayline.core.errors import RunError, StorageError
from rayline.core.prepared import write_shard
from rayline.models.networks.mlp import Config
from rayline.spec.sections import Train
from rayline.train import loop
from rayline.train.loop import fit
from rayline.train.on_ray import TrainJob, fit_on_ray
from rayline.train.record import Epoch, Fit, Progress

ROWS, VALIDATION = made(2001), made(100, 1)
SGD = Train(epochs=3, batch_size=20, optimizer="sgd", clip_norm=None, checkpoint_every=10)


def job(settings: Train, dropout: float = 0.0) -> TrainJob:
    return TrainJob(Config(hidden=(16, 8), dropout=dropout), LAYOUT, BINARY, settings)


@pytest.fixture
def shards(tmp_path: Path) -> str:
    for n, start in enumerate(range(0, 2001, 700)):
        part = slice(start, start + 700)
        inputs = type(ROWS.inputs)(ROWS.inputs.numbers[part], ROWS.inputs.categories[part])
        rows = type(ROWS)(inputs, ROWS.target[part], ROWS.row[part])
        write_shard(str(tmp_path / "shards" / "train" / f"part-{n:05d}.arrow"), rows)
    write_shard(str(tmp_path / "shards" / "validation" / "part-00000.arrow"), VALIDATION)
    return str(tmp_path / "shards")


def alone(settings: Train) -> Fit:
    return fit(network(dropout=0), ROWS, VALIDATION, settings)


def test_one_worker_trains_in_this_process(shards: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "PROGRESS_S", 0.0)
    told: list[Epoch | Progress] = []
    settings = Train(epochs=2, batch_size=100)

    def run(stop: bool) -> Fit:
        def tell(progress: Progress) -> None:
            told.append(progress)
            if stop and progress.step == 30:
                raise KilledError

        where = {"workers": 1, "use_gpu": False, "checkpoints": str(tmp_path / "checkpoints")}
        return fit_on_ray(job(settings, dropout=0.1), shards, on_epoch=told.append, on_progress=tell, **where)

    with pytest.raises(KilledError):
        run(stop=True)
    result = run(stop=False)
    assert result.resumed_from == 21
    assert result.digest == fit(network(), ROWS, VALIDATION, settings).digest
    assert [event.epoch for event in told if isinstance(event, Epoch)] == [0, 1]


def test_shards_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no prepared shards"):
        fit_on_ray(job(SGD), str(tmp_path), workers=1, use_gpu=False, checkpoints=str(tmp_path / "checkpoints"))


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_two_workers_compute_what_one_computes(shards: str, tmp_path: Path) -> None:
    epochs: list[Epoch] = []
    where = {"workers": 2, "use_gpu": False, "checkpoints": str(tmp_path / "checkpoints")}
    handler = signal.getsignal(signal.SIGINT)
    result = fit_on_ray(job(SGD), shards, on_epoch=epochs.append, **where)
    assert signal.getsignal(signal.SIGINT) is handler
    assert epochs == result.history
    assert result.resumed_from is None
    one = alone(SGD)
    for name, tensor in one.state_dict.items():
        torch.testing.assert_close(result.state_dict[name], tensor, rtol=1e-5, atol=1e-6)
    for epoch, other in zip(result.history, one.history, strict=True):
        assert epoch.train_loss == pytest.approx(other.train_loss, rel=1e-5)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir() if path.name == "ray"] == []


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_a_killed_worker_is_replaced_and_training_goes_on(shards: str, tmp_path: Path) -> None:
    # a small rate: with a large one 1,200 steps would blow rounding up to more than the comparison allows
    settings = Train(**{**SGD.model_dump(), "epochs": 12, "optimizer": {"name": "sgd", "lr": 1e-3}})
    killed: list[int] = []

    def kill(progress: Progress) -> None:
        if not killed and progress.step > 100:
            killed.append(progress.step)
            os.kill(train_workers()[-1], signal.SIGKILL)

    where = {"workers": 2, "use_gpu": False, "checkpoints": str(tmp_path / "checkpoints")}
    result = fit_on_ray(job(settings), shards, on_progress=kill, **where)
    assert killed
    assert result.resumed_from is not None
    assert killed[0] - 10 <= result.resumed_from < 12 * 101
    assert [epoch.epoch for epoch in result.history] == list(range(12))
    wanted = alone(settings).history[-1]
    assert result.history[-1].validation_loss == pytest.approx(wanted.validation_loss, rel=1e-4)


def train_workers() -> list[int]:
    """Process ids of Ray Train's workers in this session's own cluster."""
    import psutil  # Ray's own copy, found once Ray is imported

    below = psutil.Process().children(recursive=True)
    return [process.pid for process in below if "TrainWorker" in " ".join(process.cmdline())]


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.slow
def test_a_worker_that_dies_every_time_ends_the_run(shards: str, tmp_path: Path) -> None:
    settings = Train(**{**SGD.model_dump(), "epochs": 40, "max_failures": 0})

    def kill(progress: Progress) -> None:
        for worker in train_workers()[-1:]:
            os.kill(worker, signal.SIGKILL)

    where = {"workers": 2, "use_gpu": False, "checkpoints": str(tmp_path / "checkpoints")}
    with pytest.raises(RunError, match=r"^training stopped: .*replaced 0 times .*--resume"):
        fit_on_ray(job(settings), shards, on_progress=kill, **where)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.slow
def test_diverging_is_told_once_and_not_tried_again(shards: str, tmp_path: Path) -> None:
    settings = Train(**{**SGD.model_dump(), "optimizer": {"name": "sgd", "lr": 1e30}})
    where = {"workers": 2, "use_gpu": False, "checkpoints": str(tmp_path / "checkpoints")}
    with pytest.raises(RunError, match="training has diverged"):
        fit_on_ray(job(settings), shards, **where)
