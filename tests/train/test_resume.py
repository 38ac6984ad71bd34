"""A training stopped anywhere goes on bit for bit as if it had not stopped, and never resumes something else."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from train_parts import KilledError, made, network, plain

from rayline.core import files
from rayline.core.prepared import Rows
from rayline.spec.sections import Train
from rayline.train.checkpoints import Store, fingerprint
from rayline.train.loop import fit
from rayline.train.record import Epoch, Fit, Progress

TRAIN, VALIDATION = made(130), made(40, 1)
SETTINGS = Train(epochs=3, batch_size=32, checkpoint_every=1, early_stopping=5)  # five steps an epoch, dropout on


def stopped_after(step: int, folder: Path, settings: Train = SETTINGS) -> None:
    def die(progress: Progress) -> None:
        if progress.step == step:
            raise KilledError

    with pytest.raises(KilledError):
        fit(network(), TRAIN, VALIDATION, settings, checkpoint_folder=str(folder), on_progress=die)


def again(folder: Path, settings: Train = SETTINGS, train: Rows = TRAIN, seed: int = 0) -> Fit:
    return fit(network(seed), train, VALIDATION, settings, checkpoint_folder=str(folder))


def timeless(history: list[Epoch]) -> list[Epoch]:
    return [dataclasses.replace(epoch, seconds=0.0, rows_per_s=0.0) for epoch in history]


@pytest.fixture(autouse=True)
def every_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayline.train.loop.PROGRESS_S", 0.0)


@pytest.fixture(scope="module")
def whole() -> Fit:
    return fit(network(), TRAIN, VALIDATION, SETTINGS)


@pytest.mark.parametrize("step", range(1, 15))
def test_stopped_at_any_step(step: int, whole: Fit, tmp_path: Path) -> None:
    stopped_after(step, tmp_path)
    resumed = again(tmp_path)
    # a step at an epoch's end is written once the epoch is recorded, which the kill came before
    assert resumed.resumed_from == (step if step % 5 else step - 1)
    assert timeless(resumed.history) == timeless(whole.history)
    assert resumed.best_epoch == whole.best_epoch
    assert all(torch.equal(resumed.state_dict[name], tensor) for name, tensor in whole.state_dict.items())


@pytest.mark.parametrize("optimizer", ["sgd", {"name": "sgd", "momentum": 0.0}, "adam", "adamw"])
def test_every_optimizers_state_is_kept(optimizer: object, tmp_path: Path) -> None:
    settings = Train(**{**SETTINGS.model_dump(), "optimizer": optimizer})
    stopped_after(7, tmp_path, settings)
    assert again(tmp_path, settings).digest == fit(network(), TRAIN, VALIDATION, settings).digest


def test_checkpoints_at_each_epochs_end_by_default(whole: Fit, tmp_path: Path) -> None:
    settings = Train(**{**SETTINGS.model_dump(), "checkpoint_every": None})
    stopped_after(13, tmp_path, settings)
    resumed = again(tmp_path, settings)
    assert resumed.resumed_from == 10
    assert resumed.digest == whole.digest


def test_a_finished_training_is_not_repeated(whole: Fit, tmp_path: Path) -> None:
    first = again(tmp_path)
    told: list[Epoch] = []
    second = fit(network(), TRAIN, VALIDATION, SETTINGS, checkpoint_folder=str(tmp_path), on_epoch=told.append)
    assert told == []
    assert second.resumed_from == 15
    assert second.history == first.history
    assert second.digest == whole.digest


def test_early_stopping_resumes_with_its_best_weights(tmp_path: Path) -> None:
    settings = plain(epochs=40, early_stopping=2, checkpoint_every=1, optimizer={"name": "adamw", "lr": 0.05})
    uninterrupted = fit(network(), TRAIN, VALIDATION, settings)
    epochs = len(uninterrupted.history)
    assert epochs < 40
    stopped_after((epochs - 1) * 5 + 2, tmp_path, settings)
    resumed = again(tmp_path, settings)
    assert resumed.best_epoch == uninterrupted.best_epoch == epochs - 3
    assert resumed.digest == uninterrupted.digest
    finished = again(tmp_path, settings)
    assert all(torch.equal(finished.state_dict[name], t) for name, t in uninterrupted.state_dict.items())


def test_the_last_two_checkpoints_stay(tmp_path: Path) -> None:
    result = again(tmp_path)
    assert result.checkpoint is not None
    [folder] = tmp_path.iterdir()
    assert files.list_names(str(folder)) == ["step-000000014.safetensors", "step-000000015.safetensors"]
    assert Path(result.checkpoint) == folder / "step-000000015.safetensors"


def test_an_unreadable_checkpoint_gives_way_to_the_one_before(whole: Fit, tmp_path: Path) -> None:
    stopped_after(9, tmp_path)
    [folder] = tmp_path.iterdir()
    newest = folder / "step-000000009.safetensors"
    newest.write_bytes(newest.read_bytes()[:1000])
    resumed = again(tmp_path)
    assert resumed.resumed_from == 8
    assert resumed.digest == whole.digest


@pytest.mark.parametrize(
    "changed", [{"epochs": 4}, {"seed": 1}, {"optimizer": "adam"}, {"clip_norm": 2.0}, {"batch_size": 16}]
)
def test_changed_settings_begin_anew(changed: dict[str, object], tmp_path: Path) -> None:
    stopped_after(6, tmp_path)
    assert again(tmp_path, Train(**{**SETTINGS.model_dump(), **changed})).resumed_from is None


def test_changed_data_or_network_begin_anew(tmp_path: Path) -> None:
    stopped_after(6, tmp_path)
    numbers = TRAIN.inputs.numbers.copy()
    numbers[17, 1] += 1e-3
    assert (
        again(tmp_path, train=dataclasses.replace(TRAIN, inputs=TRAIN.inputs._replace(numbers=numbers))).resumed_from
        is None
    )
    assert again(tmp_path, seed=1).resumed_from is None
    other = network(dropout=0.2)
    assert fit(other, TRAIN, VALIDATION, SETTINGS, checkpoint_folder=str(tmp_path)).resumed_from is None
    assert again(tmp_path).resumed_from == 6


def test_settings_of_where_it_runs_do_not_matter(tmp_path: Path) -> None:
    stopped_after(6, tmp_path)
    elsewhere = {"workers": 2, "max_failures": 0, "checkpoint_every": 4}
    assert again(tmp_path, Train(**{**SETTINGS.model_dump(), **elsewhere})).resumed_from == 6


def test_sigkill(whole: Fit, tmp_path: Path) -> None:
    """A real process, really killed in the middle of an epoch."""
    script = (
        "import os, signal\n"
        "import rayline.train.loop as loop\n"
        "from test_resume import *\n"
        "loop.PROGRESS_S = 0.0\n"
        "kill = lambda p: p.step == 8 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "fit(network(), TRAIN, VALIDATION, SETTINGS, checkpoint_folder='checkpoints', on_progress=kill)\n"
    )
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root / "platform"), str(Path(__file__).parent)])
    killed = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    resumed = again(tmp_path / "checkpoints")
    assert resumed.resumed_from == 8
    assert resumed.digest == whole.digest


def test_the_fingerprint_is_that_of_the_content() -> None:
    print_ = fingerprint(network(), TRAIN, VALIDATION, SETTINGS)
    assert print_ == fingerprint(network(), made(130), made(40, 1), Train(**SETTINGS.model_dump()))
    assert print_ != fingerprint(network(), TRAIN, None, SETTINGS)


def test_checkpoints_at_a_uri(whole: Fit, tmp_path: Path) -> None:
    folder = f"file://{tmp_path}/store"
    result = fit(network(), TRAIN, VALIDATION, SETTINGS, checkpoint_folder=folder)
    assert result.digest == whole.digest
    net = network()
    net.learn(TRAIN)
    store = Store(folder, fingerprint(net, TRAIN, VALIDATION, SETTINGS))
    assert store.steps() == [14, 15]
    assert result.checkpoint == store.uri(15)
